"""The sample shop: small and honest. It keeps orders, mails and hand-overs, and checks its rules.

It stands in for a retailer's shop in the demo and in tests, behind the same port as a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, insert, or_, select, tuple_, update

from posapp.domain.codes import normalise
from posapp.domain.facts import parse_timestamp, timestamp
from posapp.domain.goods import Line, Paid, Parcel, ParcelState
from posapp.domain.money import Money
from sync.hub.database import Database
from sync.hub.shops import Outcome, ShopAnswer, ShopCode, ShopHandOver, ShopOrder
from sync.hub.shops import tables as t

OVERLAP = timedelta(seconds=120)
SLICE = 1000
REVIEW_AFTER = timedelta(days=7)
CURRENCY = "EUR"

_DONE, _CANCELLED = "done", "cancelled"
_ORDER = select(
    t.order.c.id,
    t.order.c.number,
    t.order.c.store,
    t.customer.c.name.label("customer"),
    t.order.c.paid,
    t.order.c.due_minor,
    t.order.c.placed_at,
    t.order.c.ready_at,
    t.order.c.expected,
    t.order.c.hold_until,
    t.order.c.cancelled_at,
    t.order.c.cancelled_by,
    t.order.c.returned_at,
    t.order.c.blocked,
    t.order.c.note,
    t.order.c.question,
    t.order.c.changed_at,
).join(t.customer, t.customer.c.id == t.order.c.customer)
_ONE = _ORDER.where(t.order.c.id == bindparam("id"))
_OF: BindParameter[Any] = bindparam("ids", expanding=True)
_LINES = (
    select(
        t.line.c.order_id,
        t.line.c.id,
        t.line.c.sku,
        t.line.c.quantity,
        t.product.c.title,
        t.product.c.barcode,
        t.product.c.price_minor,
    )
    .join(t.product, t.product.c.sku == t.line.c.sku)
    .where(t.line.c.order_id.in_(_OF))
    .order_by(t.line.c.id)
)
_PARCELS = select(t.parcel).where(t.parcel.c.order_id.in_(_OF)).order_by(t.parcel.c.label)
_CODES = select(t.code).where(t.code.c.order_id.in_(_OF)).order_by(t.code.c.code)
_FULFILMENTS = select(t.fulfilment).where(t.fulfilment.c.order_id.in_(_OF)).order_by(t.fulfilment.c.id)


class SampleShop:
    """The shop port over its own tables. ``now`` is the shop's clock."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def ping(self) -> str:
        """The shop's name."""
        return "Sample shop"

    # -- reading ----------------------------------------------------------------------------------
    def changed(self, cursor: str, limit: int) -> tuple[Sequence[ShopOrder], str]:
        """See the port. The cursor is the stamp and id of the last order, ``end:`` in front where
        all was read: then the next look begins an overlap before it."""
        at_end = cursor.startswith("end:")
        stamp, _, ident = cursor.removeprefix("end:").partition("|")
        query = _ORDER.order_by(t.order.c.changed_at, t.order.c.id).limit(limit)
        if at_end:
            query = query.where(t.order.c.changed_at > timestamp(parse_timestamp(stamp) - OVERLAP))
        elif stamp:
            place = tuple_(t.order.c.changed_at, t.order.c.id)
            query = query.where(place > tuple_(bindparam("stamp", stamp), bindparam("ident", int(ident))))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            found = _orders(connection, rows)
        if not rows:
            return (), cursor if at_end or not stamp else f"end:{cursor}"
        last = f"{rows[-1].changed_at}|{rows[-1].id}"
        return found, last if len(rows) == limit else f"end:{last}"

    def open_orders(self) -> Iterator[Sequence[ShopOrder]]:
        """Every unfinished order, in slices."""
        last = 0
        while True:
            query = _ORDER.where(t.order.c.id > last).order_by(t.order.c.id).limit(SLICE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
                found = _orders(connection, rows)
            if not rows:
                return
            last = rows[-1].id
            yield [order for order in found if order.cancelled_at is None and order.remaining()]

    def all_orders(self) -> Iterator[Sequence[ShopOrder]]:
        """Every order, in slices, in the order of their ids: for the operator's list."""
        last = 0
        while True:
            query = _ORDER.where(t.order.c.id > last).order_by(t.order.c.id).limit(SLICE)
            with self._database.read() as connection:
                rows = connection.execute(query).all()
                found = _orders(connection, rows)
            if not rows:
                return
            last = rows[-1].id
            yield found

    def get(self, ident: str) -> ShopOrder | None:
        """One order by the shop's id."""
        if not _is_id(ident):
            return None
        with self._database.read() as connection:
            return _one(connection, int(ident))

    def find(self, text: str) -> Sequence[ShopOrder]:
        """Orders by number, pickup code, parcel label, name or mail: at most 20."""
        by_code = select(t.code.c.order_id).where(t.code.c.code == normalise(text))
        by_label = select(t.parcel.c.order_id).where(t.parcel.c.label == text)
        query = _ORDER.where(
            or_(
                t.order.c.number == text.upper(),
                t.order.c.id.in_(by_code),
                t.order.c.id.in_(by_label),
                t.order.c.customer.in_(
                    select(t.customer.c.id).where(or_(t.customer.c.name == text, t.customer.c.email == text))
                ),
            )
        )
        with self._database.read() as connection:
            return _orders(connection, connection.execute(query.limit(20)).all())

    # -- writing ----------------------------------------------------------------------------------
    def hand_over(
        self, ident: str, lines: Mapping[str, int], *, ref: str, store: str, at: datetime
    ) -> ShopAnswer:
        """Write a hand-over, and the mails that follow from it."""
        with self._database.write() as connection:
            order = _locked(connection, ident)
            if order is None:
                return ShopAnswer(Outcome.REJECTED, None, "order-unknown")
            if any(hand_over.ref == ref for hand_over in order.hand_overs):
                return ShopAnswer(Outcome.ALREADY, order)
            if order.cancelled_at is not None:
                return ShopAnswer(Outcome.REJECTED, order, "order-cancelled")
            if order.paid is Paid.UNPAID:
                return ShopAnswer(Outcome.REJECTED, order, "order-unpaid")
            if order.store != store:
                return ShopAnswer(Outcome.REJECTED, order, "other-store")
            left = order.remaining()
            if not lines or any(n < 1 or n > left.get(line, 0) for line, n in lines.items()):
                return ShopAnswer(Outcome.CONFLICT, order, "more-than-open")
            now = self._now()
            connection.execute(
                insert(t.fulfilment),
                {
                    "order_id": int(ident),
                    "ref": ref,
                    "state": _DONE,
                    "at": timestamp(at),
                    "lines": json.dumps(dict(lines)),
                },
            )
            connection.execute(
                insert(t.mail),
                [
                    _mail(ident, ref, "handed_over", now, "sent"),
                    _mail(ident, ref, "review_request", now + REVIEW_AFTER, "due"),
                ],
            )
            _touch(connection, ident, now)
            return ShopAnswer(Outcome.APPLIED, _one(connection, int(ident)))

    def undo_hand_over(self, ident: str, hand_over: str, *, ref: str) -> ShopAnswer:
        """Cancel a hand-over and the mails that are still due because of it."""
        with self._database.write() as connection:
            order = _locked(connection, ident)
            if order is None:
                return ShopAnswer(Outcome.REJECTED, None, "order-unknown")
            found = next((h for h in order.hand_overs if h.ref == hand_over), None)
            if found is None or found.cancelled:
                return ShopAnswer(Outcome.ALREADY, order)
            now = self._now()
            connection.execute(
                update(t.fulfilment).where(t.fulfilment.c.ref == hand_over).values(state=_CANCELLED)
            )
            connection.execute(
                update(t.mail)
                .where(t.mail.c.ref == hand_over, t.mail.c.state == "due")
                .values(state=_CANCELLED)
            )
            connection.execute(insert(t.mail), _mail(ident, ref, "hand_over_undone", now, "sent"))
            _touch(connection, ident, now)
            return ShopAnswer(Outcome.APPLIED, _one(connection, int(ident)))


def _is_id(ident: str) -> bool:
    return ident.isascii() and ident.isdigit() and len(ident) < 19


def _mail(ident: str, ref: str, kind: str, due: datetime, state: str) -> dict[str, Any]:
    return {"order_id": int(ident), "ref": ref, "kind": kind, "due": timestamp(due), "state": state}


def _touch(connection: Connection, ident: str, now: datetime) -> None:
    connection.execute(update(t.order).where(t.order.c.id == int(ident)).values(changed_at=timestamp(now)))


def _locked(connection: Connection, ident: str) -> ShopOrder | None:
    if not _is_id(ident):
        return None
    connection.execute(select(t.order.c.id).where(t.order.c.id == int(ident)).with_for_update())
    return _one(connection, int(ident))


def _one(connection: Connection, ident: int) -> ShopOrder | None:
    found = _orders(connection, connection.execute(_ONE, {"id": ident}).all())
    return found[0] if found else None


def _orders(connection: Connection, rows: Sequence[Any]) -> list[ShopOrder]:
    """The orders of these rows with all that hangs on them: four queries, however many."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    lines = _grouped(connection, _LINES, ids)
    parcels = _grouped(connection, _PARCELS, ids)
    codes = _grouped(connection, _CODES, ids)
    fulfilments = _grouped(connection, _FULFILMENTS, ids)
    return [
        ShopOrder(
            id=str(row.id),
            number=row.number,
            store=row.store,
            customer=row.customer,
            lines=tuple(
                Line(
                    str(line.id),
                    line.title,
                    line.quantity,
                    line.sku,
                    line.barcode,
                    Money(line.price_minor, CURRENCY),
                )
                for line in lines.get(row.id, ())
            ),
            parcels=tuple(
                Parcel(p.label, ParcelState(p.state), p.bin, _counts(p.lines), p.expected)
                for p in parcels.get(row.id, ())
            ),
            codes=tuple(ShopCode(c.code, c.use, c.name, _time(c.until)) for c in codes.get(row.id, ())),
            hand_overs=tuple(
                ShopHandOver(f.ref, parse_timestamp(f.at), _counts(f.lines), f.state == _CANCELLED)
                for f in fulfilments.get(row.id, ())
            ),
            paid=Paid(row.paid),
            due=None if row.due_minor is None else Money(row.due_minor, CURRENCY),
            placed_at=_time(row.placed_at),
            ready_at=_time(row.ready_at),
            expected=row.expected,
            hold_until=_time(row.hold_until),
            cancelled_at=_time(row.cancelled_at),
            cancelled_by=row.cancelled_by,
            returned_at=_time(row.returned_at),
            blocked=row.blocked,
            note=row.note,
            question=row.question,
        )
        for row in rows
    ]


def _grouped(connection: Connection, query: Select[Any], ids: list[int]) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = {}
    for row in connection.execute(query, {"ids": ids}):
        groups.setdefault(row.order_id, []).append(row)
    return groups


def _counts(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((line, int(n)) for line, n in json.loads(text).items())) if text else ()


def _time(text: str) -> datetime | None:
    return parse_timestamp(text) if text else None
