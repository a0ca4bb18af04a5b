"""A sale at the hub: folded by the same rule as at the till, closed once, whoever says so how often."""

from __future__ import annotations

from typing import Any

from tests.sync.hub.kit import Desk, Served

SALE = "sale:B24999"


def begun(desk: Desk) -> dict[str, Any]:
    told = {
        "store": "B01",
        "amount_minor": 1999,
        "currency": "EUR",
        "terminal": "68005523",
        "after": [42, 123],
    }
    return desk.fact("PaymentBegun", SALE, told)


def closed(desk: Desk, payment: dict[str, Any]) -> dict[str, Any]:
    return desk.fact(
        "SaleClosed", SALE, {"payment": payment["id"], "how": "looked_up", "receipt": 43, "trace": 124}
    )


def sale(desk: Desk) -> dict[str, Any]:
    (found,) = [change["body"] for change in desk.page()["changes"] if change["kind"] == "sale"]
    body: dict[str, Any] = found
    return body


def test_a_sale_is_closed_once_however_often_it_is_told(hub: Served) -> None:
    desk = hub.desk()
    first = begun(desk)
    close = closed(desk, first)
    again = closed(desk, first)
    answers = [desk.one(fact)["answer"] for fact in (first, close, close, again)]
    assert answers == ["accepted", "accepted", "accepted", "rejected"]
    body = sale(desk)
    assert body["closed"] is True
    assert [(p["ended"], p["end_ref"], p["receipt"]) for p in body["payments"]] == [
        ("booked", close["id"], 43)
    ]


def test_of_two_tills_that_took_the_money_one_has_a_case(hub: Served) -> None:
    mine, other = hub.desk(), hub.desk()
    first = begun(mine)
    assert mine.one(first)["answer"] == "accepted"
    second = begun(other)
    told = other.one(second)
    assert (told["answer"], told["reason"]) == ("rejected", "payment-open")
    third, last = closed(other, second), closed(mine, first)
    # Behind a case everything about the sale waits for a person.
    assert [other.one(third)["answer"], mine.one(last)["answer"]] == ["parked", "parked"]
    for case in (second, third):
        assert sale(mine)["closed"] is False
        settled = other.fact("CaseSettled", SALE, {"fact": case["id"], "choice": "here"})
        assert other.one(settled)["answer"] == "accepted"
    assert mine.one(last)["answer"] == "accepted"
    body = sale(mine)
    assert [(payment["till"], payment["end_ref"]) for payment in body["payments"]] == [
        (mine.till, last["id"])
    ]
