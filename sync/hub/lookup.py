"""One order now: for a code that a till has not got."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from posapp.domain.errors import Unavailable
from sync.hub import keys, records, tills
from sync.hub.database import Database
from sync.hub.records import Row
from sync.hub.refusals import Refusal
from sync.hub.shops import Shop, ShopOrder
from sync.hub.take_in import take_in
from sync.wire import Elsewhere, FeedChange, Lookup

log = logging.getLogger(__name__)

MAX_TEXT = 64
"""A longer text is no code of anybody's; see `posapp.domain.codes.MAX_TEXT`."""


def look_up(database: Database, shop: Shop, till: tills.Till, text: str) -> Lookup:
    """The record that this code opens: an order's number, a parcel's label or a pickup code.

    Another store's order says which store, and nothing of the person. What the hub does not know
    the shop is asked for. Raises Refusal 404.
    """
    unknown = Refusal(404, "order-unknown", "No order has this code.")
    text = text.strip()
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise unknown
    with database.read() as connection:
        found = _here(connection, till, text)
    if found is None:
        fresh = _in_shop(shop, text)
        if fresh:
            with database.write() as connection:
                take_in(connection, fresh)
            with database.read() as connection:
                found = _here(connection, till, text)
    if found is None:
        raise unknown
    return found


def _here(connection: Connection, till: tills.Till, text: str) -> Lookup | None:
    stores = keys.stores(connection)
    tokens = keys.lookup_tokens(text, (keys.hub_key(connection), stores[till.store].key))
    rows: list[Row] = []
    for kind, ident in records.by_token(connection, tokens):
        row = records.live(records.load(connection, kind, (ident,)).get(ident, ()))
        if row is not None:
            rows.append(row)
    mine = next((row for row in rows if row.store == till.store), None)
    if mine is not None:
        return Lookup(
            record=FeedChange(seq=mine.seq, kind=mine.kind, id=mine.id, rev=mine.rev, body=mine.value())
        )
    for row in rows:
        store = stores.get(row.store)
        if store is not None:
            return Lookup(
                elsewhere=Elsewhere(
                    store=store.code, name=store.name, address=store.address, hours=store.hours
                )
            )
    return None


def _in_shop(shop: Shop, text: str) -> list[ShopOrder]:
    try:
        orders = [order for form in keys.forms(text) for order in shop.find(form)]
    except Unavailable as error:
        log.warning("the shop cannot be asked: %s", error)
        return []
    wanted = set(keys.lookup_tokens(text, ()))
    return [
        order
        for order in orders
        if wanted
        & {order.number.upper(), *(c.code for c in order.codes), *(p.label.upper() for p in order.parcels)}
    ]
