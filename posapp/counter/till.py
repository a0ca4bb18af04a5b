"""The till the use cases work at: its books, its clock, who stands there, and whom to wake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from posapp.domain.facts import Answer, Fact
from posapp.domain.ids import new_fact_id
from posapp.domain.known import Known, Standing
from posapp.domain.pickup import STALE_AFTER
from posapp.domain.values import dataclass
from posapp.storage.books import Books
from posapp.storage.neighbour_copies import copied

DEFAULT_UNDO_S = 60


@dataclass(frozen=True, slots=True)
class Till:
    """``now`` gives aware UTC; ``clerk`` who stands here; ``wake`` tells sync of a new fact and must
    return at once.
    """

    books: Books
    now: Callable[[], datetime]
    clerk: Callable[[], str]
    wake: Callable[[], None]

    @property
    def store(self) -> str:
        """The code of the store this till belongs to."""
        return self.books.store

    @property
    def store_name(self) -> str:
        """The store's name, or its code while the hub has not told it."""
        return str(self.books.record("store", self.store).get("name") or self.store)

    @property
    def undo_s(self) -> int:
        """Seconds in which a clerk may take back an act; the hub holds its writes as long."""
        told = self.books.record("store", self.store).get("undo_seconds")
        return told if isinstance(told, int) else DEFAULT_UNDO_S

    def undo_left_s(self, ref: str) -> float:
        """Seconds in which the act may still be taken back; 0 where they are over, and for acts of others.

        Judged by the fact itself, so a window that was closed in between changes nothing; a machine that
        was started anew ends it.
        """
        elapsed = self.books.journal.elapsed_s(ref)
        return 0.0 if elapsed is None else max(0.0, self.undo_s - elapsed)

    def fact(self, kind: str, subject: str, payload: dict[str, object]) -> Fact:
        """A fact done here, now, by this clerk."""
        return Fact(new_fact_id(), kind, subject, payload, self.clerk(), self.now())

    def ticks(self, ref: str) -> int:
        """How many places hold what was done here: 1 this till's disk, 2 a second till or the hub too."""
        entry = self.books.journal.fact(ref)
        return (
            2 if entry is None or entry.answer is Answer.ACCEPTED or copied(self.books.journal, entry) else 1
        )

    def standing(self) -> Standing:
        """How the till stands with the hub: when it was heard, what waits for it."""
        return self.books.standing()

    def age(self, standing: Standing | None = None) -> timedelta | None:
        """How old the data is; None while the hub was never heard. A clock set back counts as 0."""
        heard = standing.heard_at if standing else self.books.heard_at()
        return None if heard is None else max(timedelta(0), self.now() - heard)

    def stale(self) -> timedelta | None:
        """The age of the data where it is old enough to be told, else None."""
        age = self.age()
        return age if age is not None and age > STALE_AFTER else None


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done and is durable. ``undo_s`` is how long it can be taken back."""

    ref: str
    known: Known | None
    undo_s: int = 0
