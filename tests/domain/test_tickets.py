"""Service tickets: what each fact does, and what it must not."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, subject
from posapp.domain.ids import new_fact_id
from posapp.domain.subjects import fold, read_body
from posapp.domain.tickets import (
    STEPS,
    TICKET_HANDED_BACK,
    TICKET_MOVED,
    TICKET_OPENED,
    TICKET_STEP_UNDONE,
    Ticket,
    TicketState,
    TicketVerdict,
)
from tests.kit.things import NOW, STORE

CLAIM = "CT7KX29DRTH"
BAG = "SB222222222"


def fact(kind: str, minutes: int = 0, **payload: Any) -> Fact:
    return Fact(
        new_fact_id(), kind, subject("ticket", CLAIM), payload, "Ana", NOW + timedelta(minutes=minutes)
    )


def opening(**other: Any) -> Fact:
    told = {
        "store": STORE,
        "job": "battery",
        "customer": "Jörg Weiß",
        "object": "Nordlicht 36",
        "wish": "steht",
        "bag": BAG,
        "promised": "2026-12-01",
    }
    return fact(TICKET_OPENED, **{**told, **other})


def ticket() -> Ticket:
    found = fold(None, opening(), "t1")
    assert isinstance(found, Ticket)
    return found


def moved(known: Ticket, *states: TicketState) -> Ticket:
    for state in states:
        known = known.after(fact(TICKET_MOVED, to=state.value), "t1")
    return known


def test_a_ticket_begins_with_its_opening_only() -> None:
    assert ticket().state is TicketState.OPENED
    assert ticket().index().tokens == (CLAIM, BAG)
    with pytest.raises(Refused, match="subject-unknown"):
        fold(None, fact(TICKET_MOVED, to="ready"), "t1")


@pytest.mark.parametrize("field", ["customer", "object", "bag", "store"])
@pytest.mark.parametrize("value", ["", "   "])
def test_what_the_customer_needs_must_be_there(field: str, value: str) -> None:
    with pytest.raises(Refused, match=f"ticket-{field}-missing"):
        fold(None, opening(**{field: value}), "t1")


@pytest.mark.parametrize("wrong", [{"job": "polish"}, {"promised": "soon"}, {"job": None}])
def test_what_cannot_be_read_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="ticket-unreadable"):
        fold(None, opening(**wrong), "t1")


def test_the_way_of_a_ticket() -> None:
    done = moved(ticket(), TicketState.IN_WORK, TicketState.READY)
    assert done.verdict(STORE) is TicketVerdict.READY_BACK
    back = done.after(fact(TICKET_HANDED_BACK, 5), "t1")
    assert back.verdict(STORE) is TicketVerdict.HANDED_BACK
    assert back.index().queue == ""
    with pytest.raises(Refused, match="ticket-handed-back"):
        back.after(fact(TICKET_HANDED_BACK, 6), "t1")


def test_nothing_is_handed_back_before_the_work_is_done() -> None:
    with pytest.raises(Refused, match="ticket-not-ready"):
        ticket().after(fact(TICKET_HANDED_BACK), "t1")


def test_only_the_last_step_can_be_undone() -> None:
    work = moved(ticket(), TicketState.IN_WORK)
    done = moved(work, TicketState.READY)
    with pytest.raises(Refused, match="nothing-to-undo"):
        done.after(fact(TICKET_STEP_UNDONE, step=work.steps[-1].ref), "t1")
    undone = done.after(fact(TICKET_STEP_UNDONE, step=done.steps[-1].ref), "t1")
    assert (undone.state, undone.steps) == (TicketState.IN_WORK, work.steps)
    with pytest.raises(Refused, match="nothing-to-undo"):
        ticket().after(fact(TICKET_STEP_UNDONE, step=ticket().steps[0].ref), "t1")


def test_late_is_what_was_promised_and_is_not_done() -> None:
    day = date(2026, 12, 2)
    assert ticket().late(day)
    assert not ticket().late(date(2026, 12, 1))
    assert not moved(ticket(), TicketState.READY).late(day)


@given(st.lists(st.sampled_from([*TicketState, "back", "undo", "nonsense"]), max_size=12))
def test_any_order_of_steps_keeps_the_rules(wanted: list[Any]) -> None:
    known = ticket()
    for want in wanted:
        kind = TICKET_MOVED
        payload: dict[str, Any] = {"to": str(want)}
        if want == "back":
            kind, payload = TICKET_HANDED_BACK, {}
        elif want == "undo":
            kind, payload = TICKET_STEP_UNDONE, {"step": known.steps[-1].ref}
        before, step = known, fact(kind, **payload)
        try:
            known = known.after(step, "t1")
        except Refused:
            assert known == before
            continue
        assert known.after(step, "t1") == known, "a fact told twice changes nothing"
        if known.state is TicketState.HANDED_BACK and before.state is not TicketState.HANDED_BACK:
            assert before.state in (TicketState.READY, TicketState.UNREPAIRED)
        elif want != "undo" and known != before:
            assert known.state in STEPS[before.state]
        assert read_body("ticket", known.to_body()) == known
