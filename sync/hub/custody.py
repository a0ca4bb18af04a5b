"""Custody at the hub: who leads a store, and the questions it passes on to that till.

The hub grants nothing itself, however long the lead is silent and also after its lease: what the lead did, and to
whom it granted what may still be used, is unknown here. A question for the lead is a record of the store's feed
(kind ``claim``), so that the lead's held poll brings it, whichever hub process it hangs on.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, insert, select, update

from posapp.domain import custody
from posapp.domain.errors import StorageFault
from sync import sealed
from sync.hub import keys, records
from sync.hub.database import Database
from sync.hub.records import Change
from sync.hub.refusals import Refusal
from sync.hub.tables import lease as lease_table
from sync.hub.tables import store as store_table
from sync.hub.tables import till as till_table
from sync.wire import (
    MAX_TILLS,
    ClaimAnswer,
    ClaimRequest,
    Leased,
    LeaseRequest,
    Neighbour,
    QuestionAnswer,
)

if TYPE_CHECKING:
    from sync.hub.tills import Till

log = logging.getLogger(__name__)

KIND = "claim"
"""The kind of a record that is a question for the lead, by the order's number."""
ANSWER_S = 4.0
"""How long a question waits for the lead."""

_LEASE = select(lease_table.c.till, lease_table.c.epoch, lease_table.c.until_ms).where(
    lease_table.c.store == bindparam("store")
)
_LOCKED = _LEASE.with_for_update()
# A statement of its own, after the lock: joined to it, PostgreSQL would find no lease at all where another
# transaction has just given it to another till.
_REVOKED = select(till_table.c.revoked).where(till_table.c.id == bindparam("till"))

_TILLS = (
    select(till_table.c.id, till_table.c.certificate, till_table.c.doors)
    .where(till_table.c.store == bindparam("store"), till_table.c.revoked.is_(False))
    .order_by(till_table.c.id)
)
_SHOWN = select(till_table.c.certificate, till_table.c.doors, till_table.c.heard_ms).where(
    till_table.c.id == bindparam("till")
)
_SHOWN_BY = select(till_table.c.id).where(
    till_table.c.certificate == bindparam("certificate"),
    till_table.c.certificate != "",
    till_table.c.id != bindparam("till"),
)
_SHOW = (
    update(till_table)
    .where(till_table.c.id == bindparam("of"))
    .values(certificate=bindparam("shows"), doors=bindparam("at"))
)
_HEARD = update(till_table).where(till_table.c.id == bindparam("of")).values(heard_ms=bindparam("now_ms"))
_NEXT = (
    select(till_table.c.id)
    .where(till_table.c.store == bindparam("store"), till_table.c.revoked.is_(False))
    .order_by(till_table.c.heard_ms.desc(), till_table.c.id)
    .limit(1)
)
_NOTHING_SAID = LeaseRequest()
HEARD_APART_MS = 60_000
"""A till that asks again and again is noted as heard once in so long."""


@dataclass(frozen=True, slots=True)
class Lease:
    """To whom a store's orders are lent, until when, in which epoch."""

    till: str
    epoch: int
    until_ms: int


def lease_of(connection: Connection, store: str, *, lock: bool = False) -> Lease | None:
    """The store's lease; None where nobody was ever its lead."""
    found = connection.execute(_LOCKED if lock else _LEASE, {"store": store}).first()
    return Lease(*found) if found else None


def renew(database: Database, till: Till, now: datetime, said: LeaseRequest = _NOTHING_SAID) -> Leased:
    """Tell how custody stands; the lead's lease is renewed, and a store without a lead gets this one: it never had
    one, or its lead was revoked when there was no other till.

    What the till says of itself is kept, and the store's tills are told to one another.
    """
    now_ms = _ms(now)
    with database.write() as connection:
        # The store's row keeps two first tills apart.
        connection.execute(
            select(store_table.c.code).where(store_table.c.code == till.store).with_for_update()
        )
        lease = lease_of(connection, till.store, lock=True)
        until = now_ms + custody.LEASE_S * 1000
        if lease is None or _is_revoked(connection, lease.till):
            lease = _give(connection, till.store, till.id, lease, until)
        elif lease.till == till.id:
            if said.forgot:
                lost_ledger(connection, till.id)
                lease = replace(lease, epoch=lease.epoch + 1)
            _change(connection, till.store, until_ms=until)
            lease = replace(lease, until_ms=until)
        _introduce(connection, till, said, now_ms)
        tills = connection.execute(_TILLS, {"store": till.store}).all()
        head, generation = records.head(connection, till.store), keys.get(connection, keys.GENERATION)
        sealing = keys.get(connection, keys.SEALING_KEY)
    left = max(0, lease.until_ms - now_ms) // 1000
    return Leased(
        lead=lease.till,
        epoch=lease.epoch,
        seconds=left,
        alone=len(tills) == 1,
        doors=next((doors.split() for ident, _, doors in tills if ident == lease.till), []),
        tills=[Neighbour(till=ident, certificate=shown) for ident, shown, _ in tills if shown][:MAX_TILLS],
        head=head,
        generation=generation,
        seal_to=sealed.public_key(sealing) if sealing else "",
    )


def _introduce(connection: Connection, till: Till, said: LeaseRequest, now_ms: int) -> None:
    """Keep that the till was heard, and what it is known by. Another till's certificate is not taken: it says who
    asks."""
    now = connection.execute(_SHOWN, {"till": till.id}).one()
    if not 0 <= now_ms - now.heard_ms < HEARD_APART_MS:
        connection.execute(_HEARD, {"of": till.id, "now_ms": now_ms})
    shown = now.certificate if said.certificate is None else said.certificate
    doors = now.doors if said.doors is None else " ".join(said.doors)
    if (shown, doors) == (now.certificate, now.doors):
        return
    if connection.execute(_SHOWN_BY, {"till": till.id, "certificate": shown}).first() is not None:
        log.warning("certificate of another till shown by till=%s", till.id)
        return
    connection.execute(_SHOW, {"of": till.id, "shows": shown, "at": doors})


def move(database: Database, till: str, now: datetime) -> int:
    """Make a till its store's lead, because a person says so; the store's new epoch.

    Every claim of the epoch before is worth nothing from now on: a hand-over under one becomes a case.
    Raises StorageFault: till-unknown.
    """
    with database.write() as connection:
        store = connection.execute(select(till_table.c.store).where(till_table.c.id == till)).scalar()
        lease = lease_of(connection, store, lock=True) if store is not None else None
        # Under the lease's lock: nobody revokes the till meanwhile.
        enrolled = select(till_table.c.id).where(till_table.c.id == till, till_table.c.revoked.is_(False))
        if store is None or connection.execute(enrolled).first() is None:
            raise StorageFault("till-unknown", till=till)
        given = _give(connection, store, till, lease, _ms(now) + custody.LEASE_S * 1000)
        keys.tell_cards(connection, (store,))
    return given.epoch


def leave(connection: Connection, store: str, till: str, now: datetime) -> Lease | None:
    """A till of the store was revoked. Where it was the lead, the one heard last takes its place, by the same word of
    a person: as `move`. The lease as it stands then; its till is the revoked one where there is no other.

    The caller has locked the lease (`lease_of`) before the till.
    """
    lease = lease_of(connection, store)
    if lease is None or lease.till != till:
        return lease
    other = connection.execute(_NEXT, {"store": store}).scalar()
    return _give(connection, store, other, lease, _ms(now) + custody.LEASE_S * 1000) if other else lease


def _give(connection: Connection, store: str, till: str, before: Lease | None, until_ms: int) -> Lease:
    """Lend the store's orders to a till; after another one, or once more, under the next epoch."""
    given = Lease(till, before.epoch + 1 if before else 1, until_ms)
    values: dict[str, str | int] = {"till": till, "epoch": given.epoch, "until_ms": until_ms}
    if before:
        _change(connection, store, **values)
    else:
        connection.execute(insert(lease_table), {"store": store, **values})
    log.info("lead given store=%s till=%s epoch=%d", store, till, given.epoch)
    return given


def lost_ledger(connection: Connection, till: str) -> None:
    """A till whose ledger was restored or that is enrolled again may have forgotten what it granted: its
    store gets a new epoch."""
    connection.execute(
        update(lease_table).where(lease_table.c.till == till).values(epoch=lease_table.c.epoch + 1)
    )


def _is_revoked(connection: Connection, till: str) -> bool:
    return bool(connection.execute(_REVOKED, {"till": till}).scalar())


def is_old(connection: Connection, store: str, payload: Mapping[str, Any]) -> bool:
    """Whether a hand-over was done under a claim of an epoch that is over."""
    said = epoch_said(payload)
    lease = lease_of(connection, store) if said is not None else None
    return lease is not None and said is not None and said < lease.epoch


def epoch_said(payload: Mapping[str, Any]) -> int | None:
    """The epoch of the claim that a hand-over was done under; None where it names none."""
    said = payload.get("custody")
    token = said.get("token") if isinstance(said, Mapping) else None
    if not isinstance(token, int) or isinstance(token, bool) or token <= 0:
        return None
    return custody.epoch_of(token)


# -- claims ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Question:
    """A question that was put to the lead: look for its answer in the order's claim record."""

    id: str
    order: str
    head: int


def ask(database: Database, till: Till, wanted: ClaimRequest) -> ClaimAnswer | Question:
    """Put the question to the store's lead; where the asker is the lead, or there is none, say so.

    Raises Refusal 404 for an order that is not this store's.
    """
    with database.write() as connection:
        found = records.load_one(connection, "order", wanted.order)
        if found is None or found.store != till.store:
            raise Refusal(404, "order-unknown", "This store has no such order.")
        lease = lease_of(connection, till.store, lock=True)
        if lease is None:
            # Whoever asks first is the lead, as with `renew`; until then nobody grants.
            return ClaimAnswer(state="silent")
        if lease.till == till.id:
            return ClaimAnswer(state="lead")
        return _put(connection, till, wanted)


def answer(database: Database, till: Till, said: QuestionAnswer) -> int:
    """The lead's answer to a question; the feed's new head. Raises Refusal 403 for any other till's,
    404 for a question that is not asked (any more)."""
    with database.write() as connection:
        lease = lease_of(connection, till.store)
        if lease is None or lease.till != till.id:
            raise Refusal(403, "not-lead", "Only the store's lead till answers this.")
        found = records.load_one(connection, KIND, said.order)
        body = found.value() if found is not None and found.store == till.store else {}
        if body.get("question") != said.question or "answer" in body:
            raise Refusal(404, "question-unknown", "Nobody asks this.")
        body["answer"] = said.answer.model_dump()
        return _publish(connection, till.store, said.order, body)


def answered(database: Database, question: Question) -> ClaimAnswer | None:
    """The answer to a question, None while there is none; ``silent`` where another one took its place."""
    with database.read() as connection:
        rows = records.load(connection, KIND, (question.order,)).get(question.order, [])
    row = records.live(rows)
    body = row.value() if row else {}
    if body.get("question") != question.id:
        return ClaimAnswer(state="silent")
    return ClaimAnswer.model_validate(body["answer"]) if "answer" in body else None


def _put(connection: Connection, till: Till, wanted: ClaimRequest) -> Question:
    ident = secrets.token_hex(8)
    body: dict[str, Any] = {
        "question": ident,
        "till": till.id,
        "known": list(wanted.known),
        "complete": wanted.complete,
        "release": wanted.release,
        "number": wanted.number,
    }
    return Question(ident, wanted.order, _publish(connection, till.store, wanted.order, body))


def _publish(connection: Connection, store: str, order: str, body: Mapping[str, Any]) -> int:
    rows = records.load(connection, KIND, (order,), lock=True).get(order, [])
    mine = next((row for row in rows if row.store == store), None)
    rev = max((row.rev for row in rows), default=0) + 1
    change = Change(KIND, order, store, rev, "", records.text_of(body), mine is not None)
    return records.publish(connection, (change,))[store]


def _change(connection: Connection, store: str, **values: str | int) -> None:
    connection.execute(update(lease_table).where(lease_table.c.store == store).values(**values))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
