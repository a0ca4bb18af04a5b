"""Needs attention: every fact the hub did not take is a case until a person settles it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from posapp.counter.till import Done, Till
from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Entry, Fact, parse_timestamp
from posapp.domain.known import Known
from posapp.domain.values import dataclass

CHOICES = ("left", "here", "same")


@dataclass(frozen=True, slots=True)
class Case:
    """What this till wrote, and what the other side says against it (``reason``, ``evidence``)."""

    ref: str
    entry: Entry
    opened_at: datetime
    reason: str
    evidence: Mapping[str, Any]
    known: Known | None


class Attention:
    """Promises: no case disappears by itself; settling one is itself a fact."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def cases(self) -> list[Case]:
        """Open cases, the oldest first."""
        books = self._till.books
        return [
            Case(
                ref=entry.fact.id,
                entry=entry,
                opened_at=parse_timestamp(opened),
                reason=entry.reason,
                evidence=dict((entry.detail or {}).get("detail") or {}),
                known=books.know(entry.fact.subject_kind, entry.fact.subject_id),
            )
            for entry, opened in books.journal.cases()
        ]

    def settle(self, ref: str, choice: str) -> Done:
        """Decide a case: ``left`` (the goods are gone), ``here`` (the goods are here), ``same`` (one
        act recorded twice). Raises Refused("case-closed") where it is settled already.
        """
        if choice not in CHOICES:
            raise ValueError(choice)
        books = self._till.books
        entry = books.journal.fact(ref)
        if entry is None:
            raise Refused("case-closed")

        def decide(known: Known | None) -> Fact:
            return self._till.fact(CASE_SETTLED, entry.fact.subject, {"fact": ref, "choice": choice})

        def close(fact: Fact) -> None:
            if not books.journal.close_case(ref, fact.id):
                raise Refused("case-closed")

        settled, known = books.commit(entry.fact.subject_kind, entry.fact.subject_id, decide, close)
        self._till.wake()
        return Done(settled.fact.id, known)
