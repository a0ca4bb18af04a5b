"""What a store in simulated time is made of: grantors' books, tills, the hub.

They keep what the real ones keep durably and do what the real ones do, without files and processes; the
rules themselves are the product's: `posapp.domain.custody` and `Order.after`. Times are milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from posapp.domain import custody
from posapp.domain.custody import CLAIM_S, LEASE_S, MARGIN_S, Claim, Held
from posapp.domain.errors import Refused
from posapp.domain.facts import Answer, Fact
from posapp.domain.orders import Order
from sync.engine.line import LONGEST_BACK_OFF_S
from tests.kit.book import Book

RENEW_MS = 900_000
RETRY_MS = 5_000
FEED_KEPT = 500
NOT_TAKEN = frozenset({Answer.REJECTED, Answer.PARKED})


@dataclass(slots=True)
class Done:
    """A fact with what became of it. ``line`` is what left; ``token`` 0 and a ``provisional`` without a grant."""

    fact: Fact
    order: str
    till: int
    seq: int
    line: str = ""
    token: int = 0
    provisional: str = ""
    answer: Answer = Answer.WAITING
    undone: bool = False


@dataclass(slots=True)
class Asked:
    """A question or a release; what it says was true when it was written. As `sync.wire.DirectRequest`, of
    which a question through the hub has only the first five."""

    order: str
    till: int
    known: tuple[str, ...]
    release: bool
    number: int
    complete: bool = False
    through: int = -1
    handed: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Told:
    """An answer to it, as `sync.wire.ClaimAnswer`."""

    state: str
    token: int = 0
    until_ms: int = 0
    """How long it is good from now on, for ``granted``."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who grants, as a till was told last; ``until_ms`` on its wall clock."""

    lead: int
    epoch: int
    until_ms: int


class Till:
    """A till: its mirror, its journal, its claims. What a kill ends is ``volatile``."""

    def __init__(self, ident: int) -> None:
        self.id = ident
        self.mirror: dict[str, Order] = {}
        self.cases: set[str] = set()
        self.cursor = 0
        self.applied = 0
        self.head = 0
        self.answered = 0
        self.waiting: deque[Done] = deque()
        self.journal: deque[Done] = deque()
        """The end of it: what is behind is known to all."""
        self.own: dict[str, list[Done]] = {}
        self.lease: Lease | None = None
        self.book = Book(lambda: self.lease.epoch if self.lease else 0)
        self.granted: dict[str, tuple[int, int]] = {}
        self.asked = 0
        self.newest: dict[int, int] = {}
        """Of each neighbour the number of the newest question that came."""
        self.volatile: set[str] = set()
        """Orders whose claim was asked for since the start: what the window gives back again."""
        self.renew_at = 0
        self.booted = 0
        self.wall = 0
        self.net = self.hub = True
        self.cut_at = 0
        self.named = (0, 0)
        """In which epoch it was made the lead, and the feed's head then."""
        self.caught_up_ms = -1
        """On its own clock: when it asked for the last page that ended at the feed's head."""

    def uptime(self, now: int) -> int:
        """Its monotonic clock."""
        return now - self.booted

    def leads(self, now: int) -> bool:
        """As `Claims.leads`."""
        lease = self.lease
        return lease is not None and lease.lead == self.id and now + self.wall < lease.until_ms

    def know(self, order: str) -> Order | None:
        """The mirror's record with the journal's open facts over it, as `Books.know`."""
        value = self.mirror.get(order)
        if value is not None and order in self.own:
            for done in self.own[order]:
                if done.seq > self.applied or (done.seq <= self.answered and done.answer in NOT_TAKEN):
                    try:
                        value = value.after(done.fact, str(self.id))
                    except Refused:
                        continue
        return value

    def case(self, order: str) -> bool:
        """Whether a fact of this till about the order was not taken."""
        mine = self.own.get(order, ())
        return any(done.seq <= self.answered and done.answer in NOT_TAKEN for done in mine)

    def complete(self) -> bool:
        """As `sync.engine.custody`: the hub has answered everything."""
        return self.answered == self.head

    def unseen(self) -> list[Done]:
        """Its facts that the feed has not brought back yet."""
        return [done for done in self.journal if done.seq > self.applied]

    def append(self, done: Done) -> None:
        """Write a fact."""
        while self.journal and self.journal[0].seq <= min(self.applied, self.answered):
            self.journal.popleft()
        self.head = done.seq
        self.waiting.append(done)
        self.journal.append(done)
        self.own.setdefault(done.order, []).append(done)

    def valid(self, order: str, now: int) -> int:
        """The token under which it may hand the order over; 0 for none."""
        token, until = self.granted.get(order, (0, 0))
        return token if until > self.uptime(now) else 0

    def restart(self) -> None:
        """Its processes are killed and begin again."""
        self.volatile.clear()
        self.renew_at = 0
        self.named = (0, 0)
        self.caught_up_ms = -1

    def tries_at(self, now: int, chance: Random) -> int:
        """When it tries for the first time from now on, after failing since its link was cut; `sync.engine.line`."""
        when, failures = (now, 0) if self.hub else (self.cut_at, 0)
        while when < now:
            failures += 1
            when += int(chance.uniform(0, min(LONGEST_BACK_OFF_S, 2.0 ** min(failures, 10))) * 1000) + 1
        return when

    def reboot(self, now: int) -> None:
        """The machine is started anew; as `posapp.storage.claims` then takes every claim for fresh."""
        self.restart()
        self.booted = now
        book = self.book
        for claim in list(book.claims.values()):
            if claim.until_ms > 0:
                book.keep(Claim(claim.order, claim.till, claim.token, CLAIM_S * 1000, claim.handed))
        book.heard.clear()
        self.granted.clear()

    # -- as the lead ------------------------------------------------------------------------------
    def answer(self, asked: Asked, now: int, heard_ms: int) -> Told:
        """As `sync.engine.custody.Custody.grant`; the asker's word was good at ``heard_ms``."""
        if not self.leads(now):
            return Told("silent")
        newest = self.newest.get(asked.till, 0)
        late = asked.number < newest
        self.newest[asked.till] = max(newest, asked.number)
        if self._hears_all(asked) and not late:
            self.book.heard[str(asked.till)] = max(heard_ms, self.book.heard_ms(str(asked.till)))
        asker = str(asked.till)
        if asked.release:
            for ref in set(asked.known) - self.done(asked.order):
                custody.handed_over(self.book, asked.order, asker, ref)
            if not late:
                custody.given_back(self.book, asked.order, asker)
            return Told("held")
        return granted(self.book, asked, self.uptime(now), self.done(asked.order))

    def _hears_all(self, asked: Asked) -> bool:
        """Whether this till now knows everything that the asker has done."""
        if asked.through < 0:
            return asked.complete
        for order, ref in asked.handed:
            if ref not in self.done(order):
                custody.handed_over(self.book, order, str(asked.till), ref)
        return self.cursor >= asked.through

    def done(self, order: str) -> set[str]:
        """The hand-overs of the order that this till knows of."""
        mirrored = self.mirror.get(order)
        refs = {done.ref for done in mirrored.hand_overs} if mirrored else set()
        refs.update(done.fact.id for done in self.own.get(order, ()) if done.line)
        return refs


def granted(book: Book, asked: Asked, now_ms: int, done: Collection[str]) -> Told:
    """The rule's answer."""
    found = custody.grant(book, asked.order, str(asked.till), now_ms=now_ms, known=asked.known, done=done)
    if isinstance(found, Held):
        return Told("behind" if found.behind else "held")
    return Told("granted", found.token, found.until_ms - now_ms)


class Hub:
    """The hub: orders, the feed, facts taken once each, the lease, cases."""

    def __init__(self, tills: int) -> None:
        self.orders: dict[str, Order] = {}
        self.feed: list[tuple[str, str, object]] = []
        self.first = 0
        """The place of the feed's first entry that is kept; its head is this plus their number."""
        self.place: dict[str, int] = {}
        """From which place on the feed says nothing more of an order."""
        self.last = [0] * tills
        self.lead = -1
        self.epoch = 0
        self.until_ms = 0
        self.open: set[str] = set()
        """Orders with a fact that was not taken: later ones wait behind it."""
        self.cases: set[str] = set()
        self.question: dict[str, Asked] = {}
        self.book = Book(lambda: self.epoch)

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
        if cursor - self.first > FEED_KEPT:
            del self.feed[: cursor - self.first]
            self.first = cursor

    def arrive(self, order: Order) -> None:
        """The shop has a new order for the store."""
        self.orders[order.number] = order
        self.publish("order", order.number, order)

    def push(self, facts: Collection[Done]) -> None:
        """Take a batch; what is known already changes nothing."""
        for done in facts:
            if done.seq > self.last[done.till]:
                self.last[done.till] = done.seq
                self._take(done)

    def _take(self, done: Done) -> None:
        done.answer = self._decide(done)
        if done.answer is not Answer.ACCEPTED:
            self.open.add(done.order)
        if done.answer is not Answer.ACCEPTED or done.provisional:
            self.cases.add(done.fact.id)
            self.publish("case", done.fact.id, done)

    def _decide(self, done: Done) -> Answer:
        """As `sync.hub.decide`."""
        if done.order in self.open:
            return Answer.PARKED
        if done.token and custody.epoch_of(done.token) < self.epoch:
            return Answer.REJECTED
        try:
            after = self.orders[done.order].after(done.fact, str(done.till))
        except Refused:
            return Answer.REJECTED
        self.orders[done.order] = after
        self.publish("order", done.order, after)
        return Answer.ACCEPTED

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


def leased(till: Till, told: tuple[int, int, int], head: int, now: int) -> bool:
    """As `sync.engine.custody` keeps it: who is made the lead first learns what was done before."""
    lead, epoch, left = told
    if lead == till.id and (till.lease is None or (till.lease.lead, till.lease.epoch) != (lead, epoch)):
        if till.named[0] != epoch:
            till.named = (epoch, head)
        if till.cursor < till.named[1]:
            return False
    until = now + till.wall + max(0, left - MARGIN_S * 1000)
    till.lease = Lease(lead, epoch, until)
    return True
