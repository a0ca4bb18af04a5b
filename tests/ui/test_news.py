"""When the window reads again what changed."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from tests.screens.samples import ORDERS, QUEUE, code_of
from tests.screens.scenes import Stage
from tests.ui.stages import on_stage
from ui import news

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    with on_stage(tmp_path, qtbot, *ORDERS.values(), *QUEUE, online=False) as made:
        yield made


def _turns(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times at which home begins to read again."""
    begun: list[float] = []
    home = stage.window.home
    before = home.renew

    def renew(names: frozenset[str]) -> object:
        begun.append(time.monotonic())
        return before(names)

    monkeypatch.setattr(home, "renew", renew)
    return begun


def test_what_changes_without_end_is_read_at_most_four_times_a_second(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = _turns(stage, monkeypatch)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        stage.bridge.changed.emit(("order:W-1001",))
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 10)
    assert 2 <= len(begun) <= 5
    apart = [later - earlier for earlier, later in pairwise(begun)]
    assert min(apart) * 1000 >= news.APART_MS - 20


def test_a_scan_goes_before_what_changed_but_not_for_ever(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = _turns(stage, monkeypatch)
    widest = float(news.SCAN_FIRST_MS)
    for _ in range(20):
        begun.clear()
        stage.bridge.changed.emit(("*",))
        told = scanned = time.monotonic()
        widest = 0.0
        while not begun:
            stage.scan(code_of("W-1001"))
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            widest, scanned = max(widest, time.monotonic() - scanned), time.monotonic()
        # Where the machine stood still between two scans, there was time for the news.
        if widest * 1000 < news.SCAN_FIRST_MS / 2:
            break
    assert widest * 1000 < news.SCAN_FIRST_MS / 2
    assert begun[0] - told >= news.AT_MOST_MS / 1000 - 0.05


def test_what_fails_is_tried_again_with_the_next_news(
    stage: Stage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def renew(names: frozenset[str]) -> object:
        tried.append(names)
        raise RuntimeError("for the test")

    monkeypatch.setattr(stage.window.home, "renew", renew)
    for times in (1, 2):
        with qtbot.captureExceptions():
            stage.bridge.changed.emit(("order:W-1001",))
            qtbot.waitUntil(lambda times=times: len(tried) == times)  # type: ignore[misc]  # bound now
    assert len(tried) == 2
