"""What the hub did not take is a case until a person settles it, and settling it is a fact."""

from datetime import timedelta
from typing import Any

import pytest

from posapp.domain.cases import COPIED, KIND, Case, Side, State
from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Answer
from posapp.domain.pickup import Verdict
from posapp.domain.values import replace
from tests.kit.counter import Counter, open_counter
from tests.kit.things import CODE, handed, order

EVIDENCE = {"clerk": "Ben", "till": "t2", "at": "2026-11-21T13:20:00.000000Z"}


def collide(counter: Counter, number: str = "W-1001", *, through: int | None = 1) -> str:
    """Hand over here what was handed over elsewhere; the hub rejects it. The fact's id."""
    done = counter.hand_over(number)
    counter.answer(done.ref, Answer.REJECTED, reason="conflict", detail=EVIDENCE)
    counter.tell(order(number).after(handed(), "t2"), through=through)
    return done.ref


def test_an_accepted_fact_is_no_case(counter: Counter) -> None:
    counter.answer(counter.hand_over().ref)
    assert counter.desk.attention.cases() == []


@pytest.mark.parametrize("through", [0, 1])
def test_a_rejected_fact_is_a_case_with_what_each_side_says(counter: Counter, through: int) -> None:
    ref = collide(counter, through=through)
    (case,) = counter.desk.attention.cases()
    assert (case.ref, case.said.kind, case.reason) == (ref, "HandedOver", "conflict")
    assert case.evidence == EVIDENCE
    assert case.opened_at == counter.clock.now
    assert case.known == counter.know()
    assert counter.scan(CODE).verdict is Verdict.CASE_OPEN
    with pytest.raises(Refused, match="case-open"):
        counter.hand_over()


def test_a_few_cases_are_one_list_whoever_told_of_them(counter: Counter) -> None:
    """Also where those of this till are the younger ones."""
    before = counter.clock.now - timedelta(hours=1)
    told = Case("f", "order:W-1002", "conflict", before, Side("HandedOver", "t2", "Ben", before), ())
    counter.records((KIND, told.id, told.to_body()))
    ref = collide(counter)
    assert [case.ref for case in counter.desk.attention.cases()] == ["f", ref]


@pytest.mark.parametrize("through", [0, 1])
@pytest.mark.parametrize("choice", ["left", "here", "same"])
def test_a_person_settles_it(counter: Counter, choice: str, through: int) -> None:
    """Also before the feed has come as far as the fact."""
    ref = collide(counter, through=through)
    done = counter.desk.attention.settle(ref, choice)
    assert counter.desk.attention.cases() == []
    entry = counter.books.journal.fact(done.ref)
    assert entry is not None
    assert (entry.fact.kind, entry.fact.payload) == (CASE_SETTLED, {"fact": ref, "choice": choice})
    assert done.known == counter.know()
    assert counter.know().case is None
    assert counter.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER
    assert len(counter.woken) == 2


def test_a_settled_case_stays_settled_over_a_new_start(counter: Counter) -> None:
    counter.desk.attention.settle(collide(counter), "left")
    with open_counter(counter.folder) as again:
        assert again.desk.attention.cases() == []
        assert again.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER


def test_a_case_is_settled_once(counter: Counter) -> None:
    ref = collide(counter)
    counter.desk.attention.settle(ref, "left")
    before = counter.facts()
    for known in (ref, "nobody"):
        with pytest.raises(Refused, match="case-closed"):
            counter.desk.attention.settle(known, "here")
    assert counter.facts() == before


def test_only_a_known_choice_settles(counter: Counter) -> None:
    ref = collide(counter)
    with pytest.raises(ValueError, match="perhaps"):
        counter.desk.attention.settle(ref, "perhaps")
    assert [case.ref for case in counter.desk.attention.cases()] == [ref]


def test_a_case_of_an_order_that_is_gone_can_still_be_settled(counter: Counter) -> None:
    ref = collide(counter)
    counter.records(("order", "W-1001", None))
    (case,) = counter.desk.attention.cases()
    assert case.ref == ref
    counter.desk.attention.settle(ref, "here")
    assert counter.desk.attention.cases() == []


def test_a_parked_fact_is_a_case_until_the_hub_takes_it(counter: Counter) -> None:
    done = counter.hand_over()
    counter.answer(done.ref, Answer.PARKED, reason="unknown-kind")
    assert [case.reason for case in counter.desk.attention.cases()] == ["unknown-kind"]
    counter.answer(done.ref, Answer.ACCEPTED)
    assert counter.desk.attention.cases() == []
    assert counter.know().case is None


def test_one_case_holds_up_its_own_order_only(counter: Counter) -> None:
    counter.tell(order("W-1002"))
    collide(counter)
    assert counter.scan("W-1002").verdict is Verdict.READY
    counter.hand_over("W-1002")


def test_two_cases_of_one_order_are_settled_one_by_one(counter: Counter) -> None:
    first, second = counter.hand_over(), None
    counter.desk.pickup.undo("W-1001", first.ref)
    second = counter.hand_over()
    counter.answer(first.ref, Answer.REJECTED, reason="conflict")
    counter.answer(second.ref, Answer.REJECTED, reason="conflict")
    counter.tell(order().after(handed(), "t2"), through=3)
    assert [case.ref for case in counter.desk.attention.cases()] == [first.ref, second.ref]
    done = counter.desk.attention.settle(first.ref, "same")
    assert done.known == counter.know()
    assert counter.scan(CODE).verdict is Verdict.CASE_OPEN
    counter.desk.attention.settle(second.ref, "same")
    assert counter.scan(CODE).verdict is Verdict.ALREADY_HANDED_OVER


# -- cases of the store's other tills ---------------------------------------------------------------
def told(counter: Counter, ident: str = "f-2", **changed: Any) -> Case:
    """A case that the hub tells of: till 2 handed over what till 1 had handed over before."""
    case = Case(
        id=ident,
        subject="order:W-1001",
        reason="already-handed-over",
        opened_at=counter.clock.now,
        said=Side("HandedOver", "b-t2", "Ben", counter.clock.now, (("l1", 1),)),
        others=(Side("HandedOver", "b-t1", "Ana", counter.clock.now),),
    )
    case = replace(case, **changed)
    counter.records((KIND, ident, case.to_body()))
    return case


def test_a_case_of_another_till_is_listed_and_settled_here(counter: Counter) -> None:
    case = told(counter)
    (listed,) = counter.desk.attention.cases()
    assert (listed.ref, listed.ours, listed.said, listed.others) == (case.id, False, case.said, case.others)
    assert listed.known == counter.know()
    assert counter.desk.attention.count() == 1
    done = counter.desk.attention.settle(case.id, "here")
    entry = counter.books.journal.fact(done.ref)
    assert entry is not None
    assert (entry.fact.kind, entry.fact.subject) == (CASE_SETTLED, "order:W-1001")
    # Until the hub says so too, and after it has.
    assert counter.desk.attention.cases() == []
    with pytest.raises(Refused, match="case-closed"):
        counter.desk.attention.settle(case.id, "left")
    told(counter, state=State.SETTLED)
    assert counter.desk.attention.cases() == []


def test_a_case_of_this_till_is_listed_once_with_what_the_hub_adds(counter: Counter) -> None:
    ref = collide(counter)
    case = told(counter, ident=ref)
    (listed,) = counter.desk.attention.cases()
    assert (listed.ref, listed.ours, listed.others) == (ref, True, case.others)
    assert counter.desk.attention.count() == 1


def test_a_case_settled_at_another_till_is_closed_here(counter: Counter) -> None:
    ref = collide(counter)
    counter.books.journal.case_settled(ref, "store")
    counter.books.journal.case_settled(ref, "store")
    assert counter.desk.attention.cases() == []
    assert counter.know().case is None


def test_a_case_about_a_till_names_no_order(counter: Counter) -> None:
    told(counter, subject="till:b-t2", reason=COPIED, others=())
    (listed,) = counter.desk.attention.cases()
    assert (listed.number, listed.known) == ("b-t2", None)
    with pytest.raises(ValueError, match="left"):
        counter.desk.attention.settle(listed.ref, "left")
    counter.desk.attention.settle(listed.ref, "off")
    assert counter.desk.attention.cases() == []


def test_a_hundred_and_fifty_cases_are_counted_and_can_all_be_reached(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = collide(counter)
    counter.clock.pass_by(60)
    start = counter.clock.now
    names = [f"f-{number:03}" for number in range(150)]
    for name in names:
        told(counter, ident=name, subject="order:W-9", opened_at=counter.clock.now)
        counter.clock.pass_by(1)
    # Its own one as the hub tells it stands further behind: it is listed once.
    told(counter, ident=own, opened_at=start + timedelta(seconds=140))
    attention = counter.desk.attention
    assert attention.count() == 151
    listed = [case.ref for some in attention.slices() for case in some]
    assert listed == [own, *names]
    last = attention.case(names[-1])
    assert last is not None
    attention.settle(last.ref, "left")
    assert (attention.count(), attention.case(last.ref)) == (150, None)
    with pytest.raises(Refused, match="case-closed"):
        attention.settle(last.ref, "left")
    assert [case.ref for some in attention.slices() for case in some] == [own, *names[:-1]]
    monkeypatch.setattr("posapp.counter.attention.COUNTED", 120)
    assert attention.count() == 120


def test_a_slice_of_which_all_were_decided_here_does_not_end_the_list(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posapp.counter.attention.AT_ONCE", 2)
    for number in range(5):
        told(counter, ident=f"f-{number}", subject=f"order:W-{number}")
        counter.clock.pass_by(1)
    for number in (0, 1):
        counter.desk.attention.settle(f"f-{number}", "left")
    assert [[case.ref for case in some] for some in counter.desk.attention.slices()] == [
        ["f-2", "f-3"],
        ["f-4"],
    ]


def test_the_oldest_case_comes_first(counter: Counter) -> None:
    newer = told(counter, ident="a", opened_at=counter.clock.now + timedelta(minutes=5))
    older = told(counter, ident="b")
    assert [case.ref for case in counter.desk.attention.cases()] == [older.id, newer.id]
