"""Every kind of subject is read and folded by its own class, through one register."""

from dataclasses import replace

import pytest
from hypothesis import given

from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Fact
from posapp.domain.orders import Order
from posapp.domain.subjects import SUBJECTS, fold, read_body
from tests.kit.things import fact, facts_of, handed, order, orders, payloads


@given(orders())
def test_a_record_of_a_known_kind_is_read_by_its_class(known: Order) -> None:
    assert read_body("order", known.to_body()) == known


def test_a_kind_nobody_here_knows_has_no_value() -> None:
    assert "hovercraft" not in SUBJECTS
    assert read_body("hovercraft", {"number": "W-1"}) is None


def test_a_fact_does_what_the_subjects_own_rule_says() -> None:
    what = handed()
    assert fold(order(), what, "t1") == order().after(what, "t1")


@given(orders())
def test_settling_a_case_changes_nothing_in_the_subject(known: Order) -> None:
    assert fold(known, fact(CASE_SETTLED, {"fact": "x", "choice": "left"}), "t1") == known


def test_an_order_does_not_begin_with_a_fact() -> None:
    with pytest.raises(Refused, match="subject-unknown"):
        fold(None, handed(), "t1")


def test_a_kind_of_subject_nobody_knows_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        fold(None, replace(handed(), subject="hovercraft:1"), "t1")


@given(orders(), facts_of(payloads))
def test_any_fact_is_done_refused_or_not_known(known: Order, what: Fact) -> None:
    for kind in (what.kind, "HandedOver", "HandOverUndone", CASE_SETTLED):
        try:
            after = fold(known, replace(what, kind=kind), "t1")
        except (Refused, KeyError):
            continue
        assert isinstance(after, Order)
        assert after.number == known.number
