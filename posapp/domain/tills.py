"""A till as a subject of facts: what happened at it that its manager and the hub should know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from posapp.domain.errors import Refused
from posapp.domain.facts import Fact
from posapp.domain.goods import lean, moment, stamp
from posapp.domain.orders import Index
from posapp.domain.values import dataclass

GUESSING_NOTICED = "GuessingNoticed"
"""Somebody seems to try pickup codes. Payload: ``store``, ``codes`` (how many different ones were
unknown), ``since`` (when the first came). Never the codes themselves."""
GUESSING_CLEARED = "GuessingCleared"
"""A person looked after it. Payload: ``by``: ``badge`` or ``screen``."""


@dataclass(frozen=True, slots=True)
class TillNotes:
    """What is known of a till. ``guessing_since`` is set until a person has looked after it."""

    till: str
    store: str
    noticed: int = 0
    guessing_since: datetime | None = None

    @classmethod
    def opened(cls, fact: Fact, till: str) -> Self:
        """The first fact about a till. Raises Refused where it cannot begin one."""
        if fact.kind not in (GUESSING_NOTICED, GUESSING_CLEARED):
            raise Refused("subject-unknown", subject=fact.subject_id)
        return cls(fact.subject_id, str(fact.payload.get("store", ""))).after(fact, till)

    def after(self, fact: Fact, till: str) -> Self:
        """The notes once the fact happened. A note is never refused: it only says what was seen."""
        if fact.kind == GUESSING_NOTICED:
            return type(self)(self.till, self.store, self.noticed + 1, self.guessing_since or fact.at)
        if fact.kind == GUESSING_CLEARED:
            return type(self)(self.till, self.store, self.noticed)
        raise KeyError(fact.kind)

    def index(self) -> Index:
        """A till is not scanned, searched or queued for."""
        return Index()

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return {"till": self.till, "store": self.store} | lean(
            {"noticed": self.noticed, "guessing_since": stamp(self.guessing_since)}
        )

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(
            till=str(body["till"]),
            store=str(body["store"]),
            noticed=int(body.get("noticed", 0)),
            guessing_since=moment(body.get("guessing_since")),
        )
