"""One fact on its way into the ledger: what is decided about it, its row, and its answer as the till is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from posapp.domain.facts import Answer
from sync.hub import cases, decide, records
from sync.hub.decide import Taken
from sync.hub.received import Received
from sync.hub.tills import Till
from sync.wire import FactAnswer, FactMessage

log = logging.getLogger(__name__)

Decider = Callable[[Connection, Till, Received, int], Taken]
"""(connection, till, fact, now in milliseconds) to what becomes of it."""


def decided(connection: Connection, till: Till, item: Received, now_ms: int) -> Taken:
    """Decide, and open a case where the fact is not taken or was done without a grant."""
    if item.message.withheld:
        why = records.text_of({"why": item.message.withheld})
        head = records.head(connection, till.store)
        taken = Taken(Answer.PARKED, head, decide.WITHHELD, why)
    else:
        taken = decide.decide(connection, till.id, till.store, item.fact, now_ms)
    if taken.answer is Answer.ACCEPTED and not cases.provisional(item.fact):
        return taken
    return _case(connection, till, item, taken, now_ms)


def parked(connection: Connection, till: Till, item: Received, now_ms: int) -> Taken:
    """What becomes of a fact that fails: it waits, and is a case."""
    taken = Taken(Answer.PARKED, records.head(connection, till.store), decide.INTERNAL)
    return _case(connection, till, item, taken, now_ms)


def _case(connection: Connection, till: Till, item: Received, taken: Taken, now_ms: int) -> Taken:
    fact = item.fact or decide.envelope(item.message, {})
    return decide.open_case(connection, till.id, till.store, fact, taken, now_ms=now_ms)


def row(till: Till, message: FactMessage, taken: Taken, now_ms: int) -> dict[str, Any]:
    """Its row in the ledger."""
    return {
        "till": till.id,
        "epoch": till.epoch,
        "seq": message.seq,
        "id": message.id,
        "hash": message.hash,
        "store": till.store,
        "kind": message.kind,
        "schema_v": message.schema_v,
        "subject": message.subject,
        "payload": message.payload,
        "clerk": message.clerk,
        "at": message.at,
        "arrived_ms": now_ms,
        "answer": taken.answer.value,
        "reason": taken.reason,
        "detail": taken.detail,
        "feed_seq": taken.feed_seq,
        "settled": False,
        "news": None,
    }


def answer(row: Any) -> FactAnswer:
    """The answer that stands in the ledger."""
    return told(row.seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)


def told(
    seq: int, ident: str, answer: Answer, reason: str, detail: str, *, replayed: bool = False
) -> FactAnswer:
    """The answer as it goes to the till."""
    return FactAnswer(
        seq=seq,
        id=ident,
        answer=answer.value,  # type: ignore[arg-type]  # the ledger holds no waiting fact
        reason=reason,
        detail=json.loads(detail),
        replayed=replayed,
    )


def taken(till: Till, message: FactMessage, what: Taken) -> FactAnswer:
    """The answer of a fact that was just taken; it is logged."""
    log.info(
        "fact id=%s kind=%s till=%s answer=%s reason=%s",
        message.id,
        message.kind,
        till.id,
        what.answer.value,
        what.reason,
    )
    return told(message.seq, message.id, what.answer, what.reason, what.detail)
