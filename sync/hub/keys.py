"""What the hub keeps of itself: its generation, its key for codes, the shop's cursor; and its stores."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from posapp.domain import tokens
from posapp.domain.goods import code_token
from sync.hub import records
from sync.hub.database import Database
from sync.hub.hot import Hot
from sync.hub.tables import lease, meta, store, store_head

GENERATION = "generation"
HUB_KEY = "hub_key"
SIGNING_KEY = "signing_key"
NEXT_SIGNING_KEY = "signing_key_next"
LAST_PUBLIC_KEY = "signing_key_last_public"
"""Signed codes: what is signed with, what will be next (tills know it long before it is used), and the
public half of the one before, whose codes are still about."""
SEALING_KEY = "sealing_key"
"""Opens the copies of facts that tills keep for one another (`sync.sealed`)."""
LINK_DOMAINS = "link_domains"
MANAGERS = "managers:"
PINS = "hub_pins"
"""The keys that the hub, or its front end, shows in TLS: told to each till ahead of their use."""
POLLER = "poller"
"""Who reads the shop at present, and until when."""


@dataclass(frozen=True, slots=True)
class Store:
    """A partner store. ``undo_seconds`` is how long the hub holds its writes to the shop."""

    code: str
    name: str
    address: str
    hours: str
    undo_seconds: int
    key: bytes


_TOLD = Hot(
    select(meta.c.key, meta.c.value).where(
        or_(meta.c.key == bindparam("one"), meta.c.key == bindparam("other"))
    )
)


def get(connection: Connection, key: str) -> str:
    """A value the hub keeps of itself, "" where there is none."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return str(found or "")


def put(connection: Connection, key: str, value: str) -> None:
    """Keep a value."""
    changed = connection.execute(update(meta).where(meta.c.key == key).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(meta), {"key": key, "value": value})


def under(connection: Connection, prefix: str) -> dict[str, str]:
    """All values whose key begins so, by what follows."""
    rows = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.startswith(prefix)))
    return {str(key).removeprefix(prefix): str(value) for key, value in rows}


def drop(connection: Connection, key: str) -> None:
    """Keep it no more."""
    connection.execute(delete(meta).where(meta.c.key == key))


def hub_key(connection: Connection) -> bytes:
    """The key under which codes of every store are hashed for the look-up."""
    return bytes.fromhex(get(connection, HUB_KEY))


def begin(database: Database) -> None:
    """Give an empty database its generation, keys and leases, and an older one what it lacks.

    Several processes may begin at once: they agree.
    """
    with database.read() as connection:
        if _has_begun(connection):
            return
    with database.write_alone() as connection:
        if not _has_begun(connection):
            _begin(connection)


def _has_begun(connection: Connection) -> bool:
    needed = (GENERATION, SIGNING_KEY, SEALING_KEY, POLLER)
    query = select(func.count()).select_from(meta).where(meta.c.key.in_(needed))
    return int(connection.execute(query).scalar_one()) == len(needed)


def _begin(connection: Connection) -> None:
    if connection.execute(select(meta.c.key).where(meta.c.key == POLLER)).first() is None:
        # A row that is there can be fought for by an update; two inserts would break one of both.
        connection.execute(insert(meta), {"key": POLLER, "value": ""})
    if not get(connection, GENERATION):
        put(connection, GENERATION, secrets.token_hex(8))
        put(connection, HUB_KEY, secrets.token_hex(32))
    if not get(connection, SEALING_KEY):
        put(connection, SEALING_KEY, secrets.token_hex(32))
    if not get(connection, SIGNING_KEY):
        put(connection, SIGNING_KEY, secrets.token_hex(32))
        put(connection, NEXT_SIGNING_KEY, secrets.token_hex(32))
        tell_cards(connection)


def signing_key(connection: Connection) -> bytes:
    """The private key that signs pickup codes now; it never leaves the hub."""
    return bytes.fromhex(get(connection, SIGNING_KEY))


def rotate(connection: Connection) -> None:
    """Sign with the next key from now on. Tills know it already, and go on taking the last one's codes."""
    put(connection, LAST_PUBLIC_KEY, tokens.public_key(signing_key(connection)).hex())
    put(connection, SIGNING_KEY, get(connection, NEXT_SIGNING_KEY))
    put(connection, NEXT_SIGNING_KEY, secrets.token_hex(32))
    tell_cards(connection)


def set_link_domains(connection: Connection, domains: Iterable[str]) -> None:
    """The hosts whose GS1 Digital Links a till may take apart."""
    put(connection, LINK_DOMAINS, " ".join(sorted({domain.strip().lower() for domain in domains} - {""})))
    tell_cards(connection)


def add_manager(connection: Connection, of: str, badge: str) -> None:
    """Let a badge end what only a manager may end; only its keyed hash is kept."""
    known = get(connection, MANAGERS + of).split()
    put(connection, MANAGERS + of, " ".join([*known, code_token(stores(connection)[of].key, badge)]))
    tell_cards(connection)


def pins(connection: Connection) -> list[str]:
    """The pins of the keys that tills are to know this hub by; none where nobody has named any."""
    return get(connection, PINS).split()


def set_pins(connection: Connection, pins: Iterable[str]) -> None:
    """Name the keys. Every till hears of them with its next page, and then knows no others."""
    put(connection, PINS, " ".join(sorted(set(pins))))


def told(connection: Connection) -> tuple[str, list[str]]:
    """What every page says of the hub itself, in one look: its generation and its pins."""
    found = dict(_TOLD.rows(connection, one=GENERATION, other=PINS))
    return found.get(GENERATION, ""), found.get(PINS, "").split()


def renew_generation(connection: Connection) -> None:
    """Tell every till that what it was told before may be wrong."""
    put(connection, GENERATION, secrets.token_hex(8))


def lookup_tokens(text: str, keys: tuple[bytes, ...]) -> list[str]:
    """The tokens under which a scanned or typed text may be kept: itself, and its keyed hashes."""
    from posapp.domain.codes import is_code, normalise

    found = [form.upper() for form in forms(text)]
    if is_code(text):
        code = normalise(text)
        found += [code, *(code_token(key, code) for key in keys)]
    return found


def forms(text: str) -> list[str]:
    """The forms under which a shop may keep a text: a parcel's SSCC has its 00 in front, or has not."""
    from posapp.domain.gs1 import parcel_label

    label = parcel_label(text)
    return list(dict.fromkeys((text.strip(), *((label, f"00{label}") if label.isdigit() else ()))))


def stores(connection: Connection, of: Iterable[str] | None = None) -> dict[str, Store]:
    """The partner stores by their codes, in the order of the codes: those with these codes, or all."""
    columns = (store.c.code, store.c.name, store.c.address, store.c.hours, store.c.undo_seconds)
    query = select(*columns, store.c.key).order_by(store.c.code)
    if of is not None:
        query = query.where(store.c.code.in_(sorted(set(of))))
    return {
        code: Store(code, name, address, hours, int(undo), bytes.fromhex(key))
        for code, name, address, hours, undo, key in connection.execute(query)
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
    tell_cards(connection, (code,))


def tell_cards(connection: Connection, of: Iterable[str] | None = None) -> None:
    """Tell the tills of these stores, or of all, who they are and by whom they are led, where that is new.

    A transaction's last act, but for raising heads.
    """
    for known in stores(connection, of).values():
        _tell_card(connection, known)


def _public_keys(connection: Connection) -> list[str]:
    """What tills verify signed codes with: the last, the current and the next key."""
    found = [get(connection, LAST_PUBLIC_KEY)]
    for name in (SIGNING_KEY, NEXT_SIGNING_KEY):
        private = get(connection, name)
        found.append(tokens.public_key(bytes.fromhex(private)).hex() if private else "")
    return [key for key in found if key]


def _tell_card(connection: Connection, known: Store) -> None:
    """Publish a store's card where it says something new."""
    code = known.code
    values = {
        "code": code,
        "name": known.name,
        "address": known.address,
        "hours": known.hours,
        "undo_seconds": known.undo_seconds,
    }
    lists = {
        "token_keys": _public_keys(connection),
        "link_domains": get(connection, LINK_DOMAINS).split(),
        "managers": get(connection, MANAGERS + code).split(),
    }
    led = connection.execute(select(lease.c.till, lease.c.epoch).where(lease.c.store == code)).first()
    lead = {"lead": led.till, "lead_epoch": led.epoch} if led else {}
    body = records.text_of({**values, **lead, **{key: found for key, found in lists.items() if found}})
    card = records.load_one(connection, "store", code)
    if card is None or card.body != body:
        rev = card.rev + 1 if card else 1
        change = records.Change("store", code, code, rev, "", body, card is not None)
        records.publish(connection, (change,))
