"""Paying by card on the order's card: each stage says what to do, and none offers what would be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import resources
from posapp import texts
from posapp.domain.cards import Step
from posapp.domain.pickup import Judged, Verdict
from posapp.domain.sales import Paying, Stage
from tests.kit.counter import Counter, open_counter
from tests.screens.samples import ORDERS, scan_for
from ui import pay_view
from ui.order_view import HAND_OVER, OrderPresenter
from ui.view import CardView, Tone


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    texts.use("en")
    with open_counter(tmp_path) as made:
        made.tell(*ORDERS.values())
        yield made
    texts.use("de")


def card(counter: Counter, paying: Paying | None, verdict: Verdict = Verdict.PAY_HERE) -> CardView:
    result = counter.scan(scan_for(verdict))
    assert isinstance(result.judged, Judged)
    judged = replace(result.judged, paying=paying)
    return OrderPresenter().card(replace(result, judged=judged), {})


def ids(view: CardView) -> list[str]:
    return [a.id for a in (view.primary, *view.secondary) if a]


@pytest.mark.parametrize("stage", Stage)
def test_only_settled_money_lets_goods_leave(counter: Counter, stage: Stage) -> None:
    view = card(counter, Paying(stage, why="card-interrupted", where="B01-2"))
    assert (HAND_OVER in ids(view)) is (stage in (Stage.OFFERED, Stage.PAID))
    assert (pay_view.BY_CARD in ids(view)) is (stage is Stage.OFFERED)
    assert view.sentence
    assert resources.path(f"icons/{view.icon}.svg").exists()
    for action in (view.primary, *view.secondary):
        assert action is None or resources.path(f"icons/{action.icon}.svg").exists()
    assert (view.tone is Tone.RED) is (stage is Stage.DOUBT)
    assert bool(view.amount) is (stage is not Stage.PAID)
    if stage not in (Stage.OFFERED, Stage.PAID):
        assert (view.bin, view.primary) == ("", None)


def test_f12_takes_the_card_and_never_hands_over_by_accident(counter: Counter) -> None:
    view = card(counter, Paying(Stage.OFFERED))
    assert view.primary is not None
    assert (view.primary.id, view.primary.key) == (pay_view.BY_CARD, "F12")
    assert [(a.id, a.key) for a in view.secondary] == [(HAND_OVER, "")]


@pytest.mark.parametrize("step", [None, *Step])
def test_each_step_of_the_terminal_is_told(counter: Counter, step: Step | None) -> None:
    said = {card(counter, Paying(Stage.UNDER_WAY, one)).sentence for one in (step, Step.CARD)}
    assert len(said) == (1 if step is Step.CARD else 2)


def test_why_it_was_not_paid_stands_before_what_to_do(counter: Counter) -> None:
    view = card(counter, Paying(Stage.OFFERED, why="card-declined"))
    assert view.sentence.startswith("The card was declined. Nothing was booked.")


def test_what_was_paid_is_told_with_its_receipt(counter: Counter) -> None:
    view = card(counter, Paying(Stage.PAID, receipt=43, card="girocard"))
    assert (view.tone, view.headline) == (Tone.GREEN, "Ready to hand over")
    assert "By card here, receipt 43" in [fact.value for fact in view.facts]
    assert "amount taken here" not in view.consequence
    assert view.primary is not None
    assert (view.primary.id, view.primary.key, view.primary.text) == (HAND_OVER, "F12", "Hand over")


def test_what_was_paid_and_may_not_leave_goes_to_the_manager(counter: Counter) -> None:
    view = card(counter, Paying(Stage.PAID), Verdict.CANCELLED)
    assert view.headline == "Cancelled"
    assert "ask the manager" in view.band


def test_a_doubt_comes_first_whatever_became_of_the_order(counter: Counter) -> None:
    view = card(counter, Paying(Stage.DOUBT, why="card-unclear"), Verdict.CANCELLED)
    assert view.headline == "Payment not clear"


def test_an_order_that_others_pick_up_tells_nothing_of_its_payment(counter: Counter) -> None:
    for verdict in (Verdict.OTHER_STORE, Verdict.CODE_REPLACED):
        assert "receipt" not in card(counter, Paying(Stage.PAID, receipt=43), verdict).detail
