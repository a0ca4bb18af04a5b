"""A pulse beside what is measured: when did the machine itself stand still? ``python -m bench.pulse CPU``.

On a shared host the system takes a processor away from everybody on it for some milliseconds at a time, and no
program can see that from inside. One process for each processor, ahead of all others there (SCHED_FIFO),
wakes up every two milliseconds and does nothing else: when it comes late, nobody could run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from bench.data import ROOT

EVERY_S = 0.002
LATE_S = 0.002
"""Less than that is what waking up costs."""
Still = tuple[float, float]


class Pulse:
    """Counts on every processor while it is entered. Where the system grants nobody such a rank it
    counts nothing, and `still` is 0 for everything: what is measured then counts in full.
    """

    def __init__(self) -> None:
        self._beside: dict[int, subprocess.Popen[bytes]] = {}
        self._found: dict[int, list[Still]] = {}

    def __enter__(self) -> Self:
        for cpu in sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setscheduler") else ():
            self._beside[cpu] = subprocess.Popen(
                [sys.executable, "-m", "bench.pulse", str(cpu)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End; from now on `still` knows everything."""
        for cpu, process in self._beside.items():
            told, _ = process.communicate()
            self._found[cpu] = [(start, end) for start, end in json.loads(told or b"[]")]
        self._beside.clear()

    def still(self, cpu: int, start: float, end: float) -> float:
        """Milliseconds between two moments of `time.perf_counter` in which this processor stood still."""
        spans = ((max(start, at), min(end, until)) for at, until in self._found.get(cpu, ()))
        return sum(until - at for at, until in spans if until > at) * 1000


def _count() -> list[Still]:
    """Until standard input ends."""
    import select

    found: list[Still] = []
    due = time.perf_counter() + EVERY_S
    while not select.select([sys.stdin], [], [], 0)[0]:
        time.sleep(max(0.0, due - time.perf_counter()))
        now = time.perf_counter()
        if now - due > LATE_S:
            found.append((due, now))
        due = now + EVERY_S
    return found


def main() -> int:
    """One processor's pulse; an empty list where it may not go before others."""
    try:
        os.sched_setaffinity(0, {int(sys.argv[1])})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        sys.stdin.read()
        print("[]")
        return 0
    print(json.dumps(_count()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
