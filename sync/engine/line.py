"""The line to the hub as both threads see it: its state, the waiting, and when to try again."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from posapp.domain.errors import PosappError, StorageFault
from posapp.domain.facts import timestamp
from sync.engine.client import NotEnrolled, Trouble
from sync.engine.pulse import Pulse

log = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any]], None]

LONGEST_PAUSE_S = 60.0
LONGEST_BACK_OFF_S = 20.0
"""With a connection that is being given up before it and the exchange after it: all tills show the same
within 30 s after a line has come back, however long it was away."""
BETWEEN_S = 0.005
"""A breath between two pages or batches, in which the window may have the disk."""
PASSING = frozenset({"disk-full", "disk-failed", "ledger-locked", "room-short"})
"""Trouble of our own disk that may pass: sync waits, the till shows why."""


class Line:
    """What is known of the way to the hub, and the one place where sync waits.

    ``tell`` hears ``{"line": …}`` each time it changes. ``pulse`` hears of every thread that asks whether it
    is to end, or pauses: whoever has a part in the work does so in each turn. Any thread.
    """

    def __init__(self, tell: Tell, pulse: Pulse | None = None) -> None:
        self._tell = tell
        self._pulse = pulse or Pulse()
        self._condition = threading.Condition()
        self._wakes = 0
        self._stopping = False
        self._trouble: dict[str, tuple[bool, str, dict[str, str | int]]] = {}
        self._told: tuple[bool, str, dict[str, str | int]] | None = None
        self._since = ""

    def stopping(self) -> bool:
        """Whether everything is to end."""
        self._pulse.beat()
        return self._stopping

    def stop(self) -> None:
        """End every pause, and all that come."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def wake(self) -> None:
        """Something is to be done: whoever pauses looks again."""
        with self._condition:
            self._wakes += 1
            self._condition.notify_all()

    def mark(self) -> int:
        """Take this before looking for work: `pause` then misses no wake that came meanwhile."""
        return self._wakes

    def pause(self, seconds: float, mark: int | None = None) -> None:
        """Wait; a wake since ``mark`` or the end cuts it short (without a mark only the end)."""
        self._pulse.beat(seconds)
        with self._condition:
            self._condition.wait_for(
                lambda: self._stopping or (mark is not None and self._wakes != mark), seconds
            )

    def heard(self, who: str) -> None:
        """``who`` had a good answer. If others wait for the line to come back, they try now."""
        with self._condition:
            self._trouble.pop(who, None)
            if any(not reachable for reachable, _, _ in self._trouble.values()):
                self.wake()
            self._say()

    def trouble(self, who: str, reason: str, *, reachable: bool, **details: str | int) -> None:
        """``who`` could not do its work, and why."""
        with self._condition:
            self._trouble[who] = (reachable, reason, details)
            self._say()

    def well(self) -> bool:
        """Whether nobody is in trouble."""
        return not self._trouble

    def down(self) -> bool:
        """Whether somebody cannot reach the hub."""
        with self._condition:
            return any(not reachable for reachable, _, _ in self._trouble.values())

    def _say(self) -> None:
        # The worst first: no line at all, then whatever else is wrong.
        worst = min(self._trouble.values(), key=lambda one: one[0], default=(True, "", {}))
        if worst == self._told:
            return
        if self._told is None or worst[0] != self._told[0]:
            self._since = timestamp(datetime.now(UTC))
        self._told = worst
        reachable, reason, details = worst
        self._tell({"line": {"online": reachable, "since": self._since, "reason": reason, **details}})


def back_off(failures: int) -> float:
    """Full jitter, so that a store's tills do not come back all at once."""
    return random.uniform(0, min(LONGEST_BACK_OFF_S, 2.0 ** min(failures, 10)))


def keep_on(line: Line, who: str, step: Callable[[], bool], idle_s: float) -> None:
    """Call ``step`` until the line stops; it returns whether there is more to do at once.

    Trouble is waited out, for days if need be. Any other error is passed on.
    """
    failures = 0
    while not line.stopping():
        mark = line.mark()
        try:
            more = step()
        except PosappError as error:
            if line.stopping():
                return
            failures += 1
            pause, deaf = _said(line, who, error, failures)
            line.pause(pause, None if deaf else mark)
        else:
            failures = 0
            line.pause(BETWEEN_S if more else idle_s, None if more else mark)


def _said(line: Line, who: str, error: PosappError, failures: int) -> tuple[float, bool]:
    """How long to wait after ``error``, and whether even a new fact may not cut that short."""
    if failures == 1 or failures % 100 == 0:
        log.warning("%s: %s (%d in a row)", who, error, failures)
    if isinstance(error, Trouble):
        line.trouble(who, error.reason, reachable=error.reachable, **_places(error))
        if error.retry_after is not None:
            return error.retry_after, True
        return back_off(failures), False
    if isinstance(error, NotEnrolled):
        line.trouble(who, error.reason, reachable=False)
        return LONGEST_PAUSE_S, True
    if isinstance(error, StorageFault) and error.reason in PASSING:
        line.trouble(who, error.reason, reachable=True, **_places(error))
        return back_off(failures), False
    raise error


def _places(error: PosappError) -> dict[str, str | int]:
    return {key: value for key, value in error.details.items() if key in ("seq", "file")}
