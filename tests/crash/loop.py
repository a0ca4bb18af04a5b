"""Kills the till at random moments of its work, again and again, and counts what is lost: nothing.

``python -m tests.crash.loop [--cycles N] [--seed S]``. Two tills of two stores work at one hub, each with
its own orders. Every life of a window ends by SIGKILL, in a share of them its sync process is killed
too. After each, every hand-over that the screen had shown as done must be in the journal; every 50
cycles, and at the end, each must be in the shop exactly once. The last line is the figure.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.domain.orders import HANDED_OVER
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, path_in
from sync.hub import operator
from tests.crash.check import Account, Loss, missing, play, twice
from tests.kit.shop import NO_KEYRING, Shop, environment, open_shop
from tests.waiting import until

STORES = ("B01", "B02")
TILLS = len(STORES)
ROUND = 50
LIFE_S = 60.0
SETTLE_S = 180.0
KILL_AFTER_S = (0.02, 0.4)
EARLY = 0.3
"""The share of lives that are counted from the first key, the others from the first hand-over shown."""
BOTH, ENGINE_FIRST = 0.25, 0.15
"""The share of lives in which the sync process is killed with the window, or before it."""


@dataclass
class Till:
    """One till's folder, its orders, and what it has said in all its lives."""

    folder: Path
    codes: Path
    numbers: list[str]
    random: random.Random
    plant: bool = False
    account: Account = field(default_factory=Account)
    next: int = 0
    killed: int = 0

    def live(self) -> None:
        """One life, from the start of the window to its kill, and what is left of it."""
        command = [sys.executable, "-m", "tests.crash.driver", "--data", str(self.folder)]
        command += ["--codes", str(self.codes), "--from", str(self.next)]
        command += ["--plant"] if self.plant else []
        with self.complaints.open("ab") as complaints:
            process = subprocess.Popen(
                command, env=environment(), stdout=subprocess.PIPE, stderr=complaints, bufsize=0
            )
        try:
            self._watch(process)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        self._look()

    @property
    def complaints(self) -> Path:
        """What its windows and sync processes wrote on standard error."""
        return self.codes.with_suffix(".err")

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Hear it until its last moment has come; then what was still in the pipe."""
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        end, kill_engine, rest = time.monotonic() + LIFE_S, 0.0, b""
        way = self.random.random()
        begin = b"go" if self.random.random() < EARLY else b"ack"
        while True:
            now = time.monotonic()
            if kill_engine and now >= kill_engine:
                kill_children(process.pid)
                kill_engine = 0.0
            if now >= end:
                break
            wake = min(end, kill_engine or end)
            if not select.select([pipe], [], [], max(0.0, wake - now))[0]:
                continue
            part = os.read(pipe, 1 << 16)
            if not part:
                raise Loss(f"the window ended by itself: {process.wait()}")
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._hear(line.decode())
                if begin and line.startswith(begin):
                    begin = b""
                    end = time.monotonic() + self.random.uniform(*KILL_AFTER_S)
                    if way < ENGINE_FIRST:
                        kill_engine = time.monotonic() + self.random.uniform(0.0, KILL_AFTER_S[1])
        others = children(process.pid)
        process.kill()
        if way < ENGINE_FIRST + BOTH:
            for child in others:
                _kill(child)
        process.wait()
        while part := os.read(pipe, 1 << 16):
            rest += part
        for line in rest.split(b"\n")[:-1]:
            self._hear(line.decode())
        self.killed += 1

    def _hear(self, line: str) -> None:
        self.account.hear(line)
        if line.startswith("skip "):
            raise Loss(f"an order could not be handed over: {line}")

    def _look(self) -> None:
        """What the journal holds now."""
        journal = Journal(self.folder / paths.LEDGER, StoredKeys().load(self.folder))
        try:
            facts = [entry.fact for entry in journal.every() if entry.fact.kind == HANDED_OVER]
        finally:
            journal.close()
        self.account.check_journal(fact.id for fact in facts)
        at = {number: place for place, number in enumerate(self.numbers)}
        self.next = max((at[fact.subject_id] + 1 for fact in facts), default=0)

    @contextmanager
    def syncing(self) -> Iterator[None]:
        """The sync process alone, as it is where the window will not start."""
        command = [sys.executable, "-m", "posapp", "sync", "--data", str(self.folder)]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)

    def caught_up(self) -> bool:
        """Whether all its orders have come."""
        mirror = Mirror(path_in(self.folder), StoredKeys().load(self.folder))
        try:
            return all(mirror.get("order", number) is not None for number in reversed(self.numbers))
        finally:
            mirror.close()

    def answered(self) -> bool:
        """Whether the hub has answered every hand-over."""
        return Answer.WAITING not in self.handed_over().values()

    def handed_over(self) -> dict[str, Answer]:
        """Every hand-over in the journal, with the hub's answer."""
        journal = Journal(self.folder / paths.LEDGER, StoredKeys().load(self.folder))
        try:
            return {e.fact.id: e.answer for e in journal.every() if e.fact.kind == HANDED_OVER}
        finally:
            journal.close()


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are still its own."""
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except FileNotFoundError:
        return []


def kill_children(pid: int) -> None:
    for child in children(pid):
        _kill(child)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _shop(url: str) -> dict[str, list[str]]:
    return {order["number"]: [done["ref"] for done in order["hand_overs"]] for order in operator.orders(url)}


def settle(shop: Shop, tills: list[Till]) -> None:
    """Wait until the hub has everything, then compare the shop with what was said."""
    for till in tills:
        with till.syncing():
            until(till.answered, SETTLE_S)
    refs = {ref for till in tills for ref in till.handed_over()}
    try:
        until(lambda: not missing(refs, _shop(shop.url)), SETTLE_S)
    except TimeoutError:
        print(f"missing in the shop: {sorted(missing(refs, _shop(shop.url)))[:10]}")
    found = _shop(shop.url)
    for till in tills:
        till.account.lost |= missing(till.account.acknowledged, found)
        refused = {ref: a.value for ref, a in till.handed_over().items() if a is not Answer.ACCEPTED}
        if refused:
            raise Loss(f"the hub did not take {refused}")
        check_folder(till.folder, StoredKeys().load(till.folder))
    doubled = twice(found, (number for till in tills for number in till.numbers))
    if doubled:
        raise Loss(f"twice in the shop: {sorted(doubled)}")


def prepare(shop: Shop, folder: Path, seed: int, plant: bool) -> list[Till]:
    """Enrol the tills, share the ready orders among them, and wait until they have them."""
    tills = []
    for number, store in enumerate(STORES):
        # Each is the only till of its store, and so grants itself what it hands over.
        mine = {order["number"] for order in operator.orders(shop.url) if order["store"] == store}
        own = {
            code["number"]: code["code"]
            for code in operator.codes(shop.url, store)
            if code["state"] == "ready" and code["number"] in mine
        }
        codes = folder / f"codes-{number}"
        codes.write_text("".join(f"{code} {order}\n" for order, code in own.items()))
        place = shop.enrol(folder / f"till-{number}", store)
        till = Till(place, codes, list(own), random.Random(seed * TILLS + number), plant)
        with till.syncing():
            until(till.caught_up, SETTLE_S)
        tills.append(till)
    return tills


def run(cycles: int, seed: int, *, plant: bool = False) -> tuple[bool, str]:
    """Whether nothing was lost or doubled, and the figure. A planted fault ends it at its discovery."""
    os.environ.update(NO_KEYRING)
    with tempfile.TemporaryDirectory(prefix="posapp-crash-") as name:
        folder = Path(name)
        with open_shop(folder / "hub", orders=100 + 40 * cycles, undo_s=0) as shop:
            tills = prepare(shop, folder, seed, plant)
            print(
                f"{TILLS} tills, {sum(len(t.numbers) for t in tills)} ready orders, seed {seed}", flush=True
            )
            fault = ""
            try:
                play(tills, cycles, ROUND, lambda: settle(shop, tills))
            except (Loss, TimeoutError) as error:
                fault = f", {error}"
            clean = True
            for till in tills:
                told = till.complaints.read_text("utf-8", "replace") if till.complaints.exists() else ""
                if " ERROR " in told or "Traceback" in told:
                    print(told[-4000:])
                    fault += f", {till.folder.name} complained"
                command = [sys.executable, "-m", "posapp", "verify", "--data", str(till.folder)]
                clean = clean and subprocess.run(command, env=environment(), check=False).returncode == 0
    killed = sum(till.killed for till in tills)
    said = sum(len(till.account.acknowledged) for till in tills)
    lost = sum(len(till.account.lost) for till in tills)
    unseen = [what for till in tills for what in till.account.unseen]
    figure = f"{killed} cycles, {said} acknowledged, {lost} lost, {'?' if fault else 0} twice, verify "
    figure += ("clean" if clean else "NOT CLEAN") + fault + "".join(f", {what}" for what in unseen[:5])
    return clean and not fault and not lost and not unseen and killed >= cycles, figure


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.loop", description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    holds, figure = run(arguments.cycles, arguments.seed, plant=arguments.plant)
    print(figure, flush=True)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
