"""A case: two sides that do not agree, or a hand-over nobody had granted, until a person settles it.

The hub writes it as a record of the store's feed (kind ``case``, by the id of the fact it is about), so
that every till of the store shows the same list with the same evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from posapp.domain.facts import Fact, parse_timestamp, timestamp
from posapp.domain.goods import HandOver, lean, moment, stamp
from posapp.domain.orders import HANDED_OVER, Index
from posapp.domain.values import dataclass

KIND = "case"
PROVISIONAL = "provisional"
"""The reason of a case whose fact was taken: goods left on a label or on a manager's word."""
COPIED = "till-copied"
"""The reason of a case about a till of which two copies tell different things."""
_CHOICES = ("left", "here", "same")
_OF_COPIED = ("off", "again")


def choices(reason: str) -> tuple[str, ...]:
    """What a person can decide about a case.

    ``left``: the goods are gone; ``here``: they are here; ``same``: one act recorded twice. Of a copied till
    ``off``: one of the two is switched off for good; ``again``: the till was enrolled again.
    """
    return _OF_COPIED if reason == COPIED else _CHOICES


class State(StrEnum):
    """How a case stands. `TAKEN`: the hub has meanwhile taken the fact, nothing is left to decide."""

    OPEN = "open"
    SETTLED = "settled"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says: who did what, when, with how many pieces of which lines.

    ``subject`` is what it was done to, where that is not what the case is about.
    """

    kind: str
    till: str = ""
    clerk: str = ""
    at: datetime | None = None
    lines: tuple[tuple[str, int], ...] = ()
    why: str = ""
    subject: str = ""

    @classmethod
    def of(cls, fact: Fact, till: str, *, subject: str = "") -> Self:
        """A fact as a side. ``why`` is what a manager gave as the reason, or ``label``."""
        said = fact.payload.get("custody")
        custody = said if isinstance(said, Mapping) else {}
        return cls(
            kind=fact.kind,
            till=till,
            clerk=fact.clerk,
            at=fact.at,
            lines=_lines(fact.payload.get("lines")),
            why=str(custody.get("reason") or custody.get("provisional") or ""),
            subject=subject,
        )

    @classmethod
    def of_hand_over(cls, known: HandOver) -> Self:
        """A hand-over that an order knows of as a side."""
        return cls(HANDED_OVER, known.till, known.clerk, known.at, known.lines)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(
            kind=str(body["kind"]),
            till=str(body.get("till", "")),
            clerk=str(body.get("clerk", "")),
            at=moment(body.get("at")),
            lines=_lines(body.get("lines")),
            why=str(body.get("why", "")),
            subject=str(body.get("subject", "")),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return {"kind": self.kind} | lean(
            {
                "till": self.till,
                "clerk": self.clerk,
                "at": stamp(self.at),
                "lines": dict(self.lines),
                "why": self.why,
                "subject": self.subject,
            }
        )


@dataclass(frozen=True, slots=True)
class Case:
    """``subject`` is what it is about (``order:W-1001``); ``evidence`` what the hub's rule said."""

    id: str
    subject: str
    reason: str
    opened_at: datetime
    said: Side
    others: tuple[Side, ...] = ()
    evidence: Mapping[str, Any] | None = None
    state: State = State.OPEN
    choice: str = ""
    settled: Side | None = None

    def after(self, fact: Fact, till: str) -> Self:
        """A case is not the subject of facts: what settles it is about the case's own subject."""
        raise KeyError(fact.kind)

    def index(self) -> Index:
        """Open ones are a queue, the oldest first."""
        return Index(queue=self.state.value, since=timestamp(self.opened_at))

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form. A state of a newer version is taken for open: it must be looked at."""
        state = str(body["state"])
        settled = body.get("settled")
        return cls(
            id=str(body["id"]),
            subject=str(body["subject"]),
            reason=str(body["reason"]),
            opened_at=parse_timestamp(body["opened_at"]),
            said=Side.from_body(body["said"]),
            others=tuple(Side.from_body(other) for other in body.get("others", ())),
            evidence=dict(body.get("evidence", {})),
            state=State(state) if state in set(State) else State.OPEN,
            choice=str(body.get("choice", "")),
            settled=Side.from_body(settled) if settled else None,
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        kept = {
            "id": self.id,
            "subject": self.subject,
            "reason": self.reason,
            "opened_at": timestamp(self.opened_at),
            "said": self.said.to_body(),
            "state": self.state.value,
        }
        return kept | lean(
            {
                "others": [other.to_body() for other in self.others],
                "evidence": dict(self.evidence or {}),
                "choice": self.choice,
                "settled": self.settled.to_body() if self.settled else None,
            }
        )


def _lines(body: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(body, Mapping):
        return ()
    return tuple((str(line), count) for line, count in body.items() if isinstance(count, int))
