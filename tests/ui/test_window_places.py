"""The places beside home, the line's words, language and look at run time, and what is read aloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtGui import QAccessible, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QSlider
from pytestqt.qtbot import QtBot

from drivers.lane import Lane
from posapp import texts
from posapp.counter.printing import Printing
from posapp.domain.known import HIDDEN_AFTER, Standing
from posapp.domain.slips import Outcome, Paper, PrintJob, Trouble
from posapp.settings import Settings
from tests.kit.things import NOW
from tests.screens.samples import CASE, QUEUE, code_of, order
from tests.screens.scenes import Stage
from tests.ui.stages import on_stage
from ui import line
from ui.bridge import DeviceState, LineState
from ui.buttons import Button
from ui.help import KEYS
from ui.pictures import Pictures
from ui.pills import Link
from ui.print_strip import PrintDesk
from ui.screens.pickups import PickupsScreen
from ui.screens.settings import SettingsScreen
from ui.view import Tone


@pytest.fixture
def saved() -> list[Settings]:
    return []


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot, saved: list[Settings]) -> Iterator[Stage]:
    with on_stage(tmp_path, qtbot, CASE, *QUEUE, save=saved.append) as made:
        yield made


def pickups(stage: Stage) -> PickupsScreen:
    stage.window.go("pickups")
    front = stage.window.front
    assert isinstance(front, PickupsScreen)
    # The list is read in the turn after the one that shows the place.
    QApplication.processEvents()
    return front


def settings(stage: Stage) -> SettingsScreen:
    stage.window.go("settings")
    front = stage.window.front
    assert isinstance(front, SettingsScreen)
    return front


# -- pickups ----------------------------------------------------------------------------------------
def test_queues_show_their_counts_and_open_at_home(stage: Stage) -> None:
    screen = pickups(stage)
    rows = screen.panel.list.rows
    assert rows.rowCount() == len(QUEUE) + 1
    screen.panel.list.opened.emit(rows.row(rows.index(0, 0)).id)
    assert stage.window.place == "scan"
    assert stage.window.home.card.view.headline == "Übergeben möglich"


def test_a_long_queue_is_read_as_it_comes_into_sight(stage: Stage) -> None:
    many = [order(f"X-{at:04}", ready_at=NOW - timedelta(minutes=at)) for at in range(150)]
    stage.counter.tell(*many)
    rows = pickups(stage).panel.list.rows
    assert rows.rowCount() < 150
    while rows.canFetchMore(rows.index(-1, 0)):
        rows.fetchMore(rows.index(-1, 0))
    assert rows.rowCount() == 150 + len(QUEUE) + 1


def test_f3_searches_and_escape_comes_back(stage: Stage, qtbot: QtBot) -> None:
    stage.window.go("search")
    screen = pickups(stage)
    assert screen.field.hasFocus()
    screen.field.setText("özde")
    qtbot.waitUntil(lambda: screen.panel.list.rows.rowCount() == 1)
    assert screen.escape()
    qtbot.waitUntil(lambda: screen.panel.list.rows.rowCount() > 1)
    assert not screen.escape()


def test_what_a_search_finds_is_read_as_it_comes_into_sight(stage: Stage) -> None:
    stage.counter.tell(*(order(f"Z-{at:04}", "Zenobia Zufall") for at in range(40)))
    screen = pickups(stage)
    screen.field.setText("zenobia")
    screen.refresh()
    next(screen.renew(frozenset()))
    rows = screen.panel.list.rows
    assert rows.rowCount() < 40
    assert screen.panel.list.accessibleName() == "15+ Treffer"
    while rows.canFetchMore(rows.index(-1, 0)):
        rows.fetchMore(rows.index(-1, 0))
    names = [rows.row(rows.index(at, 0)).id for at in range(rows.rowCount())]
    assert len(set(names)) == len(names) == 40
    screen.panel.list.opened.emit(names[-1])
    assert stage.window.place == "scan"


# -- settings ---------------------------------------------------------------------------------------
def test_a_scan_on_the_settings_is_only_shown(stage: Stage) -> None:
    screen = settings(stage)
    stage.scan(code_of("W-4001"))
    assert stage.window.place == "settings"
    assert screen.raw.text.text() == code_of("W-4001")
    assert "Abholcode" in screen.raw.details.text()
    assert stage.window.home.card.view.headline == ""


def test_a_device_tells_how_it_stands(stage: Stage) -> None:
    stage.bridge.device_changed.emit(DeviceState("/dev/ttyACM0", "down", "lost"))
    screen = settings(stage)
    stage.bridge.device_changed.emit(DeviceState("/dev/ttyACM1", "up"))
    told = [label.text() for label in screen.raw.findChildren(type(screen.raw.text))]
    assert any("ttyACM0: nicht bereit (abgezogen)" in text and "ttyACM1: bereit" in text for text in told)


def test_language_look_and_size_change_at_once_and_are_kept(stage: Stage, saved: list[Settings]) -> None:
    stage.scan(code_of("W-4001"))
    screen = settings(stage)
    screen._chips["language", "en"].click()
    assert stage.window.home.card.view.headline == "Ready to hand over"
    assert stage.window.rail.tabText(0) == "Scan"
    screen._chips["theme", "dark"].click()
    assert stage.window.theme.tokens.dark
    screen.scale.setValue(120)
    assert stage.window.theme.scale == 1.2
    screen._chips["language", "de"].click()
    assert stage.window.rail.tabText(0) == "Scannen"
    assert saved[-1] == replace(Settings(), theme="dark", scale=120)


# -- the line ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "waiting", "heard", "link", "pill", "bar"),
    [
        (None, 0, False, Link.OFFLINE, "Verbindet …", ""),
        (LineState(True), 3, True, Link.ONLINE, "Online", ""),
        (LineState(False, NOW, "hub-unreachable"), 0, True, Link.OFFLINE, "Offline", "Offline seit "),
        (LineState(False, NOW, "hub-unreachable"), 3, True, Link.OFFLINE, "Offline", "– 3 Vorgänge warten"),
        (LineState(False, NOW, "anything"), 0, False, Link.OFFLINE, "Nie verbunden", "noch nie erreicht"),
        (LineState(False, NOW, "hub-strange"), 0, True, Link.TROUBLE, "Hub gestört", "Support"),
        (LineState(False, NOW, "revoked"), 0, True, Link.TROUBLE, "Kasse ausgesperrt", "neuen Code"),
        (LineState(False, NOW, "fork"), 0, True, Link.TROUBLE, "Kasse ausgesperrt", "nichts übergeben"),
        (LineState(False, NOW, "not-enrolled"), 0, False, Link.TROUBLE, "Nicht angemeldet", "Code"),
    ],
)
def test_the_line_is_told_in_plain_words(  # noqa: PLR0917  # the columns of a table
    stage: Stage, state: LineState | None, waiting: int, heard: bool, link: Link, pill: str, bar: str
) -> None:
    told = line.words(state, Standing(NOW if heard else None, waiting, None), NOW)
    assert (told.link, told.pill) == (link, pill)
    assert bar in told.bar
    assert bool(told.bar) is bool(bar)
    assert told.tone is (Tone.RED if link is Link.TROUBLE else Tone.AMBER)


@pytest.mark.parametrize(
    ("reason", "pill", "tone", "bar"),
    [
        ("room-low", "Platte fast voll", Tone.AMBER, "weiterarbeiten"),
        ("room-short", "Platte fast voll", Tone.AMBER, "nicht mehr kopiert"),
        ("room-tight", "Platte voll", Tone.AMBER, "Begonnenes"),
        ("ledger-damaged", "Journal beschädigt", Tone.RED, "Support"),
        ("chain-broken", "Journal beschädigt", Tone.RED, "Support"),
    ],
)
def test_the_tills_own_disk_is_told_in_plain_words(
    stage: Stage, reason: str, pill: str, tone: Tone, bar: str
) -> None:
    told = line.words(LineState(True, NOW, reason), Standing(NOW, 2, None), NOW)
    assert (told.link, told.pill, told.tone) == (Link.TROUBLE, pill, tone)
    assert bar in told.bar
    assert "2" in told.bar, "what waits is told as well"


def test_a_week_without_the_hub_is_told(stage: Stage) -> None:
    heard = NOW - HIDDEN_AFTER
    told = line.words(LineState(False, heard, "hub-unreachable"), Standing(heard, 0, None), NOW)
    assert (told.tone, "eine Woche" in told.bar) == (Tone.RED, True)


def test_the_bar_comes_and_goes(stage: Stage) -> None:
    stage.online(False, "hub-unreachable")
    assert stage.window.status.bar.isVisible()
    stage.online(True)
    assert not stage.window.status.bar.isVisible()


def test_a_closed_window_hears_nothing(stage: Stage, qtbot: QtBot) -> None:
    stage.window.close()
    stage.scan(code_of("W-4001"))
    stage.bridge.changed.emit(("*",))
    assert stage.window.home.card.view.headline == ""


# -- read aloud -------------------------------------------------------------------------------------
def test_everything_that_can_be_used_has_a_name(stage: Stage) -> None:
    stage.scan(code_of("W-4001"))
    for place in ("pickups", "attention", "settings", "scan"):
        stage.window.go(place)
        for part in stage.window.findChildren(QAbstractButton) + stage.window.findChildren(QLineEdit):
            if part.isVisible() and not isinstance(part.parentWidget(), QLineEdit):
                interface = QAccessible.queryAccessibleInterface(part)
                assert interface.text(QAccessible.Text.Name), f"{place}: {part}"
        for slider in stage.window.findChildren(QSlider):
            assert slider.accessibleName()


def test_the_rail_is_a_row_of_tabs_with_their_keys(stage: Stage) -> None:
    rail = QAccessible.queryAccessibleInterface(stage.window.rail)
    assert rail.role() is QAccessible.Role.PageTabList
    tabs = [rail.child(at) for at in range(rail.childCount())]
    named = [tab.text(QAccessible.Text.Name) for tab in tabs if tab.role() is QAccessible.Role.PageTab]
    assert named[0] == "Scannen (Strg+1)"
    assert any(name.startswith("Klärfälle (Strg+") for name in named)


def test_the_card_says_headline_name_code_and_bin(stage: Stage) -> None:
    stage.scan(code_of("W-4001"))
    card = QAccessible.queryAccessibleInterface(stage.window.home.card)
    name = card.text(QAccessible.Text.Name)
    assert name.startswith("Übergeben möglich, Mehmet Özdemir, W-4001, Fach B-01")


def test_help_shows_the_keys_and_a_scan_takes_it_away(stage: Stage) -> None:
    stage.window.show_help()
    overlay = stage.window.stack.findChildren(type(stage.window._help))[0]  # type: ignore[type-var]
    assert overlay is not None
    assert overlay.isVisible()
    stage.scan(code_of("W-4001"))
    assert not overlay.isVisible()


@pytest.mark.parametrize("language", ["de", "en"])
def test_help_names_every_key_that_exists(stage: Stage, language: str) -> None:
    """Those bound in the window, and those that stand on a button anywhere."""
    window = stage.window
    window.apply(replace(window.settings, language=language))
    desk = PrintDesk(window, Printing(stage.counter.till, Lane()))
    desk.strip.on_job(PrintJob("1", Paper.HAND_OVER, Outcome.REFUSED, Trouble.PAPER_OUT))
    Pictures(window, lambda _load: None)
    bound, shown = set(), set()
    for place in ("scan", "pickups", "service", "attention", "settings", "doctor"):
        window.go(place)
        bound |= {key for one in window.findChildren(QShortcut) for key in QShortcut.keys(one)}
        shown |= {one.shown_action.key for one in window.findChildren(Button)} - {""}
    window.go("scan")
    stage.scan(code_of("W-4001"))
    shown |= {one.shown_action.key for one in window.findChildren(Button)} - {""}
    window.show_help()
    told = {QKeySequence(key) for keys, _label, _does in KEYS for key in keys}
    assert {key.toString() for key in bound} <= {key.toString() for key in told}
    said = {label.text() for label in window.stack.findChildren(QLabel)}
    assert shown <= said
    assert {"F12", "F6", "F1"} <= shown
    texts.use("de")


def test_the_first_paint_is_told_once(stage: Stage, qtbot: QtBot) -> None:
    calls: list[int] = []
    stage.window.when_live(lambda: calls.append(1))
    stage.window.update()
    qtbot.waitUntil(lambda: calls == [1])
    stage.window.repaint()
    assert calls == [1]
