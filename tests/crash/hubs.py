"""Kills the hub while facts come in and while it writes to the shop, and counts what is lost: nothing.

``python -m tests.crash.hubs [--cycles N] [--seed S] [--database URL]``. Two tills push all the time, by
the engine's own code but without its patience; the hub is killed at a random moment after it took facts
again. After each kill every fact that it had answered must be in its database; at the end every one
that was acknowledged at a till, each hand-over in the shop once, and the chains whole.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import PosappError
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal
from sync.engine.client import Hub, Trouble
from sync.engine.line import Line
from sync.engine.push import Push
from sync.hub.database import Database
from sync.hub.tables import till as till_table
from tests.crash.check import Loss
from tests.kit import lives, station
from tests.kit.shop import NO_KEYRING
from tests.kit.station import Station
from tests.waiting import until

TILLS = 2
KILL_AFTER_S = (0.002, 0.12)
BUSY_S = 180.0
SETTLE_S = 300.0
AHEAD = 12
"""So many facts wait at most: a till makes no more until the hub has taken some."""
ORDERS_A_CYCLE = 12


class Till:
    """One till: its counter makes facts, its engine's pushing end sends them, in a thread of its own."""

    def __init__(self, folder: Path, url: str, numbers: list[str], seed: int) -> None:
        self.folder = folder
        self.acknowledged: dict[str, str] = {}
        self.error: BaseException | None = None
        self.answers = 0
        self._numbers = numbers
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._settling = threading.Event()
        self._journal = Journal(folder / paths.LEDGER, StoredKeys().load(folder), write=True)
        self._hub = Hub(url, self._journal.meta("token"))
        self._push = Push(self._hub, self._journal, Line(lambda _: None), self._told)
        self._thread = threading.Thread(target=self._guarded, name=folder.name)

    def __enter__(self) -> Till:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._hub.hang_up()
        self._thread.join()
        self._hub.close()
        self._journal.close()

    def settle(self) -> None:
        """Make no more facts; only send."""
        self._settling.set()

    def _told(self, message: dict[str, object]) -> None:
        answered = message.get("answered")
        if isinstance(answered, list):
            self.answers += len(answered)

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.error = error

    def _run(self) -> None:
        books, counter = lives.open_desk(self.folder)
        try:
            acts = lives.acts(counter, iter(self._numbers), self._chance, orders=0.7)
            while not self._stop.is_set():
                if not self._settling.is_set() and books.journal.waiting()[0] < AHEAD:
                    for _ in range(self._chance.randrange(1, 5)):
                        done = next(acts)
                        assert done.known is not None
                        self.acknowledged[done.ref] = done.known.name
                try:
                    more = self._push.step()
                except Trouble as trouble:
                    if trouble.reason not in ("hub-unreachable", "hub-busy"):
                        raise
                    more = False
                self._stop.wait(0.0 if more else 0.003)
        finally:
            books.close()

    def answered(self) -> int:
        """The last fact that the hub has answered, with all before it."""
        return self._journal.unanswered()

    def till(self) -> str:
        """Its name at the hub."""
        return self._journal.meta("till")


def _kept(database: Database, tills: list[Till]) -> None:
    """After a kill: what a till has an answer to is in the hub's database."""
    for till in tills:
        answered = till.answered()
        with database.read() as connection:
            have = connection.execute(
                select(till_table.c.last_seq).where(till_table.c.id == till.till())
            ).scalar_one()
        if have < answered:
            raise Loss(f"the hub had answered fact {answered} of {till.till()} and has {have}")


def _cycles(hub: Station, database: Database, tills: list[Till], cycles: int, chance: random.Random) -> int:
    done = 0
    begun = time.monotonic()
    for done in range(1, cycles + 1):
        before = sum(till.answers for till in tills)

        def busy(before: int = before) -> bool:
            for till in tills:
                if till.error is not None:
                    raise Loss(f"{till.folder.name}: {till.error!r}")
            return sum(till.answers for till in tills) > before

        until(busy, BUSY_S)
        threading.Event().wait(chance.uniform(*KILL_AFTER_S))
        if not hub.kill():
            raise Loss("the hub ended by itself")
        _kept(database, tills)
        hub.start()
        if done % 100 == 0:
            said = sum(len(till.acknowledged) for till in tills)
            print(f"{done} hub kills, {said} acknowledged ({time.monotonic() - begun:.0f} s)", flush=True)
    return done


def _settle(hub: Station, database: Database, tills: list[Till]) -> None:
    """Everything is at the hub and in the shop, once."""
    for till in tills:
        till.settle()
    until(lambda: all(not station.waiting(till.folder) for till in tills), SETTLE_S)
    until(lambda: not station.at_hub(database).unwritten, SETTLE_S)
    found = station.at_hub(database)
    said = {ref: name for till in tills for ref, name in till.acknowledged.items()}
    lost = said.keys() - found.answers.keys()
    if lost or found.broken:
        raise Loss(f"{len(lost)} lost at the hub; {found.broken[:3]}")
    refused = {ref for ref in said if found.answers[ref] != "accepted"}
    if refused:
        raise Loss(f"the hub did not take {sorted(refused)[:5]}")
    written = hub.written()
    doubled = [ref for ref, times in written.items() if times > 1]
    if doubled:
        raise Loss(f"{len(doubled)} twice in the shop: {doubled[:3]}")
    missing = {ref for ref, name in said.items() if name.startswith("order:")} ^ written.keys()
    if missing:
        raise Loss(f"shop and tills differ in {len(missing)} hand-overs")
    for till in tills:
        check_folder(till.folder, StoredKeys().load(till.folder))


def run(cycles: int, seed: int, url: str = "", *, blind: bool = False) -> tuple[bool, str]:
    """Whether nothing was lost or doubled, and the figure. ``url`` names an empty database to use
    instead of SQLite; ``blind`` plants a fault: the shop is not read before it is written."""
    os.environ.update(NO_KEYRING)
    begun = time.monotonic()
    fault, killed, said = "", 0, 0
    with tempfile.TemporaryDirectory(prefix="posapp-hubs-") as name, ExitStack() as stack:
        folder = Path(name)
        hub = stack.enter_context(
            station.station(folder / "hub", 100 + ORDERS_A_CYCLE * cycles, url=url, blind=blind)
        )
        database = Database(hub.database_url)
        stack.callback(database.close)
        chance = random.Random(seed)
        tills: list[Till] = []
        for nth, numbers in enumerate(station.shared(hub.ready(), TILLS, chance)):
            place = hub.enrol(folder / f"till-{nth}")
            station.fill(place, numbers, SETTLE_S)
            tills.append(stack.enter_context(Till(place, hub.url, numbers, seed * TILLS + nth)))
        try:
            killed = _cycles(hub, database, tills, cycles, chance)
            _settle(hub, database, tills)
        except (Loss, TimeoutError, PosappError) as error:
            fault = f", {error}"
        said = sum(len(till.acknowledged) for till in tills)
        written = sum(hub.written().values())
        complaint = hub.complaint()
        if complaint:
            print(complaint)
            fault += ", the hub complained"
    figure = (
        f"{killed} kills of the hub on {'PostgreSQL' if url else 'SQLite'} ({time.monotonic() - begun:.0f} s), "
        f"{said} acknowledged, {written} writes to the shop, {'?' if fault else 0} lost, "
        f"{'?' if fault else 0} twice{fault}"
    )
    return not fault and killed >= cycles, figure


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.hubs", description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", metavar="URL", help="an empty database; else SQLite")
    parser.add_argument("--blind", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    holds, figure = run(arguments.cycles, arguments.seed, arguments.database, blind=arguments.blind)
    print(figure, flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
