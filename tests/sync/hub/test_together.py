"""Pushes that come at the same time are taken in one transaction, and each as it would be alone."""

import json
import logging
import random
from contextvars import copy_context

import pytest
from sqlalchemy import func, select

from posapp.domain.custody import token
from sync import wire
from sync.hub import custody, decide, together
from sync.hub.received import Received
from sync.hub.tables import fact as fact_table
from sync.hub.tables import intent, lease
from sync.hub.together import Ask
from tests.sync.hub.kit import Desk, Json, Served, ready

STORES = ("B01", "B02", "B03")


def ask(desk: Desk, *facts: Json, **changed: object) -> Ask:
    """The push as it waits with others."""
    request = wire.FactsRequest.model_validate_json(json.dumps(desk.request(*facts, **changed)))
    return Ask(desk.token, request, copy_context())


def told(hub: Served, *asks: Ask) -> list[tuple[str, str] | Exception]:
    """What each is told of its first fact."""
    found = hub.hub.ledger.push_all(asks)
    return [
        one if isinstance(one, Exception) else (one.answers[0].answer, one.answers[0].reason) for one in found
    ]


@pytest.fixture
def alone(hub: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens of the pushes that were taken one by one."""
    taken: list[str] = []
    push = hub.hub.ledger.push

    def noted(token: str, request: wire.FactsRequest) -> wire.FactsAnswer:
        taken.append(token)
        return push(token, request)

    monkeypatch.setattr(hub.hub.ledger, "push", noted)
    return taken


def test_what_comes_together_is_taken_together(hub: Served, alone: list[str]) -> None:
    desks = [hub.desk(store) for store in STORES for _ in range(2)]
    orders = {store: ready(next(d for d in desks if d.store == store), 2) for store in STORES}
    facts = [desk.hand_over(orders[desk.store].pop()) for desk in desks]
    tickets = [desk.fact("TicketOpened", f"ticket:T{n}", ticket(desk, n)) for n, desk in enumerate(desks)]
    first = [ask(desk, fact) for desk, fact in zip(desks, facts, strict=True)]
    assert told(hub, *first) == [("accepted", "")] * len(desks)
    assert told(hub, *(ask(d, t) for d, t in zip(desks, tickets, strict=True))) == [("accepted", "")] * len(
        desks
    )
    assert alone == []
    for desk, fact in zip(desks, facts, strict=True):
        (done,) = desk.order(fact["subject"].partition(":")[2])["hand_overs"]
        assert (done["ref"], done["till"]) == (fact["id"], desk.till)
        page = desk.page()
        assert (page["applied_through"], page["next"]) == (2, page["head"])
        assert [change["seq"] for change in page["changes"]] == sorted(c["seq"] for c in page["changes"])
    with hub.database.read() as connection:
        refs = sorted(connection.execute(select(intent.c.ref).where(intent.c.state == "held")).scalars())
    assert refs == sorted(fact["id"] for fact in facts)
    # Scanned at another till of the store: found by what the fact made it found by.
    assert desks[0].get("/v1/orders/BAG-0").json()["record"]["id"] == "T0"
    # Sent again, each gets the answer that stands.
    again = hub.hub.ledger.push_all(first)
    assert all(isinstance(one, wire.FactsAnswer) and one.answers[0].replayed for one in again)


def ticket(desk: Desk, n: int) -> Json:
    return {
        "store": desk.store,
        "job": "repair",
        "customer": "Ada",
        "object": "Watch",
        "bag": f"BAG-{n}",
        "wish": "",
    }


def test_what_is_not_usual_is_taken_as_it_would_be_alone(hub: Served) -> None:
    ana, ben, cem, dor, eve, fay = (hub.desk() for _ in range(6))
    orders = ready(ana, 5)
    ana.push(ana.hand_over(orders[0]), cem_wrong := ana.fact("Polished", f"order:{orders[1]['number']}", {}))
    _moved_lead(hub, ana)
    answers = told(
        hub,
        ask(ben, ben.hand_over(orders[0])),
        ask(cem, cem.hand_over(orders[1])),
        ask(dor, dor.hand_over(orders[2], custody={"token": token(1, 1)})),
        ask(eve, eve.hand_over(orders[3], custody={"provisional": "label"})),
        ask(fay, fay.hand_over(orders[4], {orders[4]["lines"][0]["id"]: 99})),
        ask(ana, ana.fact("HandedOver", "order:NOBODY", {"lines": {"1": 1}})),
    )
    assert answers == [
        ("rejected", "already-handed-over"),
        ("parked", "behind-rejected"),
        ("rejected", "custody-moved"),
        ("accepted", ""),
        ("rejected", "more-than-ordered"),
        ("rejected", "subject-unknown"),
    ]
    cases = {body.get("fact", key) for key, body in ana.records().items() if "said" in body}
    expected = {desk.chain[-1]["id"] for desk in (ana, ben, cem, dor, eve, fay)} | {cem_wrong["id"]}
    assert cases == expected
    # One till at a time, so that each waits for what was there before.
    assert told(hub, ask(ben, settled := ben.settle(cem_wrong)), ask(eve, eve.undo(eve.chain[0]))) == [
        ("accepted", ""),
        ("accepted", ""),
    ]
    # What was settled at one till frees what another one had sent: its next answer tells it.
    with hub.database.read() as connection:
        query = select(fact_table.c.answer).where(fact_table.c.id == cem.chain[0]["id"])
        assert connection.execute(query).scalar() == "accepted", settled
    (found, _) = hub.hub.ledger.push_all(
        [
            ask(cem, cem.fact("TicketOpened", "ticket:N1", ticket(cem, 1))),
            ask(dor, dor.fact("Odd", "odd:1", {})),
        ]
    )
    assert isinstance(found, wire.FactsAnswer)
    assert {one.id: one.answer for one in found.answers} == {one["id"]: "accepted" for one in cem.chain}
    assert found.news


def _moved_lead(hub: Served, desk: Desk) -> None:
    with hub.database.write() as connection:
        values = {"store": desk.store, "till": desk.till, "epoch": 2, "until_ms": 1}
        connection.execute(lease.delete().where(lease.c.store == desk.store))
        connection.execute(lease.insert(), values)
        assert custody.lease_of(connection, desk.store)


def test_gaps_forks_and_strangers_are_told_and_the_others_taken(hub: Served, alone: list[str]) -> None:
    ana, ben, cem, dor = (hub.desk() for _ in range(4))
    orders = ready(ana, 4)
    ben.hand_over(orders[1])
    gap = ask(ben, ben.fact("Odd", "odd:1", {}))
    fork = ask(cem, cem.hand_over(orders[2]), prev_hash="1" * 64)
    wrong = ask(cem, cem.chain[0], epoch=9)
    stranger = Ask("nobody", gap.request, copy_context())
    good = [ask(ana, ana.hand_over(orders[0])), ask(dor, dor.hand_over(orders[3]))]
    found = told(hub, good[0], gap, fork, stranger, wrong, good[1])
    assert [found[0], found[5]] == [("accepted", "")] * 2
    assert [type(one).__name__ for one in found[1:5]] == ["OutOfStep", "Refusal", "Refusal", "OutOfStep"]
    assert alone == [ben.token, cem.token, "nobody", cem.token]


def test_two_about_one_order_are_taken_one_after_the_other(hub: Served) -> None:
    ana, ben, cem = (hub.desk() for _ in range(3))
    orders = ready(ana, 2)
    found = told(
        hub,
        ask(ana, ana.hand_over(orders[0])),
        ask(ben, ben.hand_over(orders[0])),
        ask(cem, cem.hand_over(orders[1])),
    )
    assert found == [("accepted", ""), ("rejected", "already-handed-over"), ("accepted", "")]


def test_two_pushes_of_one_till_are_taken_one_after_the_other(hub: Served) -> None:
    ana, ben = hub.desk(), hub.desk()
    orders = ready(ana, 3)
    first, second = ana.hand_over(orders[0]), ana.hand_over(orders[1])
    found = told(hub, ask(ana, first), ask(ana, second), ask(ben, ben.hand_over(orders[2])))
    assert found == [("accepted", "")] * 3


def test_a_defect_in_one_harms_none_of_the_others(
    hub: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desks = [hub.desk() for _ in range(3)]
    facts = [desk.hand_over(order) for desk, order in zip(desks, ready(desks[0], 3), strict=True)]
    folded = decide.folded

    def spoilt(row: object, fact: object, till: str, store: str) -> object:
        if till == desks[1].till:
            raise RuntimeError("planted")
        return folded(row, fact, till, store)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "folded", spoilt)
    with caplog.at_level(logging.CRITICAL):
        found = told(hub, *(ask(desk, fact) for desk, fact in zip(desks, facts, strict=True)))
    assert found == [("accepted", ""), ("parked", "internal"), ("accepted", "")]


def test_nothing_is_written_where_the_transaction_is_given_up(
    hub: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    desks = [hub.desk() for _ in range(3)]
    facts = [desk.hand_over(order) for desk, order in zip(desks, ready(desks[0], 3), strict=True)]
    heads = [desk.page()["head"] for desk in desks]

    def at_the_end(*_: object) -> list[object]:
        raise RuntimeError("planted")

    monkeypatch.setattr(together._NEWEST, "rows", at_the_end)
    monkeypatch.setattr(hub.hub.ledger, "push", at_the_end)
    found = told(hub, *(ask(desk, fact) for desk, fact in zip(desks, facts, strict=True)))
    assert all(isinstance(one, RuntimeError) for one in found)
    assert [desk.page()["head"] for desk in desks] == heads
    with hub.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(fact_table)).scalar() == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_crowd_leaves_what_single_pushes_would_leave(hub: Served, seed: int) -> None:
    """Whatever comes in whatever company: each accepted hand-over is in its order once, heads have no gaps."""
    chosen = random.Random(seed)
    desks = [hub.desk(chosen.choice(STORES)) for _ in range(8)]
    orders = {store: ready(hub.desk(store), 4) for store in STORES}
    for _ in range(12):
        asks = []
        for desk in chosen.sample(desks, chosen.randint(2, 8)):
            what = chosen.random()
            order = chosen.choice(orders[desk.store if what < 0.9 else chosen.choice(STORES)])
            mine = [one for one in desk.chain if one["kind"] == "HandedOver"]
            if what < 0.15 and mine:
                made = desk.undo(chosen.choice(mine))
            elif what < 0.25 and mine:
                made = desk.settle(chosen.choice(mine))
            elif what < 0.3:
                made = desk.fact("Odd", f"order:{order['number']}", {})
            else:
                made = desk.hand_over(order)
            asks.append(ask(desk, made))
        assert not [one for one in told(hub, *asks) if isinstance(one, Exception)]
    accepted: dict[str, bool] = {}
    for desk in desks:
        answers = desk.push(*desk.chain)
        accepted |= {a["id"]: a["answer"] == "accepted" for a in answers}
        page = desk.page(limit=500)
        assert page["applied_through"] == len(desk.chain)
    done = [
        one["ref"]
        for store in STORES
        for body in next((d for d in (*desks, hub.guest) if d.store == store), hub.desk(store))
        .records()
        .values()
        if "lines" in body
        for one in body.get("hand_overs", ())
        if one["ref"] in accepted
    ]
    handed = {f["id"] for d in desks for f in d.chain if f["kind"] == "HandedOver" and accepted[f["id"]]}
    assert sorted(done) == sorted(handed)


def test_a_batch_is_taken_at_once_and_one_by_one_where_that_fails(
    hub: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ana, ben = hub.desk(), hub.desk()
    orders = ready(ana, 8)
    take = hub.hub.ledger._take
    alone: list[int] = []

    def noted(till: str, item: Received, known: bool, moved: list[int]) -> wire.FactAnswer:
        alone.append(item.message.seq)
        return take(till, item, known, moved)

    monkeypatch.setattr(hub.hub.ledger, "_take", noted)
    wrong = ana.hand_over(orders[0], {orders[0]["lines"][0]["id"]: 99})
    facts = [wrong, ana.hand_over(orders[0]), *(ana.hand_over(order) for order in orders[1:4])]
    answers = [a["answer"] for a in ana.push(*facts)]
    assert (answers, alone) == (["rejected", "parked", "accepted", "accepted", "accepted"], [])
    assert ana.page()["applied_through"] == 5
    folded = decide.folded

    def spoilt(row: object, fact: object, till: str, store: str) -> object:
        if getattr(fact, "subject_id", "") == orders[5]["number"]:
            raise RuntimeError("planted")
        return folded(row, fact, till, store)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "folded", spoilt)
    with caplog.at_level(logging.CRITICAL):
        answers = [a["answer"] for a in ben.push(*(ben.hand_over(order) for order in orders[4:8]))]
    assert (answers, alone) == (["accepted", "parked", "accepted", "accepted"], [1, 2, 3, 4])
    assert len(ben.records()[orders[4]["number"]]["hand_overs"]) == 1
