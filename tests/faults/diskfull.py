"""A till on a disk of 4 MiB that fills up again and again: ``python -m tests.faults.diskfull --fills 300``.

The disk is a real one of its own (tmpfs on Linux: as root, or as anybody in a user namespace of its own). It is filled to the last byte before a fact,
or to some bytes, so that it runs out in the middle of one; files are also opened and folded while it
is full. What the till said yes to must be there, what it said no to must not, and with room again the
same process goes on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.domain.facts import Answer, Fact
from posapp.storage import room
from posapp.storage.books import Books
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal, verify
from posapp.storage.mirror import Change, open_writer
from tests.storage.ledgers import BEGIN, KEY, books, deciding, order

SIZE = "4m"
RESERVE = 512 << 10
PER_LEDGER = 20
"""Fills after which a fresh till is begun: else the ledger alone would fill the disk."""
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
INSIDE = "POSAPP_DISKFULL_INSIDE"
"""Set in the namespace, so that there is no second one inside it."""
FULL = ("disk-full", "disk-failed")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of that size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, stderr=subprocess.DEVNULL)
    try:
        yield folder
    finally:
        # Lazily: after a failure something may still be open on it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def may_mount(folder: Path) -> bool:
    """Whether this user may have a file system of its own."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        return False
    try:
        with small_disk(folder / "probe", "64k"):
            return True
    except subprocess.CalledProcessError:
        return False


def may_unshare() -> bool:
    """Whether anybody may be root in a namespace of its own here."""
    if not shutil.which(UNSHARE[0]):
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


@dataclass
class Till:
    """A till on a small disk, and what it said."""

    folder: Path
    random: Random
    done: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    said: Tally[str] = field(default_factory=Tally)
    settled: int = 0
    handed: int = 0

    def __post_init__(self) -> None:
        self.books = books(self.folder)
        writer = open_writer(self.folder, KEY)
        writer.apply([Change("order", f"W-{n}", 1, order(f"W-{n}")) for n in range(PER_LEDGER * 8)])
        writer.close()
        (self.folder / room.RESERVE).write_bytes(bytes(RESERVE))

    def fill_once(self) -> None:
        """Fill the disk, work until it says no, look, make room, go on."""
        self._fill(self.random.choice((0, 0, self.random.randrange(1, 4096), self.random.randrange(200_000))))
        refused = False
        while not refused:
            refused = not self._one_more()
        self._full_ways()
        self._look()
        if (self.folder / room.RESERVE).stat().st_size:
            # A full disk gives the reserve up by itself: that was seen in `_one_more`.
            raise AssertionError("the reserve was not given up")
        if not self._one_more():
            raise AssertionError("with the reserve's room the till does not go on")
        (self.folder / "filler").unlink()
        if not self._one_more():
            raise AssertionError("with room again the till does not go on")
        self.books.journal.checkpoint()
        self._look()
        (self.folder / room.RESERVE).write_bytes(bytes(RESERVE))

    def _fill(self, leave: int) -> None:
        """Take all but ``leave`` bytes of the disk."""
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            with suppress(OSError):
                while filler.write(bytes(65536)) == 65536:
                    pass
            filler.truncate(max(0, filler.tell() - leave))

    def _one_more(self) -> bool:
        """One hand-over; whether the till said yes. It may say no only because the disk is full."""
        kind, ident = "order", f"W-{self.handed}"
        if self.books.know(kind, ident) is None:
            return self._plain()
        decide = deciding("HandedOver", f"order:{ident}", {"lines": {"1": 1}})
        fact = decide(None)
        try:
            entry, _ = self.books.commit(kind, ident, lambda known: fact)
        except StorageFault as fault:
            return self._said_no(fault, fact)
        self.done[entry.fact.id] = entry.hash.hex()
        self.handed += 1
        return True

    def _plain(self) -> bool:
        fact = Fact(
            deciding("x", "order:W-1", {})(None).id, "Noted", "order:W-1", {"x": "y" * 900}, "ana", BEGIN
        )
        try:
            entry = self.books.journal.append(lambda: (fact, ()))
        except StorageFault as fault:
            room.give_up(self.folder)
            return self._said_no(fault, fact)
        self.done[entry.fact.id] = entry.hash.hex()
        return True

    def _said_no(self, fault: StorageFault, fact: Fact) -> bool:
        if fault.reason not in FULL:
            raise fault
        self.said[fault.reason] += 1
        self.refused.add(fact.id)
        return False

    def _full_ways(self) -> None:
        """What else happens on a full disk: answers come, logs are folded, files are opened."""
        filler = self.folder / "filler"
        with filler.open("ab", buffering=0) as more, suppress(OSError):
            more.write(bytes(RESERVE * 2))
        for work in (self._settle, self.books.journal.checkpoint, self._reopen):
            try:
                work()
            except StorageFault as fault:
                if fault.reason not in FULL:
                    raise
                self.said[f"{fault.reason} ({work.__name__})"] += 1
        os.truncate(filler, max(0, filler.stat().st_size - RESERVE))

    def _settle(self) -> None:
        head, _ = self.books.journal.head()
        if self.settled < head:
            self.books.journal.settle([(self.settled + 1, Answer.ACCEPTED, {})], "now")
            self.settled += 1

    def _reopen(self) -> None:
        """The window is closed and opened on the full disk; if it cannot be, it was told so."""
        self.books.close()
        try:
            self.books = Books(self.folder, self.folder / paths.LEDGER, KEY)
        except StorageFault:
            os.truncate(self.folder / "filler", 0)
            self.books = Books(self.folder, self.folder / paths.LEDGER, KEY)
            raise

    def _look(self) -> None:
        """Everything told is there, nothing refused is, and the chain is whole."""
        reader = Journal(self.folder / paths.LEDGER, KEY)
        try:
            found = {entry.fact.id: entry.hash.hex() for entry in reader.every()}
            count, fault = verify(reader)
        finally:
            reader.close()
        if fault or count != len(found):
            raise AssertionError(fault)
        if found != self.done:
            raise AssertionError(f"{len(self.done)} acts were told, {len(found)} are there")
        if self.refused & found.keys():
            raise AssertionError("what was refused is there all the same")

    def close(self) -> None:
        """End of this till: its files are whole."""
        self.books.close()
        if check_folder(self.folder, KEY) != len(self.done):
            raise AssertionError("the files are not as they were told to be")


def run(fills: int, seed: int) -> str:
    """Fill the disk ``fills`` times; the evidence in one line. Raises AssertionError."""
    random = Random(seed)
    done = refused = 0
    said: Tally[str] = Tally()
    with tempfile.TemporaryDirectory(prefix="posapp-full-") as name:
        for first in range(0, fills, PER_LEDGER):
            with small_disk(Path(name) / str(first), SIZE) as disk:
                till = Till(disk, random)
                for _ in range(min(PER_LEDGER, fills - first)):
                    till.fill_once()
                till.close()
                done, refused, said = done + len(till.done), refused + len(till.refused), said + till.said
    ways = ", ".join(f"{reason} {count}" for reason, count in sorted(said.items()))
    return f"{fills} fills: {done} acts told and there, {refused} refused and not there ({ways})"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.diskfull", description=__doc__)
    parser.add_argument("--fills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        may = may_mount(Path(name))
    if not may:
        if not os.environ.get(INSIDE) and may_unshare():
            command = [*UNSHARE, sys.executable, "-m", "tests.faults.diskfull", *sys.argv[1:]]
            return subprocess.run(command, env=os.environ | {INSIDE: "1"}, check=False).returncode
        print(
            "A full disk needs a file system of its own: run it as root on Linux, or allow user namespaces."
        )
        return 1
    begun = time.monotonic()
    print(f"{run(chosen.fills, chosen.seed)} ({time.monotonic() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
