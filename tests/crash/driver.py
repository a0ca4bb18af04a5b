"""One life of a till: the real window, handing over order after order until it is killed.

``python -m tests.crash.driver --data DIR --codes FILE [--from N]`` scans the codes of the file (a code
and its order's number a line) one after the other, as a device would, and presses F12 on each card.
On standard output it says ``go`` before the first key, and ``ack REF NUMBER`` once the screen shows
that a hand-over is done; the order before the first is scanned again and ``seen NUMBER TONE`` said.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest

from posapp.app import TillApp
from posapp.domain.codes import Scan, Source
from posapp.domain.facts import Fact
from ui.presenter import Acted
from ui.view import CardView, Tone

APART_MS = 10_000
PLANTED_S = 0.05


def say(line: str) -> None:
    """One write, so that a kill leaves a whole line or none."""
    os.write(1, line.encode() + b"\n")


class Driver(QObject):
    """Promises: says ``ack`` only after the card in front shows the hand-over as done."""

    def __init__(self, app: TillApp, codes: Sequence[tuple[str, str]], first: int) -> None:
        super().__init__()
        self._app = app
        self._codes = codes
        self._next = first
        self._done: list[Acted] = []
        self._started = False
        app.window.home.acted.connect(self._on_acted)
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        """Begin once the window is live: also before sync has been started."""
        self._timer.start()

    def _on_acted(self, acted: Acted) -> None:
        self._done.append(acted)

    def _step(self) -> None:
        """One order: scan, look, press, look."""
        if not self._app.window.isActiveWindow():
            return
        if not self._started:
            self._started = True
            if self._next:
                code, number = self._codes[self._next - 1]
                self._scan(code)
                say(f"seen {number} {self._card().tone.value}")
            say("go")
        if self._next >= len(self._codes):
            say("end")
            self._timer.stop()
            return
        code, number = self._codes[self._next]
        self._next += 1
        self._done.clear()
        self._scan(code)
        if number not in self._card().code or self._card().tone is not Tone.GREEN:
            say(f"skip {number} {self._card().headline}")
            return
        QTest.keyClick(self._app.window, Qt.Key.Key_F12)
        if self._done and number in self._card().code and self._card().tone is Tone.DONE:
            say(f"ack {self._done[-1].done.ref} {number}")
        else:
            say(f"skip {number} {self._card().headline}")

    def _card(self) -> CardView:
        """What the screen shows now."""
        return self._app.window.home.card.view

    def _scan(self, code: str) -> None:
        at = time.monotonic_ns() // 1_000_000 + self._next * APART_MS
        self._app.bridge.code_scanned.emit(Scan.of("lane", Source.SERIAL, [code], at_ms=at))


def plant(app: TillApp) -> None:
    """The fault that the loop must find: told before the commit."""
    journal = app.books.journal
    append = journal.append

    def early(decide: Callable[[], tuple[Fact, Sequence[str]]]) -> Any:
        def told() -> tuple[Fact, Sequence[str]]:
            fact, tokens = decide()
            say(f"ack {fact.id} {fact.subject_id}")
            select.select([], [], [], PLANTED_S)
            return fact, tokens

        return append(told)

    journal.append = early  # type: ignore[method-assign]  # a fault, on purpose


def main() -> int:
    """Live until killed, or until the codes or the parent are gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.driver")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codes", type=Path, required=True)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--plant", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    codes = [(line.split()[0], line.split()[1]) for line in arguments.codes.read_text().splitlines()]
    drivers: list[Driver] = []

    def begin(_hub: str) -> None:
        drivers[0].start()

    with TillApp(arguments.data, language="en", on_live=begin) as app:
        drivers.append(Driver(app, codes, arguments.first))
        if arguments.plant:
            plant(app)
        return app.run()


if __name__ == "__main__":
    sys.exit(main())
