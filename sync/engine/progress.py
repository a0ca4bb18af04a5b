"""How far the feed is read, told to the window while that takes a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from sync.engine.line import Tell

SOON_S = 1.0
"""What is read within so short a time is not worth a word."""
APART_S = 0.4


class Progress:
    """Tells ``{"fetching": {"done": n, "of": m}}``, every `APART_S` at most, and at the end ``{"fetching": null}``.

    One thread calls it.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._from: int | None = None
        self._due = 0.0
        self._told = False

    def at(self, before: int, now: int, head: int) -> None:
        """A page has brought the reader from ``before`` to ``now``; the feed goes to ``head``."""
        if now >= head:
            if self._told:
                self._tell({"fetching": None})
            self._from, self._told = None, False
            return
        clock = self._clock()
        if self._from is None or before < self._from:
            # Before: a mirror is pulled anew.
            self._from, self._due = before, clock + SOON_S
        if clock >= self._due:
            self._due = clock + APART_S
            self._told = True
            self._tell({"fetching": {"done": now - self._from, "of": head - self._from}})
