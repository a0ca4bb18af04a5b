"""Needs attention: cases are looked at and decided, by touch and by keyboard, and what waits is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from posapp.domain.cases import COPIED, KIND, PROVISIONAL, Case, Side
from posapp.domain.facts import Answer
from tests.kit.things import NOW
from tests.screens.samples import CASE, QUEUE
from tests.screens.scenes import Stage
from tests.ui.stages import on_stage
from ui.screens.attention import AttentionScreen
from ui.view import Tone


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    with on_stage(tmp_path, qtbot, CASE, *QUEUE) as made:
        yield made


def attention(stage: Stage) -> AttentionScreen:
    ref = stage.counter.hand_over(CASE.number).ref
    stage.counter.answer(ref, Answer.REJECTED, reason="already-handed-over")
    stage.window.go("attention")
    front = stage.window.front
    assert isinstance(front, AttentionScreen)
    return front


def test_a_case_is_decided_once(stage: Stage) -> None:
    screen = attention(stage)
    screen.choose(stage.counter.desk.attention.cases()[0].ref)
    assert "frühere Übergabe" in screen.card.view.sentence
    screen.choices[2].click()
    screen.choices[0].click()
    assert [kind for kind, _s in stage.counter.facts()] == ["HandedOver", "CaseSettled"]
    assert stage.counter.desk.attention.cases() == []
    assert "Derselbe Vorgang" in screen.said.text


def test_a_case_of_another_till_says_who_did_what_and_is_decided_here(stage: Stage) -> None:
    side = Side("HandedOver", "B01-2", "Miriam", NOW)
    other = Side("HandedOver", "B01-1", "Ana", NOW)
    case = Case("f", f"order:{CASE.number}", "already-handed-over", NOW, side, (other,))
    stage.counter.records((KIND, case.id, case.to_body()))
    stage.window.go("attention")
    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    rows = screen.panel.list.rows
    assert rows.row(rows.index(0, 0)).detail == "Kasse 2 · Miriam"
    screen.choose(case.id)
    told = [(fact.label, fact.value) for fact in screen.card.view.facts]
    assert ("Kasse 2", "übergeben") in told
    assert ("An Kasse", "Kasse 1") in told
    screen.decide("left")
    assert [kind for kind, _s in stage.counter.facts()] == ["CaseSettled"]
    assert rows.rowCount() == 0


def test_a_copied_till_is_decided_by_what_became_of_the_copy(stage: Stage) -> None:
    there = Side("HandedOver", "B01-2", "Ana", NOW, subject="order:W-1")
    sent = Side("HandedOver", "B01-2", "Miriam", NOW, subject="order:W-2")
    evidence = {"seq": 17, "hash": "ab12", "sent_hash": "cd34", "last_seq": 20}
    case = Case("c", "till:B01-2", COPIED, NOW, sent, (there,), evidence)
    stage.counter.records((KIND, case.id, case.to_body()))
    screen = attention(stage)
    goods = next(one.ref for one in stage.counter.desk.attention.cases() if one.ref != case.id)
    screen.choose(case.id)
    told = [(fact.label, fact.value) for fact in screen.card.view.facts]
    assert told[:3] == [
        ("Trennung bei Eintrag", "17"),
        ("Fingerabdrücke", "ab12 / cd34"),
        ("Der Hub hat", "übergeben · W-1"),
    ]
    assert told[4] == ("Eine Kopie sandte", "übergeben · W-2")
    assert [button.isVisible() for button in screen.choices] == [True, True, False]
    screen.choose(goods)
    assert all(button.isVisible() for button in screen.choices)
    screen.choose(case.id)
    screen.choices[1].click()
    assert "Neu angemeldet" in screen.said.text
    kind, _subject = stage.counter.facts()[-1]
    assert kind == "CaseSettled"
    assert [one.ref for one in stage.counter.desk.attention.cases()] == [goods]


def test_a_case_is_decided_by_keyboard_alone(stage: Stage) -> None:
    screen = attention(stage)
    stage.window.activateWindow()
    screen.panel.list.setCurrentIndex(screen.panel.list.rows.index(0, 0))
    QTest.keyClick(screen.panel.list, Qt.Key.Key_Return)
    reached = []
    for _ in screen.choices:
        QTest.keyClick(stage.window, Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    assert reached == screen.choices
    QTest.keyClick(screen.choices[-1], Qt.Key.Key_Space)
    assert [kind for kind, _s in stage.counter.facts()] == ["HandedOver", "CaseSettled"]


def test_goods_that_left_on_a_managers_word_are_looked_at(stage: Stage) -> None:
    side = Side("HandedOver", "B01-2", "Miriam", NOW, (), "bekannt")
    case = Case("f", f"order:{CASE.number}", PROVISIONAL, NOW, side)
    stage.counter.records((KIND, case.id, case.to_body()))
    stage.window.go("attention")
    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    screen.choose(case.id)
    assert screen.card.view.tone is Tone.AMBER
    assert screen.card.view.sentence.endswith(": bekannt")


def test_a_hundred_and_fifty_cases_are_counted_and_read_as_they_come_into_sight(stage: Stage) -> None:
    side = Side("HandedOver", "B01-2", "Miriam", NOW)
    told = [
        Case(f"f{number:03}", "order:X", "more-than-ordered", NOW + timedelta(seconds=number), side)
        for number in range(150)
    ]
    stage.counter.records(*((KIND, case.id, case.to_body()) for case in told))
    stage.window.go("attention")
    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    assert screen.panel.heading.text().startswith("150 ")
    rows = screen.panel.list.rows
    assert rows.rowCount() == 100
    while rows.canFetchMore(QModelIndex()):
        rows.fetchMore(QModelIndex())
    assert rows.rowCount() == 150
    screen.choose("f149")
    screen.decide("here")
    assert screen.panel.heading.text().startswith("149 ")
    while rows.canFetchMore(QModelIndex()):
        rows.fetchMore(QModelIndex())
    assert rows.rowCount() == 149


def test_a_case_settled_elsewhere_says_so(stage: Stage) -> None:
    screen = attention(stage)
    ref = stage.counter.desk.attention.cases()[0].ref
    screen.choose(ref)
    stage.counter.desk.attention.settle(ref, "left")
    screen.decide("here")
    assert "schon geklärt" in screen.said.text


def test_what_waits_for_the_hub_is_told(stage: Stage) -> None:
    screen = attention(stage)
    assert screen.standing.text().startswith("Nichts wartet")
    stage.counter.hand_over("W-4001")
    stage.counter.clock.pass_by(600)
    screen.refresh()
    assert screen.standing.text().startswith("1 Vorgang wartet. Der älteste wartet 10 min.")
