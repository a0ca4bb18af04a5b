"""The scenes of the service desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QRadioButton

from posapp.counter.service import Intake
from posapp.domain.tickets import Job, Ticket, TicketState
from posapp.texts import _

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

INTAKE = Intake(
    Job.REPAIR,
    customer="Friederike Schmidt-Hohenstein",
    phone="0721 555 0199",
    object="Nordlicht 36 Automatik, braunes Band",
    wish="Geht am Tag eine Viertelstunde nach, die Krone lässt sich schwer ziehen",
    promised=None,
)


def service_scenes() -> Iterator[tuple[str, Scene]]:
    """Intake, every state's card, and the queue."""
    yield "service", lambda s: s.window.go("service")
    yield "service_refused", _press
    yield "service_filled", _fill
    yield "ticket_opened", _press
    yield "ticket_in_work", lambda s: _step(s, TicketState.IN_WORK)
    yield "ticket_moved", _press
    yield "ticket_ready", _scan_last
    yield "ticket_handed_back", _press
    yield "ticket_again", _scan_last
    yield "ticket_waiting", lambda s: _step(s, TicketState.PARTS)
    yield "ticket_unrepaired", lambda s: _step(s, TicketState.IN_WORK, TicketState.UNREPAIRED)
    yield "service_queue", _queue


def _open(stage: Stage) -> Ticket:
    today = stage.counter.clock.now.astimezone().date()
    done = stage.counter.desk.service.open(
        Intake(Job.BATTERY, "Jörg Weiß", "Feldkirch 40", "steht", today + timedelta(days=1))
    )
    assert done.known is not None
    assert isinstance(done.known.value, Ticket)
    return done.known.value


def _step(stage: Stage, *steps: TicketState) -> None:
    ticket = _open(stage)
    for to in steps:
        stage.counter.desk.service.move(ticket.id, to)
    stage.scan(ticket.bag)


def _scan_last(stage: Stage) -> None:
    entry = next(e for e in stage.counter.books.journal.latest(20) if e.fact.subject_kind == "ticket")
    stage.scan(entry.fact.subject_id)


def _press(stage: Stage) -> None:
    stage.window.front.press_primary()


def _fill(stage: Stage) -> None:
    from ui.screens.service import ServiceScreen

    screen = stage.window.front
    assert isinstance(screen, ServiceScreen)
    screen.fill(INTAKE)


def _queue(stage: Stage) -> None:
    stage.window.home.escape()
    stage.window.go("pickups")
    chips = stage.window.front.findChildren(QRadioButton)
    next(chip for chip in chips if chip.text().startswith(_("Service open"))).setChecked(True)
