"""The bar as it is told of the line: what is sent and fetched, with numbers that move, and what is fatal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from posapp import texts
from tests.kit.things import NOW
from tests.screens.samples import CASE, QUEUE
from tests.screens.scenes import Stage
from tests.ui.stages import on_stage
from ui import line
from ui import status as statuses
from ui.bridge import Fetching, LineState
from ui.pills import Link
from ui.screens import strip as strips
from ui.told import tell
from ui.view import Tone


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A shown window that was not told of the line yet."""
    monkeypatch.setattr(statuses, "LONG_MS", 200)
    with on_stage(tmp_path, qtbot, CASE, *QUEUE, language="en", online=False) as made:
        yield made


def test_what_waits_is_told_once_it_takes_long_and_goes_with_it(stage: Stage, qtbot: QtBot) -> None:
    bar = stage.window.status.bar
    stage.online(True)
    first = stage.counter.hand_over(CASE.number).ref
    stage.window.status.refresh()
    assert bar.text == "", "not for what is sent within a moment"
    qtbot.waitUntil(lambda: bar.text == "Sending: 1 act waits")
    assert stage.window.status.topbar.pill.link is Link.ONLINE
    stage.counter.answer(first)
    stage.bridge.changed.emit(("*",))
    qtbot.waitUntil(lambda: bar.text == "" and not bar.isVisible())


def test_what_is_sent_within_a_moment_never_shows(stage: Stage, qtbot: QtBot) -> None:
    status = stage.window.status
    stage.online(True)
    ref = stage.counter.hand_over(CASE.number).ref
    status.refresh()
    assert status._soon.isActive()
    stage.counter.answer(ref)
    status.refresh()
    assert not status._soon.isActive()
    assert status.bar.text == ""


def test_after_an_outage_the_number_stays_on_the_bar_and_moves(stage: Stage) -> None:
    bar = stage.window.status.bar
    stage.online(False, "hub-unreachable")
    refs = [stage.counter.hand_over(order.number).ref for order in (CASE, QUEUE[0])]
    stage.window.status.refresh()
    assert "2 acts wait" in bar.text
    stage.online(True)
    assert bar.text == "Sending: 2 acts wait", "the bar does not go and come again"
    for left, ref in zip(("Sending: 1 act waits", ""), refs, strict=True):
        stage.counter.answer(ref)
        stage.window.status.refresh()
        assert bar.text == left


def test_what_is_fetched_is_told_with_numbers_that_move(stage: Stage) -> None:
    bar = stage.window.status.bar
    stage.online(True)
    tell(stage.bridge, {"fetching": {"done": 3200, "of": 100_000}})
    assert bar.text == "Fetching the orders: 3,200 of 100,000"
    stage.counter.hand_over(CASE.number)
    stage.window.status._on_long()
    assert bar.text == "Fetching the orders: 3,200 of 100,000 – Sending: 1 act waits"
    texts.use("de")
    stage.window.status.refresh()
    assert bar.text == "Bestellungen werden geholt: 3.200 von 100.000 – Wird gesendet: 1 Vorgang wartet"
    texts.use("en")
    stage.bridge.line_changed.emit(LineState(False, None, "hub-unreachable"))
    stage.online(True)
    assert "Fetching" not in bar.text, "who goes on says so"
    stage.bridge.fetching.emit(Fetching(1, 2))
    tell(stage.bridge, {"fetching": None})
    assert "Fetching" not in bar.text


def test_numbers_that_move_are_read_aloud_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[str] = []
    monkeypatch.setattr(strips, "announce", lambda _of, text, *, now: spoken.append(text))
    stage.online(True)
    for done in (100, 200, 300):
        stage.bridge.fetching.emit(Fetching(done, 1_000))
    assert spoken == ["Fetching the orders: 100 of 1,000"]
    stage.bridge.fetching.emit(None)
    stage.bridge.fetching.emit(Fetching(1, 1_000))
    assert len(spoken) == 2


def test_what_is_fatal_is_red_and_takes_the_place_of_all_else(stage: Stage) -> None:
    stage.online(True)
    tell(stage.bridge, {"fetching": {"done": 1, "of": 2}})
    tell(stage.bridge, {"fatal": "ledger-damaged"})
    words = line.words(stage.window.status._line, stage.counter.desk.till.standing(), NOW)
    assert stage.window.status.bar.text == words.bar
    assert words.tone is Tone.RED
    assert "Please hand over nothing and call support" in words.bar
    assert stage.window.status.topbar.pill.link is Link.TROUBLE
