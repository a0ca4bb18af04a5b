"""Queues for managers: what waits, how long, and what comes next; filter and search."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from posapp.counter.scanning import Looker
from posapp.counter.till import Till
from posapp.domain.facts import parse_timestamp
from posapp.domain.known import Known
from posapp.domain.sales import sale_of
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

    def mark(self, kind: str, queues: Sequence[str], limit: int, every_s: int) -> object:
        """Another one whenever the first rows of the queues are to be read again: one of them changed, or
        so many seconds have passed, in which they have become older.
        """
        marks = [self._till.books.queue_mark(kind, queue, limit) for queue in queues]
        return marks, self._till.now().timestamp() // every_s

    def marks(self, names: Collection[str]) -> dict[str, object]:
        """Of each subject a mark that is another one whenever it is to be read again, an order also for
        what became of its payment; its verdict may change with the hour, so every hour it is another one too.
        """
        hour = self._till.now().timestamp() // 3600
        marks = self._till.books.marks({*names, *map(sale_of, names)})
        return {name: (marks[name], marks[sale_of(name)], hour) for name in names}

    def search(self, text: str, limit: int = 50) -> list[Row]:
        """Anything this till knows, by the beginnings of words: name, number, goods."""
        return [self._row(known) for known in self._till.books.search(text, limit)]

    def _row(self, known: Known) -> Row:
        verdict, judged = self._lookers[known.kind](known, "")
        since = known.value.index().since
        at = parse_timestamp(since) if since else None
        age = max(timedelta(0), self._till.now() - at) if at else None
        return Row(known, verdict, judged, at, age)
