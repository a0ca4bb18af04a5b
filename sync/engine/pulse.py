"""Whether every part of the engine still turns, so that the window may be told that it lives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

HUNG_S = 300.0
"""So long one turn of a part may take beyond what it waits on purpose: several calls to a hub that drips,
a mirror that is checked and changed on a slow disk."""


class Pulse:
    """When each thread that has a part in the work was in its loop last. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}
        self._told: list[str] = []

    def beat(self, within: float = 0.0) -> None:
        """The calling thread turns, and will do so again; ``within`` is how long it waits on purpose first."""
        self._due[threading.current_thread().name] = self._clock() + within + HUNG_S

    def regular(self) -> bool:
        """Whether nobody is overdue."""
        now = self._clock()
        overdue = sorted(name for name, due in self._due.copy().items() if due < now)
        if overdue != self._told:
            log.error("overdue: %s", ", ".join(overdue) or "nobody any more")
            self._told = overdue
        return not overdue
