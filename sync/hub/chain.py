"""A till's chain as it comes and as the ledger has it: does the one go on where the other ends?"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, bindparam, select

from posapp.domain.facts import GENESIS
from sync.hub.refusals import OutOfStep
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till
from sync.wire import FactsRequest, Fork, Gap

log = logging.getLogger(__name__)

ANSWER = (
    fact_table.c.seq,
    fact_table.c.id,
    fact_table.c.hash,
    fact_table.c.answer,
    fact_table.c.reason,
    fact_table.c.detail,
    fact_table.c.till,
)
"""What a fact's answer is made of."""
_BY_IDS = select(*ANSWER).where(fact_table.c.id.in_(bindparam("ids", expanding=True)))
_MINE = (fact_table.c.till == bindparam("till")) & (fact_table.c.epoch == bindparam("epoch"))
_HASH_AT = select(fact_table.c.hash).where(_MINE, fact_table.c.seq == bindparam("seq"))
_HASHES = select(fact_table.c.seq, fact_table.c.hash).where(
    _MINE, fact_table.c.seq.between(bindparam("first"), bindparam("last"))
)


def stands(connection: Connection, till: str, epoch: int, seq: int) -> str:
    """The hash of the till's fact with this number in an epoch; "" where there is none."""
    found = connection.execute(_HASH_AT, {"till": till, "epoch": epoch, "seq": seq}).scalar()
    return str(found or "")


def known(connection: Connection, till: Till, request: FactsRequest) -> dict[int, Any]:
    """Compare a batch with what is known; the rows of facts that are in the ledger, by number.

    Raises OutOfStep for a gap or a fork.
    """
    fork = OutOfStep(Fork(last_seq=till.last_seq, revoked=till.revoked))
    if request.epoch != till.epoch:
        raise fork
    if request.prev_seq > till.last_seq:
        raise OutOfStep(Gap(last_seq=till.last_seq, last_hash=till.last_hash))
    mine = {"till": till.id, "epoch": till.epoch}
    at: str | None = till.last_hash
    if request.prev_seq == 0:
        at = GENESIS.hex()
    elif request.prev_seq < till.last_seq:
        # None: that fact stands in the ledger under another till, of which this one is a copy.
        at = connection.execute(_HASH_AT, {**mine, "seq": request.prev_seq}).scalar()
    if at is not None and at != request.prev_hash:
        log.warning("fork till=%s seq=%d: another fact stands there", till.id, request.prev_seq)
        raise fork
    if not request.facts:
        return {}
    by_seq = {message.seq: message for message in request.facts}
    by_id = {message.id: message for message in request.facts}
    span = {**mine, "first": min(by_seq), "last": max(by_seq)}
    rows = connection.execute(_BY_IDS, {"ids": list(by_id)}).all()
    if (
        len(by_id) != len(by_seq)
        or any(by_seq[seq].hash != digest for seq, digest in connection.execute(_HASHES, span))
        or any(by_id[row.id].hash != row.hash for row in rows)
    ):
        log.warning("fork till=%s: another fact under the same number or id", till.id)
        raise fork
    return {by_id[row.id].seq: row for row in rows}
