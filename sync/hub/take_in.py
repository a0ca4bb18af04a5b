"""Taking the shop's orders in: the one way an order's record comes into being or changes by the shop.

What happened at a counter is never undone by what the shop says: hand-overs known here stay, joined
with the shop's by ref, and "undone" and "in the shop" only ever come true.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert

from posapp.domain.goods import Code, CodeUse, HandOver, code_token
from posapp.domain.orders import Order
from sync.hub import keys, records
from sync.hub.records import Change
from sync.hub.shops import ShopOrder
from sync.hub.tables import handle

log = logging.getLogger(__name__)

KIND = "order"


def take_in(connection: Connection, orders: Sequence[ShopOrder]) -> dict[str, int]:
    """Write what is new in these orders; the heads of the stores that heard something.

    Repeating changes nothing. An order that went to another store leaves a record without a body in
    the old one. Bulk: one call for up to a thousand orders.
    """
    stores = keys.stores(connection, {order.store for order in orders})
    hub_key = keys.hub_key(connection)
    known = records.load(connection, KIND, (o.number for o in orders), lock=True)
    changes: list[Change] = []
    handles: list[dict[str, str]] = []
    # The shop may name an order twice in one slice; the later one is the newer.
    for order in {order.number: order for order in orders}.values():
        rows = known.get(order.number, [])
        now = records.live(rows)
        store = stores.get(order.store)
        if store is None:
            log.info("order %s is for %s, which is no partner store", order.number, order.store)
        rev = max((row.rev for row in rows), default=0) + 1
        if now and now.store != order.store:
            changes.append(Change(KIND, order.number, now.store, rev, now.source, None, True))
        if store is None:
            continue
        before = Order.from_body(now.value()) if now else None
        body = records.text_of(joined(order, before, store.key).to_body())
        if now and now.store == order.store and now.body == body and now.source == order.id:
            continue
        exists = any(row.store == order.store for row in rows)
        changes.append(Change(KIND, order.number, order.store, rev, order.id, body, exists))
        tokens = _tokens(order, hub_key)
        if rows:
            records.add_tokens(connection, KIND, order.number, tokens)
        else:
            handles += [{"token": token, "kind": KIND, "id": order.number} for token in tokens]
    if handles:
        connection.execute(insert(handle), handles)
    return records.publish(connection, changes)


def joined(order: ShopOrder, known: Order | None, store_key: bytes) -> Order:
    """The shop's order with what is known here laid in."""
    return Order(
        number=order.number,
        store=order.store,
        customer=order.customer,
        lines=order.lines,
        parcels=order.parcels,
        codes=tuple(
            Code(code_token(store_key, c.code), CodeUse(c.use), c.name, c.until) for c in order.codes
        ),
        hand_overs=_hand_overs(order, known.hand_overs if known else ()),
        paid=order.paid,
        due=order.due,
        placed_at=order.placed_at,
        ready_at=order.ready_at,
        expected=order.expected,
        hold_until=order.hold_until,
        cancelled_at=order.cancelled_at,
        cancelled_by=order.cancelled_by,
        returned_at=order.returned_at,
        blocked=order.blocked,
        note=order.note,
        question=order.question,
    )


def _hand_overs(order: ShopOrder, known: tuple[HandOver, ...]) -> tuple[HandOver, ...]:
    in_shop = {hand_over.ref: hand_over for hand_over in order.hand_overs}
    kept: list[HandOver] = []
    for mine in known:
        theirs = in_shop.pop(mine.ref, None)
        kept.append(replace(mine, in_shop=True, undone=mine.undone or theirs.cancelled) if theirs else mine)
    new = (
        HandOver(theirs.ref, theirs.at, theirs.lines, undone=theirs.cancelled, in_shop=True)
        for theirs in in_shop.values()
    )
    return (*kept, *new)


def _tokens(order: ShopOrder, hub_key: bytes) -> list[str]:
    tokens = [order.number.upper(), *(p.label.upper() for p in order.parcels if p.label)]
    return list(dict.fromkeys((*tokens, *(code_token(hub_key, c.code) for c in order.codes))))
