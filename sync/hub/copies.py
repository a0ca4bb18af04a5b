"""Copies of facts that a till's neighbours kept for it: opened here, and taken in as if the till had sent them.

Whoever brings a copy proves nothing by it. What is in the box does: the till's own token, which none but
the hub can read, and the very push that the till would have made.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from typing import Literal

from sqlalchemy import bindparam, select

from sync import sealed
from sync.hub import chain, keys, tills
from sync.hub.database import Database
from sync.hub.decide import WITHHELD
from sync.hub.ledger import Ledger
from sync.hub.received import Received, read
from sync.hub.refusals import OutOfStep, Refusal
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till
from sync.wire import MAX_NUMBER, CopiesAnswer, CopiesRequest, FactsRequest, SealedFact

log = logging.getLogger(__name__)

State = Literal["taken", "waits", "refused"]

_KNOWN = select(fact_table.c.hash, fact_table.c.reason).where(fact_table.c.id == bindparam("id"))


class _Foreign(Exception):
    """A box that holds no fact which this caller may bring; says why."""


def take(database: Database, ledger: Ledger, caller: Till, request: CopiesRequest) -> CopiesAnswer:
    """Take what ``caller`` kept for the tills of its store. Each stands alone; repeating is harmless."""
    with database.read() as connection:
        key = keys.get(connection, keys.SEALING_KEY)
    states: list[State] = []
    for one in request.facts:
        try:
            states.append(_take(database, ledger, caller, key, one))
        except _Foreign as error:
            log.error("copy refused till=%s seq=%d brought by=%s: %s", one.till, one.seq, caller.id, error)
            states.append("refused")
    return CopiesAnswer(states=states)


def _take(database: Database, ledger: Ledger, caller: Till, key: str, one: SealedFact) -> State:
    if caller.revoked and one.till != caller.id:
        raise _Foreign("a revoked till brings nothing but its own")
    token, request = _opened(key, one)
    with database.read() as connection:
        till = tills.had_token(connection, one.till, one.epoch, token)
        if till is None or till.store != caller.store:
            raise _Foreign("no till of this store has made it")
        item = _read(one, request)
        known = connection.execute(_KNOWN, {"id": item.message.id}).first()
        after = chain.stands(connection, till.id, -one.epoch, one.seq - 1)
    if known is not None:
        if known.hash != one.hash:
            raise _Foreign("another fact has its id")
        if known.reason != WITHHELD or item.message.withheld or till.epoch != one.epoch:
            return "taken"
    elif _behind(till, one) and after != one.prev_hash and not till.revoked:
        # Its till, or a neighbour that has more of it, brings what lies between.
        return "waits"
    if till.epoch == one.epoch and (known is not None or _next(till, one)):
        try:
            ledger.take(token, request)
        except (OutOfStep, Refusal) as error:
            # The till itself was quicker: the next look sees how it stands then.
            log.info("copy waits till=%s seq=%d: %s", one.till, one.seq, error)
            return "waits"
        return "taken"
    if ledger.rescue(till.id, item, one.epoch):
        log.warning("fact rescued from a neighbour id=%s till=%s by=%s", item.message.id, till.id, caller.id)
        return "taken"
    log.error("copy waits till=%s epoch=%d seq=%d: another fact is there", one.till, one.epoch, one.seq)
    return "waits"


def _opened(key: str, one: SealedFact) -> tuple[str, FactsRequest]:
    try:
        box = base64.b64decode(one.box, validate=True)
        said = json.loads(sealed.unseal(key, box, one.till, one.epoch, one.seq))
        request = FactsRequest.model_validate(said["request"])
        # What the push says beside the fact was true then.
        return str(said["token"]), request.model_copy(update={"leaving": False, "heard": MAX_NUMBER})
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        # Where, but not what: it may hold names.
        raise _Foreign(f"it cannot be opened ({type(error).__name__})") from None


def _read(one: SealedFact, request: FactsRequest) -> Received:
    try:
        received = read(request)
    except Refusal as error:
        raise _Foreign(str(error)) from None
    inside = [(request.epoch, request.prev_hash, item.message.seq, item.message.hash) for item in received]
    if inside != [(one.epoch, one.prev_hash, one.seq, one.hash)]:
        raise _Foreign("it holds another fact than it says")
    return received[0]


def _behind(till: Till, one: SealedFact) -> bool:
    """Whether the hub lacks earlier facts of the till, which may yet come."""
    return till.epoch == one.epoch and one.seq > till.last_seq + 1


def _next(till: Till, one: SealedFact) -> bool:
    return (till.last_seq, till.last_hash) == (one.seq - 1, one.prev_hash)
