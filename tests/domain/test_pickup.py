"""One order for each verdict, which question comes first, and what may leave under each answer."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.goods import Code, CodeUse, Line, Paid, Parcel, ParcelState
from posapp.domain.orders import Order
from posapp.domain.pickup import MAY_HAND_OVER, Judged, Verdict, judge
from tests.kit.things import NOW, STORE, handed, order, orders, times, token

HOUR = timedelta(hours=1)
ALL = (("l1", 1), ("l2", 2))


def parcel(state: ParcelState, bin: str = "A3", label: str = "P1") -> Parcel:
    return Parcel(label, state, bin=bin)


def passed(**other: Any) -> Code:
    return Code(token("PASS"), **{"use": CodeUse.PASS, "name": "Tom Beck", "until": NOW + HOUR, **other})


def judged(known: Order, code: str = "", now: datetime = NOW, case_open: bool = False) -> Judged:
    return judge(known, store=STORE, now=now, token=token(code) if code else "", case_open=case_open)


def verdict(known: Order, code: str = "", now: datetime = NOW, case_open: bool = False) -> Verdict:
    return judged(known, code, now, case_open).verdict


# --- one order for each verdict ---

SPLIT = (parcel(ParcelState.IN_BIN), parcel(ParcelState.ON_THE_WAY, label="P2"))
TAKEN = order().after(handed(), "t1")
REST = order().after(handed({"l1": 1}), "t1")

TABLE = {
    Verdict.READY: order(),
    Verdict.READY_ATTENTION: order(note="Geschenk"),
    Verdict.REST_OPEN: REST,
    Verdict.PARTLY_HERE: order(parcels=SPLIT),
    Verdict.NOT_PUT_AWAY: order(parcels=(parcel(ParcelState.ARRIVED, bin=""),)),
    Verdict.NOT_HERE_YET: order(parcels=(parcel(ParcelState.ON_THE_WAY),)),
    Verdict.ANSWER_NEEDED: order(question="Über 18?"),
    Verdict.PAY_HERE: order(paid=Paid.PROMISED),
    Verdict.EXPIRED: order(hold_until=NOW - HOUR),
    Verdict.ALREADY_HANDED_OVER: TAKEN,
    Verdict.UNPAID: order(paid=Paid.UNPAID),
    Verdict.CANCELLED: order(cancelled_at=NOW - HOUR),
    Verdict.GOING_BACK: order(parcels=(parcel(ParcelState.IN_RETURN),)),
    Verdict.RETURNED: order(returned_at=NOW - HOUR),
    Verdict.OTHER_STORE: order(store="B02"),
    Verdict.BLOCKED: order(blocked="Betrugsverdacht"),
}


@pytest.mark.parametrize("expected", TABLE)
def test_an_order_gets_its_verdict(expected: Verdict) -> None:
    found = judged(TABLE[expected])
    assert found.verdict is expected
    assert bool(found.lines) is (expected in MAY_HAND_OVER)


def test_what_a_ready_card_rests_on() -> None:
    assert judged(order()) == Judged(Verdict.READY, lines=ALL, bins=("A3",), parcels_here=1, parcels=1)


def test_the_first_hand_over_is_told() -> None:
    assert judged(TAKEN).first == TAKEN.hand_overs[0]
    assert judged(REST).first == REST.hand_overs[0]
    assert judged(REST).lines == (("l2", 2),)


def test_parcels_are_counted_and_bins_named_once() -> None:
    found = judged(order(parcels=(*SPLIT, parcel(ParcelState.IN_BIN, label="P3"))))
    assert (found.parcels_here, found.parcels, found.bins) == (2, 3, ("A3",))


def test_another_stores_order_tells_nothing() -> None:
    assert judged(replace(TAKEN, store="B02")) == Judged(Verdict.OTHER_STORE)


# --- which question comes first ---

WORST_FIRST: list[tuple[Verdict, dict[str, Any]]] = [
    (Verdict.OTHER_STORE, {"store": "B02"}),
    (Verdict.BLOCKED, {"blocked": "x"}),
    (Verdict.CANCELLED, {"cancelled_at": NOW}),
    (Verdict.RETURNED, {"returned_at": NOW}),
    (Verdict.ALREADY_HANDED_OVER, {"hand_overs": TAKEN.hand_overs}),
    (Verdict.GOING_BACK, {"parcels": (*SPLIT, parcel(ParcelState.SENT_BACK, label="P3"))}),
    (Verdict.UNPAID, {"paid": Paid.UNPAID}),
    (Verdict.EXPIRED, {"hold_until": NOW - HOUR}),
    (Verdict.PARTLY_HERE, {"parcels": SPLIT}),
    (Verdict.NOT_PUT_AWAY, {"parcels": (parcel(ParcelState.ARRIVED, bin=""),)}),
    (Verdict.PAY_HERE, {"paid": Paid.PROMISED}),
    (Verdict.ANSWER_NEEDED, {"question": "?"}),
    (Verdict.READY_ATTENTION, {"note": "Geschenk"}),
]


@pytest.mark.parametrize("at", range(len(WORST_FIRST)))
def test_the_costlier_mistake_is_asked_about_first(at: int) -> None:
    """Everything that could be said of the order below is true at once."""
    changes: dict[str, Any] = {}
    for _, change in reversed(WORST_FIRST[at:]):
        changes.update(change)
    assert verdict(order(**changes)) is WORST_FIRST[at][0]


def test_an_open_case_comes_before_everything_but_another_store() -> None:
    assert verdict(order(blocked="x", cancelled_at=NOW), case_open=True) is Verdict.CASE_OPEN
    assert judged(order(), case_open=True).lines == ()
    assert verdict(order(store="B02"), case_open=True) is Verdict.OTHER_STORE


# --- codes ---


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (Code(token("X")), Verdict.READY),
        (Code(token("X"), CodeUse.REPLACED), Verdict.CODE_REPLACED),
        (Code(token("X"), CodeUse.REVOKED), Verdict.PASS_REVOKED),
        (Code(token("X"), CodeUse.PASS, "Tom Beck", NOW + HOUR), Verdict.PASS),
        (Code(token("X"), CodeUse.PASS, "Tom Beck", NOW), Verdict.PASS),
        (Code(token("X"), CodeUse.PASS, "Tom Beck", None), Verdict.PASS),
        (Code(token("X"), CodeUse.PASS, "Tom Beck", NOW - HOUR), Verdict.PASS_REVOKED),
    ],
)
def test_a_code_opens_what_it_is_good_for(code: Code, expected: Verdict) -> None:
    known = order(codes=(Code(token()), code))
    assert verdict(known, "X") is expected
    assert verdict(known) is Verdict.READY


def test_an_old_code_of_an_order_that_left_says_so_first() -> None:
    known = replace(TAKEN, codes=(Code(token("X"), CodeUse.REPLACED),))
    assert verdict(known, "X") is Verdict.ALREADY_HANDED_OVER


def test_a_pass_names_who_may_come_and_for_what() -> None:
    found = judged(order(codes=(passed(lines=("l2",)),)), "PASS")
    assert (found.verdict, found.person, found.lines) == (Verdict.PASS, "Tom Beck", (("l2", 2),))


@pytest.mark.parametrize(
    "change",
    [
        {"hold_until": NOW - HOUR},
        {"parcels": SPLIT},
        {"parcels": (parcel(ParcelState.ARRIVED, bin=""),)},
        {"paid": Paid.PROMISED},
        {"question": "?"},
        {"note": "Geschenk"},
    ],
)
def test_a_pass_never_opens_more_whatever_the_verdict(change: dict[str, Any]) -> None:
    found = judged(order(codes=(passed(lines=("l2",)),), **change), "PASS")
    assert found.verdict in MAY_HAND_OVER
    assert (found.person, found.lines) == ("Tom Beck", (("l2", 2),))


def test_a_pass_for_goods_that_left_opens_nothing() -> None:
    known = replace(REST, codes=(passed(lines=("l1",)),))
    assert verdict(known, "PASS") is Verdict.ALREADY_HANDED_OVER
    assert verdict(known) is Verdict.REST_OPEN


def test_a_pass_for_goods_on_the_way_waits_for_them() -> None:
    known = order(
        lines=(Line("l1", "Armband", 1), Line("l2", "Füller", 1)),
        parcels=(
            Parcel("A", ParcelState.IN_BIN, bin="A1", lines=(("l1", 1),)),
            Parcel("B", ParcelState.ON_THE_WAY, lines=(("l2", 1),)),
        ),
        codes=(passed(lines=("l2",)),),
    )
    assert verdict(known, "PASS") is Verdict.NOT_HERE_YET


# --- clocks ---


@given(times)
def test_a_clock_that_jumps_changes_nothing_without_a_date(now: datetime) -> None:
    assert verdict(order(), now=now) is Verdict.READY
    assert verdict(TAKEN, now=now) is Verdict.ALREADY_HANDED_OVER


@given(times, times)
def test_a_hold_ends_when_its_time_is_over(now: datetime, until: datetime) -> None:
    expected = Verdict.EXPIRED if until < now else Verdict.READY
    assert verdict(order(hold_until=until), now=now) is expected


# --- always ---


@given(orders(), times, st.booleans(), st.data())
def test_every_order_has_a_verdict_and_only_some_let_goods_leave(
    known: Order, now: datetime, case_open: bool, data: st.DataObject
) -> None:
    code = data.draw(st.sampled_from(["", *(code.token for code in known.codes)]))
    found = judge(known, store=STORE, now=now, token=code, case_open=case_open)
    assert bool(found.lines) is (found.verdict in MAY_HAND_OVER)
    left = known.open_lines()
    assert all(0 < count <= left[line] for line, count in found.lines)
    assert found.parcels_here <= found.parcels <= len(known.parcels)
    if known.store != STORE:
        assert found == Judged(Verdict.OTHER_STORE)
