"""Facts: taken once, answered once, in order for each subject, and nobody else's trouble."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from posapp.domain.facts import GENESIS, Fact
from posapp.domain.orders import Order
from posapp.domain.subjects import SUBJECTS
from sync.hub import decide, effects, keys, tills
from sync.hub.tables import fact as fact_table
from sync.hub.tables import intent
from tests.sync.hub.kit import Desk, Json, Served, ready


def test_a_hand_over_is_accepted_and_in_the_feed(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    assert desk.one(fact) == {
        "seq": 1,
        "id": fact["id"],
        "answer": "accepted",
        "reason": "",
        "detail": {},
        "replayed": False,
    }
    (done,) = desk.order(order["number"])["hand_overs"]
    assert (done["ref"], done["till"], done["clerk"]) == (fact["id"], desk.till, "Ana")
    assert "in_shop" not in done


def test_sending_again_changes_nothing_and_gets_the_stored_answer(hub: Served) -> None:
    desk = hub.desk()
    first, second = (desk.hand_over(order) for order in ready(desk, 2))
    desk.push(first, second)
    head = desk.page()["head"]
    again = desk.push(first, second)
    assert [answer["replayed"] for answer in again] == [True, True]
    assert [answer["answer"] for answer in again] == ["accepted", "accepted"]
    assert desk.page()["head"] == head
    third = desk.undo(second)
    assert [answer["replayed"] for answer in desk.push(second, third)] == [True, False]


def test_an_empty_push_tells_where_the_hub_is(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    desk.one(fact)
    answer = desk.send(desk.request()).json()
    assert (answer["answers"], answer["last_seq"], answer["last_hash"]) == ([], 1, fact["hash"])


def test_a_gap_is_told_and_nothing_is_taken(hub: Served) -> None:
    desk = hub.desk()
    first, second = (desk.hand_over(order) for order in ready(desk, 2))
    answer = desk.send(desk.request(second))
    assert answer.status_code == 409
    assert answer.json() == {"error": "gap", "last_seq": 0, "last_hash": GENESIS.hex()}
    assert "hand_overs" not in desk.order(second["subject"].removeprefix("order:"))
    assert [a["answer"] for a in desk.push(first, second)] == ["accepted", "accepted"]


def forked(desk: Desk) -> dict[str, Json]:
    """Pushes that no honest till sends, after two facts were taken."""
    orders = ready(desk, 4)
    first, second = (desk.hand_over(order) for order in orders[:2])
    desk.push(first, second)
    mine = list(desk.chain)
    clone = Desk(desk.served, desk.till, desk.token, desk.epoch, desk.store, desk.store_key, "")
    clone.chain = [first]
    other_second = clone.hand_over(orders[2])
    other_third = clone.hand_over(orders[3])
    desk.chain = mine
    same_id = desk.fact(first["kind"], first["subject"], {"lines": {"0": 9}}, ident=first["id"])
    return {
        "another fact under a number": clone.request(other_second),
        "another past": clone.request(other_third),
        "a known id with other bytes": desk.request(same_id),
        "an older epoch": desk.request(epoch=desk.epoch + 1),
        "another beginning": desk.request(prev_hash="ab" * 32),
    }


@pytest.mark.parametrize(
    "how",
    [
        "another fact under a number",
        "another past",
        "a known id with other bytes",
        "an older epoch",
        "another beginning",
    ],
)
def test_a_fork_is_told_and_nothing_is_taken(hub: Served, how: str) -> None:
    desk = hub.desk()
    body = forked(desk)[how]
    records = desk.records()
    for _ in range(2):
        answer = desk.send(body)
        assert (answer.status_code, answer.json()) == (
            423,
            {"error": "fork", "last_seq": 2, "revoked": False},
        )
    # But for one case that tells the store.
    after = desk.records()
    (case,) = [after.pop(ident) for ident in after.keys() - records.keys()]
    assert (case["reason"], case["subject"], case["state"]) == ("till-copied", f"till:{desk.till}", "open")
    assert after == records


def test_a_batch_with_a_fork_at_its_end_takes_nothing_in(hub: Served) -> None:
    desk = hub.desk()
    orders = ready(desk, 2)
    desk.one(desk.hand_over(orders[0]))
    fresh = desk.hand_over(orders[1])
    desk.fact("Seen", fresh["subject"], {}, ident=desk.chain[0]["id"])
    assert desk.send(desk.request(*desk.chain[1:])).status_code == 423
    assert desk.send(desk.request()).json()["last_seq"] == 1


def test_a_wrong_hash_is_malformed(hub: Served) -> None:
    desk = hub.desk()
    fact = desk.hand_over(ready(desk)[0])
    for change in ({"hash": "0" * 64}, {"clerk": "Ben"}, {"payload": fact["payload"] + " "}):
        answer = desk.send(desk.request() | {"facts": [fact | change]})
        assert (answer.status_code, answer.json()["error"]) == (422, "hash-wrong")


def test_a_refused_fact_is_rejected_with_the_winning_hand_over(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    (order,) = ready(ana)
    won = ana.hand_over(order)
    ana.one(won)
    answer = ben.one(ben.hand_over(order))
    assert (answer["answer"], answer["reason"]) == ("rejected", "already-handed-over")
    assert answer["detail"]["ref"] == won["id"]
    assert (answer["detail"]["till"], answer["detail"]["clerk"]) == (ana.till, "Ana")
    assert len(ana.order(order["number"])["hand_overs"]) == 1


def test_one_of_many_racing_tills_wins(hub: Served) -> None:
    desks = [hub.desk() for _ in range(8)]
    (order,) = ready(desks[0])
    facts = [desk.hand_over(order) for desk in desks]
    with ThreadPoolExecutor(len(desks)) as pool:
        answers = list(pool.map(lambda pair: pair[0].one(pair[1]), zip(desks, facts, strict=True)))
    taken = [answer["answer"] for answer in answers]
    assert taken.count("accepted") == 1
    assert all(answer["reason"] in ("", "already-handed-over", "behind-rejected") for answer in answers)
    assert len(desks[0].order(order["number"])["hand_overs"]) == 1


def test_the_same_push_at_the_same_time_is_taken_once(hub: Served) -> None:
    desk = hub.desk()
    facts = [desk.hand_over(order) for order in ready(desk, 5)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: desk.push(*facts), range(6)))
    assert all([a["answer"] for a in batch] == ["accepted"] * 5 for batch in answers)
    for position in range(5):
        assert sum(not batch[position]["replayed"] for batch in answers) == 1


def test_another_stores_order_is_out_of_reach(hub: Served) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    (order,) = ready(there)
    fact = here.hand_over(order)
    raw = here.send(here.request(fact))
    answer = raw.json()["answers"][0]
    assert (answer["answer"], answer["reason"], answer["detail"]) == ("rejected", "other-store", {})
    assert order["customer"].encode() not in raw.content
    assert "hand_overs" not in there.order(order["number"])
    # And the store whose order it is goes on undisturbed.
    assert there.one(there.hand_over(order))["answer"] == "accepted"


def test_a_subject_nobody_knows_is_rejected(hub: Served) -> None:
    desk = hub.desk()
    answer = desk.one(desk.fact("HandedOver", "order:B99999999", {"lines": {"1": 1}}))
    assert (answer["answer"], answer["reason"]) == ("rejected", "subject-unknown")


def test_a_till_enrolled_again_sends_its_chain_again(hub: Served) -> None:
    desk = hub.desk()
    first, second = ready(desk, 2)
    facts = [desk.hand_over(first), desk.hand_over(second)]
    desk.push(*facts)
    again = hub.desk(again=desk)
    assert (again.till, again.epoch) == (desk.till, desk.epoch + 1)
    assert desk.send(desk.request()).status_code == 401
    again.chain = desk.chain
    head = again.page()["head"]
    assert again.page(head)["applied_through"] == 0
    third = again.undo(facts[0])
    answers = again.push(*facts, third)
    assert [a["replayed"] for a in answers] == [True, True, False]
    assert again.page(head)["applied_through"] == 3
    assert [a["seq"] for a in again.push(facts[1], third)] == [2, 3]


def test_a_copy_enrolled_as_a_new_till_repeats_the_others_facts(hub: Served) -> None:
    """A restored image that was given a new name: its old facts are repeats, its new ones its own."""
    old = hub.desk()
    first, second = ready(old, 2)
    shared = old.hand_over(first)
    old.one(shared)
    copy = hub.desk()
    copy.chain = list(old.chain)
    fresh = copy.hand_over(second)
    answers = copy.push(shared, fresh)
    assert [(a["answer"], a["replayed"]) for a in answers] == [("accepted", True), ("accepted", False)]
    later = copy.undo(fresh)
    assert [a["seq"] for a in copy.push(fresh, later)] == [2, 3]


def test_a_revoked_till_may_send_what_it_has_and_nothing_else(hub: Served) -> None:
    desk = hub.desk()
    fact = desk.hand_over(ready(desk)[0])
    assert not desk.send(desk.request(leaving=True)).json()["left"], "it was not revoked"
    tills.revoke(hub.database, desk.till, hub.clock())
    for path in ("/v1/feed", f"/v1/orders/{fact['subject'].partition(':')[2]}"):
        answer = desk.get(path)
        assert (answer.status_code, answer.json()["error"]) == (403, "revoked")
    sent = desk.send(desk.request(fact)).json()
    assert (sent["answers"][0]["answer"], sent["revoked"], sent["left"]) == ("accepted", True, False)
    assert not desk.send(desk.request(leaving=True)).json()["left"], "it says that it has nothing"
    with hub.database.read() as connection:
        assert keys.get(connection, tills.LEFT + desk.till) == ""
    after = {"prev_seq": 1, "prev_hash": fact["hash"], "leaving": True}
    for _ in range(2):
        assert desk.send(desk.request(**after)).json()["left"]
    with hub.database.read() as connection:
        assert keys.get(connection, tills.LEFT + desk.till)


def test_a_till_that_was_revoked_and_enrolled_again_reads_on(hub: Served) -> None:
    desk = hub.desk()
    tills.revoke(hub.database, desk.till, hub.clock())
    again = hub.desk(again=desk)
    assert again.get("/v1/feed").status_code == 200
    assert desk.get("/v1/feed").status_code == 401


def test_only_kinds_in_the_table_reach_the_shop(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subject that the hub's code does not name: it is stored, folded, answered and in the feed."""

    class Ticket(Order):
        @classmethod
        def opened(cls, fact: Fact, till: str) -> Order:
            return Order(fact.subject_id, "B01", str(fact.payload["who"]), ())

    monkeypatch.setitem(SUBJECTS, "ticket", Ticket)
    desk = hub.desk()
    answer = desk.one(desk.fact("TicketOpened", "ticket:B01-7", {"who": "Frau Süß"}))
    assert answer["answer"] == "accepted"
    assert desk.order("B01-7")["customer"] == "Frau Süß"
    assert desk.get("/v1/orders/b01-7").json()["record"]["kind"] == "ticket"
    assert hub.desk("B02").one(hub.desk("B02").fact("Seen", "ticket:B01-7", {}))["reason"] == "other-store"
    with hub.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(intent)).scalar() == 0
    assert set(effects.EFFECTS) == {"HandedOver", "HandOverUndone"}


def test_pushes_of_many_tills_run_side_by_side(hub: Served) -> None:
    desks = [hub.desk() for _ in range(4)]
    orders = ready(desks[0], 12)
    gate = threading.Barrier(len(desks))

    def work(position: int) -> list[str]:
        desk = desks[position]
        gate.wait()
        return [desk.one(desk.hand_over(order))["answer"] for order in orders[position::4]]

    with ThreadPoolExecutor(4) as pool:
        assert {word for words in pool.map(work, range(4)) for word in words} == {"accepted"}
    with hub.database.read() as connection:
        numbers = connection.execute(select(fact_table.c.feed_seq).order_by(fact_table.c.feed_seq)).scalars()
        assert len(set(numbers)) == 12
    assert decide.BEHIND == "behind-rejected"


def test_who_may_not_send_is_not_told_what_is_wrong_with_it(hub: Served) -> None:
    desk = hub.desk()
    broken = desk.hand_over(ready(desk)[0]) | {"hash": "0" * 64}
    assert desk.send(desk.request(broken)).status_code == 422
    hub.desk(again=desk)
    assert desk.send(desk.request(broken)).status_code == 401
