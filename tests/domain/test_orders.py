"""What each fact does to an order: never more leaves than was ordered, and once is enough."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from posapp.domain.errors import Refused
from posapp.domain.facts import Fact
from posapp.domain.goods import Line, Paid, Parcel, ParcelState, code_token
from posapp.domain.orders import Order
from tests.kit.things import (
    CODE,
    NOW,
    STORE_KEY,
    fact,
    handed,
    names,
    order,
    orders,
    plain,
    undone,
)


def refusal(known: Order, what: Any, till: str = "t1") -> str:
    with pytest.raises(Refused) as caught:
        known.after(what, till)
    return caught.value.reason


# --- the JSON form ---


@given(orders())
def test_an_order_comes_back_from_its_json_as_it_was(known: Order) -> None:
    body = json.loads(json.dumps(known.to_body()))
    assert Order.from_body(body) == known
    assert Order.from_body(body).to_body() == known.to_body()


@given(orders(), st.dictionaries(names.map("x_{}".format), plain))
def test_fields_of_a_later_version_are_passed_over(known: Order, later: dict[str, Any]) -> None:
    body = known.to_body()
    for part in (body, *body["lines"], *body.get("parcels", ()), *body.get("codes", ())):
        part.update(later)
    assert Order.from_body(body) == known


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body where something else might stand."""
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += places(inner, (*path, key))
    return found


nonsense = st.recursive(
    plain | st.sampled_from([float("inf"), float("nan"), 1e300, "9" * 5000, "0001-01-01T00:00:00+14:00"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@given(orders(), nonsense, st.data())
def test_what_is_no_order_is_told_so_and_never_breaks(known: Order, wrong: Any, data: st.DataObject) -> None:
    body: Any = known.to_body()
    path = data.draw(st.sampled_from(places(body)).filter(bool))
    inside = body
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = wrong
    try:
        Order.from_body(body).index()
    except (KeyError, TypeError, ValueError):
        return


# --- handing over ---


def test_a_hand_over_takes_the_lines_out() -> None:
    what = handed({"l1": 1, "l2": 1})
    after = order().after(what, "t1")
    assert after.open_lines() == {"l2": 1}
    (done,) = after.hand_overs
    assert (done.ref, done.lines, done.clerk, done.till, done.proof) == (
        what.id,
        (("l1", 1), ("l2", 1)),
        "Ana",
        "t1",
        "code",
    )
    assert after.queue() == "ready"
    assert after.after(handed({"l2": 1}), "t1").queue() == ""


@given(orders(), st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(-1, 12)), max_size=8))
def test_never_more_leaves_than_was_ordered(known: Order, acts: list[tuple[bool, int, int]]) -> None:
    """Whatever is done in whatever order, refused or not."""
    known = replace(known, hand_overs=())
    ordered = {line.id: line.quantity for line in known.lines}
    facts: list[Fact] = []
    for take_back, which, count in acts:
        what = (
            undone(facts[which % len(facts)].id)
            if take_back and facts
            else handed({known.lines[which % len(known.lines)].id: count})
        )
        try:
            known = known.after(what, "t1")
        except Refused:
            continue
        if not take_back:
            facts.append(what)
        left: dict[str, int] = {}
        for done in known.live_hand_overs():
            for line, quantity in done.lines:
                left[line] = left.get(line, 0) + quantity
        assert all(0 < quantity <= ordered[line] for line, quantity in left.items())
        assert all(0 < quantity <= known.open_lines()[line] for line, quantity in known.lines_here().items())


@given(orders())
def test_a_fact_that_comes_again_changes_nothing(known: Order) -> None:
    ready = replace(known, hand_overs=(), cancelled_at=None, blocked="", paid=Paid.PAID)
    what = handed(ready.open_lines())
    once = ready.after(what, "t1")
    assert once.after(what, "t2") == once
    back = once.after(undone(what.id), "t1")
    assert back.after(undone(what.id), "t1") == back
    assert back.after(what, "t1") == back


@given(orders())
def test_an_undo_restores_what_was_open(known: Order) -> None:
    ready = replace(known, cancelled_at=None, blocked="", paid=Paid.PAID)
    assume(ready.open_lines())
    what = handed(ready.open_lines())
    back = ready.after(what, "t1").after(undone(what.id), "t1")
    assert back.open_lines() == ready.open_lines()
    assert back.lines_here() == ready.lines_here()
    assert (back.queue(), back.index()) == (ready.queue(), ready.index())
    assert back.after(handed(back.open_lines()), "t1").open_lines() == {}


@pytest.mark.parametrize(
    ("known", "what", "reason"),
    [
        (order(cancelled_at=NOW), handed(), "order-cancelled"),
        (order(blocked="theft"), handed(), "order-blocked"),
        (order(paid=Paid.UNPAID), handed(), "order-unpaid"),
        (order(paid=Paid.PROMISED), handed(), "order-pay-first"),
        (order(), handed({}), "nothing-to-hand-over"),
        (order(), handed({"l1": 0}), "nothing-to-hand-over"),
        (order(), handed({"l1": -1}), "nothing-to-hand-over"),
        (order(), handed({"l1": True}), "nothing-to-hand-over"),
        (order(), handed({"l1": "1"}), "nothing-to-hand-over"),
        (order(), handed({"l1": 2}), "more-than-ordered"),
        (order(), handed({"l9": 1}), "more-than-ordered"),
        (order(), fact("HandedOver", {"lines": ["l1"]}), "nothing-to-hand-over"),
        (order(), fact("HandedOver", {}), "nothing-to-hand-over"),
        (order(), undone("nobody"), "nothing-to-undo"),
        (order(), fact("HandOverUndone", {}), "nothing-to-undo"),
    ],
)
def test_what_may_not_leave_stays(known: Order, what: Any, reason: str) -> None:
    assert refusal(known, what) == reason


def test_money_promised_may_be_taken_here() -> None:
    assert order(paid=Paid.PROMISED).after(handed(paid_here=True), "t1").open_lines() == {}


def test_a_second_hand_over_is_told_who_did_the_first() -> None:
    first = handed()
    with pytest.raises(Refused) as caught:
        order().after(first, "t2").after(handed(), "t1")
    assert caught.value.reason == "already-handed-over"
    assert {"clerk": "Ana", "till": "t2", "ref": first.id}.items() <= caught.value.details.items()


def test_a_fact_of_a_later_version_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        order().after(fact("Teleported", {}), "t1")


# --- several parcels ---

TWO = order(
    lines=(Line("l1", "Armband", 2), Line("l2", "Füller", 1)),
    parcels=(
        Parcel("A", ParcelState.IN_BIN, bin="A1", lines=(("l1", 1), ("l2", 1))),
        Parcel("B", ParcelState.ON_THE_WAY, lines=(("l1", 1),)),
    ),
)


def with_second(known: Order, state: ParcelState, first: ParcelState = ParcelState.IN_BIN) -> Order:
    one, other = known.parcels
    return replace(known, parcels=(replace(one, state=first), replace(other, state=state, bin="A2")))


def test_only_what_lies_here_may_leave() -> None:
    assert TWO.lines_here() == {"l1": 1, "l2": 1}
    assert TWO.queue() == "partly_here"


def test_the_rest_may_leave_when_it_comes() -> None:
    taken = TWO.after(handed(TWO.lines_here()), "t1")
    assert taken.lines_here() == {}
    assert with_second(taken, ParcelState.IN_BIN).lines_here() == {"l1": 1}


def test_a_parcel_that_left_takes_nothing_from_the_one_that_came() -> None:
    """What was handed over came out of the parcel that is gone, not out of the one that is here."""
    taken = TWO.after(handed(TWO.lines_here()), "t1")
    assert with_second(taken, ParcelState.IN_BIN, ParcelState.HANDED_OVER).lines_here() == {"l1": 1}


def test_a_parcel_of_unknown_content_counts_for_every_line() -> None:
    assert order().lines_here() == {"l1": 1, "l2": 2}


def test_what_is_not_here_never_may_leave() -> None:
    for state in set(ParcelState) - {ParcelState.ARRIVED, ParcelState.IN_BIN}:
        assert order(parcels=(Parcel("A", state),)).lines_here() == {}
    assert order(parcels=()).lines_here() == {}


# --- how it is found ---


@pytest.mark.parametrize(
    ("known", "queue"),
    [
        (order(), "ready"),
        (TWO, "partly_here"),
        (order(parcels=(Parcel("A", ParcelState.ANNOUNCED),)), "expected"),
        (order(parcels=()), "expected"),
        (order(blocked="x"), "held"),
        (order(paid=Paid.UNPAID), "held"),
        (order(paid=Paid.PROMISED), "ready"),
        (order(parcels=(Parcel("A", ParcelState.IN_RETURN),)), "returning"),
        (order(returned_at=NOW), "returning"),
        (order(cancelled_at=NOW), ""),
        (order().after(handed(), "t1"), ""),
    ],
)
def test_an_order_waits_in_one_queue(known: Order, queue: str) -> None:
    assert known.queue() == queue


def test_an_order_is_found_by_number_label_and_code_but_keeps_no_code() -> None:
    index = order("w-7", parcels=(Parcel("lbl-9", ParcelState.IN_BIN),)).index()
    assert index.tokens == ("W-7", "LBL-9")
    tokens = order().index().tokens
    assert code_token(STORE_KEY, CODE) in tokens
    assert code_token(STORE_KEY, CODE.lower()) == code_token(STORE_KEY, CODE)
    assert code_token(bytes(32), CODE) != code_token(STORE_KEY, CODE)
    assert CODE not in json.dumps(order().to_body())
