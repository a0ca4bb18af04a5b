"""A sale is paid once: one open payment at a time, one close, and an end only where it is certain."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.cards import CardReceipt, Ended
from posapp.domain.errors import Refused
from posapp.domain.facts import Fact
from posapp.domain.ids import new_fact_id
from posapp.domain.money import Money
from posapp.domain.sales import (
    OPEN,
    PAYMENT_BEGUN,
    PAYMENT_NOT_BOOKED,
    SALE_CLOSED,
    SLACK,
    Payment,
    Sale,
)
from posapp.domain.subjects import fold, read_body
from tests.kit.things import NOW, STORE

PRICE = Money(1999)
AFTER = (42, 123)


def fact(kind: str, **payload: Any) -> Fact:
    return Fact(new_fact_id(), kind, "sale:W-1001", payload, "Ana", NOW)


def begun(**more: Any) -> Fact:
    told = {
        "store": STORE,
        "amount_minor": 1999,
        "currency": "EUR",
        "terminal": "68005523",
        "after": list(AFTER),
    }
    return fact(PAYMENT_BEGUN, **(told | more))


def opened() -> tuple[Sale, str]:
    first = begun()
    return Sale.opened(first, "t1"), first.id


def closed(ref: str) -> Fact:
    return fact(SALE_CLOSED, payment=ref, how="told", receipt=43, trace=124, card="girocard")


def test_a_sale_is_opened_by_its_first_payment_and_closed_by_the_one_that_was_booked() -> None:
    sale, ref = opened()
    assert (sale.id, sale.store, sale.amount, sale.booked) == ("W-1001", STORE, PRICE, None)
    payment = sale.open
    assert payment is not None
    assert (payment.ref, payment.till, payment.after) == (ref, "t1", AFTER)
    assert (sale.index().queue, sale.index().tokens, sale.index().words) == (OPEN, (), "")
    done = sale.after(closed(ref), "t1")
    assert done.open is None
    assert done.booked is not None
    assert (done.booked.receipt, done.booked.trace, done.booked.card) == (43, 124, "girocard")
    assert done.index().queue == ""
    assert done.to_body()["closed"] is True


def test_a_payment_that_was_not_booked_lets_another_one_begin() -> None:
    sale, ref = opened()
    sale = sale.after(fact(PAYMENT_NOT_BOOKED, payment=ref, how="told", why="card-declined"), "t1")
    assert (sale.open, sale.booked, sale.payments[-1].why) == (None, None, "card-declined")
    second = begun(amount_minor=1500)
    sale = sale.after(second, "t2").after(closed(second.id), "t2")
    assert [payment.ended for payment in sale.payments] == [Ended.NOT_BOOKED, Ended.BOOKED]
    assert sale.amount == Money(1500)


def test_nothing_ends_twice_and_nothing_begins_beside_an_open_payment() -> None:
    sale, ref = opened()
    with pytest.raises(Refused, match="payment-open"):
        sale.after(begun(), "t2")
    with pytest.raises(Refused, match="payment-settled"):
        sale.after(closed("another"), "t1")
    once = closed(ref)
    sale = sale.after(once, "t1")
    assert sale.after(once, "t1") is sale
    for late in (closed(ref), closed("another"), begun()):
        with pytest.raises(Refused, match="sale-closed"):
            sale.after(late, "t2")
    with pytest.raises(Refused, match="payment-settled"):
        sale.after(fact(PAYMENT_NOT_BOOKED, payment=ref), "t1")
    with pytest.raises(KeyError):
        sale.after(fact("SaleFramed"), "t1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": 0},
        {"amount_minor": True},
        {"amount_minor": "1"},
        {"amount_minor": None},
        {"after": [1]},
        {"after": 7},
    ],
)
def test_a_payment_without_an_amount_opens_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="sale-unreadable"):
        fold(None, begun(**wrong), "t1")


def test_only_a_begun_payment_opens_a_sale() -> None:
    with pytest.raises(Refused, match="subject-unknown"):
        fold(None, closed("x"), "t1")


@given(st.lists(st.sampled_from(["begin", "close", "fail", "again"]), max_size=12))
def test_whatever_happens_at_most_one_is_open_and_at_most_one_booked(steps: list[str]) -> None:
    sale, ref = opened()
    last: Fact | None = None
    for step in steps:
        made = {
            "begin": begun(),
            "close": closed(ref),
            "fail": fact(PAYMENT_NOT_BOOKED, payment=ref, how="told", why="card-failed"),
            "again": last or begun(),
        }[step]
        try:
            sale = sale.after(made, "t1")
        except Refused:
            continue
        last = made
        if made.kind == PAYMENT_BEGUN:
            ref = sale.payments[-1].ref
        assert sum(payment.ended is None for payment in sale.payments) <= 1
        assert sum(payment.ended is Ended.BOOKED for payment in sale.payments) <= 1
        assert not (sale.booked and sale.open)
        assert read_body("sale", sale.to_body()) == sale


@pytest.mark.parametrize(
    "body", [{}, {"id": "x", "store": "B01", "payments": []}, {"id": "x", "store": "B01", "payments": [{}]}]
)
def test_what_is_no_sale_is_told(body: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Sale.from_body(body)


# -- what the terminal's last receipt says ---------------------------------------------------------------
NEW = CardReceipt(43, 124, PRICE, "68005523", NOW, True)
OLD = CardReceipt(*AFTER, Money(1999), "68005523", NOW - timedelta(minutes=1), True)


def payment(**more: Any) -> Payment:
    known = Payment("ref", "t1", "Ana", NOW, PRICE, terminal="68005523", after=AFTER)
    return replace(known, **more)


@pytest.mark.parametrize(
    ("last", "more", "ended"),
    [
        (NEW, {}, Ended.BOOKED),
        (replace(NEW, at=None), {}, Ended.BOOKED),
        (replace(NEW, terminal=""), {}, Ended.BOOKED),
        (NEW, {"terminal": ""}, Ended.BOOKED),
        (replace(NEW, number=1), {"after": (9999, 123)}, Ended.BOOKED),
        # The receipt of before: also where it has the very same amount.
        (OLD, {}, Ended.NOT_BOOKED),
        (replace(NEW, good=False), {}, Ended.NOT_BOOKED),
        # Everything that does not fit in every way is for a person.
        (None, {}, Ended.UNKNOWN),
        (replace(NEW, amount=Money(1500)), {}, Ended.UNKNOWN),
        (replace(NEW, amount=Money(1999, "CHF")), {}, Ended.UNKNOWN),
        (replace(NEW, amount=None), {}, Ended.UNKNOWN),
        (replace(NEW, terminal="11111111"), {}, Ended.UNKNOWN),
        (replace(NEW, good=None), {}, Ended.UNKNOWN),
        (replace(NEW, at=NOW - timedelta(days=1)), {}, Ended.UNKNOWN),
        (replace(NEW, at=NOW + SLACK + timedelta(seconds=1)), {}, Ended.UNKNOWN),
        (NEW, {"after": None}, Ended.UNKNOWN),
        (OLD, {"after": None}, Ended.UNKNOWN),
        (replace(NEW, number=44, good=False), {}, Ended.UNKNOWN),
        (replace(NEW, good=False), {"after": None}, Ended.UNKNOWN),
    ],
)
def test_only_what_is_certain_is_an_end(last: CardReceipt | None, more: dict[str, Any], ended: Ended) -> None:
    assert payment(**more).judge(last) is ended


receipts = st.builds(
    CardReceipt,
    number=st.integers(1, 60),
    trace=st.integers(1, 200),
    amount=st.none() | st.sampled_from([PRICE, Money(1500)]),
    terminal=st.sampled_from(["", "68005523", "11111111"]),
    at=st.none() | st.sampled_from([NOW, NOW - timedelta(days=1)]),
    good=st.none() | st.booleans(),
)


@given(receipts)
def test_booked_is_never_said_of_an_old_receipt_or_another_amount(last: CardReceipt) -> None:
    ended = payment().judge(last)
    if ended is Ended.BOOKED:
        assert (last.number, last.trace) != AFTER
        assert (last.amount, last.good) == (PRICE, True)
    if ended is Ended.NOT_BOOKED:
        assert (last.number, last.trace) == AFTER or last.good is False
