"""When the window reads again what sync has changed: soon, seldom, in small steps, and after every scan."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from ui.bridge import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.screens.screen import Screen
    from ui.window import TillWindow

SOON_MS = 40
APART_MS = 250
SCAN_FIRST_MS = 100
"""After a scan, so that its card is painted and its sound is heard before anything is read again."""
AT_MOST_MS = 1000
"""What is shown is never older than this, however many scans come."""


class News(QObject):
    """Promises: only the place in front is read again; no step begins while the keys of a scan come in
    or right after one, unless it has waited for `AT_MOST_MS`; each step has a turn of the loop of its own.
    """

    def __init__(self, window: TillWindow) -> None:
        super().__init__(window)
        self._window = window
        self._names: set[str] = set()
        self._steps: Iterator[None] | None = None
        self._of: Screen | None = None
        self._begun = self._ended = self._scanned = 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._on_time)
        window.bridge.changed.connect(self.tell)
        window.bridge.mirror_replaced.connect(self.tell)

    def tell(self, names: object = EVERYTHING) -> None:
        """Something changed: these subjects, or anything."""
        if not self._timer.isActive():
            self._begun = now = time.monotonic()
            self._timer.start(max(SOON_MS, APART_MS - round((now - self._ended) * 1000)))
        self._names.update(names if isinstance(names, tuple) else EVERYTHING)

    def scan(self) -> None:
        """A scan comes: it goes first."""
        self._scanned = time.monotonic()

    def waits(self) -> bool:
        """Whether a scan comes in or its card is being painted: everything else comes later."""
        return self._window.wedge.holding or (time.monotonic() - self._scanned) * 1000 < SCAN_FIRST_MS

    def stop(self) -> None:
        """Nothing is read any more."""
        self._timer.stop()
        self._names.clear()
        self._steps = None

    def _on_time(self) -> None:
        now = time.monotonic()
        if self.waits() and (now - self._begun) * 1000 < AT_MOST_MS:
            self._timer.start(SOON_MS)
            return
        front = self._window.front
        if self._steps is None:
            names, self._names = frozenset(self._names), set()
            self._of, self._steps = front, front.renew(names)
        if self._of is front and next(self._steps, self) is None:
            self._timer.start(0)
            return
        self._steps, self._ended = None, now
        self._window.status.refresh()
        if self._names:
            self._begun = now
            self._timer.start(APART_MS)
