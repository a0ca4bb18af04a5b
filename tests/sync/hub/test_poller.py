"""The poller: what the shop says comes in, and never over what was done at a counter."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from posapp.domain.errors import Unavailable
from sync.hub import keys
from sync.hub.poller import SWEEP_MS, Poller
from sync.hub.shops import ShopOrder
from sync.hub.shops import tables as t
from sync.hub.shops.sample import SampleShop
from sync.hub.tables import record
from sync.hub.take_in import joined, take_in
from tests.sync.hub.kit import Served, ready

KEY = bytes(32)


def poller(hub: Served, shop: SampleShop | None = None) -> Poller:
    return Poller(hub.database, shop or hub.shop, hub.clock, hub.hub.told)


def shop_says(hub: Served, number: str, **values: Any) -> None:
    """The retailer changes an order."""
    stamp = hub.clock().isoformat().replace("+00:00", "Z")
    with hub.database.write() as connection:
        connection.execute(
            update(t.order).where(t.order.c.number == number).values(changed_at=stamp, **values)
        )


def test_a_change_in_the_shop_reaches_the_till(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    poller(hub).run_once()
    head = desk.page()["head"]
    shop_says(hub, order["number"], note="Vorsicht, Glas.")
    poller(hub).run_once()
    (change,) = desk.page(head)["changes"]
    assert (change["id"], change["rev"], change["body"]["note"]) == (order["number"], 2, "Vorsicht, Glas.")


def test_nothing_new_moves_nothing(hub: Served) -> None:
    desk = hub.desk()
    one = poller(hub)
    one.run()
    head = desk.page()["head"]
    assert one.run() == 0
    assert poller(hub).run() == 0
    hub.clock.move(62)
    poller(hub).run_once()
    assert desk.page()["head"] == head


def test_a_new_order_comes_in(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    poller(hub).run_once()
    stamp = hub.clock().isoformat().replace("+00:00", "Z")
    with hub.database.write() as connection:
        row = connection.execute(select(t.order).where(t.order.c.number == order["number"])).one()._asdict()
        connection.execute(insert(t.order), row | {"id": 7777, "number": "B77777", "changed_at": stamp})
    poller(hub).run_once()
    assert desk.order("B77777")["store"] == "B01"
    assert desk.get("/v1/orders/b77777").json()["record"]["id"] == "B77777"


def test_a_hand_over_that_the_shop_has_not_got_stays(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    desk.one(fact)
    shop_says(hub, order["number"], note="Neu.")
    poller(hub).run_once()
    now = desk.order(order["number"])
    assert now["note"] == "Neu."
    assert [done["ref"] for done in now["hand_overs"]] == [fact["id"]]


def test_hand_overs_are_joined_by_ref_and_only_ever_come_true(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    desk.one(fact)
    (before,) = hub.shop.find(order["number"])
    hub.clock.move(62)
    hub.writer().run_due()
    (written,) = hub.shop.find(order["number"])
    with hub.database.write() as connection:
        # An answer of the shop that was under way while the writer wrote.
        take_in(connection, (before,))
    (done,) = desk.order(order["number"])["hand_overs"]
    assert (done["ref"], done["till"], done["in_shop"]) == (fact["id"], desk.till, True)
    cancelled = replace(written.hand_overs[0], cancelled=True)
    with hub.database.write() as connection:
        take_in(connection, (replace(written, hand_overs=(cancelled,)),))
    assert desk.order(order["number"])["hand_overs"][0]["undone"] is True


def test_a_hand_over_made_in_the_shop_itself_is_known(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    (found,) = hub.shop.find(order["number"])
    given = {line.id: line.quantity for line in found.lines}
    hub.shop.hand_over(found.id, given, ref="by-hand", store="B01", at=hub.clock())
    poller(hub).run_once()
    answer = desk.one(desk.hand_over(order))
    assert (answer["reason"], answer["detail"]["ref"]) == ("already-handed-over", "by-hand")


def test_codes_are_kept_under_the_stores_own_key(hub: Served) -> None:
    (order,) = hub.shop.find("B24001")
    other = joined(order, None, KEY)
    with hub.database.read() as connection:
        mine = joined(order, None, keys.stores(connection)["B01"].key)
    assert {c.token for c in other.codes}.isdisjoint(c.token for c in mine.codes)
    assert all(c.token.startswith("h:") for c in mine.codes)


def test_a_sweep_heals_what_changed_without_a_stamp(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    one = poller(hub)
    one.run()
    with hub.database.write() as connection:
        connection.execute(
            update(t.order).where(t.order.c.number == order["number"]).values(note="ohne Stempel")
        )
    one.run()
    assert desk.order(order["number"]).get("note") != "ohne Stempel"
    hub.clock.move(SWEEP_MS / 1000 + 1)
    one.run()
    assert desk.order(order["number"])["note"] == "ohne Stempel"


class Watched(SampleShop):
    """The sample shop with somebody looking on."""

    look: Callable[[], None]

    def changed(self, cursor: str, limit: int) -> tuple[Sequence[ShopOrder], str]:
        self.look()
        return super().changed(cursor, limit)


def watched(hub: Served, look: Callable[[], None]) -> Watched:
    shop = Watched(hub.database, hub.clock)
    shop.look = look
    return shop


def test_after_a_silent_shop_everything_is_swept(hub: Served) -> None:
    def silent() -> None:
        raise Unavailable("shop-down")

    one = poller(hub)
    one.run()
    one.release()
    with pytest.raises(Unavailable):
        poller(hub, watched(hub, silent)).run_once()
    desk = hub.desk()
    (order,) = ready(desk)
    with hub.database.write() as connection:
        connection.execute(update(t.order).where(t.order.c.number == order["number"]).values(note="still"))
    one.run()
    assert desk.order(order["number"])["note"] == "still"


def test_one_process_polls_at_a_time(hub: Served) -> None:
    inside: list[int] = []

    def look() -> None:
        inside.append(poller(hub).run())

    one = poller(hub, watched(hub, look))
    one.run()
    assert inside == [0]
    second = poller(hub, watched(hub, lambda: inside.append(-1)))
    second.run()
    assert inside == [0]
    hub.clock.move(31)
    second.run()
    assert inside == [0, -1]
    second.release()
    one.run()
    assert inside[:2] == [0, -1]


class Slow(Watched):
    """What it says is old by the time it is heard."""

    def changed(self, cursor: str, limit: int) -> tuple[Sequence[ShopOrder], str]:
        said = SampleShop.changed(self, cursor, limit)
        self.look()
        return said


def test_what_a_poller_too_slow_has_read_is_not_taken_in(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    poller(hub).run_once()
    shop_says(hub, order["number"], note="old")

    def meanwhile() -> None:
        hub.clock.move(31)
        shop_says(hub, order["number"], note="new")
        poller(hub).run()

    slow = Slow(hub.database, hub.clock)
    slow.look = meanwhile
    with pytest.raises(Unavailable, match="lease-lost"):
        poller(hub, slow).run()
    assert desk.order(order["number"])["note"] == "new"


def test_many_who_begin_at_once_give_one_poller(hub: Served) -> None:
    with hub.database.write() as connection:
        keys.put(connection, "poller", "")
    gate = threading.Barrier(6)
    taken: list[bool] = []

    def begin() -> None:
        one = poller(hub)
        gate.wait()
        taken.append(one._leased())

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]


def test_an_order_for_a_store_of_nobodys_is_left_out(hub: Served, caplog: pytest.LogCaptureFixture) -> None:
    (order,) = hub.shop.find("B24001")
    with caplog.at_level(logging.INFO), hub.database.write() as connection:
        take_in(connection, (replace(order, number="B55555", store="X9"),))
    assert "B55555" in caplog.text
    with hub.database.read() as connection:
        query = select(func.count()).select_from(record).where(record.c.id == "B55555")
        assert connection.execute(query).scalar() == 0


def test_a_slice_may_name_an_order_twice(hub: Served) -> None:
    (order,) = hub.shop.find("B24001")
    with hub.database.write() as connection:
        take_in(connection, (replace(order, note="alt"), replace(order, note="neu")))
    assert hub.desk().order("B24001")["note"] == "neu"
