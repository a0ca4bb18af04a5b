"""What a kind of work (an order, a service ticket) tells the screens about itself, as values.

The screens know no kind: they show what a `Presenter` makes of it and hand presses back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from posapp.domain.pickup import Verdict
from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.counter.queues import Row
    from posapp.counter.scanning import Result
    from posapp.counter.till import Done
    from posapp.domain.facts import Fact
    from posapp.domain.known import Known
    from ui.rows import Row as RowView
    from ui.view import CardView

Said = Mapping[str, object]
"""What the clerk has said on a card so far: a note read, a question answered."""

GO = "go:"
"""Begins the id of an action that leads to another place of the window: ``go:attention``."""


BY_HAND = (Verdict.EXPIRED, Verdict.CASE_OPEN, Verdict.GUESSING, Verdict.AMBIGUOUS)
"""Cards on which the counter mat's *OK* does nothing: a person decides there."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter over one kind's queues; ``label`` is translated where it is shown.

    ``only`` keeps the rows with these verdicts.
    """

    id: str
    label: str
    queues: tuple[str, ...]
    only: tuple[StrEnum, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Something the clerk must ask before the act; ``key`` is where the answer is kept in `Said`."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Acted:
    """Something that was done and is durable: what to say of it, and how to take it back."""

    done: Done
    text: str
    undone: str
    undo: Callable[[], Done]


class Presenter(Protocol):
    """One kind's words. Stateless; every word is in the language in use at the time of the call."""

    kind: str
    chips: tuple[Chip, ...]
    ready: tuple[str, ...]
    """The queues of what can be handed out now, for the home screen."""

    def card(self, result: Result, said: Said) -> CardView:
        """The card of a subject that was found."""
        ...

    def question(self, result: Result, said: Said) -> Question | None:
        """What is to be asked next, or None."""
        ...

    def press(self, desk: Desk, result: Result, action: str, said: Said) -> Said | Acted:
        """Do what a button of the card says: either more is said, or it is done.

        Raises Refused and StorageFault; then nothing was written.
        """
        ...

    def acted(self, desk: Desk, done: Done, fact: Fact) -> Acted:
        """What `press` returned for an act, told by its fact: after a restart of the window."""
        ...

    def done_card(self, desk: Desk, acted: Acted, known: Known) -> CardView:
        """The card after the act; asked again when the hub or the shop took it over."""
        ...

    def ticks(self, desk: Desk, acted: Acted, known: Known) -> int:
        """How many places hold the act: 1 this till, 2 a second till or the hub too, 3 the shop too."""
        ...

    def row(self, row: Row) -> RowView:
        """The subject in a list."""
        ...

    def choice(self, known: Known) -> str:
        """The subject among several matches, with little personal data."""
        ...
