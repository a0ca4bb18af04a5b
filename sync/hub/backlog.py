"""What waits at the hub: writes that the shop has not taken, and cases that nobody has settled."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from sync.hub.tables import OPEN, fact, intent, open_case

CASES = ("rejected", "parked", "provisional", "copied")


@dataclass(frozen=True, slots=True)
class Heap:
    """How many wait, and since when the oldest does (milliseconds since 1970, 0 for none)."""

    count: int = 0
    oldest_ms: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Intents by state (held until the undo time is over, or writing); open cases by what they are about: a fact
    rejected or parked, goods that left without a grant (provisional), a copied till."""

    intents: dict[str, Heap]
    cases: dict[str, Heap]


def read(connection: Connection) -> Backlog:
    """What waits now. Both questions are answered from what is open alone, however long the ledger."""
    since = select(fact.c.arrived_ms).where(fact.c.id == intent.c.id).scalar_subquery()
    writes = select(intent.c.state, func.count(), func.min(since)).where(OPEN).group_by(intent.c.state)
    cases = select(open_case.c.what, func.count(), func.min(open_case.c.opened_ms)).group_by(open_case.c.what)
    return Backlog(
        intents={"held": Heap(), "writing": Heap()}
        | {state: Heap(int(count), int(oldest or 0)) for state, count, oldest in connection.execute(writes)},
        cases={what: Heap() for what in CASES}
        | {what: Heap(int(count), int(oldest)) for what, count, oldest in connection.execute(cases)},
    )
