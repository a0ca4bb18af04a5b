"""The hub signs codes, tells tills its public keys in time, and knows parcels by either form of number."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from posapp.domain import tokens
from posapp.domain.codes import Kind, read
from posapp.domain.errors import StorageFault
from posapp.domain.goods import code_token
from sync.hub import keys, operator, records
from sync.hub.database import Database
from sync.hub.shops import tables as t
from tests.sync.hub.kit import Served


def card(url: str, store: str = "B01") -> dict[str, list[str]]:
    database = Database(url)
    try:
        with database.read() as connection:
            row = records.live(records.load(connection, "store", (store,))[store])
            assert row is not None
            return row.value()
    finally:
        database.close()


def public(url: str) -> list[bytes]:
    return [bytes.fromhex(key) for key in card(url)["token_keys"]]


def test_a_till_can_verify_what_the_hub_signs(url: str) -> None:
    number = next(o["number"] for o in operator.orders(url) if o["store"] == "B01")
    found = tokens.verify(operator.token(url, number), public(url))
    assert isinstance(found, tokens.Claims)
    assert (found.order, found.store) == (number, tokens.store_mark("B01"))
    assert abs(found.until - datetime.now(UTC)) < timedelta(days=60)


def test_keys_change_without_a_gap(url: str) -> None:
    number = operator.orders(url)[0]["number"]
    before, old = public(url), operator.token(url, number)
    operator.rotate_keys(url)
    new = operator.token(url, number)
    # A till that has not heard of it yet takes the new one; one that has still takes the old one.
    assert isinstance(tokens.verify(new, before), tokens.Claims)
    assert isinstance(tokens.verify(old, public(url)), tokens.Claims)
    operator.rotate_keys(url)
    assert tokens.verify(old, public(url)) is tokens.Doubt.FORGED
    assert len(public(url)) == 3


def test_no_private_key_is_told(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        private = keys.signing_key(connection).hex()
        following = keys.get(connection, keys.NEXT_SIGNING_KEY)
    database.close()
    told = str([card(url, store["code"]) for store in operator.stores(url)])
    assert private not in told
    assert following not in told


def test_a_managers_badge_is_told_as_a_hash_to_its_store_alone(url: str) -> None:
    badge = operator.manager_badge(url, "B01")
    assert read(badge).kind is Kind.BADGE
    database = Database(url)
    with database.read() as connection:
        key = keys.stores(connection)["B01"].key
    database.close()
    assert card(url)["managers"] == [code_token(key, badge)]
    assert "managers" not in card(url, "B02")


def test_our_own_addresses_are_told(url: str) -> None:
    operator.link_domains(url, ["Shop.Example", " id.example "])
    assert card(url)["link_domains"] == ["id.example", "shop.example"]
    operator.link_domains(url, [])
    assert "link_domains" not in card(url)


def test_what_is_not_there_is_said(url: str) -> None:
    with pytest.raises(StorageFault, match="order-unknown"):
        operator.token(url, "W-0")
    with pytest.raises(StorageFault, match="store-unknown"):
        operator.manager_badge(url, "B99")


def test_a_parcels_number_is_looked_up_in_either_form(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        label = str(connection.execute(select(t.parcel.c.label)).scalars().first())
        for text in (label, label[2:], f" {label} "):
            assert label in keys.lookup_tokens(text, ())
            assert records.by_token(connection, keys.lookup_tokens(text, ()))
    database.close()


def test_the_hub_hears_of_guessing_at_a_till(hub: Served) -> None:
    desk, other = hub.desk(), hub.desk("B02")
    payload = {"store": desk.store, "codes": 5, "since": "2026-11-21T10:00:00.000000Z"}
    noticed = desk.fact("GuessingNoticed", f"till:{desk.till}", payload)
    assert desk.one(noticed)["answer"] == "accepted"
    assert desk.records()[desk.till]["noticed"] == 1
    assert desk.till not in other.records()
    cleared = desk.fact("GuessingCleared", f"till:{desk.till}", {"store": desk.store, "by": "screen"})
    assert desk.one(cleared)["answer"] == "accepted"
    assert "guessing_since" not in desk.records()[desk.till]
