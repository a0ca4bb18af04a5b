"""Kills the till's core and its engine, without a window, and counts what is lost: nothing.

``python -m tests.crash.core [--cycles N] [--seed S]``. Two tills of one store, each a counter and a sync
process forked from one that had imported everything, work at one hub and a shop that knows no repeat.
A cycle ends by SIGKILL 2 to 60 ms after the counter, or the engine, was busy. After most of them each
fact that was acknowledged must be in the journal and the chain whole; every round each must be at the
hub, and each hand-over in the shop once. The last line is the figure.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import GENESIS, Answer, chain_hash
from posapp.domain.orders import HANDED_OVER
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal
from sync.hub.database import Database
from tests.crash.check import Account, Loss, play
from tests.kit import lives, station
from tests.kit.forks import Life, pipe
from tests.kit.shop import NO_KEYRING
from tests.kit.station import Station
from tests.waiting import until

TILLS = 2
ROUND = 250
LIFE_S = 180.0
"""A machine with twenty others at work lets a nice process wait for its turn."""
SETTLE_S = 300.0
KILL_AFTER_S = (0.002, 0.06)
LOOKED_AT = 0.7
"""The share of cycles after which the files are looked at; the others are opened by the next life as they are."""
ORDERS_A_CYCLE = 2.5


class Way(Enum):
    """Who is killed: the moment is counted from when the first one named was busy."""

    BOTH = "the counter is busy, both"
    COUNTER = "the counter is busy, the counter alone; the engine ends by itself"
    ENGINE = "the engine is busy, both"
    ENGINE_FIRST = "the engine is busy, the engine, then the counter"


WAYS = {Way.BOTH: 0.5, Way.COUNTER: 0.1, Way.ENGINE: 0.25, Way.ENGINE_FIRST: 0.15}


@dataclass
class Till:
    """One till's folder, its orders, and what it has said in all its lives."""

    folder: Path
    numbers: list[str]
    random: random.Random
    early: bool = False
    account: Account = field(default_factory=Account)
    killed: dict[Way, int] = field(default_factory=dict)
    engines: int = 0
    next: int = 0
    seen: int = 0
    head: bytes = GENESIS
    kept: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)

    @property
    def complaints(self) -> Path:
        """What its processes wrote on standard error."""
        return self.folder / "err"

    def live(self) -> None:
        """One cycle."""
        way = self.random.choices(list(WAYS), list(WAYS.values()))[0]
        wake_in, wake_out = pipe()
        told, tells = pipe()
        answered, answers = pipe()
        numbers = self.numbers[self.next : self.next + 200]
        seed = self.random.getrandbits(32)
        counter = Life(
            self.complaints, lives.till, self.folder, numbers, tells, wake_out, seed=seed, early=self.early
        )
        engine = Life(self.complaints, lives.engine, self.folder, wake_in, answers)
        for end in (wake_in, wake_out, tells, answers):
            end.close()
        try:
            self._wait(told, answered, b"ack" if way in (Way.BOTH, Way.COUNTER) else b"answered")
            self._listen(told, self._moment())
            if way is Way.ENGINE_FIRST:
                engine.kill()
                self._listen(told, self._moment())
            counter.kill()
            if way in (Way.BOTH, Way.ENGINE):
                engine.kill()
        finally:
            killed = counter.end()
            gone = engine.end(LIFE_S if way is Way.COUNTER else 0.0)
        while self._hear(told):
            pass
        told.close()
        answered.close()
        if not killed:
            raise Loss("the counter ended by itself")
        self.killed[way] = self.killed.get(way, 0) + 1
        self.engines += gone
        if self.random.random() < LOOKED_AT:
            self.look()

    def _moment(self) -> float:
        return time.monotonic() + self.random.uniform(*KILL_AFTER_S)

    def _wait(self, told: Connection, answered: Connection, word: bytes) -> None:
        """Until the counter, or the engine, has done the first of what is tried here."""
        end = time.monotonic() + LIFE_S
        while time.monotonic() < end:
            for found in select.select([told, answered], [], [], 1)[0]:
                text = self._hear(told) if found is told else os.read(answered.fileno(), 1 << 16)
                if word in text:
                    return
                if not text:
                    raise Loss(f"the {'counter' if found is told else 'engine'} ended by itself")
        raise Loss(f"no {word.decode()} within {LIFE_S:g} s")

    def _listen(self, told: Connection, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            if select.select([told], [], [], left)[0] and not self._hear(told):
                return

    def _hear(self, told: Connection) -> bytes:
        """What came; a line is written in one piece, and so it is read in one."""
        text = os.read(told.fileno(), 1 << 16)
        for line in text.decode().splitlines():
            self.account.hear(line)
            self.next += line.startswith("ack") and " order:" in line
        return text

    def look(self) -> None:
        """What the journal holds since the last look: gapless, in its chain, and all that was said."""
        journal = Journal(self.folder / paths.LEDGER, StoredKeys().load(self.folder))
        try:
            while entries := journal.after(self.seen, 500):
                for entry in entries:
                    digest = chain_hash(self.head, self.seen + 1, entry.fact, entry.payload)
                    if entry.seq != self.seen + 1 or entry.prev_hash != self.head or entry.hash != digest:
                        raise Loss(f"fact {self.seen + 1} of the chain is broken")
                    self.seen, self.head = entry.seq, entry.hash
                    self.kept.add(entry.fact.id)
                    if entry.fact.kind == HANDED_OVER:
                        self.handed.add(entry.fact.id)
        finally:
            journal.close()
        self.account.check_journal(self.kept)


def settle(hub: Station, database: Database, tills: Iterable[Till]) -> None:
    """Wait until hub and shop have everything, then compare them with what was said."""
    everything: set[str] = set()
    handed: set[str] = set()
    for till in tills:
        station.answered(till.folder, SETTLE_S)
        till.look()
        everything |= till.kept
        handed |= till.handed
        refused = station.refused(till.folder)
        if refused:
            raise Loss(f"the hub did not take {refused}")
        check_folder(till.folder, StoredKeys().load(till.folder))
    until(lambda: not station.at_hub(database).unwritten, SETTLE_S)
    found = station.at_hub(database)
    if found.broken:
        raise Loss(f"the hub's chain: {found.broken[:5]}")
    if found.answers.keys() != everything:
        raise Loss(f"hub and journals differ in {len(found.answers.keys() ^ everything)} facts")
    if any(answer != Answer.ACCEPTED.value for answer in found.answers.values()):
        raise Loss("the hub did not take everything")
    written = hub.written()
    doubled = [ref for ref, times in written.items() if times > 1]
    if doubled:
        raise Loss(f"twice in the shop: {sorted(doubled)[:10]}")
    if written.keys() != handed:
        raise Loss(f"shop and journals differ in {len(written.keys() ^ handed)} hand-overs")


def run(cycles: int, seed: int, *, early: bool = False) -> tuple[bool, str]:
    """Whether nothing was lost or doubled, and the figure. A planted fault ends it at its discovery."""
    os.environ.update(NO_KEYRING)
    begun = time.monotonic()
    fault = ""
    with tempfile.TemporaryDirectory(prefix="posapp-core-") as name:
        folder = Path(name)
        orders = 100 + int(ORDERS_A_CYCLE * 1.2 * cycles)
        with station.station(folder / "hub", orders) as hub:
            chance = random.Random(seed)
            tills = []
            for nth, numbers in enumerate(station.shared(hub.ready(), TILLS, chance)):
                place = hub.enrol(folder / f"till-{nth}")
                station.fill(place, numbers, SETTLE_S)
                tills.append(Till(place, numbers, random.Random(seed * TILLS + nth), early))
            count = sum(len(till.numbers) for till in tills)
            print(
                f"{TILLS} tills, {count} ready orders, seed {seed} ({time.monotonic() - begun:.0f} s)",
                flush=True,
            )
            database = Database(hub.database_url)
            try:
                play(tills, cycles, ROUND, lambda: settle(hub, database, tills))
            except (Loss, TimeoutError) as error:
                fault = f", {error}"
            finally:
                database.close()
            for complaint in (hub.complaint(), *(station.complained(till.complaints) for till in tills)):
                if complaint:
                    print(complaint)
                    fault += ", a process complained"
    killed = sum(sum(till.killed.values()) for till in tills)
    engines = sum(till.engines for till in tills)
    said = sum(len(till.account.acknowledged) for till in tills)
    lost = sum(len(till.account.lost) for till in tills)
    seconds = time.monotonic() - begun
    figure = (
        f"without a window {killed} cycles ({killed} counters and {engines} engines killed, {seconds:.0f} s), "
        f"{said} acknowledged, {lost} lost, {'?' if fault else 0} twice, chains {'?' if fault else 'whole'}{fault}"
    )
    return not fault and not lost and killed >= cycles, figure


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.core", description=__doc__)
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--early", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    holds, figure = run(arguments.cycles, arguments.seed, early=arguments.early)
    print(figure, flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
