"""Cases are read as they were written, whoever wrote them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.cases import Case, Side, State
from posapp.domain.custody import Provisional
from posapp.domain.errors import Refused
from posapp.domain.facts import timestamp
from posapp.domain.goods import HandOver
from posapp.domain.orders import HANDED_OVER, Index
from posapp.domain.subjects import fold, read_body
from tests.kit.things import NOW, fact

moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
words = st.text(max_size=20)
lines = st.dictionaries(words.filter(bool), st.integers(1, 99), max_size=3).map(lambda d: tuple(d.items()))
sides = st.builds(Side, words.filter(bool), words, words, st.none() | moments, lines, words)
found = st.builds(
    Case,
    id=words,
    subject=words,
    reason=words,
    opened_at=moments,
    said=sides,
    others=st.lists(sides, max_size=3).map(tuple),
    evidence=st.dictionaries(words, words, max_size=2),
    state=st.sampled_from(State),
    choice=words,
    settled=st.none() | sides,
)


@given(found)
def test_a_case_reads_back(case: Case) -> None:
    assert read_body("case", case.to_body()) == case
    assert case.index().queue == case.state


def test_a_state_of_a_newer_version_is_to_be_looked_at() -> None:
    case = Case("f", "order:W-1", "gone", NOW, Side("HandedOver"))
    body = case.to_body() | {"state": "appealed", "judge": "Anna"}
    assert Case.from_body(body).state is State.OPEN
    assert case.index() == Index(queue="open", since=timestamp(NOW))


def test_a_hand_over_says_on_whose_word_it_was_done() -> None:
    lines = {"l1": 2, "l2": "x"}
    manager = fact(HANDED_OVER, {"lines": lines, "custody": {"provisional": "manager", "reason": "known"}})
    assert Side.of(manager, "t1") == Side(HANDED_OVER, "t1", manager.clerk, manager.at, (("l1", 2),), "known")
    label = fact(HANDED_OVER, {"lines": [], "custody": {"provisional": "label"}})
    assert (Side.of(label, "t1").why, Side.of(label, "t1").lines) == (Provisional.LABEL, ())
    granted = fact(HANDED_OVER, {"lines": lines, "custody": {"token": 3}})
    assert Side.of(granted, "t1").why == ""
    done = HandOver("f", NOW, (("l1", 1),), "Ben", "t2")
    assert Side.of_hand_over(done) == Side(HANDED_OVER, "t2", "Ben", NOW, (("l1", 1),))


def test_no_fact_is_about_a_case() -> None:
    about = fact("CaseSettled", {}, about="t1")
    with pytest.raises(KeyError):
        Case("f", "order:W-1", "gone", NOW, Side("HandedOver")).after(about, "t1")
    from dataclasses import replace

    with pytest.raises(Refused, match="subject-unknown"):
        fold(None, replace(about, subject="case:f"), "t1")
