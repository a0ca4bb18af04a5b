"""A wall clock that is set while a program runs.

``install`` makes a program's wall clock wrong by the seconds that stand in a file, read again at each
look; the machine's own clock (monotonic) goes on as it is, as it does when somebody sets the time.
"""

from __future__ import annotations

import datetime as module
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

YEARS = 365.25 * 86400.0
"""Seconds in a year."""


def install(file: Path) -> None:
    """Set this process's wall clock by ``file`` from now on. Call it before anything is imported."""
    shifted = wrong(lambda: float(file.read_text("ascii") or 0))
    real = time.time
    time.time = lambda: real() + float(file.read_text("ascii") or 0)
    module.datetime = shifted  # type: ignore[misc]


def wrong(by: Callable[[], float]) -> type[module.datetime]:
    """A datetime whose present is ``by`` seconds away from the real one."""

    class Wrong(module.datetime):
        @classmethod
        def now(cls, tz: module.tzinfo | None = None) -> Self:
            return super().now(tz) + module.timedelta(seconds=by())

    return Wrong
