"""What the hub keeps of itself: its generation, its key for codes, the shop's cursor; and its stores."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from posapp.domain.goods import code_token
from sync.hub import records
from sync.hub.tables import meta, store, store_head

GENERATION = "generation"
HUB_KEY = "hub_key"


@dataclass(frozen=True, slots=True)
class Store:
    """A partner store. ``undo_seconds`` is how long the hub holds its writes to the shop."""

    code: str
    name: str
    address: str
    hours: str
    undo_seconds: int
    key: bytes


def get(connection: Connection, key: str) -> str:
    """A value the hub keeps of itself, "" where there is none."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return str(found or "")


def put(connection: Connection, key: str, value: str) -> None:
    """Keep a value."""
    changed = connection.execute(update(meta).where(meta.c.key == key).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(meta), {"key": key, "value": value})


def hub_key(connection: Connection) -> bytes:
    """The key under which codes of every store are hashed for the look-up."""
    return bytes.fromhex(get(connection, HUB_KEY))


def begin(connection: Connection) -> None:
    """Give an empty database its generation and key."""
    if not get(connection, GENERATION):
        put(connection, GENERATION, secrets.token_hex(8))
        put(connection, HUB_KEY, secrets.token_hex(32))


def renew_generation(connection: Connection) -> None:
    """Tell every till that what it was told before may be wrong."""
    put(connection, GENERATION, secrets.token_hex(8))


def lookup_tokens(text: str, keys: tuple[bytes, ...]) -> list[str]:
    """The tokens under which a scanned or typed text may be kept: itself, and its keyed hashes."""
    from posapp.domain.codes import is_code, normalise

    tokens = [text.strip().upper()]
    if is_code(text):
        code = normalise(text)
        tokens += [code, *(code_token(key, code) for key in keys)]
    return tokens


def stores(connection: Connection) -> dict[str, Store]:
    """Every partner store by its code, in the order of the codes."""
    columns = (store.c.code, store.c.name, store.c.address, store.c.hours, store.c.undo_seconds)
    return {
        code: Store(code, name, address, hours, int(undo), bytes.fromhex(key))
        for code, name, address, hours, undo, key in connection.execute(
            select(*columns, store.c.key).order_by(store.c.code)
        )
    }


def put_store(
    connection: Connection, code: str, *, name: str, address: str, hours: str, undo_seconds: int
) -> None:
    """Take a store in, or change its card; its tills are told by the feed."""
    values: Mapping[str, str | int] = {
        "name": name,
        "address": address,
        "hours": hours,
        "undo_seconds": undo_seconds,
    }
    known = connection.execute(update(store).where(store.c.code == code).values(**values)).rowcount
    if not known:
        connection.execute(insert(store), {"code": code, "key": secrets.token_hex(32), **values})
        connection.execute(insert(store_head), {"store": code, "head": 0})
    body = records.text_of({"code": code, **values})
    card = records.load_one(connection, "store", code)
    if card is None or card.body != body:
        rev = card.rev + 1 if card else 1
        change = records.Change("store", code, code, rev, "", body, card is not None)
        records.publish(connection, (change,))
