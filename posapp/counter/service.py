"""The service desk: take an object in, move its ticket on, hand it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path

from posapp.counter.till import Done, Till
from posapp.domain.codes import Kind, Prefix, Reading, draw, read
from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, subject
from posapp.domain.known import Known
from posapp.domain.tickets import (
    STEPS,
    TICKET_HANDED_BACK,
    TICKET_MOVED,
    TICKET_OPENED,
    TICKET_STEP_UNDONE,
    Job,
    Ticket,
    TicketState,
)
from posapp.domain.values import dataclass

KIND = "ticket"
ACTS = {TICKET_MOVED: TICKET_STEP_UNDONE, TICKET_HANDED_BACK: TICKET_STEP_UNDONE}
"""What can be taken back, and the fact that does it."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What the clerk writes down with the customer present. ``bag`` may be empty: then a fresh bag
    number is drawn for the label.
    """

    job: Job
    customer: str
    object: str
    wish: str
    promised: date | None
    phone: str = ""
    bag: str = ""


class Service:
    """Promises: what returned is on the disk, with or without a line. Prohibition: as for pickup,
    no device and no network here.
    """

    def __init__(self, till: Till) -> None:
        self._till = till

    def look(self, known: Known, token: str = "") -> tuple[StrEnum, Ticket]:
        """The verdict for a ticket found by its claim ticket or bag."""
        assert isinstance(known.value, Ticket)
        verdict = known.value.verdict(self._till.store, case_open=known.case is not None)
        return verdict, known.value

    def next_steps(self, ticket: Ticket) -> tuple[TicketState, ...]:
        """Where the ticket may go from here, the likeliest first."""
        return STEPS[ticket.state]

    def open(self, intake: Intake) -> Done:
        """Open a ticket; its number is the fresh claim ticket's code.

        Raises Refused: a field is missing, the day is over, the bag is no bag label or is in use.
        """
        now = self._till.now()
        if intake.promised and intake.promised < now.astimezone().date():
            raise Refused("ticket-day-over")
        bag = self._bag(intake.bag)
        claim = draw(Prefix.CLAIM_TICKET)

        def decide(known: Known | None) -> Fact:
            if self._in_use(bag):
                raise Refused("ticket-bag-in-use", bag=bag)
            return self._till.fact(
                TICKET_OPENED,
                subject(KIND, claim),
                {
                    "store": self._till.store,
                    "job": intake.job.value,
                    "customer": intake.customer.strip(),
                    "phone": intake.phone.strip(),
                    "object": intake.object.strip(),
                    "wish": intake.wish.strip(),
                    "promised": intake.promised.isoformat() if intake.promised else "",
                    "bag": bag,
                },
            )

        return self._commit(claim, decide)

    def move(self, ticket: str, to: TicketState) -> Done:
        """Move a ticket on. Raises Refused where it may not go there from where it stands."""
        return self._step(TICKET_MOVED, ticket, to=to.value)

    def hand_back(self, ticket: str) -> Done:
        """Hand the object back to the customer. Raises Refused where it is not ready, or gone."""
        return self._step(TICKET_HANDED_BACK, ticket)

    def undo(self, ticket: str, ref: str) -> Done:
        """Take the last step back within its time. Raises Refused("undo-too-late") after it,
        Refused("nothing-to-undo") where it is not the last or was taken back before.
        """
        if not self._till.undo_left_s(ref):
            raise Refused("undo-too-late", number=ticket)

        def decide(known: Known | None) -> Fact:
            # A step taken back a second time changes nothing, and would yet be a fact.
            if known is None or not isinstance(known.value, Ticket) or known.value.steps[-1].ref != ref:
                raise Refused("nothing-to-undo", number=ticket)
            return self._fact(TICKET_STEP_UNDONE, ticket, step=ref)

        return self._commit(ticket, decide)

    def ticks(self, ref: str) -> int:
        """How many places hold a step: 1 this till's disk, 2 a second till or the hub too."""
        return self._till.ticks(ref)

    def _step(self, kind: str, ticket: str, **payload: object) -> Done:
        done = self._commit(ticket, lambda known: self._fact(kind, ticket, **payload))
        return Done(done.ref, done.known, self._till.undo_s)

    def _fact(self, kind: str, ticket: str, **payload: object) -> Fact:
        return self._till.fact(kind, subject(KIND, ticket), payload)

    def _commit(self, ticket: str, decide: Callable[[Known | None], Fact]) -> Done:
        def settled(known: Known | None) -> Fact:
            if known is not None and known.case is not None:
                raise Refused("case-open", number=ticket)
            return decide(known)

        entry, known = self._till.books.commit(KIND, ticket, settled)
        self._till.wake()
        return Done(entry.fact.id, known)

    def free_bag(self, reading: Reading) -> str:
        """The bag's number where the reading is a bag's label that no open ticket has; else ""."""
        free = reading.kind is Kind.BAG and not self._in_use(reading.value)
        return reading.value if free else ""

    def paper(self, ticket: Ticket) -> Path:
        """Where the claim ticket of ``ticket`` is written: in the till's own folder."""
        return self._till.books.folder / "papers" / f"{ticket.id}.pdf"

    def _bag(self, text: str) -> str:
        if not text.strip():
            return draw(Prefix.BAG)
        reading = read(text, expect=Prefix.BAG)
        if reading.kind is not Kind.BAG:
            raise Refused("ticket-bag-wrong")
        return reading.value

    def _in_use(self, bag: str) -> bool:
        return any(
            isinstance(known.value, Ticket) and known.value.state is not TicketState.HANDED_BACK
            for known in self._till.books.by_token(bag)
        )
