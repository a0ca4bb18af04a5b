"""The result card: what it shows, says, focuses and fits, in both themes and all sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScroller, QWidget

from tests.ui.looks import COLLECTED, HEADLINES, LONGEST, PARTIAL, READY
from ui.card import ResultCard
from ui.card_layout import Layout
from ui.theme import Theme
from ui.tokens import TARGET_MIN, TONES
from ui.view import Action, CardView, LineState, Tone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

# The card's room beside rail, top bar, undo bar and, from 1280 on, the queue.
SIZES = [(872, 580), (700, 612), (786, 580), (1360, 892)]


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def theme(qapp: QApplication, request: pytest.FixtureRequest) -> Theme:
    made = Theme()
    made.apply(qapp, dark=request.param)
    return made


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> Iterator[ResultCard]:
    host = QWidget()
    qtbot.addWidget(host)
    made = ResultCard(theme, host)
    made.resize(872, 580)
    host.resize(872, 580)
    host.show()
    host.activateWindow()
    assert QTest.qWaitForWindowActive(host)
    yield made
    # Keeps the card's window from Python's garbage collector until here.
    host.close()


@pytest.mark.parametrize("tone", Tone)
def test_card_has_the_colour_of_its_tone(card: ResultCard, tone: Tone) -> None:
    card.show_view(replace(READY, tone=tone))
    colour = card.grab().toImage().pixelColor(card.width() // 2, 12)
    assert colour == QColor(TONES[tone].fill)


def test_next_action_has_the_focus_and_shows_its_key(card: ResultCard) -> None:
    card.show_view(READY)
    assert card.primary.hasFocus()
    assert card.primary.text() == "Übergeben  F12"
    assert card.primary.accessibleName() == "Übergeben (F12)"


def test_without_a_primary_the_first_button_has_the_focus(card: ResultCard) -> None:
    card.show_view(replace(COLLECTED, secondary=(PARTIAL,)))
    assert [button.hasFocus() for button in card.buttons] == [True]


def test_without_any_action_the_card_has_the_focus_and_shows_it(card: ResultCard) -> None:
    card.show_view(COLLECTED, focus=False)
    card.clearFocus()
    before = card.grab().toImage()
    card.show_view(COLLECTED)
    assert card.hasFocus()
    assert card.grab().toImage() != before


def test_disabled_primary_is_passed_over(card: ResultCard) -> None:
    card.show_view(replace(READY, primary=Action("x", "Übergeben", enabled=False)))
    assert card.buttons[0].hasFocus()
    assert not card.press_primary()


def test_focus_can_be_left_where_it_is(card: ResultCard) -> None:
    card.show_view(READY, focus=False)
    assert not card.primary.hasFocus()


def test_focused_and_unfocused_buttons_look_different(card: ResultCard) -> None:
    card.show_view(READY)
    for button in card.buttons:
        others = [other for other in card.buttons if other is not button]
        others[0].setFocus()
        before = button.grab().toImage()
        button.setFocus()
        assert button.grab().toImage() != before


def test_pressing_says_which_action(card: ResultCard, qtbot: QtBot) -> None:
    card.show_view(READY)
    with qtbot.waitSignal(card.action) as told:
        assert card.press_primary()
    assert told.args == ["hand_over"]
    with qtbot.waitSignal(card.action) as told:
        QTest.mouseClick(card.buttons[0], Qt.MouseButton.LeftButton)
    assert told.args == ["partial"]


def test_enter_of_a_scanner_presses_nothing(card: ResultCard, qtbot: QtBot) -> None:
    pressed: list[str] = []
    card.action.connect(pressed.append)
    card.show_view(READY)
    QTest.keyClick(card.primary, Qt.Key.Key_Return)
    QTest.keyClick(card.primary, Qt.Key.Key_Enter)
    assert pressed == []
    QTest.keyClick(card.primary, Qt.Key.Key_Space)
    assert pressed == ["hand_over"]


def test_result_is_announced_at_once(card: ResultCard, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, QAccessible.AnnouncementPoliteness]] = []

    def hear(event: object) -> None:
        if isinstance(event, QAccessibleAnnouncementEvent):
            said.append((event.message(), event.politeness()))

    monkeypatch.setattr(QAccessible, "updateAccessibility", hear)
    card.show_view(READY)
    assert said == [(READY.spoken, QAccessible.AnnouncementPoliteness.Assertive)]
    card.revise_view(replace(READY, headline="Alles vollständig"))
    assert len(said) == 1


def test_screen_reader_finds_headline_name_code_and_bin(card: ResultCard) -> None:
    card.show_view(READY)
    reader = QAccessible.queryAccessibleInterface(card)
    name = reader.text(QAccessible.Text.Name)
    assert name == "Übergeben möglich, Jörg Weiß, PU-7K3M-2Q, Fach B-07"
    detail = reader.text(QAccessible.Text.Description)
    assert "Pakete: 1 von 1" in detail
    assert "Lederband braun" in detail


def test_screen_may_word_what_is_spoken() -> None:
    assert replace(READY, accessible="Alles gut").spoken == "Alles gut"
    assert replace(READY, band="Geschenk").spoken.endswith("Fach B-07, Geschenk")


def test_painted_is_told_once_for_each_view(card: ResultCard, qtbot: QtBot) -> None:
    with qtbot.waitSignal(card.painted) as told:
        card.show_view(READY)
    assert isinstance(told.args, list)
    assert told.args[0] > 0
    with qtbot.waitSignal(card.painted):
        card.revise_view(COLLECTED)


def test_view_that_stays_shortly_tells_when_it_is_over(card: ResultCard, qtbot: QtBot) -> None:
    with qtbot.waitSignal(card.expired):
        card.show_view(replace(READY, stays=0.01))


def test_next_view_stops_the_clock_of_the_one_before(card: ResultCard, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(card.expired, wait=60):
        card.show_view(replace(READY, stays=0.03))
        card.show_view(READY)


def test_more_than_four_secondary_actions_are_refused(card: ResultCard) -> None:
    with pytest.raises(ValueError, match="4 secondary"):
        card.show_view(replace(READY, secondary=(PARTIAL,) * 5))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", [READY, COLLECTED, LONGEST], ids=["ready", "collected", "longest"])
def test_nothing_is_wider_than_the_card(card: ResultCard, view: CardView, size: tuple[int, int]) -> None:
    card.resize(*size)
    card.show_view(view)
    assert [sheet.widest for sheet in card.sheets if sheet.widest > card.width()] == []
    for button in card.buttons:
        assert button.width() >= button.sizeHint().width()
        assert button.height() >= TARGET_MIN
        assert card.rect().contains(button.geometry())


@pytest.mark.parametrize("size", SIZES)
def test_targets_keep_their_distance(card: ResultCard, size: tuple[int, int]) -> None:
    card.resize(*size)
    card.show_view(LONGEST)
    first, *rest = [button.geometry() for button in card.buttons]
    for other in rest:
        assert not first.adjusted(-11, -11, 11, 11).intersects(other)


@pytest.mark.parametrize("headline", HEADLINES)
def test_headline_fits_two_unbroken_lines_in_the_narrowest_column(theme: Theme, headline: str) -> None:
    view = CardView(tone=Tone.RED, icon="x", headline=headline, bin="AA-12")
    # 307 px is the headline's column at 1280 x 800 beside the queue and a five-letter bin.
    layout = Layout(view, theme, 700, 1.0)
    face, text = layout.headline(307)
    metrics = theme.metrics(face)
    assert theme.font(face).pixelSize() >= 36
    assert text.size().height() <= 2 * metrics.lineSpacing() + 2
    assert max(metrics.horizontalAdvance(word) for word in headline.split()) <= 307


@pytest.mark.parametrize("size", SIZES)
def test_twelve_long_lines_can_all_be_reached(card: ResultCard, qtbot: QtBot, size: tuple[int, int]) -> None:
    card.resize(*size)
    card.show_view(LONGEST)
    seen = [card.scroll_position]
    for _ in range(40):
        QTest.keyClick(card.primary, Qt.Key.Key_PageDown)
        seen.append(card.scroll_position)
    assert seen[-1] == card.scroll_reach > 0
    QTest.keyClick(card.primary, Qt.Key.Key_PageUp)
    assert card.scroll_position < card.scroll_reach


def test_wheel_and_finger_scroll(card: ResultCard, qtbot: QtBot) -> None:
    card.show_view(LONGEST)
    middle = QPointF(card.rect().center())
    card.wheelEvent(
        QWheelEvent(
            middle,
            middle,
            QPoint(),
            QPoint(0, -240),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
    )
    after_wheel = card.scroll_position
    assert after_wheel > 0
    # What the recogniser makes of a finger, with a clock of our own.
    scroller = QScroller.scroller(card)
    scroller.handleInput(QScroller.Input.InputPress, QPointF(300, 400), 0)
    for step in range(1, 9):
        scroller.handleInput(QScroller.Input.InputMove, QPointF(300, 400 - step * 20), step * 16)
    scroller.handleInput(QScroller.Input.InputRelease, QPointF(300, 240), 140)
    qtbot.waitUntil(lambda: card.scroll_position > after_wheel)


def test_ticking_a_line_keeps_scroll_and_focus(card: ResultCard, qtbot: QtBot) -> None:
    card.show_view(LONGEST)
    QTest.keyClick(card.primary, Qt.Key.Key_PageDown)
    card.buttons[0].setFocus()
    at = card.scroll_position
    lines = (replace(LONGEST.lines[0], state=LineState.RIGHT), *LONGEST.lines[1:])
    card.revise_view(replace(LONGEST, lines=lines))
    assert card.scroll_position == at
    assert card.buttons[0].hasFocus()


def test_left_handed_clerk_finds_the_action_at_the_left(card: ResultCard) -> None:
    card.show_view(READY)
    right = card.primary.geometry()
    card.set_mirrored(True)
    assert card.primary.geometry().center().x() == pytest.approx(card.width() - right.center().x(), abs=2)


def test_larger_scale_makes_larger_targets(card: ResultCard, theme: Theme, qapp: QApplication) -> None:
    card.show_view(READY)
    before = card.primary.height()
    theme.apply(qapp, dark=theme.tokens.dark, scale=1.5)
    assert card.primary.height() == round(before * 1.5)
    assert card.primary.width() >= card.primary.sizeHint().width()
