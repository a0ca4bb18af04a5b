"""Queues for managers: what waits, how long, and what comes next; filter and search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from posapp.counter.scanning import Looker
from posapp.counter.till import Till
from posapp.domain.facts import parse_timestamp
from posapp.domain.known import Known
from posapp.domain.values import dataclass
from posapp.storage.books import SLICE


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that waits. ``verdict`` says what comes next, ``age`` how long it has waited."""

    known: Known
    verdict: StrEnum
    judged: object
    since: datetime | None
    age: timedelta | None

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands in its queue, to ask for what follows."""
        return self.known.value.index().since, self.known.id


class Queues:
    """Reads only. A slice at a time, longest waiting first; a list never reads a whole table."""

    def __init__(self, till: Till, lookers: Mapping[str, Looker]) -> None:
        self._till = till
        self._lookers = lookers

    def rows(
        self, kind: str, queues: Sequence[str], after: Row | None = None, limit: int = SLICE
    ) -> list[Row]:
        """The next slice of the queues of one kind, longest waiting first."""
        place = after.place if after else ("", "")
        found = [known for queue in queues for known in self._till.books.queue(kind, queue, place, limit)]
        rows = sorted((self._row(known) for known in found), key=lambda row: row.place)
        return rows[:limit]

    def count(self, kind: str, queues: Sequence[str]) -> int:
        """How many wait; the mirror's part is counted no further than 1,000 for each queue."""
        return sum(self._till.books.count(kind, queue) for queue in queues)

    def search(self, text: str, limit: int = 50) -> list[Row]:
        """Anything this till knows, by the beginnings of words: name, number, goods."""
        return [self._row(known) for known in self._till.books.search(text, limit)]

    def _row(self, known: Known) -> Row:
        verdict, judged = self._lookers[known.kind](known, "")
        since = known.value.index().since
        at = parse_timestamp(since) if since else None
        age = max(timedelta(0), self._till.now() - at) if at else None
        return Row(known, verdict, judged, at, age)
