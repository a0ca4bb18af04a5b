"""Printing by a clerk: the slip of what was done, copies that say so, and doubts that are settled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp import texts
from posapp.counter.printing import Printing
from posapp.domain.errors import Refused
from posapp.domain.slips import Outcome, Paper, PrintJob, Slip, Trouble
from tests.kit.counter import Counter, open_counter
from tests.kit.things import order


class Lane:
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.printed: list[tuple[Slip, bool]] = []
        self.jobs: tuple[PrintJob, ...] = ()
        self.settled: list[str] = []
        self.prints = True

    def print_slip(self, slip: Slip, *, copy: bool = False) -> str:
        self.printed.append((slip, copy))
        return f"job-{len(self.printed)}"

    def settle(self, job: str) -> None:
        self.settled.append(job)

    def open_drawer(self, clerk: str, reason: str) -> None:
        """Not asked for here."""

    def show(self, upper: str, lower: str = "") -> None:
        """Not asked for here."""


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    texts.use("en")
    with open_counter(tmp_path) as made:
        made.tell(order())
        yield made
    texts.use("de")


@pytest.fixture
def lane() -> Lane:
    return Lane()


@pytest.fixture
def printing(counter: Counter, lane: Lane) -> Printing:
    return Printing(counter.till, lane)


def job(ref: str, outcome: Outcome, **other: object) -> PrintJob:
    return PrintJob("j", Paper.HAND_OVER, outcome, Trouble.PAPER_OUT, "order:W-1001", ref, **other)  # type: ignore[arg-type]


def test_a_hand_over_has_a_slip_without_the_customers_name(
    counter: Counter, printing: Printing, lane: Lane
) -> None:
    done = counter.hand_over()
    assert printing.hand_over(done) == "job-1"
    ((slip, copy),) = lane.printed
    assert (slip.paper, slip.about, slip.ref, copy) == (Paper.HAND_OVER, "order:W-1001", done.ref, False)
    words = slip.words()
    assert {"W-1001", "Lederarmband 20 mm", "Füller", "2 x", "Ana"} <= set(words)
    assert not any("Müller" in word for word in words)
    assert [code.content for code in slip.codes()] == ["W-1001"]


def test_printed_again_it_says_that_it_is_a_copy(counter: Counter, printing: Printing, lane: Lane) -> None:
    done = counter.hand_over()
    printing.heard(job(done.ref, Outcome.PRINTED))
    assert printing.again() == "job-1"
    ((slip, copy),) = lane.printed
    assert (slip.words()[0], copy) == ("*** COPY ***", True)


@pytest.mark.parametrize(("outcome", "copy"), [(Outcome.UNSURE, True), (Outcome.REFUSED, False)])
def test_an_open_slip_comes_first_and_is_settled_by_its_successor(
    counter: Counter, printing: Printing, lane: Lane, outcome: Outcome, copy: bool
) -> None:
    done = counter.hand_over()
    lane.jobs = (job("other", Outcome.WAITING), job(done.ref, outcome))
    assert printing.jobs == lane.jobs
    printing.again()
    ((slip, marked),) = lane.printed
    assert (marked, slip.words()[0] == "*** COPY ***") == (copy, copy)
    assert lane.settled == ["j"]


def test_a_copy_that_was_refused_is_still_a_copy(counter: Counter, printing: Printing, lane: Lane) -> None:
    done = counter.hand_over()
    printing.again(job(done.ref, Outcome.REFUSED, copy=True))
    assert lane.printed[0][1]


def test_while_a_slip_is_on_its_way_no_other_is_begun(
    counter: Counter, printing: Printing, lane: Lane
) -> None:
    done = counter.hand_over()
    lane.jobs = (job(done.ref, Outcome.WAITING),)
    assert printing.again() == ""
    assert lane.printed == []


def test_what_was_taken_back_has_no_slip(counter: Counter, printing: Printing, lane: Lane) -> None:
    done = counter.hand_over()
    counter.desk.pickup.undo("W-1001", done.ref)
    assert printing.hand_over(done) == ""
    for chosen in (None, job(done.ref, Outcome.UNSURE), job("x", Outcome.UNSURE)):
        with pytest.raises(Refused, match="nothing-to-print"):
            printing.again(chosen)
    assert lane.printed == []
    printing.settle("j")
    assert lane.settled == ["j"]
