"""Handing over at the counter: once, durably, and back within its time."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from posapp.domain import custody
from posapp.domain.errors import Refused, StorageFault
from posapp.domain.facts import Answer
from posapp.domain.goods import Code, CodeUse, HandOver, Paid
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER
from posapp.domain.pickup import Verdict
from posapp.paths import LEDGER
from posapp.storage.check import check_folder
from posapp.storage.neighbour_copies import note_copied
from tests.kit.counter import KEY, Counter, open_counter
from tests.kit.things import CODE, NOW, STORE, order, token

ABOUT = "order:W-1001"


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Inside, the system lets no file grow beyond what the journal's log has now."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (folder / f"{LEDGER}-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def refusal(counter: Counter, number: str = "W-1001", **said: object) -> str:
    before = counter.facts()
    with pytest.raises(Refused) as caught:
        counter.hand_over(number, **said)
    assert counter.facts() == before
    return caught.value.reason


# --- the way of a hand-over ---


def test_scan_then_hand_over(counter: Counter) -> None:
    result = counter.scan(CODE)
    assert (result.verdict, result.known) == (Verdict.READY, counter.know())
    done = counter.hand_over(token=result.token)
    entry = counter.books.journal.fact(done.ref)
    assert entry is not None
    assert (entry.fact.kind, entry.fact.subject, entry.fact.clerk) == (HANDED_OVER, ABOUT, "Ana")
    assert entry.fact.payload == {
        "lines": {"l1": 1, "l2": 2},
        "proof": "code",
        "verdict": "ready",
        "custody": {"token": custody.token(1, 0)},
    }
    assert counter.woken == [1]
    assert counter.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER


def test_what_came_back_is_how_things_stand_now(counter: Counter) -> None:
    done = counter.hand_over()
    assert done.known == counter.know()
    assert [entry.fact.id for entry in counter.know().waiting] == [done.ref]


def test_a_hand_over_survives_the_till(counter: Counter) -> None:
    done = counter.hand_over()
    with open_counter(counter.folder) as again:
        assert again.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER
        assert refusal(again) == "already-handed-over"
        assert again.books.journal.fact(done.ref) is not None


def test_the_button_pressed_again_hands_over_nothing(counter: Counter) -> None:
    counter.hand_over()
    assert refusal(counter) == "already-handed-over"
    assert counter.facts() == [(HANDED_OVER, ABOUT)]


def test_an_order_nobody_knows_is_not_handed_over(counter: Counter) -> None:
    assert refusal(counter, "W-9") == "subject-unknown"


def test_an_order_that_changed_on_the_way_to_the_button_stays(counter: Counter) -> None:
    assert counter.scan(CODE).verdict is Verdict.READY
    counter.tell(order(cancelled_at=NOW))
    assert refusal(counter) == "order-cancelled"


def test_money_promised_is_taken_first(counter: Counter) -> None:
    counter.tell(order(paid=Paid.PROMISED))
    assert refusal(counter) == "order-pay-first"
    assert counter.hand_over(paid_here=True).known == counter.know()


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (order(blocked="x"), "order-blocked"),
        (order(paid=Paid.UNPAID), "order-unpaid"),
        (order(parcels=()), "not-here"),
        (order(returned_at=NOW), "nothing-to-hand-over"),
    ],
)
def test_what_may_not_leave_is_refused_before_anything_is_written(
    counter: Counter, known: object, reason: str
) -> None:
    counter.tell(known)  # type: ignore[arg-type]  # orders from the table above
    assert refusal(counter) == reason


def test_what_the_clerk_said_is_in_the_fact(counter: Counter) -> None:
    counter.tell(order(question="Über 18?", hold_until=NOW - timedelta(days=1)))
    done = counter.hand_over(answer="ja", extended=True, note="")
    entry = counter.books.journal.fact(done.ref)
    assert entry is not None
    assert {"answer": "ja", "extended": True}.items() <= entry.fact.payload.items()
    assert "note" not in entry.fact.payload


def test_a_pass_is_kept_as_such_and_to_its_goods(counter: Counter) -> None:
    passed = Code(token("PASS"), CodeUse.PASS, "Tom Beck", NOW + timedelta(hours=1), ("l2",))
    counter.tell(order(codes=(passed,), question="Über 18?"))
    done = counter.hand_over(token=passed.token, answer="ja")
    entry = counter.books.journal.fact(done.ref)
    assert entry is not None
    assert (entry.fact.payload["lines"], entry.fact.payload["proof"]) == ({"l2": 2}, "pass")


def test_the_feed_never_undoes_what_a_clerk_did(counter: Counter) -> None:
    counter.hand_over()
    counter.tell(order(note="changed in the shop"))
    assert counter.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER


def test_the_hubs_own_word_of_it_is_not_a_second_hand_over(counter: Counter) -> None:
    done = counter.hand_over()
    assert done.known is not None
    counter.answer(done.ref)
    told = HandOver(done.ref, NOW, (("l1", 1), ("l2", 2)), "Ana", "t1", in_shop=True)
    counter.tell(order(hand_overs=(told,)))
    assert counter.know().value == order(hand_overs=(told,))
    counter.tell(through=1)
    assert counter.know().value == order(hand_overs=(told,))


# --- undo ---


def test_an_undo_inside_its_time_makes_it_ready_again(counter: Counter) -> None:
    done = counter.hand_over()
    counter.clock.pass_by(done.undo_s - 1)
    back = counter.desk.pickup.undo("W-1001", done.ref)
    assert back.known == counter.know()
    assert counter.scan(CODE).verdict is Verdict.READY
    assert counter.facts() == [(HANDED_OVER, ABOUT), (HAND_OVER_UNDONE, ABOUT)]
    assert counter.woken == [1, 1]
    counter.hand_over()
    assert counter.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER


def test_an_undo_after_its_time_is_refused(counter: Counter) -> None:
    done = counter.hand_over()
    counter.clock.pass_by(done.undo_s + 1)
    with pytest.raises(Refused, match="undo-too-late"):
        counter.desk.pickup.undo("W-1001", done.ref)
    assert counter.facts() == [(HANDED_OVER, ABOUT)]


def test_the_time_to_undo_does_not_follow_the_wall_clock(counter: Counter) -> None:
    done = counter.hand_over()
    counter.clock.now += timedelta(days=400)
    assert counter.desk.pickup.undo("W-1001", done.ref).known == counter.know()


def test_an_undo_works_once_and_only_for_what_was_done_here(counter: Counter) -> None:
    done = counter.hand_over()
    counter.desk.pickup.undo("W-1001", done.ref)
    for ref, reason in ((done.ref, "nothing-to-undo"), ("somebody-elses", "undo-too-late")):
        with pytest.raises(Refused, match=reason):
            counter.desk.pickup.undo("W-1001", ref)
    assert counter.facts() == [(HANDED_OVER, ABOUT), (HAND_OVER_UNDONE, ABOUT)]


def test_an_undo_names_the_order_it_is_about(counter: Counter) -> None:
    counter.tell(order("W-1002"))
    done = counter.hand_over()
    for number in ("W-1002", "W-9"):
        with pytest.raises(Refused, match="nothing-to-undo"):
            counter.desk.pickup.undo(number, done.ref)
    assert counter.facts() == [(HANDED_OVER, ABOUT)]


def test_after_a_restart_the_time_to_undo_runs_on(counter: Counter) -> None:
    done = counter.hand_over()
    counter.clock.pass_by(20.5)
    with open_counter(counter.folder, counter.clock) as again:
        found = again.desk.last_act()
        assert found is not None
        fact, offered = found
        assert (fact.kind, offered.ref, offered.undo_s) == (HANDED_OVER, done.ref, 39)
        assert offered.known == again.know()
        assert again.desk.pickup.undo("W-1001", done.ref).known == again.know()
        assert again.desk.last_act() is None
        assert again.scan(CODE).verdict is Verdict.READY


def test_after_a_restart_that_took_too_long_nothing_is_offered(counter: Counter) -> None:
    done = counter.hand_over()
    counter.clock.pass_by(done.undo_s + 1)
    with open_counter(counter.folder, counter.clock) as again:
        assert again.desk.last_act() is None
        with pytest.raises(Refused, match="undo-too-late"):
            again.desk.pickup.undo("W-1001", done.ref)


def test_a_machine_started_anew_ends_the_time_to_undo(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own clock began at nothing, so nobody can tell how long ago that was."""
    done = counter.hand_over()
    monkeypatch.setattr("posapp.storage.journal._boot_id", lambda: "another run of the machine")
    with open_counter(counter.folder, counter.clock) as again:
        assert again.desk.last_act() is None
        with pytest.raises(Refused, match="undo-too-late"):
            again.desk.pickup.undo("W-1001", done.ref)


def test_the_store_says_how_long_an_act_can_be_taken_back(counter: Counter) -> None:
    assert counter.hand_over().undo_s == 60
    counter.records(("store", STORE, {"code": STORE, "name": "Uhren Beck", "undo_seconds": 5}))
    assert (counter.till.undo_s, counter.till.store_name) == (5, "Uhren Beck")


# --- ticks ---


def test_ticks_count_the_places_that_hold_it(counter: Counter) -> None:
    pickup = counter.desk.pickup
    done = counter.hand_over()
    assert pickup.ticks(counter.know(), done.ref) == 1
    counter.answer(done.ref)
    assert pickup.ticks(counter.know(), done.ref) == 2
    told = HandOver(done.ref, NOW, (("l1", 1), ("l2", 2)), in_shop=True)
    counter.tell(order(hand_overs=(told,)), through=1)
    assert pickup.ticks(counter.know(), done.ref) == 3


def test_a_second_till_is_a_second_place_until_the_hub_says_otherwise(counter: Counter) -> None:
    pickup = counter.desk.pickup
    done = counter.hand_over()
    journal = counter.books.journal
    note_copied(journal, journal.head()[0])
    assert pickup.ticks(counter.know(), done.ref) == 2
    counter.answer(done.ref, Answer.REJECTED, reason="conflict")
    assert pickup.ticks(counter.know(), done.ref) == 1


def test_a_rejected_fact_is_on_this_disk_only(counter: Counter) -> None:
    done = counter.hand_over()
    counter.answer(done.ref, Answer.REJECTED, reason="conflict")
    assert counter.desk.pickup.ticks(counter.know(), done.ref) == 1


# --- the disk ---


def test_a_disk_that_takes_no_more_leaves_nothing_behind(counter: Counter) -> None:
    counter.tell(order("W-1002"))
    counter.hand_over("W-1002")
    before = (counter.facts(), counter.know())
    counter.woken.clear()
    with full_disk(counter.folder), pytest.raises(StorageFault) as caught:
        counter.hand_over()
    assert caught.value.reason in ("disk-full", "disk-failed")
    assert counter.woken == []
    assert (counter.facts(), counter.know()) == before
    done = counter.hand_over()
    assert done.known == counter.know()
    assert check_folder(counter.folder, KEY) == 2
