"""Service tickets on screen: the card of each verdict, the row in a list, and what the buttons do."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from posapp.counter.service import KIND
from posapp.domain.codes import display
from posapp.domain.tickets import STEPS, Job, Ticket, TicketState, TicketVerdict
from posapp.domain.values import replace
from posapp.texts import N_, _, age, clock, day
from ui.presenter import GO, Acted, Chip, Question, Said
from ui.rows import Row as RowView
from ui.verdicts import Look, other_store, stale_band
from ui.view import Action, CardView, Fact, Line, LineState, Sound, Tone

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.counter.queues import Row
    from posapp.counter.scanning import Result
    from posapp.counter.till import Done
    from posapp.domain.facts import Fact as DoneFact
    from posapp.domain.known import Known

HAND_BACK = "hand_back"
MOVE = "move:"
PAPER = "claim_ticket"
CLEARS_AFTER_S = 5.0

LOOKS: dict[TicketVerdict, Look] = {
    TicketVerdict.READY_BACK: Look(Tone.GREEN, "device-watch-check", N_("Ready to hand back")),
    TicketVerdict.UNREPAIRED_BACK: Look(Tone.AMBER, "device-watch", N_("Back without repair")),
    TicketVerdict.OPENED: Look(Tone.AMBER, "tools", N_("Not started yet")),
    TicketVerdict.WAITING: Look(Tone.AMBER, "hourglass", N_("Still waiting")),
    TicketVerdict.IN_WORK: Look(Tone.AMBER, "tools", N_("Still in work")),
    TicketVerdict.HANDED_BACK: Look(Tone.DONE, "package", N_("Handed back already")),
    TicketVerdict.OTHER_STORE: Look(Tone.RED, "building-store", N_("Other store")),
    TicketVerdict.CASE_OPEN: Look(Tone.RED, "scale", N_("Case open")),
}

JOBS: dict[Job, str] = {Job.REPAIR: N_("Repair"), Job.BATTERY: N_("Battery change")}

STATES: dict[TicketState, str] = {
    TicketState.OPENED: N_("taken in"),
    TicketState.APPROVAL: N_("waits for the customer's answer"),
    TicketState.PARTS: N_("waits for parts"),
    TicketState.IN_WORK: N_("in work"),
    TicketState.READY: N_("ready"),
    TicketState.UNREPAIRED: N_("not repaired"),
    TicketState.HANDED_BACK: N_("handed back"),
}

_MOVES: dict[TicketState, tuple[str, str]] = {
    TicketState.IN_WORK: (N_("Start the work"), "tools"),
    TicketState.READY: (N_("Work is done"), "check"),
    TicketState.APPROVAL: (N_("Wait for an answer"), "phone"),
    TicketState.PARTS: (N_("Wait for parts"), "hourglass"),
    TicketState.UNREPAIRED: (N_("Give up the repair"), "x"),
}

_SENTENCES: dict[TicketVerdict, str] = {
    TicketVerdict.READY_BACK: N_("Please compare the bag's number, then hand the object back."),
    TicketVerdict.UNREPAIRED_BACK: N_("Please explain it to the customer, then hand the object back."),
    TicketVerdict.OPENED: N_("It lies in its bag. Please tell the customer the promised day."),
    TicketVerdict.WAITING: N_("Please tell the customer what it waits for."),
    TicketVerdict.IN_WORK: N_("Please tell the customer the promised day."),
    TicketVerdict.HANDED_BACK: N_("There is nothing left to hand back."),
    TicketVerdict.CASE_OPEN: N_("Till and hub disagree about this ticket. It has to be settled first."),
}

_NEXT: dict[TicketVerdict, str] = {
    TicketVerdict.READY_BACK: N_("Hand back"),
    TicketVerdict.UNREPAIRED_BACK: N_("Hand back"),
    TicketVerdict.OPENED: N_("Start the work"),
    TicketVerdict.WAITING: N_("Ask again"),
    TicketVerdict.IN_WORK: N_("Finish the work"),
    TicketVerdict.HANDED_BACK: N_("Nothing"),
    TicketVerdict.OTHER_STORE: N_("Show the way"),
    TicketVerdict.CASE_OPEN: N_("Settle the case"),
}


class TicketPresenter:
    """The words of service tickets. Stateless."""

    kind: str = KIND
    chips: tuple[Chip, ...] = (
        Chip("service_ready", N_("Service ready"), ("ready",)),
        Chip("service_open", N_("Service open"), ("open", "waiting", "in_work")),
    )
    ready: tuple[str, ...] = ()

    def card(self, result: Result, said: Said) -> CardView:
        """The card of a ticket found by its claim ticket, its bag, or in a list."""
        ticket, verdict = _parts(result)
        if verdict is TicketVerdict.OTHER_STORE:
            return other_store(result.elsewhere)
        look = LOOKS[verdict]
        primary, secondary = _actions(ticket, verdict)
        return CardView(
            tone=look.tone,
            icon=look.icon,
            headline=_(look.headline),
            sound=look.sounds,
            name=ticket.customer,
            code=display(ticket.bag),
            sentence=str(said.get(PAPER) or _(_SENTENCES[verdict])),
            facts=_facts(ticket),
            lines=tuple(
                Line(_(STATES[step.state]), state=LineState.RIGHT, note=f"{_at(step.at)}, {step.clerk}")
                for step in ticket.steps
            ),
            band=_("The promised day is over. Please tell the customer.") if _late(ticket) else "",
            stale=stale_band(result.stale),
            primary=primary,
            secondary=secondary,
        )

    def question(self, result: Result, said: Said) -> Question | None:
        """A ticket asks nothing on its card."""
        return None

    def press(self, desk: Desk, result: Result, action: str, said: Said) -> Said | Acted:
        """Move the ticket on, hand it back, or write its claim ticket. Raises Refused, StorageFault."""
        ticket, _verdict = _parts(result)
        if action == PAPER:
            return {**said, PAPER: show_paper(desk, ticket)}
        if action == HAND_BACK:
            return _acted(desk, desk.service.hand_back(ticket.id), ticket, TicketState.HANDED_BACK)
        to = TicketState(action.removeprefix(MOVE))
        return _acted(desk, desk.service.move(ticket.id, to), ticket, to)

    def acted(self, desk: Desk, done: Done, fact: DoneFact) -> Acted:
        """A step of before the restart."""
        assert done.known is not None
        assert isinstance(done.known.value, Ticket)
        to = TicketState(fact.payload.get("to", TicketState.HANDED_BACK))
        return _acted(desk, done, done.known.value, to)

    def done_card(self, desk: Desk, acted: Acted, known: Known) -> CardView:
        """What was done, where it stands now, and how many places hold it."""
        ticket = known.value
        assert isinstance(ticket, Ticket)
        ticks = self.ticks(desk, acted, known)
        follows = _("follows by itself")
        back = ticket.state is TicketState.HANDED_BACK
        return CardView(
            tone=Tone.DONE,
            icon="package" if back else "tools",
            headline=_("Handed back") if back else _("Noted"),
            sound=(Sound.GO,),
            name=ticket.customer,
            code=display(ticket.bag),
            sentence=_("{object}: {state}").format(object=ticket.object, state=_(STATES[ticket.state])),
            lines=tuple(
                Line(text, state=LineState.RIGHT if at < ticks else LineState.PENDING, note=note)
                for at, text in enumerate((_("Saved on this till"), _("On a second till or at the hub")))
                for note in ("" if at < ticks else follows,)
            ),
            stays=CLEARS_AFTER_S,
        )

    def ticks(self, desk: Desk, acted: Acted, known: Known) -> int:
        """1 this till, 2 a second till or the hub too; the shop keeps no tickets."""
        return desk.service.ticks(acted.done.ref)

    def row(self, row: Row) -> RowView:
        """The ticket in a list: customer, object, promised day, how long it waits, what is next."""
        ticket = row.known.value
        assert isinstance(ticket, Ticket)
        verdict = TicketVerdict(row.verdict)
        look = LOOKS[verdict]
        waited = age(row.age.total_seconds()) if row.age is not None else ""
        promised = ""
        if ticket.promised:
            late = N_("late, was for {day}") if _late(ticket) else N_("for {day}")
            promised = _(late).format(day=day(ticket.promised))
        following = _(_NEXT[verdict])
        job = _(JOBS[ticket.job])
        spoken = (job, ticket.customer, ticket.object, promised, waited, following)
        return RowView(
            id=row.known.name,
            code=ticket.bag[-4:],
            title=ticket.customer,
            detail=" · ".join(part for part in (job, ticket.object, promised) if part),
            end=" · ".join(part for part in (waited, following) if part),
            tone=Tone.RED if _late(ticket) else None if look.tone is Tone.GREEN else look.tone,
            icon="battery" if ticket.job is Job.BATTERY else look.icon,
            spoken=", ".join(part for part in spoken if part),
        )

    def choice(self, known: Known) -> str:
        """Job and object, and the customer's initial."""
        ticket = known.value
        assert isinstance(ticket, Ticket)
        return " · ".join((_(JOBS[ticket.job]), ticket.object, f"{ticket.customer[:1]}."))


def show_paper(desk: Desk, ticket: Ticket) -> str:
    """Write the claim ticket and open it in the system's viewer; the sentence that says so."""
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    from ui.ticket_paper import claim_ticket

    path = desk.service.paper(ticket)
    try:
        claim_ticket(ticket, desk.till.store_name, path)
    except OSError as error:
        return _("The claim ticket could not be written ({why}). Please try again.").format(
            why=error.strerror or error
        )
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
    return _("The claim ticket lies in {file}. Please print it and give it to the customer.").format(
        file=path
    )


def _acted(desk: Desk, done: Done, ticket: Ticket, to: TicketState) -> Acted:
    if to is TicketState.HANDED_BACK:
        text = _("Handed back: {object}, {name}").format(object=ticket.object, name=ticket.customer)
    else:
        text = _("{object}, {name}: {state}").format(
            object=ticket.object, name=ticket.customer, state=_(STATES[to])
        )
    return Acted(
        done,
        text=text,
        undone=_("Taken back: {object} stands as before.").format(object=ticket.object),
        undo=lambda: desk.service.undo(ticket.id, done.ref),
    )


def _parts(result: Result) -> tuple[Ticket, TicketVerdict]:
    assert result.known is not None
    ticket = result.known.value
    assert isinstance(ticket, Ticket)
    return ticket, TicketVerdict(result.verdict)


def _actions(ticket: Ticket, verdict: TicketVerdict) -> tuple[Action | None, tuple[Action, ...]]:
    if verdict is TicketVerdict.CASE_OPEN:
        return None, (Action(GO + "attention", _("Open the case"), icon="scale"),)
    paper = Action(PAPER, _("Claim ticket"), icon="receipt")
    if ticket.state is TicketState.HANDED_BACK:
        return None, (paper,)
    moves = [Action(MOVE + to.value, _(_MOVES[to][0]), icon=_MOVES[to][1]) for to in STEPS[ticket.state]]
    if ticket.state in (TicketState.READY, TicketState.UNREPAIRED):
        back = Action(HAND_BACK, _("Hand back"), "F12", "check")
        again = replace(moves[0], text=_("Back to work"))
        return back, (again, paper)
    return replace(moves[0], key="F12"), (*moves[1:], paper)


def _facts(ticket: Ticket) -> tuple[Fact, ...]:
    told = (
        (_(JOBS[ticket.job]), ticket.object),
        (_("Asked for"), ticket.wish),
        (_("Promised for"), day(ticket.promised) if ticket.promised else ""),
        (_("Phone"), ticket.phone),
        (_("Claim ticket"), display(ticket.id)),
    )
    return tuple(Fact(label, value) for label, value in told if value)


def _late(ticket: Ticket) -> bool:
    return ticket.late(date.today())


def _at(at: datetime) -> str:
    return _("{day}, {time}").format(day=day(at), time=clock(at))
