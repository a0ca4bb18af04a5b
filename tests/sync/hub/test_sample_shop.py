"""The sample shop: the contract of the shop port, and the orders it is filled with."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from posapp.domain import codes
from posapp.domain.pickup import Verdict
from sync.hub import keys, migrations, operator
from sync.hub.database import Database
from sync.hub.shops import Outcome, Progress, ShopOrder
from sync.hub.shops import tables as t
from sync.hub.shops.goods import PRODUCTS
from sync.hub.shops.sample import SampleShop
from sync.hub.shops.seed import FEW, STORES, seed, sscc

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)

SCANNABLE = set(Verdict) - {
    Verdict.AMBIGUOUS,
    Verdict.NOT_AN_ORDER,
    Verdict.CASE_OPEN,
    Verdict.SEARCHING,
    Verdict.UNKNOWN,
    Verdict.UNREADABLE,
    Verdict.GENUINE,
    Verdict.TOKEN_EXPIRED,
    Verdict.FORGED,
    Verdict.GUESSING,
    Verdict.OTHER_STORE,
}
"""What an order at its own store can be; the others are about the scan, not the order."""


@pytest.fixture
def shop(database: Database) -> SampleShop:
    return SampleShop(database)


def everything(shop: SampleShop, cursor: str = "", limit: int = 10) -> tuple[list[ShopOrder], str]:
    """Read `changed` until there is no more for now."""
    found: list[ShopOrder] = []
    while True:
        orders, cursor = shop.changed(cursor, limit)
        found += orders
        if len(orders) < limit:
            return found, cursor


def some(shop: SampleShop, store: str = "B01", lines: int = 1) -> ShopOrder:
    """An order that can be handed over."""
    orders, _ = everything(shop)
    return next(
        o
        for o in orders
        if o.store == store
        and o.paid.value == "paid"
        and o.progress() is Progress.OPEN
        and len(o.lines) >= lines
    )


def all_of(order: ShopOrder) -> dict[str, int]:
    return {line.id: line.quantity for line in order.lines}


# -- the port -------------------------------------------------------------------------------------
def test_a_full_read_brings_every_order_once(shop: SampleShop) -> None:
    for limit in (1, 7, 1000):
        orders, cursor = everything(shop, limit=limit)
        assert len({order.number for order in orders}) == len(orders) == FEW
        assert everything(shop, cursor, limit)[1] == cursor


def test_what_changed_is_brought_and_the_overlap_again(shop: SampleShop, database: Database) -> None:
    _, cursor = everything(shop)
    order = some(shop)
    shop.hand_over(order.id, all_of(order), ref="r1", store="B01", at=NOW)
    fresh, later = everything(shop, cursor)
    assert order.number in [o.number for o in fresh]
    assert later != cursor
    # An order that appears behind the cursor, with an older stamp, is not lost.
    stamp = later.removeprefix("end:").partition("|")[0]
    behind = datetime.fromisoformat(stamp) - timedelta(seconds=60)
    with database.write() as connection:
        other = connection.execute(select(t.order.c.id).where(t.order.c.number != order.number)).scalar()
        connection.execute(
            update(t.order)
            .where(t.order.c.id == other)
            .values(changed_at=behind.isoformat().replace("+00:00", "Z"), note="late")
        )
    assert "late" in [o.note for o in everything(shop, later)[0]]


def test_open_orders_are_the_unfinished_ones(shop: SampleShop) -> None:
    swept = [order for part in shop.open_orders() for order in part]
    assert {o.progress() for o in swept} == {Progress.OPEN, Progress.PARTIAL}
    assert len(swept) == FEW - 2


def test_an_order_is_found_by_what_people_have_of_it(shop: SampleShop) -> None:
    order = some(shop)
    for text in (
        order.number,
        order.number.lower(),
        order.codes[0].code,
        order.parcels[0].label,
        order.customer,
    ):
        assert order.number in [found.number for found in shop.find(text)]
    assert shop.get(order.id) == order
    assert shop.find("nothing like it") == []
    assert [shop.get(ident) for ident in ("0", "x", "", "9" * 40, "²")] == [None] * 5


def test_part_then_again_then_too_much_then_the_rest(shop: SampleShop) -> None:
    order = some(shop, lines=2)
    first, second = (line.id for line in order.lines[:2])
    one = shop.hand_over(order.id, {first: 1}, ref="r1", store="B01", at=NOW)
    assert one.outcome is Outcome.APPLIED
    assert one.order is not None
    assert (one.order.progress(), one.order.hand_overs[0].at) == (Progress.PARTIAL, NOW)
    assert shop.hand_over(order.id, {first: 1}, ref="r1", store="B01", at=NOW).outcome is Outcome.ALREADY
    assert shop.hand_over(order.id, {first: 1}, ref="r2", store="B01", at=NOW).outcome is Outcome.CONFLICT
    rest = shop.hand_over(order.id, {second: 1}, ref="r3", store="B01", at=NOW)
    assert rest.order is not None
    assert (rest.outcome, rest.order.progress()) == (Outcome.APPLIED, Progress.DONE)


def test_one_of_many_racing_clients_is_applied(shop: SampleShop) -> None:
    order = some(shop)

    def take(n: int) -> Outcome:
        return shop.hand_over(order.id, all_of(order), ref=f"r{n}", store="B01", at=NOW).outcome

    with ThreadPoolExecutor(6) as pool:
        outcomes = Counter(pool.map(take, range(6)))
    assert outcomes == {Outcome.APPLIED: 1, Outcome.CONFLICT: 5}
    found = shop.get(order.id)
    assert found is not None
    assert len(found.hand_overs) == 1


def test_what_the_shop_checks_itself(shop: SampleShop, database: Database) -> None:
    order = some(shop)
    given = all_of(order)
    assert shop.hand_over("99999", given, ref="r", store="B01", at=NOW).why == "order-unknown"
    assert shop.hand_over(order.id, given, ref="r", store="B02", at=NOW).why == "other-store"
    for lines in ({}, {"77": 1}, {order.lines[0].id: 0}, {order.lines[0].id: 2}):
        assert shop.hand_over(order.id, lines, ref="r", store="B01", at=NOW).why == "more-than-open"
    for values, why in (
        ({"paid": "unpaid"}, "order-unpaid"),
        ({"cancelled_at": "2026-01-02T03:04:05.000000Z"}, "order-cancelled"),
    ):
        with database.write() as connection:
            connection.execute(update(t.order).where(t.order.c.id == int(order.id)).values(**values))
        answer = shop.hand_over(order.id, given, ref="r", store="B01", at=NOW)
        assert (answer.outcome, answer.why) == (Outcome.REJECTED, why)


def test_undo_is_repeatable_and_opens_the_order_again(shop: SampleShop) -> None:
    order = some(shop)
    shop.hand_over(order.id, all_of(order), ref="r1", store="B01", at=NOW)
    undone = shop.undo_hand_over(order.id, "r1", ref="u1")
    assert undone.order is not None
    assert (undone.outcome, undone.order.progress()) == (Outcome.APPLIED, Progress.OPEN)
    assert shop.undo_hand_over(order.id, "r1", ref="u1").outcome is Outcome.ALREADY
    assert shop.undo_hand_over(order.id, "never", ref="u2").outcome is Outcome.ALREADY
    assert shop.undo_hand_over("99999", "r1", ref="u3").outcome is Outcome.REJECTED


def test_the_review_request_is_due_a_week_later(shop: SampleShop, database: Database) -> None:
    order = some(shop)
    shop.hand_over(order.id, all_of(order), ref="r1", store="B01", at=NOW)
    with database.read() as connection:
        rows = {m.kind: m for m in connection.execute(select(t.mail).where(t.mail.c.ref == "r1"))}
    due = datetime.fromisoformat(rows["review_request"].due) - datetime.fromisoformat(rows["handed_over"].due)
    assert due == timedelta(days=7)
    assert shop.ping() == "Sample shop"


# -- what is in it --------------------------------------------------------------------------------
def test_every_state_of_an_order_occurs_at_the_first_store(url: str) -> None:
    states = Counter(c["state"] for c in operator.codes(url, "B01"))
    assert {state.value for state in SCANNABLE} <= set(states)
    assert states["ready"] >= 12
    assert states["other_store"] == 5
    assert len(operator.orders(url)) == FEW


def filled(tmp_url: str, orders: int, now: datetime = NOW) -> Database:
    database = Database(tmp_url)
    migrations.upgrade(database)
    keys.begin(database)
    assert seed(database, orders, now)
    return database


def contents(database: Database) -> list[object]:
    tables = (t.order, t.customer, t.line, t.parcel, t.code, t.fulfilment)
    with database.read() as connection:
        return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in tables]


def test_the_same_seed_gives_the_same_shop(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = []
    for _ in range(2):
        database = filled(f"sqlite:///{tmp_path_factory.mktemp('seed') / 'hub.db'}", FEW)
        found.append(contents(database))
        assert not seed(database, FEW, NOW)
        database.close()
    assert found[0] == found[1]


def test_a_large_shop_is_mostly_ready_at_the_first_store(empty_url: str) -> None:
    database = filled(empty_url, 6000)
    with database.read() as connection:
        by_store: dict[str, int] = dict(
            connection.execute(select(t.order.c.store, func.count()).group_by(t.order.c.store)).all()
        )
        codes_there = connection.execute(select(t.code.c.code)).scalars().all()
    assert sum(by_store.values()) == 6000
    assert by_store["B01"] > 5000
    assert set(by_store) == set(STORES)
    assert len(set(codes_there)) == len(codes_there) >= 6000
    database.close()


def test_every_code_can_be_scanned(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        found = connection.execute(select(t.code.c.code)).scalars().all()
        numbers = connection.execute(select(t.order.c.number)).scalars().all()
        labels = connection.execute(select(t.parcel.c.label)).scalars().all()
        names = connection.execute(select(t.customer.c.name)).scalars().all()
    database.close()
    assert all(codes.is_code(code) and code.startswith("PK") for code in found)
    assert {codes.read(number).kind for number in numbers} == {codes.Kind.FREE}
    assert {codes.read(label).kind for label in labels} == {codes.Kind.PARCEL}
    assert all(len(label) == 20 and label == sscc(int(label[10:19])) for label in labels)
    assert any(set("äöüßÄÖÜ") & set(name) for name in names)


def test_the_goods_have_valid_barcodes() -> None:
    assert all(codes.gtin14(product.barcode) for product in PRODUCTS)
    assert len({product.sku for product in PRODUCTS}) == len(PRODUCTS)


def test_a_ref_is_kept_once(database: Database) -> None:
    from sqlalchemy.exc import IntegrityError

    row = {"order_id": 1, "ref": "same", "state": "done", "at": "", "lines": "{}"}
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(t.fulfilment), [row, row])
