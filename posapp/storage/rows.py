"""A fact as it lies in the ledger's table: the columns, and the way there and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from posapp.domain.facts import Answer, Entry, Fact, parse_timestamp, timestamp
from posapp.domain.ids import FactId

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

COLUMNS = "seq, id, kind, schema_v, subject, payload, clerk, at, prev_hash, hash, answer, answer_body"


def entry(row: tuple[Any, ...]) -> Entry:
    """One row of these columns. Raises TypeError, ValueError, KeyError where it is none."""
    seq, ident, kind, schema_v, subject, payload, clerk, at, prev_hash, digest, answer, body = row
    detail = json.loads(body) if body else None
    return Entry(
        seq=seq,
        fact=Fact(
            id=FactId(ident),
            kind=kind,
            subject=subject,
            payload=json.loads(payload),
            clerk=clerk,
            at=parse_timestamp(at),
            schema_v=schema_v,
        ),
        payload=bytes(payload),
        prev_hash=bytes(prev_hash),
        hash=bytes(digest),
        answer=Answer(answer) if answer else Answer.WAITING,
        reason=str(detail.get("reason", "")) if detail else "",
        detail=detail,
    )


def insert(connection: Connection, one: Entry, mono_ms: int, boot: str) -> None:
    """Write a fact that nobody has answered yet."""
    fact = one.fact
    connection.execute(
        "INSERT INTO fact(seq, id, kind, schema_v, subject, payload, clerk, at, mono_ms,"
        " boot_id, prev_hash, hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            one.seq,
            fact.id,
            fact.kind,
            fact.schema_v,
            fact.subject,
            one.payload,
            fact.clerk,
            timestamp(fact.at),
            mono_ms,
            boot,
            one.prev_hash,
            one.hash,
        ),
    )
