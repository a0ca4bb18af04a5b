"""A till's own facts, for one whose journal was lost in part: byte for byte as it sent them."""

from __future__ import annotations

import json

from sqlalchemy import bindparam, select

from sync.hub import tills
from sync.hub.database import Database
from sync.hub.tables import fact as fact_table
from sync.wire import KnownFact, KnownFacts

_AFTER = (
    select(fact_table)
    .where(
        fact_table.c.till == bindparam("till"),
        fact_table.c.epoch == bindparam("epoch"),
        fact_table.c.seq > bindparam("after"),
    )
    .order_by(fact_table.c.seq)
    .limit(bindparam("most"))
)


def page(database: Database, token: str, after: int, limit: int) -> KnownFacts:
    """The caller's facts of its present epoch, numbered above ``after``. Raises Refusal (401)."""
    with database.read() as connection:
        till = tills.known_by(connection, token)
        rows = connection.execute(
            _AFTER, {"till": till.id, "epoch": till.epoch, "after": after, "most": limit}
        )
        facts = [
            KnownFact(
                seq=row.seq,
                id=row.id,
                kind=row.kind,
                schema_v=row.schema_v,
                subject=row.subject,
                payload=row.payload,
                clerk=row.clerk,
                at=row.at,
                hash=row.hash,
                answer=row.answer,
                reason=row.reason,
                detail=json.loads(row.detail) if row.detail else {},
            )
            for row in rows
        ]
    return KnownFacts(facts=facts, last_seq=till.last_seq)
