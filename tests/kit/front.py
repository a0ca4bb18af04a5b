"""A till's window with everything behind it, and what a clerk sees of it and does to it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest

from posapp.app import TillApp
from posapp.domain.codes import Scan, Source
from posapp.ports import DeviceState
from ui.order_claim import RELEASE
from ui.view import CardView, Tone

_Result = TypeVar("_Result")
_times = count(1)


class Front:
    """Everything goes the way it goes for a clerk: scans through the bridge, keys through the window."""

    def __init__(self, app: TillApp) -> None:
        self.app = app
        self.window = app.window

    @property
    def card(self) -> CardView:
        """The card in front."""
        return self.window.home.card.view

    @property
    def line(self) -> str:
        """What the bar says of the line; empty while there is nothing to say."""
        return self.window.status.bar.text

    @property
    def error(self) -> str:
        """What did not work, in the clerk's words."""
        return self.window.home.tray.error

    def until(self, condition: Callable[[], _Result], seconds: float = 15.0, what: str = "") -> _Result:
        """What ``condition`` returns once that is true, with the window served meanwhile."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"not so within {seconds:g} s: {what or condition} ({self.card.headline})")
            self.serve(20)
        return found

    def serve(self, most_ms: int) -> None:
        """Serve the window until something happened, at most so long."""
        loop = QEventLoop()
        QTimer.singleShot(most_ms, loop, loop.quit)
        loop.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def scan(self, *texts: str, device: str = "lane") -> CardView:
        """A scan by a device, long after the one before; the card it leads to."""
        at = time.monotonic_ns() // 1_000_000 + next(_times) * 10_000
        self.app.bridge.code_scanned.emit(Scan.of(device, Source.SERIAL, texts, at_ms=at))
        return self.card

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A key, wherever the focus is."""
        self.until(self.window.isActiveWindow, what="the window is in front")
        QTest.keyClick(self.window, key, modifier)

    def hand_over(self) -> str:
        """F12 on a card that allows it; the fact's id, read after the card said it is done."""
        before, _ = self.app.books.journal.head()
        self.press(Qt.Key.Key_F12)
        self.until(lambda: self.card.tone is Tone.DONE, what="handed over")
        (entry,) = self.app.books.journal.after(before, 10)
        return entry.fact.id

    def release(self, reason: str) -> None:
        """A manager lets an order leave that this till has no right to."""
        self.window.home.card.action.emit(RELEASE)
        self.window.home.tray.answered.emit(reason)

    def listening(self) -> None:
        """Wait until every scanner is open."""
        up = DeviceState.UP
        self.until(lambda: all(one.status.state is up for one in self.app.scanners), what="scanners")

    def shows(self, number: str, tone: Tone) -> CardView:
        """Wait for the card of an order; the card."""
        self.until(
            lambda: number in self.card.code and self.card.tone is tone, what=f"{number} is {tone.value}"
        )
        return self.card

    def ticks(self, number: str, ref: str) -> int:
        """How many places hold a hand-over."""
        known = self.app.books.know("order", number)
        return self.app.desk.pickup.ticks(known, ref) if known else 0

    def online(self) -> None:
        """Wait for the hub, and for the orders it sends."""
        self.until(lambda: self.app.desk.scanning.online, what="online")
        self.until(lambda: self.app.books.count("order", "ready") > 0, what="orders")

    def offline(self) -> None:
        """Wait until the till knows that the hub is gone."""
        self.until(lambda: not self.app.desk.scanning.online, what="offline")


class _Errors(logging.Handler):
    """Keeps what nobody expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


@contextmanager
def open_front(
    folder: Path, *, scanners: tuple[str, ...] = (), language: str = "en", expected: str = "\0"
) -> Iterator[Front]:
    """The till in ``folder`` in front of a clerk. An error that nobody expected fails the test; one is
    ``expected`` whose record contains this.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hook = sys.excepthook
    errors = _Errors()
    for handler in handlers:
        root.removeHandler(handler)
    try:
        with TillApp(folder, language=language, scanners=scanners) as app:
            front = Front(app)
            app.show()
            front.until(lambda: app.link is not None, what="live")
            root.addHandler(errors)
            yield front
    finally:
        for handler in root.handlers[:]:
            root.removeHandler(handler)
            handler.close()
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)
        logging.captureWarnings(False)
        sys.excepthook = hook
    assert [error for error in errors.found if expected not in error] == []
