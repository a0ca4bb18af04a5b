"""Eight writers on the feeds of a few stores, and a reader behind them that may miss nothing.

The writers are processes of their own and use the hub's own ways of writing: the shop's orders by
`take_in`, facts by the `Ledger`. Each row they publish raises its record's revision by one, so in any
view of the database a store's head must be the sum of its records' revisions: were it more, a row with
a place below the head would come later, when a reader has gone on. At the end what was read must be
what the table says.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import wait
from threading import Thread
from typing import Any

from sqlalchemy import Connection, text

from bench.load import work
from posapp.domain.facts import subject
from posapp.domain.tickets import TICKET_MOVED, TICKET_OPENED
from sync import wire
from sync.hub import keys, migrations, records, tills
from sync.hub.database import Database, worth_retrying
from sync.hub.ledger import Ledger
from sync.hub.take_in import take_in
from sync.hub.together import Ask

WRITERS = 8
PROCESSES = 4
STORES = 4
ORDERS = 200
"""Of each writer; fifty in each store."""
SLICE = 25
PAGE = 100
PAUSE_S = 0.002
SEQUENCE = "planted"
STATES = ("in_work", "ready", "in_work", "ready")


@dataclass(slots=True)
class Race:
    """What came of it. ``late``: most rows at a time that had a place below the head and could not be seen."""

    rows: int
    missed: int
    late: int
    pages: int
    seconds: float


# -- writing --------------------------------------------------------------------------------------
def prepare(database: Database) -> list[tuple[str, str]]:
    """Stores, orders of every writer, and two tills for each; the tokens of these."""
    migrations.upgrade(database)
    keys.begin(database)
    now = datetime.now(UTC)
    with database.write() as connection:
        for store in range(STORES):
            keys.put_store(
                connection, work.store_code(store), name="", address="", hours="", undo_seconds=3600
            )
    tokens = []
    for writer in range(WRITERS):
        with database.write() as connection:
            take_in(connection, [_order(writer, n, now) for n in range(ORDERS)])
        of = work.store_code(writer % STORES)
        codes = [tills.offer(database, of, now) for _ in range(2)]
        one, other = (tills.enrol(database, code, "", now).token for code in codes)
        tokens.append((one, other))
    return tokens


def _order(writer: int, n: int, now: datetime) -> Any:
    return work.shop_order(n % STORES, writer * 100_000 + n, now)


def _write(database: Database, tokens: tuple[str, str], writer: int, rows: int) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    ledger = Ledger(database, lambda: datetime.now(UTC), lambda store, head, by: None)
    chains = (work.Chain(1), work.Chain(1))
    done = turn = 0
    while done < rows:
        turn += 1
        first = turn * SLICE % ORDERS
        changed = [replace(_order(writer, n, now), note=str(turn)) for n in range(first, first + SLICE)]
        _patiently(lambda some=changed: _take_in(database, some))  # type: ignore[misc]
        done += SLICE
        told = {"store": work.store_code(writer % STORES), "job": "repair", "customer": "C", "object": "O"}
        for till, chain in enumerate(chains):
            about = f"T{writer}-{till}-{turn}"
            chain.add(TICKET_OPENED, subject("ticket", about), told | {"bag": f"BG{writer}-{till}-{turn}"})
            for state in STATES:
                chain.add(TICKET_MOVED, subject("ticket", about), {"to": state})
        # By every way into the ledger: with another till's, alone, and several at once.
        _taken(*ledger.push_all([_ask(*one) for one in zip(tokens, chains, strict=True)]))
        for token, chain in zip(tokens, chains, strict=True):
            chain.took(1)
            for most in (1, 3):
                _taken(ledger.push(token, wire.FactsRequest.model_validate(chain.request(most))))
                chain.took(most)
        done += 2 * 5


def _ask(token: str, chain: work.Chain) -> Ask:
    return Ask(token, wire.FactsRequest.model_validate(chain.request(1)), copy_context())


def _taken(*answers: wire.FactsAnswer | Exception) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        if any(one.answer != "accepted" for one in answer.answers):
            raise RuntimeError(f"not accepted: {answer.answers}")


def _take_in(database: Database, orders: list[Any]) -> None:
    with database.write() as connection:
        take_in(connection, orders)


def _patiently(job: Callable[[], None]) -> None:
    for _ in range(10):
        try:
            return job()
        except Exception as error:
            if not worth_retrying(error):
                raise
    raise RuntimeError("ten times in another one's way")


def _planted(connection: Connection, store: str, by: int = 1) -> int:
    """A number from a sequence, as a ``bigserial`` column has it: drawn early, seen whenever the rest is done."""
    return int(connection.execute(text(f"SELECT nextval('{SEQUENCE}')")).scalar_one())


def process(url: str, tokens: list[tuple[str, str]], mine: range, rows: int, planted: bool) -> None:
    """One of the writers' processes: each writer in a thread."""
    if planted:
        records.raise_head = _planted
    database = Database(url)
    threads = [Thread(target=partial(_write, database, tokens[w], w, rows // WRITERS)) for w in mine]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()


# -- reading --------------------------------------------------------------------------------------
_SUM = text("SELECT coalesce(sum(rev), 0), coalesce(max(seq), 0) FROM record WHERE store = :store")
_ALL = text("SELECT store, kind, id, rev FROM record")


class Reader:
    """Follows every store's feed, and keeps what it read."""

    def __init__(self, database: Database, planted: bool) -> None:
        self._database = database
        self._planted = planted
        self._cursors = dict.fromkeys(map(work.store_code, range(STORES)), 0)
        self.copy: dict[tuple[str, str, str], int] = {}
        self.late = 0
        self.pages = 0

    def round(self) -> bool:
        """A page of every store; whether there was anything."""
        before = dict(self._cursors)
        for store, after in before.items():
            with self._database.read() as connection:
                revisions, top = connection.execute(_SUM, {"store": store}).one()
                head = int(top) if self._planted else records.head(connection, store)
                page = records.page(connection, store, after, PAGE, head)
            if not self._planted:
                self.late = max(self.late, head - int(revisions))
            for row in page.rows:
                if row.seq <= after:
                    raise RuntimeError("a page goes back")
                self.copy[store, row.kind, row.id] = row.rev
            self._cursors[store] = page.next
            self.pages += 1
        return self._cursors != before

    def missed(self) -> int:
        """How many records the table has in another state than it was told."""
        with self._database.read() as connection:
            return sum(
                self.copy.get((store, kind, ident)) != rev
                for store, kind, ident, rev in connection.execute(_ALL)
                if store in self._cursors
            )


def race(url: str, rows: int, *, planted: bool = False, processes: int = PROCESSES) -> Race:
    """So many rows by all writers together, on an empty PostgreSQL database."""
    database = Database(url)
    try:
        tokens = prepare(database)
        if planted:
            with database.write() as connection:
                connection.execute(text(f"CREATE SEQUENCE {SEQUENCE} INCREMENT 1000 START 1000000"))
        begun = time.monotonic()
        reader = Reader(database, planted)
        with database.read() as connection:
            before = _rows(connection)
        spawn = multiprocessing.get_context("spawn")
        each = WRITERS // processes
        running = [
            spawn.Process(target=process, args=(url, tokens, range(first, first + each), rows, planted))
            for first in range(0, WRITERS, each)
        ]
        for one in running:
            one.start()
        while any(one.is_alive() for one in running):
            if not reader.round():
                wait([one.sentinel for one in running], PAUSE_S)
        while reader.round():
            continue
        if any(one.exitcode for one in running):
            raise RuntimeError("a writer broke off")
        with database.read() as connection:
            written = _rows(connection) - before
        return Race(written, reader.missed(), reader.late, reader.pages, time.monotonic() - begun)
    finally:
        database.close()


def _rows(connection: Connection) -> int:
    return int(connection.execute(text("SELECT coalesce(sum(rev), 0) FROM record")).scalar_one())
