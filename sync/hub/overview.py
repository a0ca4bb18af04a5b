"""What an operator asks about: tills, what waits, and the cases that nobody has settled."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, select

from posapp.domain.cases import KIND, Case
from posapp.domain.errors import StorageFault
from posapp.domain.facts import timestamp
from posapp.domain.goods import stamp
from sync.hub import backlog, keys
from sync.hub.database import Database
from sync.hub.tables import fact, lease, open_case, record, till
from sync.hub.tills import LEFT


def tills(database: Database, store: str | None = None) -> list[dict[str, Any]]:
    """Every till, revoked ones too: id, store, name, epoch, last_seq, last_fact_at ("" for none), heard_at (its last
    contact, a quarter of an hour behind at most; "" for never), enrolled_at, revoked, left_at (when a revoked one had
    sent all and began to destroy its key, "" before), lead (whether it leads its store), lease_until ("" for others).
    Raises StorageFault("store-unknown").
    """
    query = (
        select(till, fact.c.arrived_ms, lease.c.until_ms)
        .outerjoin(lease, lease.c.till == till.c.id)
        .outerjoin(
            fact,
            and_(fact.c.till == till.c.id, fact.c.epoch == till.c.epoch, fact.c.seq == till.c.last_seq),
        )
        .order_by(till.c.store, till.c.id)
    )
    with database.read() as connection:
        _checked(keys.stores(connection), store)
        rows = connection.execute(query if store is None else query.where(till.c.store == store))
        left = keys.under(connection, LEFT)
        return [
            {
                "id": row.id,
                "store": row.store,
                "name": row.name,
                "epoch": row.epoch,
                "last_seq": row.last_seq,
                "last_fact_at": _at(row.arrived_ms),
                "heard_at": _at(max(row.heard_ms, row.arrived_ms or 0)),
                "enrolled_at": row.enrolled_at,
                "revoked": bool(row.revoked),
                "left_at": left.get(row.id, "") if row.revoked else "",
                "lead": row.until_ms is not None and not row.revoked,
                "lease_until": "" if row.revoked else _at(row.until_ms),
            }
            for row in rows
        ]


def waiting(database: Database) -> dict[str, dict[str, dict[str, Any]]]:
    """What waits: ``intents`` by state and ``cases`` by what they are about, each with count, oldest_at, oldest_seconds."""
    with database.read() as connection:
        found = backlog.read(connection)
    now = time.time()

    def told(heaps: dict[str, backlog.Heap]) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "count": heap.count,
                "oldest_at": _at(heap.oldest_ms),
                "oldest_seconds": max(0, int(now - heap.oldest_ms / 1000)) if heap.count else 0,
            }
            for name, heap in heaps.items()
        }

    return {"intents": told(found.intents), "cases": told(found.cases)}


def cases(database: Database, store: str | None = None) -> list[dict[str, Any]]:
    """Every case that nobody has settled, oldest first, with the hub's evidence.

    fact (the id of what it is about), till, clerk, store, subject, kind, answer ("" where it is about no fact),
    reason, at (by the till's clock), arrived_at, age_seconds, detail; said (the acting side: kind, till, clerk, at,
    lines, why) and others (the other side, each with the same). Raises StorageFault("store-unknown").
    """
    query = (
        select(open_case.c.store, record.c.body, fact.c.answer)
        .join(
            record,
            and_(record.c.kind == KIND, record.c.id == open_case.c.id, record.c.store == open_case.c.store),
        )
        .outerjoin(fact, fact.c.id == open_case.c.id)
    )
    now = datetime.now(UTC)
    found = []
    with database.read() as connection:
        _checked(keys.stores(connection), store)
        rows = connection.execute(query if store is None else query.where(open_case.c.store == store))
        for of, body, answer in rows:
            case = Case.from_body(json.loads(body))
            said = case.said
            found.append(
                {
                    "fact": case.id,
                    "till": said.till,
                    "clerk": said.clerk,
                    "store": of,
                    "subject": case.subject,
                    "kind": said.kind,
                    "answer": answer or "",
                    "reason": case.reason,
                    "at": stamp(said.at),
                    "arrived_at": timestamp(case.opened_at),
                    "age_seconds": max(0, int((now - case.opened_at).total_seconds())),
                    "detail": dict(case.evidence or {}),
                    "said": said.to_body(),
                    "others": [other.to_body() for other in case.others],
                }
            )
    return sorted(found, key=lambda one: (str(one["arrived_at"]), str(one["fact"])))


def _checked(known: dict[str, keys.Store], store: str | None) -> None:
    if store is not None and store not in known:
        raise StorageFault("store-unknown", store=store, stores=", ".join(known))


def _at(milliseconds: int | None) -> str:
    return timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC)) if milliseconds else ""
