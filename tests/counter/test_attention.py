"""What the hub did not take is a case until a person settles it, and settling it is a fact."""

import pytest

from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Answer
from posapp.domain.pickup import Verdict
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
    assert (case.ref, case.entry.fact.id, case.reason) == (ref, ref, "conflict")
    assert case.evidence == EVIDENCE
    assert case.opened_at == counter.clock.now
    assert case.known == counter.know()
    assert counter.scan(CODE).verdict is Verdict.CASE_OPEN
    with pytest.raises(Refused, match="case-open"):
        counter.hand_over()


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
