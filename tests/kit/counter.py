"""A counter on real files: a ledger, a mirror, and the hub's part in the test's own hands."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from posapp import paths
from posapp.counter import desk
from posapp.counter.desk import Desk
from posapp.counter.scanning import Result
from posapp.counter.till import Done, Till
from posapp.domain import custody
from posapp.domain.codes import Scan, Source
from posapp.domain.facts import Answer, timestamp
from posapp.domain.known import Known
from posapp.domain.orders import Order
from posapp.storage.books import Books
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal
from posapp.storage.migrations import upgrade
from posapp.storage.mirror import Change, MirrorWriter, open_writer
from tests.kit.things import NOW, STORE, STORE_KEY

KEY = bytes(range(1, 33))


@cache
def _new_ledger() -> bytes:
    """The bytes of a fresh ledger: the migrations run once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / paths.LEDGER
        upgrade(path, KEY)
        return path.read_bytes()


def make_files(folder: Path) -> None:
    """The files of an enrolled till that has heard nothing of its hub yet."""
    (folder / paths.LEDGER).write_bytes(_new_ledger())
    journal = Journal(folder / paths.LEDGER, KEY, write=True)
    journal.set_meta(
        till="t1", store=STORE, epoch="1", token="secret", store_key=STORE_KEY.hex(), hub="http://x"
    )
    # As told at enrolment: the only till of its store, and so its own lead.
    Claims(journal).keep_lease("t1", 1, custody.LEASE_S, NOW, alone=True)
    journal.close()
    open_writer(folder, KEY).close()


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: datetime = NOW
    seconds: float = 1000.0

    def pass_by(self, seconds: float) -> None:
        """Both clocks go on, the wall's and the machine's own."""
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Counter:
    """One till's counter. `tell` is what the feed brings, `answer` what the hub says to a fact."""

    folder: Path
    books: Books
    mirror: MirrorWriter
    clock: Clock
    till: Till
    desk: Desk
    woken: list[int] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    revisions: Iterator[int] = field(default_factory=lambda: count(1))
    scans: Iterator[int] = field(default_factory=lambda: count(1))

    def tell(self, *known: Order, through: int | None = None) -> None:
        """The feed brings orders; ``through`` is the last fact of ours whose effect is inside."""
        self.records(*(("order", order.number, order.to_body()) for order in known), through=through)

    def records(self, *found: tuple[str, str, Mapping[str, Any] | None], through: int | None = None) -> None:
        """The feed brings records of any kind; a body of None takes one away."""
        meta = {} if through is None else {"applied_through": str(through)}
        self.mirror.apply(
            [Change(kind, ident, next(self.revisions), body) for kind, ident, body in found],
            heard_at=timestamp(self.clock.now),
            **meta,
        )

    def answer(self, ref: str, answer: Answer = Answer.ACCEPTED, **body: Any) -> None:
        """The hub says what became of a fact."""
        entry = self.books.journal.fact(ref)
        assert entry is not None
        self.books.journal.settle([(entry.seq, answer, body)], timestamp(self.clock.now))

    def scan(self, *texts: str) -> Result:
        """A scan by a device, long after the one before."""
        at = next(self.scans) * 10_000
        result = self.desk.scanning.scan(Scan.of("lane", Source.SERIAL, texts, at_ms=at))
        assert result is not None
        return result

    def hand_over(self, number: str = "W-1001", **said: Any) -> Done:
        """The clerk's button."""
        return self.desk.pickup.hand_over(number, **said)

    def know(self, number: str = "W-1001") -> Known:
        """What the till knows of an order that it knows."""
        known = self.books.know("order", number)
        assert known is not None
        return known

    def facts(self) -> list[tuple[str, str]]:
        """The journal: (kind, subject) in order."""
        return [(entry.fact.kind, entry.fact.subject) for entry in self.books.journal.every()]


@contextmanager
def open_counter(folder: Path, clock: Clock | None = None) -> Iterator[Counter]:
    """A counter on the till in ``folder``, made if there is none; ``clock`` is one that runs already."""
    if not (folder / paths.LEDGER).exists():
        make_files(folder)
    clock = clock or Clock()
    # The machine's own clock, by which the time to undo runs, is the test's too.
    books = Books(folder, folder / paths.LEDGER, KEY, lambda: clock.seconds)
    mirror = open_writer(folder, KEY)
    woken: list[int] = []
    looked_up: list[str] = []
    till = Till(books, now=lambda: clock.now, clerk=lambda: "Ana", wake=lambda: woken.append(1))
    built = desk.build(till, looked_up.append)
    try:
        yield Counter(folder, books, mirror, clock, till, built, woken, looked_up)
    finally:
        mirror.close()
        books.close()
