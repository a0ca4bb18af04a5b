"""Answers that changed after they were given, as the till they belong to is told of them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select

from sync.hub import chain, taking
from sync.hub.hot import Hot
from sync.hub.tables import fact as fact_table
from sync.hub.tables import till as till_table
from sync.wire import MAX_FACTS, FactAnswer

MAX_NEWS = 2 * MAX_FACTS

# Of the till's present life only: it does not have what was rescued from a neighbour, nor what another copy of it did
# before it was enrolled again.
_OWN = (
    fact_table.c.epoch
    == select(till_table.c.epoch).where(till_table.c.id == bindparam("till")).scalar_subquery()
)
_NEWS = (
    select(*chain.ANSWER)
    .where(fact_table.c.till == bindparam("till"), fact_table.c.news > bindparam("heard"), _OWN)
    .order_by(fact_table.c.news.desc())
    .limit(MAX_NEWS)
)
_NEWEST = Hot(
    select(func.max(fact_table.c.news)).where(
        fact_table.c.till == bindparam("till"), fact_table.c.news.is_not(None), _OWN
    )
)


def newest(connection: Connection, till: str) -> int:
    """The mark of the till's newest answer that changed after it was given; 0 for none."""
    return int(_NEWEST.value(connection, till=till) or 0)


def since(connection: Connection, till: str, heard: int) -> tuple[int, dict[str, FactAnswer]]:
    """The mark of the newest changed answer, and those that changed since ``heard``, by the fact's id."""
    mark = newest(connection, till)
    if mark <= heard:
        return mark, {}
    rows = connection.execute(_NEWS, {"till": till, "heard": heard})
    return mark, {row.id: taking.answer(row) for row in rows}
