"""What waits at the hub: writes that the shop has not taken, facts that were not taken and are a case."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from sync.hub.tables import OPEN, UNSETTLED, fact, intent


@dataclass(frozen=True, slots=True)
class Heap:
    """How many wait, and since when the oldest does (milliseconds since 1970, 0 for none)."""

    count: int = 0
    oldest_ms: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Intents by state (held until the undo time is over, or writing), cases by answer."""

    intents: dict[str, Heap]
    cases: dict[str, Heap]


def read(connection: Connection) -> Backlog:
    """What waits now. Both questions are answered from small partial indexes, however long the ledger."""
    since = select(fact.c.arrived_ms).where(fact.c.id == intent.c.id).scalar_subquery()
    writes = select(intent.c.state, func.count(), func.min(since)).where(OPEN).group_by(intent.c.state)
    answers = (
        select(fact.c.answer, func.count(), func.min(fact.c.arrived_ms))
        .where(UNSETTLED)
        .group_by(fact.c.answer)
    )
    return Backlog(
        intents={"held": Heap(), "writing": Heap()}
        | {state: Heap(int(count), int(oldest or 0)) for state, count, oldest in connection.execute(writes)},
        cases={"rejected": Heap(), "parked": Heap()}
        | {answer: Heap(int(count), int(oldest)) for answer, count, oldest in connection.execute(answers)},
    )
