"""Queues for managers: the longest waiting first, in slices, with what was done here laid over."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp.counter.queues import Row
from posapp.domain.facts import Answer
from posapp.domain.goods import Parcel, ParcelState
from posapp.domain.orders import Order
from posapp.domain.pickup import Verdict
from tests.kit.counter import Counter
from tests.kit.things import NOW, handed, order


def waiting(number: int, hours: float) -> Order:
    return order(f"W-{number}", ready_at=NOW - timedelta(hours=hours))


def numbers(rows: list[Row]) -> list[str]:
    return [row.known.id for row in rows]


def slices(counter: Counter, size: int) -> list[list[str]]:
    """The queue as a screen reads it: slice by slice until none follows."""
    found: list[list[str]] = []
    last: Row | None = None
    while rows := counter.desk.queues.rows("order", ["ready"], last, size):
        found.append(numbers(rows))
        last = rows[-1]
    return found


def test_the_longest_waiting_comes_first(empty: Counter) -> None:
    empty.tell(waiting(1, 1), waiting(2, 30), waiting(3, 5))
    rows = empty.desk.queues.rows("order", ["ready"])
    assert numbers(rows) == ["W-2", "W-3", "W-1"]
    assert (rows[0].verdict, rows[0].since, rows[0].age) == (
        Verdict.READY,
        NOW - timedelta(hours=30),
        timedelta(hours=30),
    )


def test_a_clock_set_back_gives_no_negative_age(empty: Counter) -> None:
    empty.tell(waiting(1, -5))
    assert empty.desk.queues.rows("order", ["ready"])[0].age == timedelta(0)


def test_an_order_without_a_date_has_no_age(empty: Counter) -> None:
    empty.tell(order("W-1", ready_at=None, placed_at=None))
    (row,) = empty.desk.queues.rows("order", ["ready"])
    assert (row.since, row.age) == (None, None)


def test_several_queues_are_one_list(empty: Counter) -> None:
    expected = order("W-9", parcels=(Parcel("P", ParcelState.ON_THE_WAY),), ready_at=None)
    empty.tell(waiting(1, 1), expected)
    assert numbers(empty.desk.queues.rows("order", ["ready", "expected"])) == ["W-9", "W-1"]
    assert empty.desk.queues.count("order", ["ready", "expected"]) == 2
    assert empty.desk.queues.count("order", ["held"]) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 60])
def test_slices_make_the_whole_without_gap_or_double(empty: Counter, size: int) -> None:
    """Several orders got ready in the same instant."""
    empty.tell(*(waiting(number, number // 3) for number in range(100, 110)))
    whole = numbers(empty.desk.queues.rows("order", ["ready"], limit=100))
    assert len(whole) == 10
    assert [number for part in slices(empty, size) for number in part] == whole


@pytest.mark.parametrize("size", [1, 2, 3, 60])
def test_what_was_handed_over_here_is_out_of_the_list_and_hides_nothing(empty: Counter, size: int) -> None:
    """Even where a whole slice was handed over with the line down."""
    empty.tell(*(waiting(number, 200 - number) for number in range(100, 110)))
    for number in (100, 101, 102, 105, 109):
        empty.hand_over(f"W-{number}")
    assert [number for part in slices(empty, size) for number in part] == [
        f"W-{number}" for number in (103, 104, 106, 107, 108)
    ]
    assert empty.desk.queues.count("order", ["ready"]) == 5


@pytest.mark.parametrize("size", [1, 2, 60])
def test_what_came_back_stands_in_its_place(empty: Counter, size: int) -> None:
    """The feed has the hand-over already, the undo is still here."""
    empty.tell(*(waiting(number, 200 - number) for number in range(100, 104)))
    done = empty.hand_over("W-101")
    empty.answer(done.ref)
    entry = empty.books.journal.fact(done.ref)
    assert entry is not None
    empty.tell(waiting(101, 99).after(entry.fact, "t1"), through=1)
    assert [number for part in slices(empty, size) for number in part] == ["W-100", "W-102", "W-103"]
    empty.desk.pickup.undo("W-101", done.ref)
    expected = ["W-100", "W-101", "W-102", "W-103"]
    assert [number for part in slices(empty, size) for number in part] == expected
    assert empty.desk.queues.count("order", ["ready"]) == 4


def test_an_order_with_a_case_stands_where_the_hub_has_it(empty: Counter) -> None:
    empty.tell(waiting(1, 1))
    done = empty.hand_over("W-1")
    empty.answer(done.ref, Answer.REJECTED, reason="conflict")
    empty.tell(waiting(1, 1).after(handed(), "t2"), through=1)
    assert empty.desk.queues.rows("order", ["ready"]) == []
    assert empty.desk.queues.count("order", ["ready"]) == 0


# --- search ---


@pytest.mark.parametrize(
    "text", ["müller", "Müller", "muller", "mül", "jana mü", "füll", "W-1001", "w-10", "1001", "leder 20"]
)
def test_names_numbers_and_goods_are_found_by_their_beginnings(counter: Counter, text: str) -> None:
    assert numbers(counter.desk.queues.search(text)) == ["W-1001"]


@pytest.mark.parametrize("text", ["", " ", "üller", "jana beck", "W-2"])
def test_what_does_not_begin_so_is_not_found(counter: Counter, text: str) -> None:
    assert counter.desk.queues.search(text) == []


def test_the_newest_come_first_and_no_more_than_asked_for(empty: Counter) -> None:
    empty.tell(*(waiting(number, 1) for number in range(10, 20)))
    assert numbers(empty.desk.queues.search("müller", limit=3)) == ["W-19", "W-18", "W-17"]


def test_what_was_done_here_is_seen_in_what_is_found(counter: Counter) -> None:
    counter.hand_over()
    (row,) = counter.desk.queues.search("mull")
    assert row.verdict is Verdict.ALREADY_HANDED_OVER


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=12))
def test_nothing_that_can_be_typed_into_the_search_raises(counter: Counter, text: str) -> None:
    counter.desk.queues.search(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("\"*()-+^:AND OR NOT NEAR{}'\\\0ß"), max_size=12))
def test_the_search_has_no_language_of_its_own(counter: Counter, text: str) -> None:
    counter.desk.queues.search(text)
