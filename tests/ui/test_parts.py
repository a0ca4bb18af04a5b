"""The parts screens are built of: rail, undo bar, pills, rows, buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAccessible, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from ui.parts import (
    Button,
    Chip,
    ElidedLabel,
    Kind,
    Link,
    Place,
    Rail,
    Row,
    RowList,
    StatusPill,
    UndoBar,
)
from ui.theme import Face, Theme
from ui.tokens import RAIL_WIDTH, TARGET, TARGET_MIN, TARGET_ROW
from ui.view import Action, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

PLACES = [
    Place("scan", "scan", "Scannen", "Scannen (Strg+1)"),
    Place("pickups", "packages", "Abholungen", "Abholungen (Strg+2)"),
    Place("arrivals", "package-import", "Wareneingang", "Wareneingang (Strg+3)"),
    Place("service", "tools", "Service", "Service (Strg+4)"),
    Place("sale", "shopping-cart", "Kasse", "Kasse (Strg+5)"),
    Place("cases", "scale", "Klärfälle", "Klärfälle"),
    Place("overview", "report-money", "Übersicht", "Übersicht"),
    Place("settings", "settings", "Einstellungen", "Einstellungen"),
]
UNDO = Action("undo", "Rückgängig", "Strg+Z", "arrow-back-up")


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def theme(qapp: QApplication, request: pytest.FixtureRequest) -> Theme:
    made = Theme()
    made.apply(qapp, dark=request.param)
    return made


@pytest.fixture
def host(qtbot: QtBot, theme: Theme) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1024, 712)
    QHBoxLayout(made).setContentsMargins(0, 0, 0, 0)
    return made


def show(host: QWidget, *widgets: QWidget) -> None:
    layout = host.layout()
    assert layout is not None
    for widget in widgets:
        layout.addWidget(widget)
    host.show()
    host.activateWindow()
    assert QTest.qWaitForWindowActive(host)


def image(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def row(number: int, tone: Tone | None = None) -> Row:
    return Row(
        id=str(number),
        code=f"B-{number:02}",
        title="Maximiliane-Charlotte von Hohenzollern-Sigmaringen",
        detail="2 Artikel",
        end="seit 3 Tagen",
        tone=tone,
        spoken=f"Fach B-{number:02}, 2 Artikel",
    )


# --- rail ---


@pytest.fixture
def rail(host: QWidget, theme: Theme) -> Rail:
    made = Rail(theme)
    made.show_places(PLACES)
    show(host, made, QWidget())
    return made


@pytest.mark.parametrize("height", [712, 500, 1024])
def test_all_places_fit_in_the_rail(rail: Rail, host: QWidget, height: int) -> None:
    host.resize(1024, height)
    last = rail.tabRect(len(PLACES) - 1)
    assert last.bottom() <= rail.height()
    for index in range(len(PLACES)):
        assert rail.tabRect(index).height() >= TARGET
        assert rail.tabRect(index).width() == RAIL_WIDTH
    assert host.height() == height


@pytest.mark.parametrize("place", PLACES)
def test_places_words_fit_the_rail(theme: Theme, place: Place) -> None:
    for face in (Face.RAIL, Face.RAIL_SELECTED):
        assert theme.metrics(face).horizontalAdvance(place.label) <= RAIL_WIDTH - 8


def test_screen_reader_reads_the_rail_as_tabs(rail: Rail) -> None:
    rail.show_badge("pickups", 12)
    reader = QAccessible.queryAccessibleInterface(rail)
    assert reader.role() == QAccessible.Role.PageTabList
    tabs = [
        child
        for child in (reader.child(index) for index in range(reader.childCount()))
        if child.role() == QAccessible.Role.PageTab
    ]
    names = [tab.text(QAccessible.Text.Name) for tab in tabs]
    assert names[:2] == ["Scannen (Strg+1)", "Abholungen (Strg+2), 12"]
    assert len(names) == len(PLACES)


def test_choosing_says_where_to(rail: Rail, qtbot: QtBot) -> None:
    with qtbot.waitSignal(rail.chosen) as told:
        QTest.mouseClick(rail, Qt.MouseButton.LeftButton, pos=rail.tabRect(2).center())
    assert told.args == ["arrivals"]
    with qtbot.waitSignal(rail.chosen) as told:
        QTest.keyClick(rail, Qt.Key.Key_Down)
    assert told.args == ["service"]
    with qtbot.waitSignal(rail.chosen):
        QTest.keyClick(rail, Qt.Key.Key_Up)


def test_selecting_from_code_says_nothing(rail: Rail, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(rail.chosen):
        rail.select("cases")
        rail.show_places(PLACES)
    assert rail.currentIndex() == 0


def test_keys_stop_at_both_ends_of_the_rail(rail: Rail) -> None:
    QTest.keyClick(rail, Qt.Key.Key_Up)
    assert rail.currentIndex() == 0
    rail.select("settings")
    QTest.keyClick(rail, Qt.Key.Key_Down)
    assert rail.currentIndex() == len(PLACES) - 1


def test_badge_and_focus_can_be_seen(rail: Rail) -> None:
    rail.clearFocus()
    plain = image(rail)
    rail.show_badge("scan", 120)
    badged = image(rail)
    assert badged != plain
    rail.show_badge("scan", 0)
    assert image(rail) == plain
    rail.setFocus()
    assert image(rail) != plain


def test_rail_follows_the_scale(rail: Rail, theme: Theme, qapp: QApplication) -> None:
    theme.apply(qapp, dark=theme.tokens.dark, scale=1.25)
    assert rail.width() == 140


# --- undo bar ---


@pytest.fixture
def undo(host: QWidget, theme: Theme) -> UndoBar:
    made = UndoBar(theme)
    show(host, made)
    return made


def test_undo_bar_is_hidden_until_something_was_done(undo: UndoBar) -> None:
    assert undo.isHidden()
    undo.show_undo("Übergeben: Jörg Weiß", UNDO, 60)
    assert undo.isVisible()
    assert undo.button.text() == "Rückgängig  Strg+Z"
    assert undo.button.height() >= TARGET_MIN


def test_undo_says_so_and_goes(undo: UndoBar, qtbot: QtBot) -> None:
    undo.show_undo("Übergeben: Jörg Weiß", UNDO, 60)
    with qtbot.waitSignal(undo.undone) as told:
        undo.button.click()
    assert told.args == ["undo"]
    assert undo.isHidden()


def test_undo_bar_goes_when_its_time_is_over(undo: UndoBar, qtbot: QtBot) -> None:
    with qtbot.waitSignal(undo.expired):
        undo.show_undo("Übergeben: Jörg Weiß", UNDO, 0.02)
    assert undo.isHidden()


def test_dismissed_undo_bar_says_nothing(undo: UndoBar, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(undo.expired, wait=50):
        undo.show_undo("Übergeben: Jörg Weiß", UNDO, 0.02)
        undo.dismiss()
    assert undo.isHidden()


def test_long_undo_text_does_not_widen_the_window(undo: UndoBar, host: QWidget) -> None:
    undo.show_undo("Übergeben: " + "Maximiliane-Charlotte " * 20, UNDO, 60)
    assert host.width() == 1024
    assert undo.button.width() >= undo.button.sizeHint().width()


# --- pills ---


@pytest.mark.parametrize("link", Link)
def test_status_pill_shows_each_state_its_own_way(host: QWidget, theme: Theme, link: Link) -> None:
    pills = [StatusPill(theme), StatusPill(theme)]
    show(host, *pills)
    other = Link.OFFLINE if link is Link.ONLINE else Link.ONLINE
    pills[0].show_link(link, "Text")
    pills[1].show_link(other, "Text")
    assert pills[0].link is link
    assert pills[0].accessibleName() == "Text"
    assert pills[0].height() >= TARGET_MIN
    assert image(pills[0]) != image(pills[1])


def test_status_pill_gives_way(host: QWidget, theme: Theme) -> None:
    pill = StatusPill(theme)
    show(host, pill, QLineEdit())
    pill.show_link(Link.OFFLINE, "Offline seit 14:20 – 3 Vorgänge warten " * 8)
    assert host.width() == 1024
    assert pill.toolTip() == pill.text()


def test_chips_are_radio_buttons_that_exclude_each_other(host: QWidget, theme: Theme) -> None:
    chips = [Chip(theme, text) for text in ("Bereit 12", "Überfällig 3")]
    show(host, *chips)
    QTest.mouseClick(chips[0], Qt.MouseButton.LeftButton, pos=QPoint(3, 20))
    QTest.mouseClick(chips[1], Qt.MouseButton.LeftButton, pos=QPoint(3, 20))
    assert [chip.isChecked() for chip in chips] == [False, True]
    reader = QAccessible.queryAccessibleInterface(chips[1])
    assert reader.role() == QAccessible.Role.RadioButton
    chips[1].show_text("Überfällig 1.204")
    assert reader.text(QAccessible.Text.Name) == "Überfällig 1.204"
    assert all(chip.height() >= TARGET_MIN for chip in chips)


def test_choosing_a_chip_moves_no_neighbour(theme: Theme, qtbot: QtBot) -> None:
    chip = Chip(theme, "Heute")
    qtbot.addWidget(chip)
    before = chip.sizeHint()
    chip.setChecked(True)
    assert chip.sizeHint() == before


# --- rows ---


@pytest.fixture
def rows(host: QWidget, theme: Theme) -> RowList:
    made = RowList(theme)
    made.set_code_width_of("B-00")
    show(host, made)
    return made


def test_batches_are_read_only_as_far_as_someone_looks(rows: RowList) -> None:
    read: list[int] = []

    def batches() -> Iterator[list[Row]]:
        for start in range(0, 100_000, 256):
            read.append(start)
            yield [row(number) for number in range(start, start + 256)]

    rows.rows.show_batches(batches())
    assert len(read) <= 2
    rows.scrollToBottom()
    rows.rows.fetchMore(QModelIndex())
    assert len(read) <= 4
    assert rows.rows.rowCount() >= 512


def test_list_ends_with_its_last_batch(rows: RowList) -> None:
    rows.rows.show_batches([[row(1)], [row(2)]])
    root = QModelIndex()
    while rows.rows.canFetchMore(root):
        rows.rows.fetchMore(root)
    assert rows.rows.rowCount() == 2
    rows.rows.show_batches([])
    assert rows.rows.rowCount() == 0
    assert not rows.rows.canFetchMore(root)


def test_rows_are_high_enough_and_read_aloud(rows: RowList) -> None:
    rows.rows.show_batches([[row(7)]])
    index = rows.rows.index(0)
    assert rows.visualRect(index).height() == TARGET_ROW
    reader = QAccessible.queryAccessibleInterface(rows)
    names = [reader.child(i).text(QAccessible.Text.Name) for i in range(reader.childCount())]
    assert "Fach B-07, 2 Artikel" in names


def test_tap_and_enter_open_a_row(rows: RowList, qtbot: QtBot) -> None:
    rows.rows.show_batches([[row(1), row(2)]])
    with qtbot.waitSignal(rows.opened) as told:
        place = rows.visualRect(rows.rows.index(1)).center()
        QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert told.args == ["2"]
    with qtbot.waitSignal(rows.opened):
        QTest.keyClick(rows, Qt.Key.Key_Return)


def test_enter_without_a_row_opens_nothing(rows: RowList, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(rows.opened):
        QTest.keyClick(rows, Qt.Key.Key_Return)


@pytest.mark.parametrize("tone", [None, *Tone])
def test_focused_row_looks_different(rows: RowList, tone: Tone | None) -> None:
    rows.rows.show_batches([[row(1, tone)]])
    rows.clearFocus()
    before = image(rows)
    rows.setFocus()
    rows.setCurrentIndex(rows.rows.index(0))
    assert image(rows) != before


# --- buttons and labels ---


@pytest.mark.parametrize("kind", Kind)
def test_focused_button_looks_different(host: QWidget, theme: Theme, kind: Kind) -> None:
    button, other = Button(theme, kind), QLineEdit()
    button.show_action(Action("x", "Öffnen", "F12"))
    show(host, button, other)
    other.setFocus()
    before = image(button)
    button.setFocus()
    assert image(button) != before
    assert button.height() >= TARGET


def test_button_shows_what_it_can_do(host: QWidget, theme: Theme) -> None:
    button = Button(theme)
    show(host, button)
    button.show_action(Action("x", "Öffnen"))
    enabled = image(button)
    button.show_action(Action("x", "Öffnen", enabled=False))
    assert image(button) != enabled
    assert button.shown_action.id == "x"


@pytest.mark.parametrize("part", ["button", "chip", "pill", "field"])
def test_focus_of_each_part_can_be_seen(host: QWidget, theme: Theme, part: str) -> None:
    field = QLineEdit()
    field.setProperty("kind", "scan")
    widget = {
        "button": Button(theme),
        "chip": Chip(theme, "Bereit"),
        "pill": StatusPill(theme),
        "field": field,
    }[part]
    other = QLineEdit()
    show(host, widget, other)
    other.setFocus()
    before = image(widget)
    widget.setFocus()
    assert image(widget) != before


def test_elided_label_keeps_its_whole_text_for_the_reader(theme: Theme, qtbot: QtBot) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    label = ElidedLabel(theme, Face.SECTION)
    QVBoxLayout(box).addWidget(label)
    label.show_text("Maximiliane-Charlotte von Hohenzollern-Sigmaringen")
    box.resize(120, 60)
    box.show()
    assert box.width() == 120
    assert label.text() == label.toolTip()
    reader = QAccessible.queryAccessibleInterface(label)
    assert reader.text(QAccessible.Text.Name) == label.text()
