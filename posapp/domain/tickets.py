"""Service tickets: a repair or a battery swap, from intake to hand-back.

A ticket is made at a till, so its id is drawn there: the claim ticket's own code. The bag its object
lies in has a code too; both open the ticket when they are scanned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, parse_timestamp, timestamp
from posapp.domain.orders import Index
from posapp.domain.values import dataclass, replace

TICKET_OPENED = "TicketOpened"
TICKET_MOVED = "TicketMoved"
TICKET_HANDED_BACK = "TicketHandedBack"
TICKET_STEP_UNDONE = "TicketStepUndone"


class Job(StrEnum):
    """What is asked for."""

    REPAIR = "repair"
    BATTERY = "battery"


class TicketState(StrEnum):
    """Where the work stands."""

    OPENED = "opened"
    APPROVAL = "approval"
    PARTS = "parts"
    IN_WORK = "in_work"
    READY = "ready"
    UNREPAIRED = "unrepaired"
    HANDED_BACK = "handed_back"


_OPEN = (TicketState.OPENED, TicketState.APPROVAL, TicketState.PARTS, TicketState.IN_WORK)
_DONE = (TicketState.READY, TicketState.UNREPAIRED)

STEPS: dict[TicketState, tuple[TicketState, ...]] = {
    TicketState.OPENED: (
        TicketState.IN_WORK,
        TicketState.READY,
        TicketState.APPROVAL,
        TicketState.PARTS,
    ),
    TicketState.APPROVAL: (TicketState.IN_WORK, TicketState.PARTS, TicketState.UNREPAIRED),
    TicketState.PARTS: (TicketState.IN_WORK, TicketState.APPROVAL, TicketState.UNREPAIRED),
    TicketState.IN_WORK: (
        TicketState.READY,
        TicketState.APPROVAL,
        TicketState.PARTS,
        TicketState.UNREPAIRED,
    ),
    TicketState.READY: (TicketState.IN_WORK,),
    TicketState.UNREPAIRED: (TicketState.IN_WORK,),
    TicketState.HANDED_BACK: (),
}
"""From each state the states a ticket may be moved on to, the likeliest first."""


class TicketVerdict(StrEnum):
    """What the scan of a bag or a claim ticket means for the clerk."""

    READY_BACK = "ticket_ready"
    UNREPAIRED_BACK = "ticket_unrepaired"
    OPENED = "ticket_opened"
    WAITING = "ticket_waiting"
    IN_WORK = "ticket_in_work"
    HANDED_BACK = "ticket_handed_back"
    OTHER_STORE = "ticket_other_store"
    CASE_OPEN = "ticket_case_open"


@dataclass(frozen=True, slots=True)
class Step:
    """A state the ticket came into: when, by whom, and by which fact."""

    state: TicketState
    at: datetime
    clerk: str
    ref: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A service ticket as one side knows it; ``id`` is the claim ticket's code.

    ``promised`` is the day the customer was told. ``steps`` are the states it went through, the
    last one is where it stands; there is always the first. ``undone`` are facts whose step was taken
    back.
    """

    id: str
    store: str
    job: Job
    customer: str
    object: str
    wish: str
    bag: str
    opened_at: datetime
    steps: tuple[Step, ...]
    promised: date | None = None
    phone: str = ""
    undone: tuple[str, ...] = ()

    @property
    def state(self) -> TicketState:
        """Where the work stands."""
        return self.steps[-1].state

    @classmethod
    def opened(cls, fact: Fact, till: str) -> Ticket:
        """The ticket that a ``TicketOpened`` begins. Raises Refused for anything else, or where a
        field the customer needs is missing.
        """
        if fact.kind != TICKET_OPENED:
            raise Refused("subject-unknown", subject=fact.subject_id)
        told = fact.payload
        for field in ("store", "customer", "object", "bag"):
            if not str(told.get(field, "")).strip():
                raise Refused(f"ticket-{field}-missing")
        try:
            job, promised = Job(str(told.get("job"))), _day(told.get("promised"))
        except ValueError as error:
            raise Refused("ticket-unreadable") from error
        return cls(
            id=fact.subject_id,
            store=str(told["store"]),
            job=job,
            customer=str(told["customer"]),
            phone=str(told.get("phone", "")),
            object=str(told["object"]),
            wish=str(told.get("wish", "")),
            bag=str(told["bag"]),
            promised=promised,
            opened_at=fact.at,
            steps=(Step(TicketState.OPENED, fact.at, fact.clerk, fact.id),),
        )

    def after(self, fact: Fact, till: str) -> Ticket:
        """The ticket once ``fact`` happened. Raises Refused where it may not, KeyError for a kind
        this version does not know. A fact that is in already changes nothing.
        """
        rule = _RULES[fact.kind]
        known = fact.id in self.undone or any(step.ref == fact.id for step in self.steps)
        return self if known else rule(self, fact)

    def _opened_again(self, fact: Fact) -> Ticket:
        raise Refused("ticket-known", ticket=self.id)

    def _with(self, state: TicketState, fact: Fact) -> Ticket:
        return replace(self, steps=(*self.steps, Step(state, fact.at, fact.clerk, fact.id)))

    def _moved(self, fact: Fact) -> Ticket:
        try:
            to = TicketState(str(fact.payload.get("to")))
        except ValueError as error:
            raise Refused("ticket-unreadable") from error
        if self.state is to:
            return self
        if to not in STEPS[self.state]:
            raise Refused("ticket-step", ticket=self.id)
        return self._with(to, fact)

    def _handed_back(self, fact: Fact) -> Ticket:
        if self.state is TicketState.HANDED_BACK:
            raise Refused("ticket-handed-back", ticket=self.id)
        if self.state not in _DONE:
            raise Refused("ticket-not-ready", ticket=self.id)
        return self._with(TicketState.HANDED_BACK, fact)

    def _step_undone(self, fact: Fact) -> Ticket:
        ref = fact.payload.get("step")
        if ref in self.undone:
            return self
        if len(self.steps) < 2 or ref != self.steps[-1].ref:
            raise Refused("nothing-to-undo", number=self.id)
        return replace(self, steps=self.steps[:-1], undone=(*self.undone, str(ref)))

    def verdict(self, store: str, *, case_open: bool = False) -> TicketVerdict:
        """What its scan means at ``store``."""
        if self.store != store:
            return TicketVerdict.OTHER_STORE
        if case_open:
            return TicketVerdict.CASE_OPEN
        return {
            TicketState.OPENED: TicketVerdict.OPENED,
            TicketState.APPROVAL: TicketVerdict.WAITING,
            TicketState.PARTS: TicketVerdict.WAITING,
            TicketState.IN_WORK: TicketVerdict.IN_WORK,
            TicketState.READY: TicketVerdict.READY_BACK,
            TicketState.UNREPAIRED: TicketVerdict.UNREPAIRED_BACK,
            TicketState.HANDED_BACK: TicketVerdict.HANDED_BACK,
        }[self.state]

    def late(self, today: date) -> bool:
        """Whether the promised day is over and the work is not done."""
        return self.promised is not None and self.state in _OPEN and self.promised < today

    def index(self) -> Index:
        """Found by claim ticket, bag, and words; queues: open, waiting, in_work, ready."""
        queue = {
            TicketState.OPENED: "open",
            TicketState.APPROVAL: "waiting",
            TicketState.PARTS: "waiting",
            TicketState.IN_WORK: "in_work",
            TicketState.READY: "ready",
            TicketState.UNREPAIRED: "ready",
            TicketState.HANDED_BACK: "",
        }[self.state]
        return Index(
            queue=queue,
            since=timestamp(self.opened_at),
            tokens=(self.id.upper(), self.bag.upper()),
            words=" ".join((self.id, self.customer, self.phone, self.object, self.bag)),
        )

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Ticket:
        """Read the JSON form. Raises KeyError, TypeError or ValueError where it is no ticket."""
        if not body["steps"]:
            raise ValueError("a ticket without a step")
        return cls(
            id=str(body["id"]),
            store=str(body["store"]),
            job=Job(body["job"]),
            customer=str(body["customer"]),
            phone=str(body.get("phone", "")),
            object=str(body["object"]),
            wish=str(body.get("wish", "")),
            bag=str(body["bag"]),
            promised=_day(body.get("promised")),
            undone=tuple(str(ref) for ref in body.get("undone", ())),
            opened_at=parse_timestamp(body["opened_at"]),
            steps=tuple(
                Step(TicketState(step["state"]), parse_timestamp(step["at"]), step["clerk"], step["ref"])
                for step in body["steps"]
            ),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "id": self.id,
            "store": self.store,
            "job": self.job.value,
            "customer": self.customer,
            "phone": self.phone,
            "object": self.object,
            "wish": self.wish,
            "bag": self.bag,
            "promised": self.promised.isoformat() if self.promised else "",
            "opened_at": timestamp(self.opened_at),
            "undone": list(self.undone),
            "steps": [
                {
                    "state": step.state.value,
                    "at": timestamp(step.at),
                    "clerk": step.clerk,
                    "ref": step.ref,
                }
                for step in self.steps
            ],
        }


_RULES = {
    TICKET_OPENED: Ticket._opened_again,
    TICKET_MOVED: Ticket._moved,
    TICKET_HANDED_BACK: Ticket._handed_back,
    TICKET_STEP_UNDONE: Ticket._step_undone,
}


def _day(value: object) -> date | None:
    return date.fromisoformat(str(value)) if value else None
