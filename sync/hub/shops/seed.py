"""Filling the sample shop: the same seed gives the same orders, with dates around today.

Store B01 gets every state that an order can be in; of a large number most are ready at B01.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from posapp.domain import codes
from posapp.domain.facts import timestamp
from sync.hub import keys
from sync.hub.database import Database
from sync.hub.shops import tables as t
from sync.hub.shops.goods import FIRST_NAMES, LAST_NAMES, PRODUCTS

SLICE = 5000
FEW = 36
FIRST_NUMBER = 24_000
DAY = 86_400
UNDO_SECONDS = 60

STORES = {
    "B01": ("Uhrenhaus Mitte", "Friedrichstraße 61, 10117 Berlin", "Mo–Fr 10–19, Sa 10–18"),
    "B02": ("Juwelier am Gänsemarkt", "Gänsemarkt 13, 20354 Hamburg", "Mo–Fr 10–18:30, Sa 10–16"),
    "B03": ("Zeitwerk Südstadt", "Bonner Straße 42, 50677 Köln", "Di–Fr 11–19, Sa 10–15"),
}


@dataclass(slots=True)
class _Draft:
    """One order on its way into the tables: whole rows, changed by its state."""

    order: dict[str, Any]
    customer: dict[str, Any]
    lines: list[dict[str, Any]]
    parcels: list[dict[str, Any]]
    codes: list[dict[str, Any]]
    fulfilments: list[dict[str, Any]] = field(default_factory=list)


class _Press:
    """Makes drafts, deterministically."""

    def __init__(self, now: datetime, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = now
        self.next_line = 1
        self.used: set[str] = set()

    def code(self) -> str:
        """A pickup code nobody has yet."""
        while True:
            body = "".join(self.random.choices(codes.ALPHABET, k=codes.BODY_LENGTH))
            code = codes.make(codes.Prefix.PICKUP, body)
            if code not in self.used:
                self.used.add(code)
                return code

    def below(self, count: int) -> int:
        """A number from 0 to ``count`` - 1; a million orders are made of a dozen each."""
        return int(self.random.random() * count)

    def draft(self, number: int, store: str) -> _Draft:
        """A ready order: paid, one parcel in its bin."""
        below = self.below
        name = f"{FIRST_NAMES[below(len(FIRST_NAMES))]} {LAST_NAMES[below(len(LAST_NAMES))]}"
        placed = self.now - timedelta(seconds=2 * DAY + below(7 * DAY))
        ready = placed + timedelta(seconds=DAY + below(DAY - 3600))
        first = below(len(PRODUCTS))
        # One order in four has a second line, another product.
        second = (first + 1 + below(len(PRODUCTS) - 1)) % len(PRODUCTS)
        goods = (PRODUCTS[first], PRODUCTS[second]) if not below(4) else (PRODUCTS[first],)
        lines = [
            {"id": self.next_line + at, "order_id": number, "sku": product.sku, "quantity": 1}
            for at, product in enumerate(goods)
        ]
        self.next_line += len(lines)
        order = {
            "id": number,
            "number": f"B{FIRST_NUMBER + number}",
            "store": store,
            "customer": number,
            "paid": "paid",
            "due_minor": None,
            "placed_at": timestamp(placed),
            "ready_at": timestamp(ready),
            "expected": "",
            "hold_until": timestamp(self.now + timedelta(days=3 + below(5))),
            "cancelled_at": "",
            "cancelled_by": "",
            "returned_at": "",
            "blocked": "",
            "note": "",
            "question": "",
            "changed_at": timestamp(ready),
        }
        customer = {
            "id": number,
            "name": name,
            "email": f"{_ascii(name)}.{number}@example.org",
            "phone": f"+49 30 {10**6 + below(9 * 10**6)}",
        }
        return _Draft(
            order,
            customer,
            lines,
            [self.parcel(number, 0, lines)],
            [_code(self.code(), number)],
        )

    def parcel(self, number: int, nth: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
        """A parcel in a bin, with these lines inside."""
        return {
            "label": sscc(number * 10 + nth),
            "order_id": number,
            "state": "in_bin",
            "bin": f"B-{1 + self.below(24):02d}",
            "expected": "",
            "lines": json.dumps({str(line["id"]): line["quantity"] for line in lines}),
        }


def _code(code: str, number: int, use: str = "pickup", name: str = "", until: str = "") -> dict[str, Any]:
    return {"code": code, "order_id": number, "use": use, "name": name, "until": until}


def sscc(serial: int) -> str:
    """A parcel label as a GS1 SSCC with its application identifier: 20 digits, the last a check."""
    body = f"34098765{serial:09d}"
    total = 3 * sum(map(int, body[::2])) + sum(map(int, body[1::2]))
    return f"00{body}{-total % 10}"


_PLAIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def _ascii(name: str) -> str:
    plain = name.lower().translate(_PLAIN)
    return re.sub(r"[^a-z0-9]+", ".", plain).strip(".")


# -- states ---------------------------------------------------------------------------------------
def _ready(draft: _Draft, press: _Press) -> None:
    pass


def _attention(draft: _Draft, press: _Press) -> None:
    draft.order["note"] = "Geschenk: bitte ohne Preisschild übergeben."


def _pass(draft: _Draft, press: _Press) -> None:
    until = timestamp(press.now + timedelta(days=3))
    draft.codes.append(_code(press.code(), draft.order["id"], "pass", "Jonas Böttcher", until))


def _pass_revoked(draft: _Draft, press: _Press) -> None:
    until = timestamp(press.now + timedelta(days=3))
    draft.codes.append(_code(press.code(), draft.order["id"], "revoked", "Tim Sänger", until))


def _code_replaced(draft: _Draft, press: _Press) -> None:
    draft.codes.append(_code(press.code(), draft.order["id"], "replaced"))


def _two_lines(draft: _Draft, press: _Press) -> None:
    if len(draft.lines) < 2:
        taken = draft.lines[0]["sku"]
        strap = next(p.sku for p in PRODUCTS if p.sku.startswith("BD-20") and p.sku != taken)
        line = {"id": press.next_line, "order_id": draft.order["id"], "sku": strap, "quantity": 1}
        press.next_line += 1
        draft.lines.append(line)
    draft.parcels[:] = [press.parcel(draft.order["id"], 0, draft.lines)]


def _taken(draft: _Draft, press: _Press, lines: list[dict[str, Any]]) -> None:
    at = press.now - timedelta(hours=20 + press.below(20))
    draft.fulfilments.append(
        {
            "order_id": draft.order["id"],
            "ref": f"shop-{draft.order['number']}",
            "state": "done",
            "at": timestamp(at),
            "lines": json.dumps({str(line["id"]): line["quantity"] for line in lines}),
        }
    )


def _rest_open(draft: _Draft, press: _Press) -> None:
    _two_lines(draft, press)
    _taken(draft, press, draft.lines[:1])


def _handed_over(draft: _Draft, press: _Press) -> None:
    _taken(draft, press, draft.lines)
    for parcel in draft.parcels:
        parcel |= {"state": "handed_over", "bin": ""}


def _partly_here(draft: _Draft, press: _Press) -> None:
    _two_lines(draft, press)
    number, soon = draft.order["id"], _day(press, 1)
    draft.parcels[:] = [press.parcel(number, at, [line]) for at, line in enumerate(draft.lines)]
    draft.parcels[-1] |= {"state": "on_the_way", "bin": "", "expected": soon}
    draft.order["expected"] = soon


def _not_put_away(draft: _Draft, press: _Press) -> None:
    draft.parcels[0] |= {"state": "arrived", "bin": ""}
    draft.order["ready_at"] = ""


def _not_here_yet(draft: _Draft, press: _Press) -> None:
    soon = _day(press, 2)
    draft.parcels[0] |= {"state": "on_the_way", "bin": "", "expected": soon}
    draft.order |= {"ready_at": "", "hold_until": "", "expected": soon}


def _answer_needed(draft: _Draft, press: _Press) -> None:
    draft.order["question"] = "Soll das Armband gleich gekürzt werden?"


def _pay_here(draft: _Draft, press: _Press) -> None:
    prices = {product.sku: product.price_minor for product in PRODUCTS}
    due = sum(prices[line["sku"]] * line["quantity"] for line in draft.lines)
    draft.order |= {"paid": "promised", "due_minor": due}


def _expired(draft: _Draft, press: _Press) -> None:
    draft.order["hold_until"] = timestamp(press.now - timedelta(days=1))


def _unpaid(draft: _Draft, press: _Press) -> None:
    draft.order["paid"] = "unpaid"


def _cancelled(draft: _Draft, press: _Press) -> None:
    at = timestamp(press.now - timedelta(hours=5))
    draft.order |= {"cancelled_at": at, "cancelled_by": draft.customer["name"]}


def _going_back(draft: _Draft, press: _Press) -> None:
    draft.parcels[0] |= {"state": "in_return", "bin": ""}


def _returned(draft: _Draft, press: _Press) -> None:
    draft.parcels[0] |= {"state": "sent_back", "bin": ""}
    draft.order["returned_at"] = timestamp(press.now - timedelta(hours=9))


def _blocked(draft: _Draft, press: _Press) -> None:
    draft.order["blocked"] = "Die Zahlung wird geprüft."


State = Callable[[_Draft, _Press], None]

ODD: tuple[State, ...] = (
    _attention,
    _pass,
    _pass_revoked,
    _code_replaced,
    _rest_open,
    _partly_here,
    _not_put_away,
    _not_here_yet,
    _answer_needed,
    _pay_here,
    _expired,
    _handed_over,
    _unpaid,
    _cancelled,
    _going_back,
    _returned,
    _blocked,
)
"""Every state but ready, each once at B01."""

ELSEWHERE = ("B02", "B02", "B03", "B02", "B03")


def _day(press: _Press, days: int) -> str:
    return (press.now + timedelta(days=days)).date().isoformat()


def _plan(orders: int) -> Iterator[tuple[str, State]]:
    """Store and state of each order: the odd ones first, between ready ones; then ready, most at B01."""
    first: list[tuple[str, State]] = []
    for position, state in enumerate(ODD):
        first.append(("B01", state))
        if position < 14:
            first.append(("B01", _ready))
    first[5:5] = [(store, _ready) for store in ELSEWHERE]
    for position in range(orders):
        if position < FEW:
            yield first[position]
        else:
            yield ("B01" if position % 10 else ("B02", "B03")[position // 10 % 2]), _ready


# -- into the tables ------------------------------------------------------------------------------
def seed(database: Database, orders: int, now: datetime, seed: int = 20) -> bool:
    """Fill an empty shop with this many orders, and the hub with the shop's stores.

    False where the shop has orders already; then nothing is changed. Large numbers go in by bulk.
    """
    with database.read() as connection:
        if _has_orders(connection):
            return False
    with database.write_alone() as connection:
        if _has_orders(connection):
            return False
        for code, (name, address, hours) in STORES.items():
            keys.put_store(
                connection, code, name=name, address=address, hours=hours, undo_seconds=UNDO_SECONDS
            )
        if connection.execute(select(t.product.c.sku).limit(1)).first() is None:
            connection.execute(insert(t.product), [product._asdict() for product in PRODUCTS])
        press = _Press(now, seed)
        drafts: list[_Draft] = []
        for number, (store, state) in enumerate(_plan(orders), start=1):
            draft = press.draft(number, store)
            state(draft, press)
            drafts.append(draft)
            if len(drafts) == SLICE:
                _write(connection, drafts)
                drafts.clear()
        _write(connection, drafts)
    return True


def _has_orders(connection: Connection) -> bool:
    return connection.execute(select(t.order.c.id).limit(1)).first() is not None


def _write(connection: Connection, drafts: list[_Draft]) -> None:
    if not drafts:
        return
    slices: tuple[tuple[Table, list[dict[str, Any]]], ...] = (
        (t.customer, [draft.customer for draft in drafts]),
        (t.order, [draft.order for draft in drafts]),
        (t.line, [line for draft in drafts for line in draft.lines]),
        (t.parcel, [parcel for draft in drafts for parcel in draft.parcels]),
        (t.code, [code for draft in drafts for code in draft.codes]),
        (t.fulfilment, [done for draft in drafts for done in draft.fulfilments]),
    )
    for table, rows in slices:
        if rows:
            connection.execute(insert(table), rows)
