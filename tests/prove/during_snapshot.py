"""A till's look-ups and commits while its engine pulls a snapshot from a real hub, against those at rest.

The till's files are those of the bench; they were another hub's, so the engine pulls a new mirror from
the beginning beside the old one, as after a hub's restoration. Hub and engine are processes of their own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread, Timer

from bench import data, orders
from bench.load.site import Hub as HubProcess
from bench.measure import percentile
from bench.till import environment
from posapp import paths
from posapp.domain.facts import Fact, subject
from posapp.domain.ids import new_fact_id
from posapp.domain.tickets import TICKET_OPENED
from posapp.storage import files, mirror
from posapp.storage.books import Books
from posapp.storage.journal import Journal
from sync.engine.client import Hub
from sync.hub import operator
from sync.hub.app import utc_now
from sync.hub.shops import seed

PAUSE_S = 0.004
LOOKS_PER_COMMIT = 5
STORE = "B01"
OURS_TO_ONE = 9
"""With so many orders of the till's store, the sample shop has one of another."""


@dataclass(slots=True)
class Times:
    """Seconds of each look-up and each commit."""

    looks: list[float] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Measured:
    """At rest (before and after) and meanwhile; ``pulled`` records in so many seconds."""

    idle: Times
    during: Times
    pulled: int
    seconds: float

    @property
    def look_ratio(self) -> float:
        """p99 against p99."""
        return percentile(self.during.looks, 99) / percentile(self.idle.looks, 99)

    @property
    def commit_ratio(self) -> float:
        """p95 against p95."""
        return percentile(self.during.commits, 95) / percentile(self.idle.commits, 95)


class Counter:
    """A clerk who scans and commits at a steady pace, and a stopwatch."""

    def __init__(self, books: Books, count: int) -> None:
        self._books = books
        self._count = count
        self._chance = random.Random(11)
        self._tickets = 0

    def work(self, into: Times, over: Event) -> None:
        """Until it is over."""
        turn = 0
        while not over.wait(PAUSE_S):
            token = orders.token(self._chance.randrange(self._count))
            begun = time.perf_counter()
            found = self._books.by_token(token)
            into.looks.append(time.perf_counter() - begun)
            if not found:
                raise RuntimeError("an order is gone")
            turn += 1
            if turn % LOOKS_PER_COMMIT == 0:
                begun = time.perf_counter()
                self._commit()
                into.commits.append(time.perf_counter() - begun)

    def _commit(self) -> None:
        self._tickets += 1
        ident = f"T{self._tickets:06}"
        told = {
            "store": STORE,
            "job": "battery",
            "customer": "C",
            "object": "O",
            "bag": f"BG{self._tickets:06}",
        }

        def decide(_: object) -> Fact:
            return Fact(new_fact_id(), TICKET_OPENED, subject("ticket", ident), told, "Ana", utc_now())

        self._books.commit("ticket", ident, decide)


def measured(count: int, snapshot: int, idle_s: float) -> Measured:
    """On files of ``count`` orders, while ``snapshot`` others are pulled: at least so many, all of the till's store."""
    with data.copied(count) as folder, _hub(snapshot) as (url, database):
        _enrol(folder, url, operator.enrol_code(database, STORE))
        books = Books(folder, folder / paths.LEDGER, data.KEY)
        counter = Counter(books, count)
        idle, during = Times(), Times()
        counter.work(Times(), _after(idle_s / 4))
        counter.work(idle, _after(idle_s / 2))
        begun = time.monotonic()
        with _engine(folder) as over:
            counter.work(during, over)
            seconds = time.monotonic() - begun
        # The old mirror is read until it is turned away from: what is asked for lies there.
        counter.work(idle, _after(idle_s / 2))
        books.reopen_mirror()
        pulled = _orders(folder)
        books.close()
        if pulled < snapshot:
            raise RuntimeError(f"the snapshot did not arrive: {pulled} orders")
        return Measured(idle, during, pulled, seconds)


def _after(seconds: float) -> Event:
    over = Event()
    Timer(seconds, over.set).start()
    return over


def _enrol(folder: Path, url: str, code: str) -> None:
    hub = Hub(url)
    enrolled = hub.enrol(code, "Kasse")
    hub.close()
    ledger = Journal(folder / paths.LEDGER, data.KEY, write=True)
    ledger.set_meta(
        hub=url,
        till=enrolled.till,
        token=enrolled.token,
        epoch=str(enrolled.epoch),
        store=enrolled.store,
        generation=enrolled.generation,
    )
    ledger.close()


def _orders(folder: Path) -> int:
    connection = files.connect(mirror.path_in(folder), data.KEY)
    (count,) = connection.execute("SELECT count(*) FROM record WHERE kind = 'order'").fetchone()
    connection.close()
    return int(count)


@contextmanager
def _hub(count: int) -> Iterator[tuple[str, str]]:
    """A hub with so many orders of the till's store; its address, and its database's."""
    with tempfile.TemporaryDirectory(prefix="posapp-b8-") as name:
        database = operator.url_for(Path(name))
        operator.prepare(database, count + count // OURS_TO_ONE + seed.FEW)
        hub = HubProcess(database)
        # In a store the hub has a machine of its own: here it takes what the till's processes leave.
        os.setpriority(os.PRIO_PROCESS, hub.pid, 15)
        try:
            yield f"http://127.0.0.1:{hub.port}", database
        finally:
            hub.stop()


@contextmanager
def _engine(folder: Path) -> Iterator[Event]:
    """The till's own sync process; what is yielded is set once a new mirror serves, or the engine has ended."""
    over = Event()
    command = [sys.executable, "-m", "posapp", "sync", "--attached", "--data", str(folder)]
    process = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("mirror") == "new":
                over.set()
        over.set()

    listener = Thread(target=listen, name="listener")
    listener.start()
    try:
        yield over
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
        listener.join()
        assert process.stdout is not None
        process.stdout.close()
