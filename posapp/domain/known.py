"""What a till knows: a subject with what still waits for the hub, and how the line stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from posapp.domain.facts import Entry, subject
from posapp.domain.subjects import Subject
from posapp.domain.values import dataclass

HIDDEN_AFTER = timedelta(days=7)
"""Without a word from the hub for so long, a till shows nobody's data any more."""


@dataclass(frozen=True, slots=True)
class Known:
    """A subject as this till knows it.

    ``waiting`` are facts of this till the hub has not answered; ``case`` is a fact the hub did not
    take and nobody has settled yet.
    """

    kind: str
    id: str
    value: Subject
    waiting: tuple[Entry, ...] = ()
    case: Entry | None = None

    @property
    def name(self) -> str:
        """The subject's name as facts carry it."""
        return subject(self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the till stands with the hub: when it was heard, how many facts wait, since when."""

    heard_at: datetime | None
    waiting: int
    oldest: datetime | None
