"""Looking one order up: ours, another store's without a word of the person, or nobody's."""

import pytest

from posapp.domain.errors import Unavailable
from sync.hub import operator
from sync.hub.shops import tables as shop
from sync.hub.shops.sample import SampleShop
from sync.wire import Lookup
from tests.sync.hub.kit import Served, ready


def codes_of(url: str, store: str) -> dict[str, str]:
    """Code -> number of the orders of a store."""
    return {c["code"]: c["number"] for c in operator.codes(url, store) if c["state"] != "other_store"}


def test_own_order_by_number_label_and_code(hub: Served, url: str) -> None:
    desk = hub.desk()
    code, number = next(iter(codes_of(url, "B01").items()))
    order = desk.order(number)
    for text in (
        number,
        number.lower(),
        order["parcels"][0]["label"],
        code,
        f"{code[:2]} {code[2:].lower()}",
    ):
        answer = desk.get(f"/v1/orders/{text}")
        record = Lookup.model_validate(answer.json()).record
        assert record is not None
        assert (record.kind, record.id, record.body) == ("order", number, order)


def test_another_stores_order_tells_the_way_and_nothing_else(hub: Served, url: str) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    for code, number in codes_of(url, "B02").items():
        order = there.order(number)
        for text in (code, number, order["parcels"][0]["label"]):
            answer = here.get(f"/v1/orders/{text}")
            found = answer.json()
            assert set(found["elsewhere"]) == {"store", "name", "address", "hours"}
            assert (found["record"], found["elsewhere"]["store"]) == (None, "B02")
            assert "Gänsemarkt" in found["elsewhere"]["address"]
            for word in (*order["customer"].split(), number, order["lines"][0]["title"]):
                assert word.encode() not in answer.content


def test_no_page_and_no_answer_holds_another_stores_names(hub: Served) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    names = {o["customer"] for o in there.records().values() if "customer" in o}
    mine = {o["customer"] for o in here.records().values() if "customer" in o}
    everything = here.get("/v1/feed").content
    assert names
    assert all(name.encode() not in everything for name in names - mine)


def test_an_unknown_code_is_nobodys(hub: Served) -> None:
    answer = hub.desk().get("/v1/orders/PK22222222X")
    assert (answer.status_code, answer.json()["error"]) == (404, "order-unknown")


def test_a_pickup_code_lies_nowhere_in_clear_beside_the_shop(hub: Served, url: str) -> None:
    from sqlalchemy import select

    from sync.hub.tables import handle, record

    codes = [c["code"] for c in operator.codes(url)]
    with hub.database.read() as connection:
        kept = str(connection.execute(select(handle)).all()) + str(connection.execute(select(record)).all())
    assert codes
    assert all(code not in kept for code in codes)


def test_an_order_that_the_hub_has_not_heard_of_is_asked_of_the_shop(hub: Served) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    place(hub, order["number"], "B77777", "PK44444444D")
    assert desk.get("/v1/orders/B77777").json()["record"]["id"] == "B77777"
    assert desk.order("B77777")["customer"] == order["customer"]
    # A name is no code: the shop would find it, and the till must not.
    assert desk.get(f"/v1/orders/{order['customer']}").status_code == 404


def place(hub: Served, like: str, number: str, code: str) -> None:
    """The shop gets a new order, like another one."""
    from sqlalchemy import insert, select

    with hub.database.write() as connection:
        row = connection.execute(select(shop.order).where(shop.order.c.number == like)).one()._asdict()
        connection.execute(insert(shop.order), row | {"id": 7777, "number": number})
        fresh = {"code": code, "order_id": 7777, "use": "pickup", "name": "", "until": ""}
        connection.execute(insert(shop.code), fresh)


def test_a_silent_shop_leaves_what_is_known(hub: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: SampleShop, text: str) -> None:
        raise Unavailable("shop-down")

    monkeypatch.setattr(SampleShop, "find", silent)
    desk = hub.desk()
    assert desk.get("/v1/orders/B77777").status_code == 404
    assert desk.get(f"/v1/orders/{ready(desk)[0]['number']}").status_code == 200


def test_guessing_codes_is_slowed_down_for_that_till_alone(hub: Served) -> None:
    thief, honest = hub.desk(), hub.desk()
    answers = [thief.get(f"/v1/orders/B9{n:04d}") for n in range(40)]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert answers[-1].json()["error"] == "too-many"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert honest.get(f"/v1/orders/{ready(honest)[0]['number']}").status_code == 200
