"""The writer: what was done at a counter reaches the shop once, whatever dies on the way."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update

from posapp.domain.errors import Unavailable
from sync.hub.shops import Outcome, ShopAnswer
from sync.hub.shops import tables as shop
from sync.hub.shops.sample import SampleShop
from sync.hub.tables import intent
from tests.sync.hub.kit import Desk, Json, Served, ready

HOLD_S = 62
"""The store's minute to undo, and the way the last press has to go."""


def refs(hub: Served, number: str) -> list[tuple[str, bool]]:
    """The shop's hand-overs of an order: ref, and whether cancelled."""
    (order,) = hub.shop.find(number)
    return [(done.ref, done.cancelled) for done in order.hand_overs]


def mails(hub: Served, ref: str) -> list[tuple[str, str]]:
    query = select(shop.mail.c.kind, shop.mail.c.state).where(shop.mail.c.ref == ref).order_by(shop.mail.c.id)
    with hub.database.read() as connection:
        return [(kind, state) for kind, state in connection.execute(query)]


def states(hub: Served) -> list[str]:
    with hub.database.read() as connection:
        return list(connection.execute(select(intent.c.state).order_by(intent.c.n)).scalars())


def handed_over(hub: Served) -> tuple[Desk, str, Json]:
    """A till, an order's number and the hand-over of its goods, taken by the hub."""
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    assert desk.one(fact)["answer"] == "accepted"
    return desk, order["number"], fact


def test_the_shop_hears_nothing_before_the_undo_time_is_over(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    hub.clock.move(HOLD_S - 5)
    assert hub.writer().run_due() == 0
    assert refs(hub, number) == []
    hub.clock.move(5)
    assert hub.writer().run_due() == 1
    assert refs(hub, number) == [(fact["id"], False)]
    assert desk.order(number)["hand_overs"][0]["in_shop"] is True
    assert mails(hub, fact["id"]) == [("handed_over", "sent"), ("review_request", "due")]
    assert hub.writer().run_due() == 0


def test_the_till_is_told_that_the_shop_has_it(hub: Served) -> None:
    desk, number, _ = handed_over(hub)
    head = desk.page()["head"]
    hub.clock.move(HOLD_S)
    hub.writer().run_due()
    (change,) = desk.page(head)["changes"]
    assert (change["id"], change["rev"]) == (number, 3)


def test_an_undo_in_time_is_between_till_and_hub(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    assert desk.one(desk.undo(fact))["answer"] == "accepted"
    hub.clock.move(10 * HOLD_S)
    assert hub.writer().run_due() == 0
    assert (refs(hub, number), mails(hub, fact["id"])) == ([], [])
    assert states(hub) == ["cancelled"]
    assert desk.order(number)["hand_overs"][0]["undone"] is True


def test_a_later_undo_is_undone_in_the_shop(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    hub.clock.move(HOLD_S)
    hub.writer().run_due()
    undo = desk.undo(fact)
    assert desk.one(undo)["answer"] == "accepted"
    assert hub.writer().run_due() == 1
    assert refs(hub, number) == [(fact["id"], True)]
    assert mails(hub, fact["id"]) == [("handed_over", "sent"), ("review_request", "cancelled")]
    assert mails(hub, undo["id"]) == [("hand_over_undone", "sent")]
    # The goods are here again, and leave a second time.
    again = desk.hand_over(desk.order(number))
    assert desk.one(again)["answer"] == "accepted"
    hub.clock.move(HOLD_S)
    hub.writer().run_due()
    assert refs(hub, number) == [(fact["id"], True), (again["id"], False)]


def test_an_undo_while_the_write_is_under_way_follows_it(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    hub.clock.move(HOLD_S)

    def undo_now(step: str) -> None:
        if step == "write" and len(desk.chain) == 1:
            desk.one(desk.undo(fact))

    assert hub.writer(undo_now).run_due() == 2
    assert refs(hub, number) == [(fact["id"], True)]
    assert states(hub) == ["done", "done"]
    (done,) = desk.order(number)["hand_overs"]
    assert done["undone"] is True


class Crash(BaseException):
    """The process ends here, as far as the writer can tell."""


@pytest.mark.parametrize("write", ["hand over", "undo"])
@pytest.mark.parametrize("at", ["read", "write", "read again", "save"])
def test_a_crash_at_any_step_is_resumed_by_the_ref(hub: Served, at: str, write: str) -> None:
    desk, number, fact = handed_over(hub)
    hub.clock.move(HOLD_S)
    if write == "undo":
        hub.writer().run_due()
        desk.one(desk.undo(fact))

    def crash(step: str) -> None:
        if step == at:
            raise Crash

    with pytest.raises(Crash):
        hub.writer(crash).run_due()
    # Its lease still runs: nobody else may write what it perhaps has written.
    assert hub.writer().run_due() == 0
    hub.clock.move(61)
    assert hub.writer().run_due() == 1
    assert refs(hub, number) == [(fact["id"], write == "undo")]
    kinds = [kind for kind, _ in mails(hub, fact["id"])]
    assert kinds == ["handed_over", "review_request"]
    assert set(states(hub)) == {"done"}
    assert desk.order(number)["hand_overs"][0]["in_shop"] is True


def test_many_writers_write_each_intent_once(hub: Served) -> None:
    desk = hub.desk()
    orders = ready(desk, 10)
    facts = [desk.hand_over(order) for order in orders]
    desk.push(*facts)
    hub.clock.move(HOLD_S)
    gate = threading.Barrier(4)

    def work(_: int) -> int:
        gate.wait()
        return hub.writer().run_due()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 10
    for order, fact in zip(orders, facts, strict=True):
        assert refs(hub, order["number"]) == [(fact["id"], False)]


def test_writes_of_one_order_keep_their_order(hub: Served) -> None:
    """Two part hand-overs: while the first is with one writer, another leaves the second alone."""
    desk = hub.desk()
    order = next(o for o in ready(desk, 40) if len(o["lines"]) > 1)
    parts = [desk.hand_over(order, {line["id"]: 1}) for line in order["lines"][:2]]
    desk.push(*parts)
    hub.clock.move(HOLD_S)
    beside: list[int] = []

    def look(step: str) -> None:
        if step == "write" and not beside:
            beside.append(0)
            beside[0] = hub.writer().run_due()

    assert hub.writer(look).run_due() == 2
    assert beside == [0]
    assert refs(hub, order["number"]) == [(part["id"], False) for part in parts]


# -- when the shop does not do as it is told ------------------------------------------------------
def test_what_the_shop_refuses_becomes_a_case_and_the_goods_stay_gone(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    with hub.database.write() as connection:
        connection.execute(
            update(shop.order)
            .where(shop.order.c.number == number)
            .values(cancelled_at="2026-01-02T03:04:05.000000Z", cancelled_by="Anna")
        )
    hub.clock.move(HOLD_S)
    page = desk.page()
    assert hub.writer().run_due() == 1
    assert refs(hub, number) == []
    told = desk.page(page["head"])
    assert told["news"] > page["news"]
    (case,) = desk.push()
    assert (case["id"], case["answer"], case["reason"]) == (fact["id"], "rejected", "shop-refused")
    assert case["detail"] == {"why": "order-cancelled"}
    order = desk.order(number)
    assert (order["cancelled_by"], order["hand_overs"][0]["ref"]) == ("Anna", fact["id"])
    assert "in_shop" not in order["hand_overs"][0]
    # Never tried again, and whatever comes next about this order waits for a person.
    hub.clock.move(3600)
    assert hub.writer().run_due() == 0
    undo = desk.undo(fact)
    assert desk.one(undo)["reason"] == "behind-rejected"
    freed = {a["id"]: a["answer"] for a in desk.push(desk.settle(fact, "here"))}
    assert freed[undo["id"]] == "accepted"
    assert hub.writer().run_due() == 1
    assert states(hub) == ["refused", "done"]
    assert desk.order(number)["hand_overs"][0]["undone"] is True


class Moody(SampleShop):
    """The sample shop, with trouble at its door before or after a call did its work."""

    trouble: Callable[[str, Callable[[], Any]], Any]

    def get(self, ident: str) -> Any:
        return self.trouble("get", lambda: SampleShop.get(self, ident))

    def hand_over(self, ident: str, lines: Any, **more: Any) -> ShopAnswer:
        answer: ShopAnswer = self.trouble(
            "hand_over", lambda: SampleShop.hand_over(self, ident, lines, **more)
        )
        return answer


def moody(hub: Served, trouble: Callable[[str, Callable[[], Any]], Any]) -> None:
    shop_now = Moody(hub.database, hub.clock)
    shop_now.trouble = trouble
    hub.shop = shop_now


@pytest.mark.parametrize("error", [Unavailable("shop-slow"), ZeroDivisionError()])
def test_a_lost_answer_of_the_shop_is_looked_up_before_writing_again(hub: Served, error: Exception) -> None:
    desk, number, fact = handed_over(hub)
    calls: list[str] = []

    def lose(call: str, work: Callable[[], Any]) -> Any:
        calls.append(call)
        done = work()
        if calls.count("hand_over") == 1 and call == "hand_over":
            raise error
        return done

    moody(hub, lose)
    hub.clock.move(HOLD_S)
    assert hub.writer().run_due() == 1
    assert states(hub) == ["writing"]
    assert hub.writer().run_due() == 0
    hub.clock.move(2)
    assert hub.writer().run_due() == 1
    assert calls.count("hand_over") == 1
    assert refs(hub, number) == [(fact["id"], False)]
    assert desk.order(number)["hand_overs"][0]["in_shop"] is True


def test_an_unavailable_shop_is_tried_less_and_less_often(hub: Served) -> None:
    _, number, _ = handed_over(hub)
    down = True

    def trouble(call: str, work: Callable[[], Any]) -> Any:
        if down:
            raise Unavailable("shop-down")
        return work()

    moody(hub, trouble)
    hub.clock.move(HOLD_S)
    waits = []
    for _ in range(5):
        assert hub.writer().run_due() == 1
        waited = 0
        while not hub.writer()._lease():
            hub.clock.move(1)
            waited += 1
        waits.append(waited)
        with hub.database.write() as connection:
            connection.execute(update(intent).values(until_ms=0))
    # The hub's clock goes on while the test moves it, so a wait may seem some seconds shorter than it was.
    assert all(later > 0.8 * earlier for earlier, later in pairwise(waits))
    assert waits[-1] > waits[0]
    down = False
    hub.clock.move(600)
    assert hub.writer().run_due() == 1
    assert len(refs(hub, number)) == 1


def test_a_shop_that_says_yes_and_forgets_is_asked_again(hub: Served) -> None:
    _, number, fact = handed_over(hub)
    told: list[str] = []

    def forget(call: str, work: Callable[[], Any]) -> Any:
        if call == "hand_over" and not told:
            told.append(call)
            return ShopAnswer(Outcome.APPLIED, None)
        return work()

    moody(hub, forget)
    hub.clock.move(HOLD_S)
    hub.writer().run_due()
    assert (refs(hub, number), states(hub)) == ([], ["writing"])
    hub.clock.move(5)
    hub.writer().run_due()
    assert refs(hub, number) == [(fact["id"], False)]


def test_a_writer_that_lost_its_lease_saves_nothing(hub: Served) -> None:
    desk, number, fact = handed_over(hub)
    hub.clock.move(HOLD_S)

    def sleep_over(step: str) -> None:
        if step == "save" and not slept:
            slept.append(step)
            hub.clock.move(61)
            assert hub.writer().run_due() == 1

    slept: list[str] = []
    hub.writer(sleep_over).run_due()
    assert states(hub) == ["done"]
    assert refs(hub, number) == [(fact["id"], False)]
    revs = [c["rev"] for c in desk.page()["changes"] if c["id"] == number]
    assert revs == [3]


def test_what_waited_too_long_behind_a_slow_write_is_anothers(hub: Served) -> None:
    """Two intents leased together; the shop takes a minute for the first, and another writer goes on."""
    desk = hub.desk()
    orders = ready(desk, 2)
    facts = [desk.hand_over(order) for order in orders]
    desk.push(*facts)
    hub.clock.move(HOLD_S)
    beside: list[int] = []
    mine: list[str] = []

    def slow(step: str) -> None:
        mine.append(step)
        if step == "write" and not beside:
            beside.append(0)
            hub.clock.move(61)
            beside[0] = hub.writer().run_due()

    hub.writer(slow).run_due()
    assert beside == [2]
    assert mine.count("read") == 1
    for order, fact in zip(orders, facts, strict=True):
        assert refs(hub, order["number"]) == [(fact["id"], False)]


def test_a_lease_is_renewed_for_what_waits_behind_a_slow_write(hub: Served) -> None:
    desk = hub.desk()
    desk.push(*[desk.hand_over(order) for order in ready(desk, 3)])
    hub.clock.move(HOLD_S)
    beside: list[int] = []

    def slow(step: str) -> None:
        if step == "write":
            hub.clock.move(25)
            beside.append(hub.writer().run_due())

    assert hub.writer(slow).run_due() == 3
    # The third waited for 75 s in all, and was still left alone.
    assert states(hub) == ["done"] * 3
    assert beside[-1] == 0


def test_the_hold_is_the_stores_own(hub: Served) -> None:
    from sync.hub import keys

    with hub.database.write() as connection:
        card = keys.stores(connection)["B01"]
        keys.put_store(
            connection, "B01", name=card.name, address=card.address, hours=card.hours, undo_seconds=5
        )
    handed_over(hub)
    hub.clock.move(7)
    assert hub.writer().run_due() == 1
