"""Facts that are not taken: they wait, alone with their subject, until a person has decided."""

import json
import logging

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from posapp.domain.facts import Answer, Fact
from posapp.domain.orders import Order
from sync.hub import decide
from sync.hub.decide import Taken
from sync.hub.tables import record
from tests.sync.hub.kit import Desk, Json, Served, ready


def test_an_unknown_kind_is_parked_and_holds_up_its_subject_alone(hub: Served) -> None:
    desk = hub.desk()
    orders = ready(desk, 2)
    strange = desk.fact("Polished", f"order:{orders[0]['number']}", {})
    behind = desk.hand_over(orders[0])
    beside = desk.hand_over(orders[1])
    unheard_of = desk.fact("Baked", "cake:7", {"candles": 3})
    answers = [(a["answer"], a["reason"]) for a in desk.push(strange, behind, beside, unheard_of)]
    assert answers == [
        ("parked", "unknown-kind"),
        ("parked", "behind-rejected"),
        ("accepted", ""),
        ("parked", "unknown-kind"),
    ]


def test_settling_a_case_frees_what_waits_behind_it(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    wrong = desk.hand_over(order, {order["lines"][0]["id"]: 9})
    behind = desk.hand_over(order)
    last = desk.undo(behind)
    assert [a["answer"] for a in desk.push(wrong, behind, last)] == ["rejected", "parked", "parked"]
    settled = desk.settle(wrong)
    answers = {a["id"]: a["answer"] for a in desk.push(settled)}
    assert answers == {settled["id"]: "accepted", behind["id"]: "accepted", last["id"]: "accepted"}
    (done,) = desk.order(order["number"])["hand_overs"]
    assert (done["ref"], done["undone"]) == (behind["id"], True)
    # The push's answer may be lost: what was freed is told again with the repeat.
    assert {a["id"] for a in desk.push(settled)} == set(answers)


def test_settling_stops_at_the_next_fact_that_is_not_taken(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    line = order["lines"][0]["id"]
    wrong, again = desk.hand_over(order, {line: 9}), desk.hand_over(order, {line: 8})
    behind = desk.hand_over(order)
    desk.push(wrong, again, behind)
    answers = {a["id"]: (a["answer"], a["reason"]) for a in desk.push(desk.settle(wrong))}
    assert answers[again["id"]] == ("rejected", "more-than-ordered")
    assert behind["id"] not in answers
    assert {a["id"]: a["answer"] for a in desk.push(desk.settle(again))}[behind["id"]] == "accepted"


def test_another_till_hears_of_its_freed_fact_with_its_next_push(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    (order,) = ready(ana)
    wrong = ana.hand_over(order, {order["lines"][0]["id"]: 9})
    ana.one(wrong)
    waiting = ben.hand_over(order)
    assert ben.one(waiting)["reason"] == "behind-rejected"
    heard = ben.page()["news"]
    ana.one(ana.settle(wrong))
    mark = ben.page()["news"]
    assert mark > heard
    for _ in range(2):
        (answer,) = ben.push(heard=heard)
        assert (answer["id"], answer["answer"]) == (waiting["id"], "accepted")
    assert ben.push(heard=mark) == []


def test_settling_what_is_no_case_of_this_subject_is_rejected(hub: Served) -> None:
    ana, elsewhere = hub.desk(), hub.desk("B02")
    first, second = ready(ana, 2)
    wrong = ana.hand_over(first, {first["lines"][0]["id"]: 9})
    ana.one(wrong)
    for desk, subject, ident in (
        (elsewhere, wrong["subject"], wrong["id"]),
        (ana, f"order:{second['number']}", wrong["id"]),
        (ana, wrong["subject"], "no-such-fact"),
    ):
        fact = desk.fact("CaseSettled", subject, {"fact": ident, "choice": "left"})
        assert desk.one(fact)["reason"] == "nothing-to-settle"


def test_a_defect_parks_its_own_fact_and_no_other(
    hub: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = hub.desk()
    bad, good = ready(desk, 2)
    real = Order.after

    def after(self: Order, fact: Fact, till: str) -> Order:
        if self.number == bad["number"]:
            raise ZeroDivisionError
        return real(self, fact, till)

    monkeypatch.setattr(Order, "after", after)
    facts = [desk.hand_over(bad), desk.hand_over(good)]
    with caplog.at_level(logging.ERROR):
        answers = desk.push(*facts)
    assert [(a["answer"], a["reason"]) for a in answers] == [("parked", "internal"), ("accepted", "")]
    assert facts[0]["id"] in caplog.text
    assert bad["customer"] not in caplog.text


def test_a_payload_that_is_no_object_is_parked(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    # The kit writes the canonical bytes of whatever it is given, so the chain is right.
    lame = desk.fact("HandedOver", f"order:{order['number']}", [1, 2])  # type: ignore[arg-type]
    answer = desk.one(lame)
    assert (answer["answer"], answer["reason"]) == ("parked", "unreadable")


def test_a_newer_hub_takes_what_an_older_one_parked(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = hub.desk()
    bad, strange = ready(desk, 2)
    with monkeypatch.context() as older:

        def after(self: Order, fact: Fact, till: str) -> Order:
            raise KeyError(fact.kind) if self.number == strange["number"] else ZeroDivisionError

        older.setattr(Order, "after", after)
        facts = [desk.hand_over(bad), desk.hand_over(strange)]
        assert {a["reason"] for a in desk.push(*facts)} == {"internal", "unknown-kind"}
        hub.hub.ledger.retry()
        assert {a["answer"] for a in desk.push(*facts)} == {"parked"}
    hub.hub.ledger.retry()
    assert {a["id"]: a["answer"] for a in desk.push()} == {fact["id"]: "accepted" for fact in facts}


def test_a_failing_database_is_not_the_facts_fault(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = hub.desk()
    fact = desk.hand_over(ready(desk)[0])

    def full(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk is full"))

    with monkeypatch.context() as broken:
        broken.setattr(decide, "decide", full)
        answer = desk.send(desk.request(fact))
    assert (answer.status_code, answer.json()["error"]) == (503, "database-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert desk.one(fact)["answer"] == "accepted"


def test_a_withheld_fact_is_a_case_and_the_chain_goes_on(hub: Served) -> None:
    till = hub.desk()
    one, other = ready(till, 2)
    first = till.hand_over(one)
    behind = till.undo(first)
    beside = till.hand_over(other)
    stub = first | {"payload": "", "withheld": "http-500"}
    answers = till.push(stub, behind, beside)
    assert [(answer["answer"], answer["reason"]) for answer in answers] == [
        ("parked", "withheld"),
        ("parked", "behind-rejected"),
        ("accepted", ""),
    ]
    assert answers[0]["detail"] == {"why": "http-500"}
    # Sent again, it is the same fact, and still a case.
    again = till.push(stub, behind, beside)
    assert [answer["answer"] for answer in again] == ["parked", "parked", "accepted"]
    hub.hub.ledger.retry()
    settled = till.push(till.settle(first))
    assert [(answer["seq"], answer["answer"]) for answer in settled] == [(4, "accepted"), (2, "rejected")]


def test_a_withheld_fact_that_comes_whole_is_judged_with_what_waits_behind_it(hub: Served) -> None:
    till = hub.desk()
    order = ready(till)[0]
    first = till.hand_over(order)
    behind = till.undo(first)
    till.push(first | {"payload": "", "withheld": "http-500"}, behind)
    for _ in range(2):
        assert [answer["answer"] for answer in till.push(first, behind)] == ["accepted", "accepted"]
    done = till.order(order["number"])["hand_overs"]
    assert [(one["ref"], one["undone"]) for one in done] == [(first["id"], True)]


def test_a_withheld_fact_comes_whole_with_all_others_under_a_new_epoch(hub: Served) -> None:
    till = hub.desk()
    one, other = ready(till, 2)
    first, beside = till.hand_over(one), till.hand_over(other)
    till.push(first | {"payload": "", "withheld": "http-500"}, beside)
    again = hub.desk(again=till)
    again.chain = till.chain
    assert [answer["answer"] for answer in again.push(first, beside)] == ["accepted", "accepted"]
    assert again.push(again.undo(first))[0]["answer"] == "accepted"


def test_a_settled_withheld_fact_that_comes_whole_changes_nothing(hub: Served) -> None:
    till = hub.desk()
    order = ready(till)[0]
    first = till.hand_over(order)
    till.push(first | {"payload": "", "withheld": "http-500"})
    till.one(till.settle(first))
    assert till.one(first)["answer"] == "parked"
    assert "hand_overs" not in till.order(order["number"])


def test_what_follows_a_withheld_fact_must_fit_to_its_hash(hub: Served) -> None:
    till = hub.desk()
    one, other = ready(till, 2)
    stub = till.hand_over(one) | {"payload": "", "withheld": "no-place", "hash": "0" * 64}
    answer = till.send(till.request(stub, till.hand_over(other)))
    assert (answer.status_code, answer.json()["error"]) == (422, "hash-wrong")


def test_a_fact_is_withheld_or_whole(hub: Served) -> None:
    till = hub.desk()
    both = till.hand_over(ready(till)[0]) | {"withheld": "http-500"}
    assert till.send(till.request(both)).status_code == 422


@pytest.mark.parametrize(
    "bag", ["".join(chr(0x4E00 + n) for n in range(15_000)), "a\0b"], ids=["far", "zero"]
)
def test_a_word_the_database_has_no_place_for_is_no_trouble_of_the_database(
    hub: Served, bag: str, caplog: pytest.LogCaptureFixture
) -> None:
    till = hub.desk()
    intake = {"store": "B01", "job": "repair", "customer": "Ada", "object": "Watch", "bag": bag}
    answers = till.push(till.fact("TicketOpened", "ticket:T1", intake), till.hand_over(ready(till)[0]))
    assert answers[0]["answer"] in ("accepted", "parked")
    assert answers[1]["answer"] == "accepted"
    assert bag[:40] not in caplog.text


# -- what the store's tills are told ----------------------------------------------------------------
def cases(desk: Desk) -> dict[str, Json]:
    return {ident: body for ident, body in desk.records().items() if body and "said" in body}


def test_two_hand_overs_of_one_order_are_a_case_at_both_tills_with_both_sides(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    (order,) = ready(ana)
    first, second = ana.hand_over(order), ben.hand_over(order)
    ana.one(first)
    assert ben.one(second)["answer"] == "rejected"
    for desk in (ana, ben):
        (case,) = cases(desk).values()
        assert (case["id"], case["subject"], case["state"]) == (second["id"], second["subject"], "open")
        assert (case["said"]["till"], case["said"]["kind"]) == (ben.till, "HandedOver")
        (other,) = case["others"]
        assert (other["till"], other["lines"]) == (ana.till, json.loads(first["payload"])["lines"])


def test_any_till_of_the_store_settles_it_and_the_first_word_stands(hub: Served) -> None:
    ana, ben, elsewhere = hub.desk(), hub.desk(), hub.desk("B02")
    (order,) = ready(ana)
    wrong = ana.hand_over(order, {order["lines"][0]["id"]: 9})
    ana.one(wrong)
    assert cases(elsewhere) == {}
    assert ben.one(ben.settle(wrong, "here"))["answer"] == "accepted"
    assert ana.one(ana.settle(wrong, "left"))["answer"] == "accepted"
    (case,) = cases(ana).values()
    assert (case["state"], case["choice"], case["settled"]["till"]) == ("settled", "here", ben.till)


def test_what_is_taken_after_all_is_a_case_no_more(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    wrong = desk.hand_over(order, {order["lines"][0]["id"]: 9})
    behind = desk.hand_over(order)
    desk.push(wrong, behind)
    assert {body["state"] for body in cases(desk).values()} == {"open"}
    desk.one(desk.settle(wrong))
    assert {ident: body["state"] for ident, body in cases(desk).items()} == {
        wrong["id"]: "settled",
        behind["id"]: "taken",
    }


def test_a_hand_over_without_a_grant_is_taken_and_is_a_case(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    (order,) = ready(ana)
    alone = ben.hand_over(order, custody={"provisional": "manager", "reason": "he is known here"})
    assert ben.one(alone)["answer"] == "accepted"
    (case,) = cases(ana).values()
    assert (case["reason"], case["said"]["why"], case["state"]) == ("provisional", "he is known here", "open")
    assert "others" not in case
    assert ana.one(ana.settle(alone))["answer"] == "accepted"
    (case,) = cases(ben).values()
    assert case["state"] == "settled"


def test_what_the_shop_refuses_is_told_to_the_store(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    done = desk.hand_over(order)
    desk.one(done)
    with hub.database.write() as connection:
        refused = Taken(Answer.REJECTED, 0, "shop-refused", '{"why": "closed"}')
        decide.answered(connection, desk.store, done["id"], refused, 1_000_000)
    (case,) = cases(desk).values()
    assert (case["reason"], case["evidence"], case["state"]) == ("shop-refused", {"why": "closed"}, "open")


def test_cases_of_an_earlier_version_are_told_at_the_start(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    wrong = desk.hand_over(order, {order["lines"][0]["id"]: 9})
    desk.one(wrong)
    told = cases(desk)[wrong["id"]]
    with hub.database.write() as connection:
        connection.execute(delete(record).where(record.c.kind == "case"))
    assert cases(desk) == {}
    for _ in range(2):
        hub.hub.ledger.retry()
        assert cases(desk) == {wrong["id"]: told}
