"""Partner stores by an operator's word: made, changed, refused; a hub that begins without samples."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from posapp.__main__ import main
from posapp.domain.errors import Refused, StorageFault
from sync.hub import operator
from sync.hub.poller import Poller
from sync.hub.shops import tables as shop_tables
from tests.sync.hub.kit import Served, ready


@pytest.fixture
def store(capsys: pytest.CaptureFixture[str], url: str) -> Callable[..., Any]:
    """`posapp hub store … --json`, parsed."""

    def call(*words: str) -> Any:
        code = main(["hub", "store", "--database", url, "--json", *words])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return call


def test_a_store_is_made_enrols_a_till_and_has_no_orders(hub: Served, store: Callable[..., Any]) -> None:
    made = store("B07", "--name", "Uhren Weiß", "--address", "Lange Straße 4", "--hours", "Mo–Sa 10–18")
    assert made == {
        "code": "B07",
        "name": "Uhren Weiß",
        "address": "Lange Straße 4",
        "hours": "Mo–Sa 10–18",
        "undo_seconds": 60,
        "created": True,
    }
    desk = hub.desk("B07")
    assert desk.till == "B07-1"
    (card,) = desk.records().values()
    assert (card["name"], card["undo_seconds"]) == ("Uhren Weiß", 60)
    assert desk.get("/v1/orders/B24001").json()["elsewhere"]["store"] == "B01"
    assert hub.session.post(f"{hub.url}/v1/leases", headers=desk.headers, json={}).json()["alone"]


def test_what_is_given_of_a_store_changes_and_its_tills_hear_of_it(
    hub: Served, store: Callable[..., Any]
) -> None:
    desk = hub.desk()
    before = desk.records()["B01"]
    head = desk.page()["head"]
    changed = store("B01", "--hours", "Mo–Fr 9–17", "--undo-seconds", "0")
    assert (changed["created"], changed["name"]) == (False, before["name"])
    (card,) = [change["body"] for change in desk.page(head)["changes"]]
    assert card == before | {"hours": "Mo–Fr 9–17", "undo_seconds": 0}
    assert store("B01", "--name", "Neu", "--address", "")["address"] == ""
    assert ready(desk)


def test_orders_that_were_there_before_their_store_come_with_it(
    hub: Served, store: Callable[..., Any]
) -> None:
    number = ready(hub.desk())[0]["number"]
    with hub.database.write() as connection:
        order = shop_tables.order
        connection.execute(order.update().where(order.c.number == number).values(store="B07"))
    poller = Poller(hub.database, hub.shop, hub.clock)
    poller.run_once()
    store("B07", "--name", "Uhren Weiß")
    poller.run_once()
    assert number in hub.desk("B07").records()


@pytest.mark.parametrize(
    ("code", "given", "reason"),
    [
        ("b07", {"name": "A"}, "store-code-wrong"),
        ("B07-1", {"name": "A"}, "store-code-wrong"),
        ("", {"name": "A"}, "store-code-wrong"),
        ("B" * 13, {"name": "A"}, "store-code-wrong"),
        ("B07", {}, "store-name-missing"),
        ("B07", {"name": "  "}, "store-name-missing"),
        ("B01", {"name": ""}, "store-name-missing"),
        ("B07", {"name": "A\nB"}, "store-text-wrong"),
        ("B07", {"name": "A", "address": "x" * 201}, "store-text-wrong"),
        ("B07", {"name": "A", "hours": "\0"}, "store-text-wrong"),
        ("B07", {"name": "A", "undo_seconds": -1}, "store-undo-wrong"),
        ("B07", {"name": "A", "undo_seconds": 86_401}, "store-undo-wrong"),
    ],
)
def test_what_no_store_can_be_is_refused_and_nothing_is_written(
    url: str, code: str, given: dict[str, Any], reason: str
) -> None:
    before = operator.stores(url)
    with pytest.raises(Refused, match=reason):
        operator.put_store(url, code, **given)
    assert operator.stores(url) == before


def test_a_hub_may_begin_without_samples_and_is_never_filled_later(empty_url: str) -> None:
    operator.prepare(empty_url, empty=True)
    assert (operator.stores(empty_url), operator.orders(empty_url)) == ([], [])
    operator.put_store(empty_url, "B07", name="Uhren Weiß")
    operator.prepare(empty_url)
    assert [one["code"] for one in operator.stores(empty_url)] == ["B07"]
    assert operator.orders(empty_url) == []


def test_where_there_is_no_hub_no_store_is_made(empty_url: str) -> None:
    with pytest.raises(StorageFault, match="hub-missing"):
        operator.put_store(empty_url, "B07", name="Uhren Weiß")
