"""The service desk at the counter, on real files."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from posapp.counter.scanning import Result
from posapp.counter.service import Intake
from posapp.domain.codes import Prefix, draw
from posapp.domain.errors import Refused
from posapp.domain.facts import Answer
from posapp.domain.tickets import TICKET_MOVED, Job, Ticket, TicketState, TicketVerdict
from posapp.storage.neighbour_copies import note_copied
from tests.kit.counter import Counter, open_counter

INTAKE = Intake(
    Job.BATTERY, customer="Jörg Weiß", object="Nordlicht 36", wish="steht seit Montag", promised=None
)


def known(counter: Counter, ident: str) -> Ticket:
    found = counter.books.know("ticket", ident)
    assert found is not None
    assert isinstance(found.value, Ticket)
    return found.value


def opened(counter: Counter, intake: Intake = INTAKE) -> Ticket:
    done = counter.desk.service.open(intake)
    assert done.known is not None
    return known(counter, done.known.id)


def test_bag_and_claim_ticket_open_it_at_once_and_after_a_restart(counter: Counter) -> None:
    ticket = opened(counter)
    for code in (ticket.id, ticket.bag):
        assert counter.scan(code).verdict is TicketVerdict.OPENED
    with open_counter(counter.folder) as again:
        result: Result = again.scan(ticket.bag)
        assert result.verdict is TicketVerdict.OPENED
        assert known(again, ticket.id) == ticket


def test_it_is_found_by_name_and_stands_in_its_queue(counter: Counter) -> None:
    ticket = opened(counter)
    assert [row.known.id for row in counter.desk.queues.search("weiß nord")] == [ticket.id]
    assert [row.known.id for row in counter.desk.queues.rows("ticket", ("open",))] == [ticket.id]
    counter.desk.service.move(ticket.id, TicketState.READY)
    assert counter.desk.queues.rows("ticket", ("open", "in_work")) == []
    assert counter.desk.queues.count("ticket", ("ready",)) == 1
    counter.desk.service.hand_back(ticket.id)
    assert counter.desk.queues.count("ticket", ("ready",)) == 0


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"customer": " "}, "ticket-customer-missing"),
        ({"object": ""}, "ticket-object-missing"),
        ({"bag": draw(Prefix.PICKUP)}, "ticket-bag-wrong"),
        ({"bag": "SB123"}, "ticket-bag-wrong"),
        ({"promised": date(2020, 1, 1)}, "ticket-day-over"),
    ],
)
def test_a_wrong_intake_is_refused_and_writes_nothing(
    counter: Counter, wrong: dict[str, object], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        counter.desk.service.open(replace(INTAKE, **wrong))  # type: ignore[arg-type]  # by name
    assert counter.facts() == []


def test_a_bag_serves_one_ticket_at_a_time(counter: Counter) -> None:
    bag = draw(Prefix.BAG)
    first = opened(counter, replace(INTAKE, bag=bag))
    with pytest.raises(Refused, match="ticket-bag-in-use"):
        counter.desk.service.open(replace(INTAKE, bag=bag))
    counter.desk.service.move(first.id, TicketState.READY)
    counter.desk.service.hand_back(first.id)
    assert opened(counter, replace(INTAKE, bag=bag)).bag == bag


def test_a_step_can_be_taken_back_within_its_time(counter: Counter) -> None:
    service = counter.desk.service
    ticket = opened(counter)
    done = service.move(ticket.id, TicketState.READY)
    back = service.hand_back(ticket.id)
    service.undo(ticket.id, back.ref)
    assert known(counter, ticket.id).state is TicketState.READY
    counter.clock.pass_by(back.undo_s + 1)
    with pytest.raises(Refused, match="undo-too-late"):
        service.undo(ticket.id, done.ref)


def test_a_step_taken_back_is_not_taken_back_again(counter: Counter) -> None:
    ticket = opened(counter)
    done = counter.desk.service.move(ticket.id, TicketState.READY)
    counter.desk.service.undo(ticket.id, done.ref)
    written = counter.facts()
    with pytest.raises(Refused, match="nothing-to-undo"):
        counter.desk.service.undo(ticket.id, done.ref)
    assert counter.facts() == written


def test_after_a_restart_the_last_step_is_offered(counter: Counter) -> None:
    ticket = opened(counter)
    done = counter.desk.service.move(ticket.id, TicketState.READY)
    opened(counter)  # An intake is no act that could be taken back.
    with open_counter(counter.folder, counter.clock) as again:
        found = again.desk.last_act()
        assert found is not None
        fact, offered = found
        assert (fact.kind, offered.ref, fact.payload["to"]) == (TICKET_MOVED, done.ref, "ready")
        again.desk.service.undo(ticket.id, offered.ref)
        assert again.desk.last_act() is None


def test_ticks_and_a_case(counter: Counter) -> None:
    service = counter.desk.service
    ticket = opened(counter)
    ref = ticket.steps[0].ref
    assert service.ticks(ref) == 1
    note_copied(counter.books.journal, 1)
    assert service.ticks(ref) == 2
    counter.answer(ref)
    assert service.ticks(ref) == 2
    done = service.move(ticket.id, TicketState.READY)
    counter.answer(done.ref, Answer.REJECTED, reason="other-store")
    assert counter.scan(ticket.id).verdict is TicketVerdict.CASE_OPEN
    with pytest.raises(Refused, match="case-open"):
        service.hand_back(ticket.id)


def test_the_day_can_be_today(counter: Counter) -> None:
    today = counter.clock.now.astimezone().date()
    assert opened(counter, replace(INTAKE, promised=today)).promised == today
    assert opened(counter, replace(INTAKE, promised=today + timedelta(days=3))).late(
        today + timedelta(days=4)
    )
