"""What the command line asks of a hub: set it up, enrol a till, look into the shop.

All of it works beside a hub that is serving, and with either database. All but `prepare` raise
StorageFault("hub-missing") where there is no hub, and make none; StorageFault("hub-older") where its database is
older than this posapp, and leave it as it is: the hub that serves may be as old. `backup` takes it as it is, and
`restored`, which is run while nobody serves, brings it up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from posapp.domain import tokens
from posapp.domain.codes import Prefix, draw
from posapp.domain.errors import Refused, StorageFault
from posapp.domain.facts import timestamp
from posapp.domain.goods import code_token
from posapp.domain.orders import Order
from posapp.domain.pickup import judge
from posapp.paths import HUB
from sync.hub import backups, custody, keys, migrations, overview, records, take_in, tills
from sync.hub import stores as hub_stores
from sync.hub.database import Database, check_server
from sync.hub.decide import unsettled
from sync.hub.poller import Poller
from sync.hub.shops import tables as shop_tables
from sync.hub.shops.sample import SampleShop
from sync.hub.shops.seed import FEW, seed
from sync.pins import of_file
from sync.pins import read as read_pin

SLICE = 1000


def url_for(data_dir: Path) -> str:
    """The URL of the hub that lives in a data folder."""
    return f"sqlite:///{data_dir / HUB}"


def prepare(url: str, orders: int = FEW, *, undo_seconds: int | None = None, empty: bool = False) -> None:
    """Migrate the database, and fill one that has no store with the sample shop's stores and orders, unless it is to
    stay ``empty``.

    Repeating is harmless. ``undo_seconds`` is set for every store where it is given. Raises
    StorageFault: hub-too-new, sqlite-too-old, postgresql-too-old; Unavailable: database-unusable.
    """
    database = Database(url)
    try:
        migrations.upgrade(database)
        keys.begin(database)
        with database.read() as connection:
            begun = bool(keys.stores(connection))
        if not empty and not begun and seed(database, orders, _now()):
            Poller(database, SampleShop(database), _now).run_once()
        if undo_seconds is not None:
            with database.write() as connection:
                for store in keys.stores(connection).values():
                    keys.put_store(
                        connection,
                        store.code,
                        name=store.name,
                        address=store.address,
                        hours=store.hours,
                        undo_seconds=undo_seconds,
                    )
    finally:
        database.close()


def enrol_code(url: str, store: str, *, again: str = "") -> str:
    """A one-time code for a till of this store; ``again`` names a till that is enrolled anew.

    Raises StorageFault: hub-missing, store-unknown, till-unknown.
    """
    with _opened(url) as database:
        return tills.offer(database, store, _now(), again)


def offer(url: str, store: str, *, again: str = "") -> dict[str, Any]:
    """`enrol_code`, with what goes with it: code, store, till ("" for a new one), expires_at, pins."""
    with _opened(url) as database:
        now = _now()
        code = tills.offer(database, store, now, again)
        with database.read() as connection:
            pinned = keys.pins(connection)
    until = timestamp(now + timedelta(minutes=tills.CODE_MINUTES))
    return {"code": code, "store": store, "till": again, "expires_at": until, "pins": pinned}


def offer_again(url: str, till: str) -> dict[str, Any]:
    """`offer` for a till that is known already. Raises StorageFault: hub-missing, till-unknown."""
    with _opened(url) as database:
        known = {found["id"]: found["store"] for found in overview.tills(database)}
    if till not in known:
        raise StorageFault("till-unknown", till=till)
    return offer(url, known[till], again=till)


def lead(url: str, till: str) -> int:
    """Make a till the lead of its store; the store's new epoch. Claims of the old one are worth nothing.

    Raises StorageFault: hub-missing, till-unknown.
    """
    with _opened(url) as database:
        return custody.move(database, till, _now())


def revoke(url: str, till: str) -> dict[str, Any]:
    """End a till's token: till, revoked, store, lead ("" where nobody leads the store now), lead_moved.

    Raises StorageFault: hub-missing, till-unknown.
    """
    with _opened(url) as database:
        done = tills.revoke(database, till, _now())
    return {
        "till": till,
        "revoked": True,
        "store": done.store,
        "lead": done.lead,
        "lead_moved": done.moved,
    }


def tills_of(url: str, store: str | None = None) -> list[dict[str, Any]]:
    """Every till: see `sync.hub.overview.tills`. Raises StorageFault: hub-missing, store-unknown."""
    with _opened(url) as database:
        return overview.tills(database, store)


def waiting(url: str) -> dict[str, dict[str, dict[str, Any]]]:
    """What waits: see `sync.hub.overview.waiting`. Raises StorageFault("hub-missing")."""
    with _opened(url) as database:
        return overview.waiting(database)


def cases(url: str, store: str | None = None) -> list[dict[str, Any]]:
    """What nobody has settled: see `sync.hub.overview.cases`. Raises StorageFault: hub-missing,
    store-unknown.
    """
    with _opened(url) as database:
        return overview.cases(database, store)


def pins(url: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
    """The pins of the keys by which tills know the hub; ``add`` takes pins and PEM files, ``remove`` pins.

    Raises StorageFault("hub-missing"), Refused: pin-wrong, pin-unreadable, pin-unknown, pin-in-use (the
    last one stays, or every till would be locked out).
    """
    more = [of_file(Path(one)) if Path(one).is_file() else read_pin(one) for one in add]
    less = [read_pin(one) for one in remove]
    with _opened(url) as database, database.write_alone() as connection:
        known = set(keys.pins(connection)) | set(more)
        for one in less:
            if one not in known:
                raise Refused("pin-unknown", pin=one)
        if known and not known - set(less):
            raise Refused("pin-in-use")
        if more or less:
            keys.set_pins(connection, known - set(less))
        return sorted(known - set(less))


def backup(url: str, *, to: str | None = None, command: Sequence[str] = ()) -> dict[str, Any]:
    """Copy the database while it serves, to a file or by a command; begun, ended, to, generation.

    Raises StorageFault: hub-missing, backup-exists, backup-failed, backup-where.
    """
    if bool(to) == bool(command):
        raise StorageFault("backup-where")
    with _opened(url, _Older.TAKEN) as database:
        if to:
            if not database.is_sqlite:
                raise StorageFault("backup-sqlite")
            return asdict(backups.copy(database, Path(to).absolute()))
        return asdict(backups.run(database, command))


def backups_made(url: str) -> list[dict[str, Any]]:
    """The backups that were made, oldest first. Raises StorageFault("hub-missing")."""
    with _opened(url, _Older.TAKEN) as database, database.read() as connection:
        return [asdict(note) for note in backups.notes(connection)]


def restored(url: str) -> str:
    """Say that the database is an older copy: every till then reads its feed from the beginning.

    The new generation. Raises StorageFault("hub-missing").
    """
    with _opened(url, _Older.UPDATED) as database:
        backups.restored(database)
        with database.read() as connection:
            return keys.get(connection, keys.GENERATION)


def token(url: str, number: str, *, days: int = 30) -> str:
    """A signed code for an order: good until its pickup time ends, else for ``days``.

    Raises StorageFault: hub-missing, order-unknown, token-unfit (a number that no token can hold).
    """
    with _opened(url) as database, database.read() as connection:
        row = records.live(records.load(connection, take_in.KIND, (number,)).get(number, ()))
        if row is None:
            raise StorageFault("order-unknown", number=number)
        order = Order.from_body(row.value())
        until = order.hold_until or _now() + timedelta(days=days)
        claims = tokens.Claims(order.number, tokens.store_mark(order.store), until)
        try:
            return tokens.sign(keys.signing_key(connection), claims)
        except ValueError as error:
            raise StorageFault("token-unfit", number=number) from error


def rotate_keys(url: str) -> None:
    """Sign with the next key from now on. Raises StorageFault: hub-missing."""
    with _opened(url) as database, database.write_alone() as connection:
        keys.rotate(connection)


def manager_badge(url: str, store: str) -> str:
    """A fresh badge for a manager of this store. Raises StorageFault: hub-missing, store-unknown."""
    with _opened(url) as database, database.write() as connection:
        known = keys.stores(connection)
        if store not in known:
            raise StorageFault("store-unknown", store=store, stores=", ".join(known))
        badge = draw(Prefix.BADGE)
        keys.add_manager(connection, store, badge)
    return badge


def link_domains(url: str, domains: Iterable[str]) -> None:
    """The hosts whose GS1 Digital Links tills take apart. Raises StorageFault: hub-missing."""
    with _opened(url) as database, database.write() as connection:
        keys.set_link_domains(connection, domains)


def stores(url: str) -> list[dict[str, Any]]:
    """Every partner store: code, name, address, hours, undo_seconds."""
    with _opened(url) as database, database.read() as connection:
        return [_card(store) for store in keys.stores(connection).values()]


def put_store(url: str, code: str, **given: Any) -> dict[str, Any]:
    """Take a store in, or change what is ``given`` of it: its card, and ``created``. See `sync.hub.stores.put`.

    Raises StorageFault("hub-missing"); Refused as said there.
    """
    with _opened(url) as database:
        store, created = hub_stores.put(database, code, **given)
    return _card(store) | {"created": created}


def _card(store: keys.Store) -> dict[str, Any]:
    return {
        "code": store.code,
        "name": store.name,
        "address": store.address,
        "hours": store.hours,
        "undo_seconds": store.undo_seconds,
    }


def orders(url: str) -> list[dict[str, Any]]:
    """What the shop holds: number, store, state, and the hand-overs that stand, with their refs."""
    with _opened(url) as database:
        return [
            {
                "number": order.number,
                "store": order.store,
                "state": order.progress().value,
                "hand_overs": [
                    {"ref": done.ref, "at": done.at.isoformat(), "lines": dict(done.lines)}
                    for done in order.hand_overs
                    if not done.cancelled
                ],
            }
            for slice_ in SampleShop(database).all_orders()
            for order in slice_
        ]


def codes(url: str, store: str | None = None, *, limit: int | None = None) -> list[dict[str, str]]:
    """Codes of the sample shop in clear, with the verdict a scan has: code, number, state.

    Judged as seen from ``store``, or each from its own. Raises StorageFault: hub-missing,
    store-unknown.
    """
    with _opened(url) as database:
        with database.read() as connection:
            known = keys.stores(connection)
            cases = unsettled(connection)
        if store is not None and store not in known:
            raise StorageFault("store-unknown", store=store, stores=", ".join(known))
        found: list[dict[str, str]] = []
        now = _now()
        for code, number, body in _codes(database, limit):
            order = Order.from_body(body)
            token = code_token(known[order.store].key, code)
            case = (order.store, f"{take_in.KIND}:{number}") in cases
            judged = judge(order, store=store or order.store, now=now, token=token, case_open=case)
            found.append({"code": code, "number": number, "state": judged.verdict.value})
        return found


def _codes(database: Database, limit: int | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    code, order = shop_tables.code, shop_tables.order
    query = (
        select(code.c.code, order.c.number)
        .join(order, order.c.id == code.c.order_id)
        .order_by(order.c.id, code.c.use, code.c.code)
        .limit(limit)
    )
    with database.read() as connection:
        rows = [(found, number) for found, number in connection.execute(query)]
        for first in range(0, len(rows), SLICE):
            part = rows[first : first + SLICE]
            bodies = records.load(connection, take_in.KIND, {number for _, number in part})
            for found, number in part:
                row = records.live(bodies.get(number, ()))
                if row is not None:
                    yield found, number, row.value()


def _now() -> datetime:
    return datetime.now(UTC)


class _Older(StrEnum):
    """What becomes of a database that an older posapp serves: nothing may be changed under it by the way."""

    REFUSED = "refused"
    TAKEN = "taken"
    """As it is: what is asked for is in every version."""
    UPDATED = "updated"
    """Nobody serves it: that is the command's own condition."""


@contextmanager
def _opened(url: str, older: _Older = _Older.REFUSED) -> Iterator[Database]:
    database = Database(url)
    try:
        file = database.file()
        missing = StorageFault("hub-missing", folder=str(file.parent if file else database.url.host))
        if file is not None and not file.is_file():
            raise missing
        try:
            with database.read() as connection:
                check_server(connection)
                found = migrations.found(connection)
        except OperationalError as error:
            raise missing from error
        if not found:
            raise missing
        if older is _Older.UPDATED:
            migrations.upgrade(database)
            keys.begin(database)
        elif not migrations.is_done(found) and older is _Older.REFUSED:
            raise StorageFault("hub-older", found=found, known=migrations.HEAD)
        yield database
    finally:
        database.close()
