"""A till with real files for tests of the window: a few orders, a clock that stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from posapp.counter.desk import Desk, build
from posapp.counter.till import Till
from posapp.domain.codes import Prefix, Scan, Source, make
from posapp.domain.facts import timestamp
from posapp.domain.goods import code_token
from posapp.storage.books import Books
from posapp.storage.migrations import upgrade
from posapp.storage.mirror import Change, MirrorWriter, path_in

NOW = datetime(2026, 11, 21, 13, 20, tzinfo=UTC)
STORE_KEY = bytes(range(32))


def code_of(number: str) -> str:
    """The pickup code of an order of these tests: the same for the same number."""
    from posapp.domain.codes import ALPHABET, BODY_LENGTH

    value, body = sum(ord(c) * 31**at for at, c in enumerate(number)), ""
    for _ in range(BODY_LENGTH):
        value, rest = divmod(value * 7919 + 17, len(ALPHABET))
        value += rest * 104_729
        body += ALPHABET[rest]
    return make(Prefix.PICKUP, body)


def order(number: str, customer: str = "Jörg Weiß", **more: Any) -> dict[str, Any]:
    """The body of an order that is ready, unless told otherwise."""
    body: dict[str, Any] = {
        "number": number,
        "store": "B01",
        "customer": customer,
        "lines": [{"id": "1", "title": "Herrenuhr Meister 40 mm", "quantity": 1, "price_minor": 24900}],
        "parcels": [{"label": f"L{number}", "state": "in_bin", "bin": "B-07", "lines": {"1": 1}}],
        "codes": [{"token": code_token(STORE_KEY, code_of(number))}],
        "paid": "paid",
        "placed_at": timestamp(NOW - timedelta(days=3)),
        "ready_at": timestamp(NOW - timedelta(hours=3)),
    }
    return body | more


@dataclass
class Shop:
    """Everything a window test needs; ``woken`` and ``asked`` count what sync would have heard."""

    folder: Path
    books: Books
    writer: MirrorWriter
    desk: Desk
    now: list[datetime]
    woken: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    rev: int = 0

    def put(self, *bodies: dict[str, Any]) -> None:
        """What the hub told of these orders."""
        changes = []
        for body in bodies:
            self.rev += 1
            changes.append(Change("order", body["number"], self.rev, body))
        self.writer.apply(changes, heard_at=timestamp(self.now[0]))

    def facts(self) -> list[str]:
        """The kinds of all facts written, in order."""
        return [entry.fact.kind for entry in self.books.journal.every()]


def scan_of(text: str, at_ms: int = 0, source: Source = Source.VIRTUAL) -> Scan:
    """A scan; give a later time for the same code again."""
    return Scan.of("scanner", source, [text], at_ms=at_ms)


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """A till in ``folder``, with its store known and nothing else."""
    key = os.urandom(32)
    upgrade(folder / "ledger.db", key)
    books = Books(folder, folder / "ledger.db", key)
    books.journal.set_meta(till="B01-1", store="B01", store_key=STORE_KEY.hex(), epoch="1")
    writer = MirrorWriter(path_in(folder), key)
    now = [NOW]
    made: list[Shop] = []
    till = Till(
        books=Books(folder, folder / "ledger.db", key) if not books.store else books,
        now=lambda: now[0],
        clerk=lambda: "Kasse 1",
        wake=lambda: made[0].woken.append(1),
    )
    desk = build(till, lambda code: made[0].asked.append(code))
    desk.scanning.online = True
    made.append(Shop(folder, till.books, writer, desk, now))
    writer.apply(
        [Change("store", "B01", 1, {"name": "Uhren Berger, Freiburg", "undo_seconds": 60})],
        heard_at=timestamp(NOW),
    )
    try:
        yield made[0]
    finally:
        writer.close()
        till.books.close()
        if till.books is not books:
            books.close()
