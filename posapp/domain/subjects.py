"""The register of what facts can be about: one line for each kind of subject.

The till's books and the hub's ledger both fold facts through here, so a new kind of work is a new
module with a value and its rules, and one line in `SUBJECTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

from posapp.domain.cases import Case
from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Fact
from posapp.domain.orders import Index, Order
from posapp.domain.sales import Sale
from posapp.domain.tickets import Ticket
from posapp.domain.tills import TillNotes


class Subject(Protocol):
    """A frozen value that facts are about."""

    def after(self, fact: Fact, till: str) -> Self:
        """The value once the fact happened; Refused where it may not; KeyError for an unknown kind."""
        ...

    def index(self) -> Index:
        """How it is found."""
        ...

    def to_body(self) -> dict[str, Any]:
        """Its JSON form."""
        ...

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form; KeyError, TypeError or ValueError where it is none."""
        ...


SUBJECTS: dict[str, type[Subject]] = {
    "order": Order,
    "ticket": Ticket,
    "till": TillNotes,
    "sale": Sale,
    "case": Case,
}


def read_body(kind: str, body: Mapping[str, Any]) -> Subject | None:
    """The value of a record, or None for a kind this version does not know (kept, not dropped)."""
    reader = SUBJECTS.get(kind)
    return reader.from_body(body) if reader else None


def fold(known: Subject | None, fact: Fact, till: str) -> Subject:
    """What ``known`` is after ``fact``.

    A subject that is not known yet can only begin with a fact that its class accepts as the first
    (``opened``). Raises Refused where a rule says no, KeyError for a kind nobody here knows.
    """
    if known is not None:
        return known if fact.kind == CASE_SETTLED else known.after(fact, till)
    opened = getattr(SUBJECTS[fact.subject_kind], "opened", None)
    if opened is None:
        raise Refused("subject-unknown", subject=fact.subject_id)
    value: Subject = opened(fact, till)
    return value
