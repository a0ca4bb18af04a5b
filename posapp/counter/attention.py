"""Needs attention: what the store's tills and the hub do not agree on, until a person settles it.

A fact of this till that the hub did not take is a case here at once, from the journal; what the hub says
of it, and the cases of the store's other tills, come with the feed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from posapp.counter.till import Done, Till
from posapp.domain.cases import KIND, Side, State, choices
from posapp.domain.cases import Case as ToldCase
from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Entry, Fact, parse_timestamp
from posapp.domain.known import Known
from posapp.domain.values import dataclass, replace

AT_ONCE = 100
"""So many that the hub told are read at a time."""
COUNTED = 500
"""They are counted no further: nobody decides so many, and each is looked at for that."""
_TILL = "till"


@dataclass(frozen=True, slots=True)
class Case:
    """What one till did (``said``), and what the other side says against it (``reason``, ``evidence``,
    ``others``). ``ours`` where this till did it.
    """

    ref: str
    subject: str
    said: Side
    ours: bool
    opened_at: datetime
    reason: str
    evidence: Mapping[str, Any]
    others: tuple[Side, ...]
    known: Known | None

    @property
    def number(self) -> str:
        """``W-1001`` of ``order:W-1001``."""
        return self.subject.partition(":")[2]


class Attention:
    """Promises: no case disappears by itself; settling one is itself a fact."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def cases(self) -> list[Case]:
        """The first open cases of the store, the oldest first; `slices` has them all."""
        return next(self.slices(), [])

    def slices(self) -> Iterator[list[Case]]:
        """All open cases, the oldest first, some at a time; each slice is read when it is asked for, none is empty."""
        for some in self._open():
            yield [self._whole(case) for case in some]

    def case(self, ref: str) -> Case | None:
        """One open case, wherever it stands in the list; None where it is open no more."""
        found = self._one(ref)
        return self._whole(found) if found else None

    def count(self) -> int:
        """How many there are, counted no further than `COUNTED`."""
        count = 0
        for some in self._open():
            count += len(some)
            if count >= COUNTED:
                return COUNTED
        return count

    def _open(self) -> Iterator[list[Case]]:
        mine = sorted(self._mine(), key=_place)
        refs = {case.ref for case in mine}
        for found, through in self._told_slices():
            theirs = [self._told(value) for value in found if value.id not in refs]
            some = [case for case in theirs if not self._decided(case)]
            while mine and (through is None or _place(mine[0]) <= through):
                some.append(mine.pop(0))
            if some:
                yield sorted(some, key=_place)

    def _told_slices(self) -> Iterator[tuple[list[ToldCase], tuple[datetime, str] | None]]:
        """What the hub told of, the oldest first, and the place of each slice's last one; None for the last slice."""
        after = ("", "")
        while True:
            slice_ = self._till.books.queue(KIND, State.OPEN, after, AT_ONCE)
            found = [known.value for known in slice_ if isinstance(known.value, ToldCase)]
            if len(slice_) < AT_ONCE:
                yield found, None
                return
            if found:
                yield found, (found[-1].opened_at, found[-1].id)
            after = (slice_[-1].value.index().since, slice_[-1].id)

    def _mine(self) -> list[Case]:
        """What this till's own journal holds open."""
        books = self._till.books
        return [
            self._ours(entry, parse_timestamp(opened), known.value if known else None)
            for entry, opened in books.journal.cases()
            for known in [books.know(KIND, entry.fact.id)]
        ]

    def _one(self, ref: str) -> Case | None:
        mine = next((case for case in self._mine() if case.ref == ref), None)
        if mine is not None:
            return mine
        known = self._till.books.know(KIND, ref)
        value = known.value if known else None
        if not isinstance(value, ToldCase) or value.state is not State.OPEN:
            return None
        told = self._told(value)
        return None if self._decided(told) else told

    def _whole(self, case: Case) -> Case:
        """With what is known of its subject."""
        kind, _, ident = case.subject.partition(":")
        return case if kind == _TILL else replace(case, known=self._till.books.know(kind, ident))

    def _decided(self, case: Case) -> bool:
        """Whether it was settled here and the hub has only not said so yet."""
        return any(
            entry.fact.kind == CASE_SETTLED and entry.fact.payload.get("fact") == case.ref
            for entry in self._till.books.journal.history(case.subject)
        )

    def settle(self, ref: str, choice: str) -> Done:
        """Decide a case by one of its `choices`. Raises Refused("case-closed") where it is settled already."""
        case = self._one(ref)
        if case is None:
            raise Refused("case-closed")
        if choice not in choices(case.reason):
            raise ValueError(choice)
        journal = self._till.books.journal

        def decide(known: Known | None) -> Fact:
            return self._till.fact(CASE_SETTLED, case.subject, {"fact": ref, "choice": choice})

        def close(fact: Fact) -> None:
            # Another window on the same files may have been quicker.
            if not journal.close_case(ref, fact.id) and self._decided(case):
                raise Refused("case-closed")

        kind, _, ident = case.subject.partition(":")
        settled, known = self._till.books.commit(kind, ident, decide, close)
        self._till.wake()
        return Done(settled.fact.id, known)

    def _ours(self, entry: Entry, opened_at: datetime, told: object) -> Case:
        fact = entry.fact
        return Case(
            ref=fact.id,
            subject=fact.subject,
            said=Side.of(fact, self._till.books.till),
            ours=True,
            opened_at=opened_at,
            reason=entry.reason,
            evidence=dict((entry.detail or {}).get("detail") or {}),
            others=told.others if isinstance(told, ToldCase) else (),
            known=None,
        )

    def _told(self, value: ToldCase) -> Case:
        return Case(
            ref=value.id,
            subject=value.subject,
            said=value.said,
            ours=value.said.till == self._till.books.till,
            opened_at=value.opened_at,
            reason=value.reason,
            evidence=value.evidence or {},
            others=value.others,
            known=None,
        )


def _place(case: Case) -> tuple[datetime, str]:
    """Where it stands in the list."""
    return case.opened_at, case.ref
