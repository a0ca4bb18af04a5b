"""Loads what the first scan and the first visits need, in idle turns right after the window is live.

The first paint does without it and the first customer shall not wait for it. One small step a turn of
the event loop: a scan that comes meanwhile is taken between two of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from ui.theme import Face

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.theme import Theme


def warm_up(window: QWidget, theme: Theme) -> None:
    """Begin; it goes on by itself, as long as the window lives."""
    steps: list[Callable[[], object]] = [
        _codes,
        _words,
        _lists,
        _speech,
        *(partial(theme.warm_up, (face,)) for face in Face),
    ]

    def step() -> None:
        steps.pop(0)()
        if steps:
            QTimer.singleShot(0, window, step)

    QTimer.singleShot(0, window, step)


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
