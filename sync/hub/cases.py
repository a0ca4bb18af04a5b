"""Cases: what was not taken, or was done without a grant, told to every till of the store.

The fact's row says how it stands (answer, settled); the record of kind ``case`` says the same to the
tills, with both sides' evidence. Both are written in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from posapp.domain.cases import KIND, PROVISIONAL, Case, Side, State
from posapp.domain.facts import Answer, Fact
from posapp.domain.orders import HANDED_OVER, Order
from posapp.domain.subjects import read_body
from posapp.domain.values import replace
from sync.hub import records
from sync.hub.records import Change
from sync.hub.tables import UNSETTLED, open_case
from sync.hub.tables import fact as fact_table

MOST_SIDES = 20
"""Of the other side's acts the last so many are told."""

_OPEN = select(fact_table).where(
    fact_table.c.store == bindparam("store"), fact_table.c.subject == bindparam("subject"), UNSETTLED
)


def provisional(fact: Fact | None) -> bool:
    """Whether goods left without a grant: on the parcel's label, or on a manager's word."""
    if fact is None or fact.kind != HANDED_OVER:
        return False
    said = fact.payload.get("custody")
    return isinstance(said, Mapping) and bool(said.get(PROVISIONAL))


def opened(
    connection: Connection,
    fact: Fact,
    till: str,
    store: str,
    *,
    answer: Answer,
    reason: str,
    detail: str,
    now_ms: int,
) -> int:
    """Tell that a fact was not taken, or was done without a grant; the feed's new head.

    A case that is open already says from now on what is given here.
    """
    known = load(connection, fact.id, store)
    case = Case(
        id=fact.id,
        subject=fact.subject,
        reason=PROVISIONAL if answer is Answer.ACCEPTED else reason,
        opened_at=known.opened_at if known else datetime.fromtimestamp(now_ms / 1000, UTC),
        said=Side.of(fact, till),
        others=_others(connection, fact, store),
        evidence=json.loads(detail),
    )
    return publish(connection, store, case, PROVISIONAL if answer is Answer.ACCEPTED else answer.value)


def taken(connection: Connection, ident: str, store: str) -> int:
    """Tell that the hub has taken the fact after all; 0 where it was no case."""
    case = load(connection, ident, store)
    if case is None or case.state is not State.OPEN or case.reason == PROVISIONAL:
        return 0
    return publish(connection, store, replace(case, state=State.TAKEN))


def settled(connection: Connection, fact: Fact, till: str, store: str) -> int:
    """Tell that a person has settled the case that ``fact`` names; 0 where there is no such case.

    The first word stands: settling again changes nothing.
    """
    case = load(connection, str(fact.payload.get("fact", "")), store)
    if case is None or case.subject != fact.subject:
        return 0
    if case.state is State.SETTLED:
        return records.head(connection, store)
    choice = str(fact.payload.get("choice", ""))
    by = Side.of(fact, till)
    return publish(connection, store, replace(case, state=State.SETTLED, choice=choice, settled=by))


def untold(connection: Connection, store: str, subject: str) -> list[Any]:
    """Rows of facts that are a case and not in the feed: a hub of an earlier version kept them to itself."""
    rows = connection.execute(_OPEN, {"store": store, "subject": subject}).all()
    told = records.load(connection, KIND, [row.id for row in rows])
    return [row for row in rows if row.id not in told]


def load(connection: Connection, ident: str, store: str) -> Case | None:
    """The store's case about this, settled or not."""
    row = records.load_one(connection, KIND, ident) if ident else None
    return Case.from_body(row.value()) if row is not None and row.store == store else None


def publish(connection: Connection, store: str, case: Case, what: str = "") -> int:
    """Tell the store how a case stands; the feed's new head. ``what`` an open one is counted as."""
    connection.execute(delete(open_case).where(open_case.c.id == case.id))
    if case.state is State.OPEN:
        opened_ms = int(case.opened_at.timestamp() * 1000)
        row = {"id": case.id, "store": store, "what": what, "opened_ms": opened_ms}
        connection.execute(insert(open_case), row)
    known = records.load_one(connection, KIND, case.id)
    change = Change(
        KIND,
        case.id,
        store,
        known.rev + 1 if known else 1,
        "",
        records.text_of(case.to_body()),
        known is not None,
    )
    return records.publish(connection, (change,))[store]


def _others(connection: Connection, fact: Fact, store: str) -> tuple[Side, ...]:
    """What the hub knows against it: the hand-overs of the same order, the last ones."""
    row = records.load_one(connection, fact.subject_kind, fact.subject_id)
    # Of another store's order nothing is told here.
    known = read_body(row.kind, row.value()) if row and row.store == store else None
    if not isinstance(known, Order):
        return ()
    done = [h for h in known.hand_overs if h.ref != fact.id and not h.undone]
    return tuple(Side.of_hand_over(one) for one in done[-MOST_SIDES:])
