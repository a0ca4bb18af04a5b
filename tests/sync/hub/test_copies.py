"""Facts that a till's neighbours bring: the hub takes them as if the till had sent them, and only such."""

import base64
import json
import logging
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from posapp.domain.facts import GENESIS
from sync import sealed, wire
from sync.hub import keys, tills
from sync.hub.tables import fact as fact_table
from sync.hub.tables import meta
from tests.sync.hub.kit import Desk, Json, Served, ready


def public_key(hub: Served, desk: Desk) -> str:
    answer = hub.session.post(f"{hub.url}/v1/leases", headers=desk.headers, json={})
    return wire.Leased.model_validate(answer.json()).seal_to


def boxed(desk: Desk, fact: Json, **changed: Any) -> Json:
    """A copy of a fact of this till's chain as its neighbour keeps it."""
    body = desk.request(fact)
    said = {"token": desk.token, "request": body} | {
        key: changed.pop(key) for key in ("token", "request") if key in changed
    }
    public = public_key(desk.served, desk.served.desk())
    box = sealed.seal(public, json.dumps(said).encode(), desk.till, desk.epoch, fact["seq"])
    return {
        "till": desk.till,
        "epoch": desk.epoch,
        "seq": fact["seq"],
        "prev_hash": body["prev_hash"],
        "hash": fact["hash"],
        "box": base64.b64encode(box).decode(),
    } | changed


def bring(by: Desk, *copies: Json) -> requests.Response:
    return by.served.session.post(
        f"{by.served.url}/v1/copies", headers=by.headers, json={"facts": list(copies)}
    )


def states(by: Desk, *copies: Json) -> list[str]:
    answer = bring(by, *copies)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["states"]
    return found


def rows(hub: Served, till: str) -> list[tuple[int, int, str]]:
    query = select(fact_table.c.epoch, fact_table.c.seq, fact_table.c.answer)
    with hub.database.read() as connection:
        found = connection.execute(query.where(fact_table.c.till == till).order_by(fact_table.c.arrived_ms))
        return [tuple(row) for row in found]


def test_a_lost_tills_facts_arrive_by_its_neighbour_and_once(hub: Served) -> None:
    lost, neighbour = hub.desk(), hub.desk()
    orders = ready(lost, 3)
    lost.one(lost.hand_over(orders[0]))
    copies = [boxed(lost, lost.hand_over(order)) for order in orders[1:]]
    assert states(neighbour, *copies) == ["taken", "taken"]
    assert states(neighbour, *copies) == ["taken", "taken"]
    assert rows(hub, lost.till) == [(1, n, "accepted") for n in (1, 2, 3)]
    for order in orders:
        assert len(neighbour.order(order["number"])["hand_overs"]) == 1


def test_a_till_that_lives_on_is_told_what_it_would_have_been(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    facts = [one.hand_over(order) for order in ready(one, 2)]
    assert states(neighbour, *(boxed(one, fact) for fact in facts)) == ["taken", "taken"]
    answers = one.push(*facts)
    assert [(a["answer"], a["replayed"]) for a in answers] == [("accepted", True)] * 2
    # And it goes on.
    assert one.one(one.undo(facts[1]))["answer"] == "accepted"
    assert "copied" not in str(one.records())


def test_before_a_gap_it_waits_until_that_has_come(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    first, second, third = (one.hand_over(order) for order in ready(one, 3))
    copies = [boxed(one, fact) for fact in (second, third)]
    assert states(neighbour, *copies) == ["waits", "waits"]
    assert rows(hub, one.till) == []
    one.one(first)
    assert states(neighbour, *copies) == ["taken", "taken"]


def test_of_a_revoked_till_nothing_waits_for_ever(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    first, second = (one.hand_over(order) for order in ready(one, 2))
    copy = boxed(one, second)
    tills.revoke(hub.database, one.till, hub.clock())
    assert states(neighbour, copy) == ["taken"]
    assert rows(hub, one.till) == [(-1, 2, "accepted")]
    # It may still send what it has.
    assert [a["answer"] for a in one.push(first, second)] == ["accepted", "accepted"]
    assert sorted(rows(hub, one.till)) == [(1, 1, "accepted"), (1, 2, "accepted")]


def test_a_till_enrolled_again_since_is_known_by_the_token_it_had(hub: Served) -> None:
    lead, lost, neighbour = hub.desk(), hub.desk(), hub.desk()
    assert lead.till
    orders = ready(lost, 2)
    lost.one(lost.hand_over(orders[0]))
    copy = boxed(lost, lost.hand_over(orders[1]))
    anew = hub.desk(again=lost)
    assert anew.epoch == 2
    assert states(neighbour, copy) == ["taken"]
    assert rows(hub, lost.till) == [(1, 1, "accepted"), (-1, 2, "accepted")]
    assert states(neighbour, copy) == ["taken"]
    # The new chain is not touched by it, and what it does not have it is not told of.
    assert anew.page()["news"] == 0
    assert anew.one(anew.hand_over(orders[0]))["answer"] == "rejected"


def test_a_rescued_fact_is_moved_to_where_its_till_sends_it(hub: Served) -> None:
    """The copy came first; the disk was saved after all, and the till enrolled again."""
    hub.desk()
    one, neighbour = hub.desk(), hub.desk()
    facts = [one.hand_over(order) for order in ready(one, 2)]
    copies = [boxed(one, fact) for fact in facts]
    anew = hub.desk(again=one)
    anew.chain = list(one.chain)
    assert states(neighbour, copies[1], copies[0]) == ["taken", "taken"]
    assert sorted(rows(hub, one.till)) == [(-1, 1, "accepted"), (-1, 2, "accepted")]
    assert [(a["answer"], a["replayed"]) for a in anew.push(*facts)] == [("accepted", True)] * 2
    assert sorted(rows(hub, one.till)) == [(2, 1, "accepted"), (2, 2, "accepted")]
    third = anew.undo(facts[1])
    assert anew.one(third)["answer"] == "accepted"
    assert states(neighbour, *copies) == ["taken", "taken"]


def test_a_restored_till_that_used_its_numbers_again(hub: Served) -> None:
    """Both branches are real; where they say two things of one order it is a case."""
    one, neighbour = hub.desk(), hub.desk()
    first, twice, lost = ready(one, 3)
    one.one(one.hand_over(first))
    old = [one.hand_over(twice), one.hand_over(lost)]
    copies = [boxed(one, fact) for fact in old]
    del one.chain[1:]
    other = one.hand_over(twice)
    assert one.one(other)["answer"] == "accepted"
    assert states(neighbour, *copies) == ["taken", "taken"]
    assert sorted(rows(hub, one.till)) == [
        (-1, 2, "rejected"),
        (-1, 3, "accepted"),
        (1, 1, "accepted"),
        (1, 2, "accepted"),
    ]
    cases = [body for body in neighbour.records().values() if body and body.get("reason")]
    assert [case["subject"] for case in cases] == [f"order:{twice['number']}"]
    # Its own chain goes on, and it is told no answers to what it has lost.
    assert one.one(one.undo(one.chain[0]))["answer"] == "accepted"
    news = one.send(one.request()).json()
    assert (news["news"], news["answers"]) == (0, [])
    # Nor when a person has settled it.
    assert neighbour.one(neighbour.settle(old[0]))["answer"] == "accepted"
    assert one.page()["news"] == 0


def test_a_restored_till_whose_lost_facts_came_first_is_enrolled_again(hub: Served) -> None:
    """What a neighbour brings is the till's chain; the till that goes on differently is told a fork (ADR 14)."""
    one, neighbour = hub.desk(), hub.desk()
    orders = ready(one, 2)
    copy = boxed(one, one.hand_over(orders[0]))
    one.chain.clear()
    assert states(neighbour, copy) == ["taken"]
    other = one.hand_over(orders[1])
    assert one.send(one.request(other)).status_code == 423
    anew = hub.desk(again=one)
    anew.chain = list(one.chain)
    assert anew.one(other)["answer"] == "accepted"
    assert sorted(rows(hub, one.till)) == [(1, 1, "accepted"), (2, 1, "accepted")]
    assert states(neighbour, copy) == ["taken"]


def test_two_branches_lost_under_one_number_the_second_waits(
    hub: Served, caplog: pytest.LogCaptureFixture
) -> None:
    one, neighbour = hub.desk(), hub.desk()
    copies = []
    for order in ready(one, 2):
        copies.append(boxed(one, one.hand_over(order)))
        one.chain.clear()
    one.one(one.hand_over(ready(one, 3)[2]))
    with caplog.at_level(logging.ERROR):
        assert states(neighbour, *copies) == ["taken", "waits"]
    assert "another fact is there" in caplog.text


def test_a_rescued_branch_goes_on_beyond_its_tills_own_head(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    orders = ready(one, 5)
    copies = [boxed(one, one.hand_over(order)) for order in orders[:4]]
    one.chain.clear()
    one.one(one.hand_over(orders[4]))
    assert states(neighbour, *copies) == ["taken"] * 4
    assert sorted(rows(hub, one.till))[:4] == [(-1, n, "accepted") for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "changed",
    [
        {"box": "AAAA"},
        {"box": "A"},
        {"till": "B01-99"},
        {"epoch": 2},
        {"seq": 2},
        {"hash": "0" * 64},
        {"prev_hash": "1" * 64},
        {"token": "wrong"},
        {"token": None},
        {"request": {}},
        {"request": None},
    ],
    ids=str,
)
def test_what_is_not_that_tills_own_fact_is_refused(hub: Served, changed: Json) -> None:
    one, neighbour = hub.desk(), hub.desk()
    copy = boxed(one, one.hand_over(ready(one)[0]), **changed)
    assert states(neighbour, copy) == ["refused"]
    assert rows(hub, one.till) == []


def test_what_else_may_be_in_a_box_is_refused(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    first, second = (one.hand_over(order) for order in ready(one, 2))
    other = one.request(first) | {"facts": [first | {"payload": '{"lines":{}}'}]}
    for request in (one.request(first, second), one.request(), other, one.request(first, epoch=7)):
        assert states(neighbour, boxed(one, first, request=request)) == ["refused"]
    # One till's token under another's name.
    assert states(neighbour, boxed(one, first, token=neighbour.token)) == ["refused"]
    assert rows(hub, one.till) == rows(hub, neighbour.till) == []


def test_another_stores_till_brings_nothing(hub: Served) -> None:
    one, foreign = hub.desk(), hub.desk("B02")
    copy = boxed(one, one.hand_over(ready(one)[0]))
    assert states(foreign, copy) == ["refused"]
    assert rows(hub, one.till) == []


def test_another_fact_under_a_known_id_is_refused(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    orders = ready(one, 2)
    first = one.hand_over(orders[0])
    one.one(first)
    one.chain.clear()
    again = one.fact("HandedOver", f"order:{orders[1]['number']}", {"lines": {}}, first["id"])
    assert states(neighbour, boxed(one, again)) == ["refused"]


def test_one_bad_box_holds_up_no_other(hub: Served) -> None:
    one, neighbour = hub.desk(), hub.desk()
    first, second = (one.hand_over(order) for order in ready(one, 2))
    copies = [boxed(one, first), boxed(one, first, box="AAAA"), boxed(one, second)]
    assert states(neighbour, *copies) == ["taken", "refused", "taken"]


def test_a_defect_over_a_rescued_fact_parks_it(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    one, neighbour = hub.desk(), hub.desk()
    orders = ready(one, 2)
    copy = boxed(one, one.hand_over(orders[0]))
    one.chain.clear()
    one.one(one.hand_over(orders[1]))

    def broken(*_: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr("sync.hub.decide.decide", broken)
    assert states(neighbour, copy) == ["taken"]
    assert (-1, 1, "parked") in rows(hub, one.till)


def test_who_may_not_call(hub: Served) -> None:
    one, gone = hub.desk(), hub.desk()
    copy = boxed(one, one.hand_over(ready(one)[0]))
    own = boxed(gone, gone.hand_over(ready(gone)[0]))
    tills.revoke(hub.database, gone.till, hub.clock())
    # What it kept for others it brings no more.
    assert states(gone, copy, own) == ["refused", "taken"]
    again = hub.desk(again=gone)
    assert bring(gone, copy).status_code == 401
    assert states(again) == []
    assert rows(hub, one.till) == []
    too_many = bring(again, *([copy] * (wire.MAX_COPIES + 1)))
    assert too_many.status_code == 422


def test_the_key_is_made_for_an_older_database_too(hub: Served) -> None:
    with hub.database.write() as connection:
        before = keys.get(connection, keys.SEALING_KEY)
        connection.execute(meta.delete().where(meta.c.key == keys.SEALING_KEY))
    assert public_key(hub, hub.desk()) == ""
    keys.begin(hub.database)
    with hub.database.read() as connection:
        after = keys.get(connection, keys.SEALING_KEY)
    assert len(before) == len(after) == 64
    assert before != after
    assert public_key(hub, hub.guest) == sealed.public_key(after)


def test_the_facts_hash_begins_at_the_beginning(hub: Served) -> None:
    """A copy of the very first fact, of a till that the hub knows nothing else of."""
    one, neighbour = hub.desk(), hub.desk()
    copy = boxed(one, one.hand_over(ready(one)[0]))
    assert copy["prev_hash"] == GENESIS.hex()
    assert states(neighbour, copy) == ["taken"]
    with hub.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(fact_table)).scalar() == 1
