"""Cuts the power of recorded lives again and again: ``python -m tests.powercut.loop --cuts 5000``."""

from __future__ import annotations

import argparse
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random

from tests.powercut.disk import Disk, Kind, Loss, lay_out
from tests.powercut.judge import Lost, Unreadable, judge
from tests.powercut.log import Step, allowed

PER_LIFE = 250
LIVES_AT_ONCE = 8
GO_ON_EVERY = 10
THOROUGH_EVERY = 5
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Tally:
    """How many cuts there were and what came of them; ``first`` says how the first ones failed."""

    cuts: int = 0
    lives: int = 0
    lost: int = 0
    unreadable: int = 0
    facts: int = 0
    by: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another one's in."""
        self.cuts += other.cuts
        self.lives += other.lives
        self.lost += other.lost
        self.unreadable += other.unreadable
        self.facts += other.facts
        self.by += other.by
        self.first = (self.first + other.first)[:5]

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count}" for way, count in sorted(self.by.items()))
        said = (
            f"{self.cuts} cuts in {self.lives} lives ({ways}), {self.facts} facts read back: "
            f"{self.lost} with something acknowledged lost, {self.unreadable} unreadable"
        )
        return f"{said}; first: {'; '.join(self.first)}" if self.first else said


def cut_life(steps: Sequence[Step], seed: int, cuts: int) -> Tally:
    """Cut one life at ``cuts`` random points, each with its own random loss."""
    random = Random(seed)
    tally = Tally(lives=1)
    points = sorted(random.randint(0, len(steps)) for _ in range(cuts))
    disk, at = Disk(), 0
    with tempfile.TemporaryDirectory(prefix="posapp-cut-", dir=_memory()) as name:
        folder = Path(name) / "till"
        for number, point in enumerate(points):
            for step in range(at, point):
                disk.take(step, steps[step])
            at = point
            loss, kind = random.choice(list(Loss)), random.choice(list(Kind))
            lay_out(folder, disk.after_cut(random, loss, kind), random)
            tally.cuts += 1
            tally.by[loss.value] += 1
            try:
                tally.facts += judge(
                    folder,
                    allowed(steps[:point]),
                    go_on=number % GO_ON_EVERY == 0,
                    thorough=number % THOROUGH_EVERY == 0,
                )
            except (Lost, Unreadable) as error:
                tally.lost += isinstance(error, Lost)
                tally.unreadable += isinstance(error, Unreadable)
                tally.first.append(f"life {seed}, step {point}, {loss.value}, {kind.value}: {error}")
    tally.first = tally.first[:5]
    return tally


def run(cuts: int, seed: int, *, normal: bool = False, processes: int = 2) -> Tally:
    """Record as many lives as it takes and cut them; lives from ``seed`` on, `PER_LIFE` cuts each."""
    tally = Tally()
    lives = range(seed, seed + -(-cuts // PER_LIFE))
    with (
        tempfile.TemporaryDirectory(prefix="posapp-lives-") as name,
        # Spawned: whoever calls may have threads and Qt.
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
    ):
        work = []
        for number, first in enumerate(range(lives.start, lives.stop, LIVES_AT_ONCE)):
            some = range(first, min(first + LIVES_AT_ONCE, lives.stop))
            left = [min(PER_LIFE, cuts - (life - seed) * PER_LIFE) for life in some]
            work.append(pool.submit(_record_and_cut, Path(name) / str(number), list(some), left, normal))
        for one in work:
            tally.add(one.result())
    return tally


def _record_and_cut(out: Path, seeds: list[int], cuts: list[int], normal: bool) -> Tally:
    tally = Tally()
    for seed, count, steps in zip(seeds, cuts, recorded(out, seeds, normal=normal), strict=True):
        tally.add(cut_life(steps, seed, count))
    shutil.rmtree(out)
    return tally


def recorded(
    out: Path, seeds: list[int], *, normal: bool = False, mended: bool = False
) -> Iterator[list[Step]]:
    """Lives lived in a process of their own: what records them changes the driver under it."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.powercut.life", str(out), *map(str, seeds)]
    command += ["--normal"] * normal + ["--mended"] * mended
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"no life was recorded: {done.stderr[-2000:]}")
    for seed in seeds:
        steps: list[Step] = pickle.loads((out / f"{seed}.life").read_bytes())
        yield steps


def _memory() -> str | None:
    """Where the cut folders lie: in memory if there is such a place, for their disk is simulated."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> int:
    """The command line: exit 0 where nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut.loop", description=__doc__)
    parser.add_argument("--cuts", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--normal", action="store_true", help="with the ledger set to synchronous=NORMAL")
    chosen = parser.parse_args()
    begun = time.monotonic()
    tally = run(chosen.cuts, chosen.seed, normal=chosen.normal)
    print(f"{tally} ({time.monotonic() - begun:.0f} s)")
    return 0 if not tally.lost and not tally.unreadable else 1


if __name__ == "__main__":
    sys.exit(main())
