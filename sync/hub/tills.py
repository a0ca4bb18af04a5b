"""Tills: how a one-time code becomes a till's own token, and whose token it is.

Neither codes nor tokens are kept: only a keyed hash of the code (it is short) and the SHA-256 of
the token (it is 256 random bits).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from posapp.domain import codes
from posapp.domain.errors import StorageFault
from posapp.domain.facts import GENESIS, timestamp
from posapp.domain.goods import code_token
from sync.hub import custody, keys, records
from sync.hub.database import Database
from sync.hub.hot import Hot
from sync.hub.refusals import Refusal
from sync.hub.tables import enrolment, store, till
from sync.wire import Enrolled

log = logging.getLogger(__name__)

PREFIX = "EN"
CODE_MINUTES = 15
LEFT = "left:"
"""Under this and its name it is kept when a revoked till had sent everything."""
OLD_TOKEN = "token:"
"""Under this, its name and an epoch that is over: the hash of the token it had then."""


@dataclass(frozen=True, slots=True)
class Till:
    """An enrolled till, and how far the hub has its journal."""

    id: str
    store: str
    epoch: int
    last_seq: int
    last_hash: str
    revoked: bool = False


_COLUMNS = (till.c.id, till.c.store, till.c.epoch, till.c.last_seq, till.c.last_hash, till.c.revoked)
_BY_TOKEN = Hot(select(*_COLUMNS).where(till.c.token_hash == bindparam("token_hash")))
_BY_ID = select(*_COLUMNS).where(till.c.id == bindparam("id"))
_LOCKED = Hot(_BY_ID.with_for_update())
_ADVANCE = Hot(
    update(till)
    .where(till.c.id == bindparam("of"), till.c.last_seq == bindparam("seq") - 1)
    .values(last_seq=bindparam("seq"), last_hash=bindparam("digest"))
    .returning(*_COLUMNS)
)
_FOLLOW = Hot(
    update(till)
    .where(
        till.c.token_hash == bindparam("token_hash"),
        till.c.epoch == bindparam("of_epoch"),
        till.c.last_seq == bindparam("seq") - 1,
        till.c.last_hash == bindparam("prev"),
        till.c.revoked.is_(False),
    )
    .values(last_seq=bindparam("seq"), last_hash=bindparam("digest"))
    .returning(*_COLUMNS)
)


def unknown() -> Refusal:
    """What a missing or unknown token is told."""
    return Refusal(401, "token-unknown", "This till is not enrolled.")


def revoked() -> Refusal:
    """What a revoked till is told that wants to read."""
    return Refusal(403, "revoked", "This till was revoked. It may send what it has, and nothing else.")


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def known_by(connection: Connection, token: str) -> Till:
    """The till with this token. Raises Refusal 401 for a missing or unknown one, 403 for a revoked one."""
    found = sender(connection, token)
    if found.revoked:
        raise revoked()
    return found


def sender(connection: Connection, token: str) -> Till:
    """The till with this token, which may send facts: also a revoked one. Raises Refusal 401."""
    found = _BY_TOKEN.first(connection, token_hash=token_hash(token)) if token else None
    if found is None:
        raise unknown()
    return Till(*found)


def had_token(connection: Connection, ident: str, epoch: int, token: str) -> Till | None:
    """The till, if this was its token in that epoch, which may be over; it may be revoked."""
    found = connection.execute(_BY_ID.add_columns(till.c.token_hash), {"id": ident}).first()
    if found is None:
        return None
    *columns, now_hash = found
    one = Till(*columns)
    kept = now_hash if one.epoch == epoch else keys.get(connection, f"{OLD_TOKEN}{ident}:{epoch}")
    return one if kept and kept == token_hash(token) else None


def locked(connection: Connection, ident: str) -> Till:
    """The till, kept until the transaction ends. Raises Refusal 401 where there is none."""
    found = _LOCKED.first(connection, id=ident)
    if found is None:
        raise unknown()
    return Till(*found)


def advanced(connection: Connection, ident: str, seq: int, digest: str) -> Till | None:
    """The till, kept until the transaction ends and moved on to fact ``seq``; None where that is not its
    next one."""
    found = _ADVANCE.first(connection, of=ident, seq=seq, digest=digest)
    return None if found is None else Till(*found)


def followed(
    connection: Connection, token: str, epoch: int, prev: str, *, seq: int, digest: str
) -> Till | None:
    """`advanced`, by its token and from ``prev``: None as well where its chain is another, or it was revoked."""
    found = _FOLLOW.first(
        connection, token_hash=token_hash(token), of_epoch=epoch, prev=prev, seq=seq, digest=digest
    )
    return None if found is None else Till(*found)


def offer(database: Database, code_of_store: str, now: datetime, again: str = "") -> str:
    """A one-time code of 11 characters, good for 15 minutes, that makes a till of this store.

    ``again`` names a till that is enrolled anew: it keeps its name, gets a new token and the next
    epoch, and its old token ends. Raises StorageFault: store-unknown, till-unknown.
    """
    body = codes.draw(codes.Prefix.PICKUP)[2:-1]
    code = f"{PREFIX}{body}{codes.check_character(body)}"
    with database.write() as connection:
        if not keys.stores(connection, (code_of_store,)):
            known = ", ".join(keys.stores(connection))
            raise StorageFault("store-unknown", store=code_of_store, stores=known)
        if again:
            owner = connection.execute(select(till.c.store).where(till.c.id == again)).scalar()
            if owner != code_of_store:
                raise StorageFault("till-unknown", till=again)
        connection.execute(
            insert(enrolment),
            {
                "code_hash": code_token(keys.hub_key(connection), code),
                "store": code_of_store,
                "till": again or None,
                "expires_ms": _ms(now) + CODE_MINUTES * 60_000,
                "used": False,
            },
        )
    return code


def enrol(database: Database, code: str, name: str, now: datetime) -> Enrolled:
    """Turn a code into a till. Raises Refusal 403; which of two askers wins is decided once."""
    token = secrets.token_urlsafe(32)
    with database.write() as connection:
        mark = code_token(keys.hub_key(connection), codes.normalise(code.strip()))
        taken = connection.execute(
            update(enrolment)
            .where(
                enrolment.c.code_hash == mark,
                enrolment.c.used.is_(False),
                enrolment.c.expires_ms > _ms(now),
            )
            .values(used=True)
            .returning(enrolment.c.store, enrolment.c.till)
        ).first()
        if taken is None:
            raise Refusal(403, "code-refused", "This code is unknown, used or too old.")
        code_of_store, again = taken
        # The store's row is locked, so that two tills do not get one name.
        key = connection.execute(
            select(store.c.key).where(store.c.code == code_of_store).with_for_update()
        ).scalar_one()
        if again:
            epoch = _enrolled_again(connection, again, name, token)
            ident = again
        else:
            count = connection.execute(
                select(func.count()).select_from(till).where(till.c.store == code_of_store)
            ).scalar_one()
            ident, epoch = f"{code_of_store}-{count + 1}", 1
            connection.execute(
                insert(till),
                {
                    "id": ident,
                    "store": code_of_store,
                    "name": name,
                    "token_hash": token_hash(token),
                    "epoch": epoch,
                    "last_seq": 0,
                    "last_hash": GENESIS.hex(),
                    "enrolled_at": timestamp(now),
                    "revoked": False,
                },
            )
        generation, pins = keys.told(connection)
    log.info("till enrolled till=%s store=%s epoch=%s", ident, code_of_store, epoch)
    return Enrolled(
        till=ident,
        token=token,
        epoch=epoch,
        store=code_of_store,
        store_key=key,
        generation=generation,
        pins=pins,
    )


@dataclass(frozen=True, slots=True)
class Revoked:
    """What became of the store of a till that was revoked: who leads it now ("" for nobody), whether that changed."""

    store: str
    lead: str
    moved: bool


def revoke(database: Database, ident: str, now: datetime) -> Revoked:
    """Let a till read nothing more, at once; it may still send what it has, and then wipes itself.

    Where it led its store, another till does from now on (`custody.leave`). Raises StorageFault("till-unknown").
    """
    with database.write() as connection:
        code_of_store = connection.execute(select(till.c.store).where(till.c.id == ident)).scalar()
        if code_of_store is None:
            raise StorageFault("till-unknown", till=ident)
        # Before the till, as whoever renews it.
        before = custody.lease_of(connection, code_of_store, lock=True)
        connection.execute(update(till).where(till.c.id == ident).values(revoked=True))
        after = custody.leave(connection, code_of_store, ident, now)
        keys.tell_cards(connection, (code_of_store,))
        # A till that waits for news is told this one.
        records.raise_head(connection, code_of_store)
    log.info("till revoked till=%s", ident)
    lead = after.till if after is not None and after.till != ident else ""
    return Revoked(code_of_store, lead, before is not None and before.till == ident)


def left(database: Database, ident: str, now: datetime) -> None:
    """Note that a revoked till has sent everything, and is about to destroy its key."""
    with database.write() as connection:
        keys.put(connection, LEFT + ident, timestamp(now))
    log.info("till left till=%s", ident)


def _enrolled_again(connection: Connection, ident: str, name: str, token: str) -> int:
    custody.lost_ledger(connection, ident)
    # Copies of its facts at neighbours still prove by it whose they are.
    before = connection.execute(select(till.c.epoch, till.c.token_hash).where(till.c.id == ident)).one()
    keys.put(connection, f"{OLD_TOKEN}{ident}:{before.epoch}", before.token_hash)
    keys.drop(connection, LEFT + ident)
    values = {"token_hash": token_hash(token), "last_seq": 0, "last_hash": GENESIS.hex()}
    if name:
        values["name"] = name
    epoch, code_of_store = connection.execute(
        update(till)
        .where(till.c.id == ident)
        .values(epoch=till.c.epoch + 1, revoked=False, **values)
        .returning(till.c.epoch, till.c.store)
    ).one()
    # Who still waits with the old token is told that it is over.
    records.raise_head(connection, code_of_store)
    return int(epoch)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
