"""A hub at the blind shop in a process of its own, that can be killed and begun again; and tills at it."""

from __future__ import annotations

import os
import random
import select
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import select as sql_select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import GENESIS, Answer, Entry, chain_hash
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, path_in
from sync.engine.enrol import enrol
from sync.hub import decide, operator
from sync.hub.database import Database
from sync.hub.tables import fact as fact_table
from sync.hub.tables import intent as intent_table
from tests.kit import blind_shop, lives
from tests.kit.forks import Life, pipe
from tests.kit.shop import STORE
from tests.waiting import until

START_S = 60.0


@dataclass
class Station:
    """One hub: its database, the shop's file, and the process while it lives."""

    folder: Path
    database_url: str
    blind: bool = False
    port: int = 0
    life: Life | None = None

    @property
    def url(self) -> str:
        """Where the hub answers, before and after a kill."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def shop(self) -> Path:
        """The shop's file."""
        return self.folder / "shop.db"

    @property
    def complaints(self) -> Path:
        """What the hub wrote on standard error."""
        return self.folder / "hub.err"

    def start(self) -> None:
        """Begin a life and wait until it answers; always on the same port."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                self.port = probe.getsockname()[1]
        hears, tells = pipe()
        self.life = Life(
            self.complaints, lives.hub, self.database_url, self.port, self.shop, tells, self.blind
        )
        tells.close()
        with hears:
            if not select.select([hears], [], [], START_S)[0] or not os.read(hears.fileno(), 1 << 12):
                self.life.end()
                raise TimeoutError(f"the hub did not begin: {self.complaint()}")

    def kill(self) -> bool:
        """SIGKILL, and wait until it is gone; whether it lived until then."""
        life, self.life = self.life, None
        return life is not None and life.end()

    def enrol(self, folder: Path, again: str = "", store: str = STORE) -> Path:
        """Make the folder a till of the store, or a known one again."""
        folder.mkdir(exist_ok=True)
        code = operator.enrol_code(self.database_url, store, again=again)
        enrol(self.url, code, folder, StoredKeys(), again=bool(again))
        return folder

    def ready(self) -> list[str]:
        """The numbers of the orders that lie ready in the store, each once."""
        mine = {order["number"] for order in operator.orders(self.database_url) if order["store"] == STORE}
        found = operator.codes(self.database_url, STORE)
        return list(
            dict.fromkeys(c["number"] for c in found if c["state"] == "ready" and c["number"] in mine)
        )

    def written(self) -> Counter[str]:
        """How often each hand-over was written to the shop, by its ref."""
        return blind_shop.written(self.shop)

    def complaint(self) -> str:
        """What the hub said of defects; "" where it had none."""
        return complained(self.complaints)


@contextmanager
def station(folder: Path, orders: int, *, url: str = "", blind: bool = False) -> Iterator[Station]:
    """A hub with this many orders, serving; no time to undo, so that its writer has work at once."""
    folder.mkdir(exist_ok=True)
    found = Station(folder, url or operator.url_for(folder), blind)
    operator.prepare(found.database_url, orders, undo_seconds=0)
    blind_shop.begin(found.shop)
    found.start()
    try:
        yield found
    finally:
        found.kill()


@contextmanager
def engine(folder: Path) -> Iterator[Connection]:
    """The till's sync process for the block; what is sent into the connection's descriptor wakes it."""
    hears, wakes = pipe()
    told, tells = pipe()
    process = Life(folder / "engine.err", lives.engine, folder, hears, tells)
    hears.close()
    tells.close()
    try:
        yield wakes
    finally:
        with suppress(OSError):
            wakes.close()
        # Its outbox waits for a reader no longer than a second.
        process.end(10)
        told.close()


def complained(file: Path) -> str:
    """The end of what a process wrote on standard error, where it speaks of a defect; else ""."""
    text = file.read_text("utf-8", "replace") if file.exists() else ""
    return text[-4000:] if " ERROR " in text or "Traceback" in text else ""


def journal(folder: Path) -> list[Entry]:
    """Every fact of the till."""
    opened = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        return list(opened.every())
    finally:
        opened.close()


def waiting(folder: Path) -> int:
    """How many facts of the till the hub has not answered."""
    opened = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        return opened.waiting()[0]
    finally:
        opened.close()


def has_orders(folder: Path, numbers: list[str]) -> bool:
    """Whether all these orders have come to the till."""
    mirror = Mirror(path_in(folder), StoredKeys().load(folder))
    try:
        return all(mirror.get("order", number) is not None for number in reversed(numbers))
    finally:
        mirror.close()


@dataclass
class AtHub:
    """What a hub holds: the ids of its facts with their answers, and what is wrong with its chains."""

    answers: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    unwritten: int = 0


def at_hub(database: Database) -> AtHub:
    """Read every fact of a hub's ledger, and walk each till's chain in each of its epochs.

    A chain is whole from its first fact of the epoch on: those before it went on to a later epoch.
    """
    found = AtHub()
    query = sql_select(fact_table).order_by(fact_table.c.till, fact_table.c.epoch, fact_table.c.seq)
    with database.read() as connection:
        last: tuple[str, int, int, bytes] | None = None
        for row in connection.execute(query):
            found.answers[row.id] = row.answer
            chain = (row.till, row.epoch)
            prev = last[3] if last and last[:2] == chain and last[2] == row.seq - 1 else None
            if prev is None and row.seq == 1:
                prev = GENESIS
            # What neighbours rescued stands under negative epochs, each fact for itself.
            if prev is None and last and last[:2] == chain and row.epoch > 0:
                found.broken.append(f"{row.till} epoch {row.epoch}: nothing between {last[2]} and {row.seq}")
            elif prev is not None:
                digest = chain_hash(prev, row.seq, decide.envelope(row, {}), row.payload.encode())
                if digest.hex() != row.hash:
                    found.broken.append(f"{row.till} epoch {row.epoch}: fact {row.seq} does not follow")
            last = (row.till, row.epoch, row.seq, bytes.fromhex(row.hash))
        open_ = intent_table.c.state.in_(("held", "writing"))
        found.unwritten = len(connection.execute(sql_select(intent_table.c.n).where(open_)).all())
    return found


def shared(numbers: list[str], tills: int, chance: random.Random) -> list[list[str]]:
    """The orders dealt out to so many tills."""
    dealt = list(numbers)
    chance.shuffle(dealt)
    return [dealt[nth::tills] for nth in range(tills)]


def fill(folder: Path, numbers: list[str], seconds: float) -> None:
    """Run the till's engine until all these orders have come."""
    with engine(folder):
        until(lambda: has_orders(folder, numbers), seconds)


def answered(folder: Path, seconds: float) -> None:
    """Run the till's engine until the hub has answered every fact."""
    with engine(folder):
        until(lambda: not waiting(folder), seconds)


def refused(folder: Path) -> dict[str, str]:
    """Facts of the till that the hub did not take, with its reasons."""
    return {e.fact.id: e.reason or e.answer.value for e in journal(folder) if e.answer is not Answer.ACCEPTED}
