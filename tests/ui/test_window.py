"""The window at the counter: scan, card, hand-over, undo, by keys alone and by scanner alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from posapp.counter.scanning import Elsewhere
from posapp.domain.facts import Answer
from posapp.domain.pickup import Verdict
from posapp.storage.neighbour_copies import note_copied
from tests.screens.samples import CASE, ORDERS, QUEUE, TWINS, code_of, scan_for
from tests.screens.scenes import UNKNOWN, Stage
from tests.ui.stages import on_stage
from ui.bridge import LookedUp
from ui.view import LineState, Sound, Tone

Key = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    """A window with every verdict in reach, in German; whatever happens, no dialog may open."""
    with on_stage(tmp_path, qtbot, *ORDERS.values(), *TWINS, CASE, *QUEUE) as made:
        made.window.go("scan")
        yield made
        assert QApplication.activeModalWidget() is None


def press(qtbot: QtBot, stage: Stage, key: Qt.Key, control: bool = False) -> None:
    """A key wherever the focus is."""
    modifier = CTRL if control else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(QApplication.focusWidget() or stage.window, key, modifier)


def facts(stage: Stage) -> list[str]:
    """The kinds of the facts written."""
    return [kind for kind, _subject in stage.counter.facts()]


def payload(stage: Stage) -> dict[str, object]:
    """What the last fact says."""
    return dict(stage.counter.books.journal.latest(1)[0].fact.payload)


def headline(stage: Stage) -> str:
    """What the card says."""
    return stage.window.home.card.view.headline


def test_a_pickup_by_keys_alone(stage: Stage, qtbot: QtBot) -> None:
    home = stage.window.home
    assert QApplication.focusWidget() is home.field
    QTest.keyClicks(home.field, code_of("W-1001").lower())
    press(qtbot, stage, Key.Key_Return)
    assert headline(stage) == "Übergeben möglich"
    assert QApplication.focusWidget() is home.card.primary
    assert home.field.text() == ""
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == ["HandedOver"]
    assert headline(stage) == "Übergeben"
    assert home.card.view.tone is Tone.DONE
    assert stage.window.undo_bar.isVisible()
    press(qtbot, stage, Key.Key_Z, control=True)
    assert facts(stage) == ["HandedOver", "HandOverUndone"]
    assert headline(stage) == "Übergeben möglich"
    assert not stage.window.undo_bar.isVisible()


def test_the_number_opens_it_too_and_asks_for_proof(stage: Stage, qtbot: QtBot) -> None:
    stage.window.home.field.setText("w-1001")
    press(qtbot, stage, Key.Key_Return)
    assert headline(stage) == "Übergeben möglich"
    assert "Ausweis" in stage.window.home.card.view.sentence
    press(qtbot, stage, Key.Key_F12)
    assert payload(stage)["proof"] == "number"


def test_a_name_lists_the_matches(stage: Stage, qtbot: QtBot) -> None:
    stage.type("Hub")
    press(qtbot, stage, Key.Key_Return)
    assert stage.window.home.card.view.code in {"W-2001", "W-2002"}
    press(qtbot, stage, Key.Key_F12)
    assert payload(stage)["proof"] == "name"


def test_nothing_is_handed_over_twice(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    card = stage.window.home.card
    press(qtbot, stage, Key.Key_F12)
    press(qtbot, stage, Key.Key_F12)
    card.action.emit("hand_over")
    assert facts(stage) == ["HandedOver"]


def test_enter_never_hands_over(stage: Stage, qtbot: QtBot) -> None:
    """A scanner ends its code with Enter, and a slow one's Enter may come late."""
    stage.scan(code_of("W-1001"))
    for key in (Key.Key_Return, Key.Key_Enter):
        press(qtbot, stage, key)
    assert facts(stage) == []
    press(qtbot, stage, Key.Key_Space)
    assert facts(stage) == ["HandedOver"]


def test_what_is_typed_anywhere_goes_into_the_field(stage: Stage, qtbot: QtBot) -> None:
    """So a slow scanner's code never presses the button it has the focus on."""
    stage.scan(code_of("W-1001"))
    QTest.keyClicks(stage.window.home.card.primary, "W")
    assert QApplication.focusWidget() is stage.window.home.field
    QTest.keyClicks(stage.window.home.field, "-1002")
    press(qtbot, stage, Key.Key_Return)
    assert stage.window.home.card.view.code == "W-1002"
    assert facts(stage) == []


def test_a_note_is_read_first(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(scan_for(Verdict.READY_ATTENTION))
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == []
    assert headline(stage) == "Übergeben möglich"
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == ["HandedOver"]


def test_the_amount_is_taken_with_the_hand_over(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(scan_for(Verdict.PAY_HERE))
    assert stage.window.home.card.view.amount.startswith("1.218,75")
    press(qtbot, stage, Key.Key_F12)
    assert payload(stage)["paid_here"] is True


def test_the_question_comes_first(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(scan_for(Verdict.ANSWER_NEEDED))
    field = stage.window.home.tray.field
    assert field is not None
    assert QApplication.focusWidget() is field
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == []
    QTest.keyClicks(field, "ja")
    press(qtbot, stage, Key.Key_Return)
    assert headline(stage) == "Übergeben möglich"
    press(qtbot, stage, Key.Key_F12)
    assert payload(stage)["answer"] == "ja"


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(Verdict.EXPIRED, {"extended": True}), (Verdict.PARTLY_HERE, {"lines": {"1": 1}})],
)
def test_what_is_out_of_the_ordinary_has_no_f12(
    stage: Stage, qtbot: QtBot, verdict: Verdict, said: dict[str, object]
) -> None:
    stage.scan(scan_for(verdict))
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == []
    press(qtbot, stage, Key.Key_Space)
    assert said.items() <= payload(stage).items()


def test_a_scan_works_on_every_place_and_keeps_what_was_typed(stage: Stage, qtbot: QtBot) -> None:
    stage.window.home.field.setText("Wei")
    for place in ("pickups", "attention", "scan"):
        stage.window.go(place)
        stage.scan(code_of("W-1001"))
        assert stage.window.place == "scan"
        assert headline(stage) == "Übergeben möglich"
        assert stage.window.home.field.text() == "Wei"
        press(qtbot, stage, Key.Key_Escape)


def test_a_new_scan_wins_and_the_old_result_stays_in_reach(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(scan_for(Verdict.READY))
    stage.scan(scan_for(Verdict.UNPAID))
    assert headline(stage) == "Nicht bezahlt"
    press(qtbot, stage, Key.Key_Escape)
    home = stage.window.home
    assert home.idle.last.list.rows.rowCount() == 2
    assert home.idle.open.list.rows.rowCount() == 1
    rows = home.idle.open.list.rows
    home.idle.open.list.opened.emit(rows.row(rows.index(0, 0)).id)
    assert headline(stage) == "Übergeben möglich"


def test_a_refusal_is_told_on_the_spot(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    stage.counter.hand_over("W-1001")
    press(qtbot, stage, Key.Key_F12)
    assert facts(stage) == ["HandedOver"]
    assert headline(stage) == "Bereits abgeholt"
    assert "schon übergeben" in stage.window.home.tray.error


def test_undo_has_its_time(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    press(qtbot, stage, Key.Key_F12)
    stage.counter.clock.pass_by(61)
    stage.window.undo_bar.button.click()
    assert facts(stage) == ["HandedOver"]
    assert "vorbei" in stage.window.home.tray.error


def test_undo_works_from_every_place_once(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    press(qtbot, stage, Key.Key_F12)
    stage.window.home.card.expired.emit()
    assert QApplication.focusWidget() is stage.window.home.field
    press(qtbot, stage, Key.Key_Z, control=True)
    press(qtbot, stage, Key.Key_Z, control=True)
    assert facts(stage) == ["HandedOver", "HandOverUndone"]
    assert stage.window.place == "scan"


def test_the_ticks_come_by_themselves(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    press(qtbot, stage, Key.Key_F12)
    card = stage.window.home.card

    def ticks() -> int:
        return sum(line.state is LineState.RIGHT for line in card.view.lines)

    assert ticks() == 1
    ref = stage.counter.books.journal.latest(1)[0].fact.id
    stage.counter.answer(ref)
    stage.bridge.changed.emit(("order:W-1001",))
    qtbot.waitUntil(lambda: ticks() == 2)
    assert headline(stage) == "Übergeben"


def test_the_second_tick_comes_with_a_copy_at_another_till(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    press(qtbot, stage, Key.Key_F12)
    card = stage.window.home.card
    assert [line.state for line in card.view.lines] == [LineState.RIGHT, *[LineState.PENDING] * 2]
    note_copied(stage.counter.books.journal, 1)
    stage.bridge.changed.emit(("order:W-1001",))
    qtbot.waitUntil(lambda: card.view.lines[1].state is LineState.RIGHT)
    assert card.view.lines[1].text == "Auf einer zweiten Kasse oder im Hub"
    assert card.view.lines[2].state is LineState.PENDING


def test_an_order_that_changes_under_the_card_shows_it(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(code_of("W-1001"))
    stage.counter.records(("order", "W-1001", {**ORDERS[Verdict.READY].to_body(), "blocked": "shop"}))
    stage.bridge.changed.emit(("*",))
    qtbot.waitUntil(lambda: headline(stage) == "Gesperrt")
    assert not stage.window.home.card.buttons


def test_the_hub_is_asked_for_what_this_till_does_not_know(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(UNKNOWN)
    assert headline(stage) == "Wird gesucht …"
    assert stage.counter.looked_up == [UNKNOWN]
    elsewhere = Elsewhere("Uhren Berger, Karlsruhe")
    stage.bridge.looked_up.emit(LookedUp(UNKNOWN, "elsewhere", elsewhere))
    assert headline(stage) == "Andere Filiale"


def test_no_answer_in_time_is_unknown_and_a_late_one_still_counts(stage: Stage, qtbot: QtBot) -> None:
    stage.scan(UNKNOWN)
    qtbot.waitUntil(lambda: headline(stage) == "Unbekannter Code", timeout=4000)
    stage.bridge.looked_up.emit(LookedUp(UNKNOWN, "elsewhere", Elsewhere("Karlsruhe")))
    assert headline(stage) == "Andere Filiale"


@pytest.mark.parametrize(
    ("outcome", "word"), [("unknown", "Auch der Hub"), ("unreachable", "nicht erreichbar")]
)
def test_unknown_says_whether_the_hub_was_asked(stage: Stage, outcome: str, word: str) -> None:
    stage.scan(UNKNOWN)
    stage.bridge.looked_up.emit(LookedUp(UNKNOWN, outcome))
    assert headline(stage) == "Unbekannter Code"
    assert word in stage.window.home.card.view.sentence


def test_an_answer_for_another_code_changes_nothing(stage: Stage) -> None:
    stage.scan(UNKNOWN)
    stage.scan(code_of("W-1001"))
    stage.bridge.looked_up.emit(LookedUp(UNKNOWN, "unknown"))
    assert headline(stage) == "Übergeben möglich"


def test_matches_are_chosen_by_button(stage: Stage, qtbot: QtBot) -> None:
    stage.scan("DHL-TWIN")
    choices = stage.window.home.tray.choices
    assert choices[0].shown_action.text.startswith("W-2001 · Karin H.")
    assert QApplication.focusWidget() is choices[0]
    press(qtbot, stage, Key.Key_Space)
    assert stage.window.home.card.view.code == "W-2001"


def test_a_case_leads_to_the_cases(stage: Stage, qtbot: QtBot) -> None:
    ref = stage.counter.hand_over(CASE.number).ref
    stage.counter.answer(ref, Answer.REJECTED, reason="already-handed-over")
    stage.scan(code_of(CASE.number))
    assert headline(stage) == "Klärfall offen"
    press(qtbot, stage, Key.Key_Space)
    assert stage.window.place == "attention"


def test_each_result_sounds_and_a_muted_till_is_silent(stage: Stage) -> None:
    heard: list[tuple[Sound, ...]] = []
    stage.window.home.sounded.connect(heard.append)
    stage.scan(scan_for(Verdict.READY_ATTENTION))
    stage.scan(scan_for(Verdict.UNPAID))
    assert heard == [(Sound.GO, Sound.LOOK), (Sound.STOP,)]
    assert stage.window.status.sounds is None


def test_the_ready_queue_stands_beside_wide_screens_only(stage: Stage, qtbot: QtBot) -> None:
    home = stage.window.home
    assert home.ready.isVisible()
    qtbot.waitUntil(lambda: home.ready.list.rows.rowCount() > 5)
    stage.window.resize(1024, 768)
    qtbot.waitUntil(lambda: not home.ready.isVisible())
    press(qtbot, stage, Key.Key_Escape)
    assert home.idle.waiting.isVisible()
