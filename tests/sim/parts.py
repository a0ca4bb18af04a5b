"""A till in simulated time: its mirror, its journal, its claims, and its engine's part in custody.

It keeps what a real one keeps durably and does what a real one does, without files and processes; the
rules themselves are the product's: `posapp.domain.custody` and `Order.after`. Times are milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from random import Random

from posapp.domain import custody
from posapp.domain.custody import CLAIM_S, MARGIN_S, Claim, Held
from posapp.domain.errors import Refused
from posapp.domain.facts import Answer, Fact
from posapp.domain.orders import Order
from sync.engine.line import LONGEST_BACK_OFF_S
from tests.kit.book import Book

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
    """The hub's; what a till knows of it is the till's."""
    undone: bool = False
    taken: int = 0
    """The how many-th fact that the hub accepted, and when."""
    taken_at: int = 0
    refused: bool = False
    """By the shop, afterwards: the goods have left all the same."""
    copied: bool = False
    """Done at a till that had a double, or is to be put back to before it."""
    lost: bool = False
    """With the disk that alone knew of it."""


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
    """A till: its mirror, its journal, its claims. What a kill ends is ``volatile``.

    ``id`` is its name at the hub, ``enrolled`` how often that was given it.
    """

    def __init__(self, ident: int) -> None:
        self.id = ident
        self.enrolled = 1
        self.forked = False
        """It was told that there is another one of it: it grants nothing and asks nobody."""
        self.copied = False
        """Nobody knows yet that it was put back, or has a double."""
        self.gone = False
        self.image: Till | None = None
        """A copy of it from some time ago."""
        self.mirror: dict[str, Order] = {}
        self.cases: set[str] = set()
        self.cursor = 0
        self.applied = 0
        self.head = 0
        self.answered = 0
        self.answered_ref = ""
        """The id of the fact with that number: what its chain says of all before."""
        self.turned_down: set[str] = set()
        """Facts of its own which it was told that they are not taken."""
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
        self.located = False
        """Whether it has asked the hub where it is, since the start or since the link broke."""
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
        return (
            lease is not None
            and lease.lead == self.id
            and not self.forked
            and now + self.wall < lease.until_ms
        )

    def know(self, order: str) -> Order | None:
        """The mirror's record with the journal's open facts over it, as `Books.know`."""
        value = self.mirror.get(order)
        if value is not None and order in self.own:
            for done in self.own[order]:
                if done.seq > self.applied or done.fact.id in self.turned_down:
                    try:
                        value = value.after(done.fact, str(self.id))
                    except Refused:
                        continue
        return value

    def case(self, order: str) -> bool:
        """Whether a fact of this till about the order was not taken."""
        return any(done.fact.id in self.turned_down for done in self.own.get(order, ()))

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
        return token if until > self.uptime(now) and not self.forked else 0

    def past(self, seq: int) -> str:
        """The id of its fact with this number, so far as it keeps it; "" where there is none."""
        if seq == self.answered:
            return self.answered_ref
        return next((done.fact.id for done in self.waiting if done.seq == seq), "")

    def settle(self) -> None:
        """The hub has answered everything that waited."""
        for done in self.waiting:
            if done.answer in NOT_TAKEN:
                self.turned_down.add(done.fact.id)
        if self.waiting:
            self.answered, self.answered_ref = self.head, self.waiting[-1].fact.id
            self.waiting.clear()

    def number(self, now: int) -> int:
        """As `sync.engine.custody` numbers what it asks: greater than before, also after a copy was put back."""
        self.asked = max(self.asked + 1, now + self.wall)
        return self.asked

    def restart(self) -> None:
        """Its processes are killed and begin again."""
        self.volatile.clear()
        self.renew_at = 0
        self.named = (0, 0)
        self.caught_up_ms = -1
        self.located = False

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

    def copy(self) -> Till:
        """Another machine with the same disk."""
        other = copy(self)
        other.image = None
        for name in ("mirror", "cases", "turned_down", "waiting", "journal", "granted", "newest", "volatile"):
            setattr(other, name, copy(getattr(self, name)))
        other.own = {order: list(done) for order, done in self.own.items()}
        other.book = Book(lambda: other.lease.epoch if other.lease else 0)
        other.book.claims, other.book.heard = dict(self.book.claims), dict(self.book.heard)
        other.book.number = self.book.number
        return other

    def put_back(self, image: Till) -> None:
        """Its disk is from now on another one; links and what is outside of it stay."""
        kept = {name: getattr(self, name) for name in ("net", "hub", "cut_at", "wall", "image", "book")}
        vars(self).update(vars(image.copy()) | kept)
        self.book.claims, self.book.heard = dict(image.book.claims), dict(image.book.heard)
        self.book.number = image.book.number

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
