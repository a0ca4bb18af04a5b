"""The hub in simulated time: orders, the feed, facts taken once each, the lease, cases, the way to the shop.

What a fact does to an order and when a hand-over is a case are the product's rules; the rest keeps and does
what `sync.hub.decide`, `chain`, `custody` and `tills` do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from posapp.domain.custody import LEASE_S
from posapp.domain.errors import Refused
from posapp.domain.facts import Answer
from posapp.domain.orders import Order
from sync.hub import cases
from sync.hub.custody import epoch_said
from tests.kit.book import Book
from tests.sim.parts import Asked, Done, Till
from tests.sim.shop import Outbox

FEED_KEPT = 500


class Hub:
    """Durable: what `push` has answered is in ``ledger``. ``taken`` hears of every fact that is decided."""

    def __init__(self, tills: int) -> None:
        self.orders: dict[str, Order] = {}
        self.feed: list[tuple[str, str, object]] = []
        self.first = 0
        """The place of the feed's first entry that is kept; its head is this plus their number."""
        self.place: dict[str, int] = {}
        """From which place on the feed says nothing more of an order."""
        self.ledger: dict[str, Done] = {}
        """Every fact it has, by id."""
        self.last = [(0, "")] * tills
        """Of each till the last fact: number and id."""
        self.enrolled = [1] * tills
        self.accepted = 0
        self.lead = -1
        self.epoch = 0
        self.until_ms = 0
        self.open: set[str] = set()
        """Orders with a fact that was not taken: later ones wait behind it."""
        self.cases: set[str] = set()
        self.question: dict[str, Asked] = {}
        self.book = Book(lambda: self.epoch)
        self.outbox: Outbox
        """Its way to the shop."""
        self.taken: Callable[[Done], None]

    @property
    def head(self) -> int:
        """The feed's last place."""
        return self.first + len(self.feed)

    def publish(self, kind: str, ident: str, value: object) -> None:
        """Add to the feed."""
        self.feed.append((kind, ident, value))
        self.place[value.order if isinstance(value, Done) else ident] = self.head

    def forget(self, cursor: int) -> None:
        """All tills have come to ``cursor``."""
        if cursor > self.first:
            del self.feed[: cursor - self.first]
            self.first = cursor

    def arrive(self, order: Order) -> None:
        """The shop has a new order for the store."""
        self.orders[order.number] = order
        self.publish("order", order.number, order)

    def knows(self, till: Till) -> bool:
        """Whether it is the till of that name, and its past the one that is known here; as `sync.hub.chain`.

        One that is not is a case of the store (`sync.hub.forks`).
        """
        if till.enrolled == self.enrolled[till.id]:
            seq, ref = self.last[till.id]
            if till.past(seq) == ref:
                return True
            ident = f"copied-{till.id}-{till.enrolled}"
            if ident not in self.cases:
                self.cases.add(ident)
                self.publish("case", ident, None)
        return False

    def push(self, till: Till, facts: Collection[Done], now: int) -> bool:
        """Take a batch; what is known already changes nothing. False, and nothing taken, for a copy."""
        if not self.knows(till):
            return False
        last = self.last[till.id][0]
        for done in facts:
            if done.seq > last:
                self.last[till.id] = (done.seq, done.fact.id)
                # Enrolled again, a till sends what is known of it once more.
                if done.fact.id not in self.ledger and done.order in self.orders and self.store(done):
                    self._take(done, now)
        return True

    def store(self, done: Done) -> bool:
        """Keep it: from then on it may be answered."""
        self.ledger[done.fact.id] = done
        return True

    def _take(self, done: Done, now: int) -> None:
        done.answer = self._decide(done, now)
        if done.answer is not Answer.ACCEPTED:
            self.open.add(done.order)
        if done.answer is not Answer.ACCEPTED or cases.provisional(done.fact):
            self._case(done)
        self.taken(done)

    def _case(self, done: Done) -> None:
        self.cases.add(done.fact.id)
        self.publish("case", done.fact.id, done)

    def _decide(self, done: Done, now: int) -> Answer:
        """As `sync.hub.decide`."""
        if done.order in self.open:
            return Answer.PARKED
        epoch = epoch_said(done.fact.payload)
        if epoch is not None and epoch < self.epoch:
            return Answer.REJECTED
        try:
            after = self.orders[done.order].after(done.fact, str(done.till))
        except Refused:
            return Answer.REJECTED
        self.orders[done.order] = after
        self.accepted += 1
        done.taken, done.taken_at = self.accepted, now
        self.outbox.register(done.fact, done.order, now)
        self.publish("order", done.order, after)
        return Answer.ACCEPTED

    def refused(self, ident: str) -> None:
        """The shop will not have it; as `sync.hub.decide.answered`. Its record stays: the goods have left."""
        done = self.ledger[ident]
        done.answer, done.refused = Answer.REJECTED, True
        self.open.add(done.order)
        self._case(done)

    def enrol_again(self, till: Till) -> None:
        """As `sync.hub.tills`: the same name, the next epoch of its own, and a new one of the store where it led."""
        self.enrolled[till.id] += 1
        till.enrolled = self.enrolled[till.id]
        self.last[till.id] = (till.answered, till.answered_ref)
        if self.lead == till.id:
            self.epoch += 1

    def renew(self, till: int, now: int) -> tuple[int, int, int]:
        """As `sync.hub.custody.renew`: lead, epoch, milliseconds left."""
        if self.lead < 0:
            self.lead, self.epoch = till, 1
        if self.lead == till:
            self.until_ms = now + LEASE_S * 1000
        return self.lead, self.epoch, max(0, self.until_ms - now)

    def move(self, till: int, now: int) -> None:
        """A person makes another till the lead."""
        self.lead, self.until_ms = till, now + LEASE_S * 1000
        self.epoch += 1
