"""A till's own facts, told to that till alone and exactly as it sent them."""

from typing import Any

from tests.sync.hub.kit import Served, ready

SENT = ("seq", "id", "kind", "schema_v", "subject", "payload", "clerk", "at", "hash")


def own(desk: Any, **query: Any) -> dict[str, Any]:
    answer = desk.get("/v1/facts", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_they_come_back_byte_for_byte_with_their_answers(hub: Served) -> None:
    one = hub.desk()
    (order,) = ready(one)
    taken, again = one.hand_over(order), one.hand_over(order)
    one.push(taken, again)
    told = own(one)
    assert told["last_seq"] == 2
    assert [{key: fact[key] for key in SENT} for fact in told["facts"]] == [taken, again]
    assert [fact["answer"] for fact in told["facts"]] == ["accepted", "rejected"]
    assert told["facts"][1]["reason"]


def test_they_come_in_order_after_a_number_and_in_slices(hub: Served) -> None:
    one = hub.desk()
    facts = [one.fact("Noted", "order:W-1", {"n": n}) for n in range(7)]
    one.push(*facts)
    assert [fact["seq"] for fact in own(one, after=2, limit=3)["facts"]] == [3, 4, 5]
    assert own(one, after=7)["facts"] == []
    assert own(one, after=99)["last_seq"] == 7


def test_another_tills_facts_are_told_to_nobody_else(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    one.push(one.hand_over(ready(one)[0]))
    assert own(neighbour) == {"facts": [], "last_seq": 0}


def test_a_till_that_was_enrolled_again_has_sent_nothing_yet(hub: Served) -> None:
    one = hub.desk()
    fact = one.hand_over(ready(one)[0])
    one.push(fact)
    again = hub.desk(one.store, again=one)
    assert own(again)["facts"] == []
    again.chain.append(fact)
    again.push(fact)
    assert [known["id"] for known in own(again)["facts"]] == [fact["id"]]
