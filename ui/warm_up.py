"""Loads what the first scan and the first visits need, in idle turns right after the window is live.

The first paint does without it and the first customer shall not wait for it. One small step a turn of
the event loop: a scan that comes meanwhile is taken between two of them.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from ui.bridge import EVERYTHING
from ui.theme import Face

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.theme import Theme
    from ui.window import TillWindow

LATER_MS = 300
"""The first scan may come at once; nobody goes to another place so soon."""
APART_MS = 20
PLACES = ("pickups", "service", "attention", "settings")
THREADS_YIELD_S = 0.0003
_FOR_SOUNDS = ("email.parser", "http.client", "ssl", "urllib.request", "inspect", "miniaudio")
"""Loaded in the thread of the sounds, in one go, they would hold up every turn of the loop."""


def warm_up(window: TillWindow, theme: Theme) -> None:
    """Begin; it goes on by itself, as long as the window lives."""
    # The window's thread asks for the interpreter after every call into Qt: not to wait 5 ms each time.
    sys.setswitchinterval(THREADS_YIELD_S)
    steps: list[Callable[[], object]] = [
        _codes,
        _words,
        _lists,
        _speech,
        *(partial(theme.warm_up, (face,)) for face in Face),
        *(partial(_load, name) for name in _FOR_SOUNDS),
    ]
    later: list[Callable[[], object]] = [
        *(partial(import_module, f"ui.screens.{place}") for place in PLACES),
        *(partial(make, window, place) for place in PLACES for make in _STEPS),
        partial(import_module, "ui.help"),
    ]

    can_wait = len(Face) + len(_FOR_SOUNDS)

    def step() -> None:
        # The first of them are what a scan needs itself.
        if len(steps) <= can_wait and window.news.waits():
            QTimer.singleShot(APART_MS, window, step)
            return
        steps.pop(0)()
        if steps:
            QTimer.singleShot(0, window, step)
        else:
            QTimer.singleShot(LATER_MS, window, step_later)

    def step_later() -> None:
        if not window.isVisible():
            return
        if not window.news.waits():
            later.pop(0)()
        if later:
            QTimer.singleShot(APART_MS, window, step_later)

    QTimer.singleShot(0, window, step)


def _build(window: TillWindow, place: str) -> None:
    window.built(place)


def _style(window: TillWindow, place: str) -> None:
    """Else the first visit has all of the place's widgets styled in one turn."""
    window.built(place).ensurePolished()


def _lay_out(window: TillWindow, place: str) -> None:
    screen = window.built(place)
    screen.resize(window.stack.size())
    layout = screen.layout()
    if layout is not None:
        layout.activate()


def _fill(window: TillWindow, place: str) -> None:
    """Its lists show what they will show, and with the first row what a list needs is there."""
    next(window.built(place).renew(frozenset(EVERYTHING)), None)


def _paint(window: TillWindow, place: str) -> None:
    """Letters and pictures are drawn once and kept."""
    window.built(place).grab()


_STEPS = (_build, _style, _lay_out, _fill, _paint)


def _load(module: str) -> None:
    if sys.platform == "win32":
        return
    with suppress(ImportError):
        import_module(module)


def _codes() -> None:
    from posapp.domain.goods import code_token

    code_token(b"", "")


def _words() -> None:
    from ui import kinds, verdicts

    kinds.presenters()
    verdicts.stale_band(None)


def _lists() -> None:
    from PySide6.QtWidgets import QScroller, QScrollerProperties

    del QScroller, QScrollerProperties


def _speech() -> None:
    from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

    del QAccessible, QAccessibleAnnouncementEvent
