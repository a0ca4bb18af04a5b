"""Needs attention: what the store's tills and the hub do not agree on, until a person settles it.

A fact of this till that the hub did not take is a case here at once, from the journal; what the hub says
of it, and the cases of the store's other tills, come with the feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from posapp.counter.till import Done, Till
from posapp.domain.cases import KIND, Side, State, choices
from posapp.domain.cases import Case as ToldCase
from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Entry, Fact, parse_timestamp
from posapp.domain.known import Known
from posapp.domain.values import dataclass, replace

MOST = 100
"""A list of more is beyond what anybody decides; the rest follows as cases are settled."""
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
        """Open cases of the store, the oldest first."""
        know = self._till.books.know
        return [
            replace(case, known=know(kind, ident)) if kind != _TILL else case
            for case in self._open()
            for kind, _, ident in [case.subject.partition(":")]
        ]

    def count(self) -> int:
        """How many there are."""
        return len(self._open())

    def _open(self) -> list[Case]:
        books = self._till.books
        told = {known.id: known.value for known in books.queue(KIND, State.OPEN, limit=MOST)}
        mine = [
            self._ours(entry, parse_timestamp(opened), told.pop(entry.fact.id, None))
            for entry, opened in books.journal.cases()
        ]
        theirs = [self._told(value) for value in told.values() if isinstance(value, ToldCase)]
        open_still = [*mine, *(case for case in theirs if not self._decided(case))]
        return sorted(open_still, key=lambda case: (case.opened_at, case.ref))

    def _decided(self, case: Case) -> bool:
        """Whether it was settled here and the hub has only not said so yet."""
        return any(
            entry.fact.kind == CASE_SETTLED and entry.fact.payload.get("fact") == case.ref
            for entry in self._till.books.journal.history(case.subject)
        )

    def settle(self, ref: str, choice: str) -> Done:
        """Decide a case by one of its `choices`. Raises Refused("case-closed") where it is settled already."""
        case = next((one for one in self._open() if one.ref == ref), None)
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
