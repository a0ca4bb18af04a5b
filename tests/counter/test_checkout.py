"""Paying by card at the counter: written down before it is sent, sent once, settled by what is certain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.cards import (
    AnswerTold,
    CardAnswer,
    CardReceipt,
    Ended,
    ReceiptTold,
    Step,
    StepTold,
)
from posapp.domain.errors import Refused, StorageFault
from posapp.domain.goods import Paid
from posapp.domain.money import Money
from posapp.domain.sales import Paying, Sale, Stage
from tests.kit.counter import Counter, open_counter
from tests.kit.things import NOW, STORE, order

PRICE = Money(1999)
BEFORE = CardReceipt(42, 123, Money(1250), "68005523", NOW - timedelta(days=1), True)
BOOKED = CardReceipt(43, 124, PRICE, "68005523", NOW, True, "girocard")


@dataclass
class Lane:
    """Keeps what it is asked for; the test says what the terminal answers."""

    asked: list[str] = field(default_factory=list)
    paid: list[tuple[str, Money]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    cancelled: int = 0

    def ask(self, sale: str) -> None:
        self.asked.append(sale)

    def pay(self, sale: str, amount: Money) -> None:
        self.paid.append((sale, amount))

    def look_up(self, sale: str) -> None:
        self.looked.append(sale)

    def leave(self, sale: str) -> None:
        self.left.append(sale)

    def cancel(self) -> None:
        self.cancelled += 1


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    with open_counter(tmp_path) as made:
        promised: dict[str, Any] = {"paid": Paid.PROMISED, "due": PRICE}
        made.tell(order(**promised), order("W-1002", **promised), order("W-1003"))
        yield made


@pytest.fixture
def changed() -> list[str]:
    return []


@pytest.fixture
def lane(counter: Counter, changed: list[str]) -> Lane:
    made = Lane()
    counter.desk.checkout.connect(made, changed.append)
    return made


def paying(counter: Counter, number: str = "W-1001") -> Paying:
    found = counter.desk.checkout.paying(number)
    assert found is not None
    return found


def sale(counter: Counter, number: str = "W-1001") -> Sale:
    known = counter.books.know("sale", number)
    assert known is not None
    assert isinstance(known.value, Sale)
    return known.value


def begin(counter: Counter, number: str = "W-1001", last: CardReceipt | None = BEFORE) -> None:
    counter.desk.checkout.pay(number)
    counter.desk.checkout.heard(ReceiptTold(number, last))


def answer(counter: Counter, ended: Ended, receipt: CardReceipt | None = None, why: str = "") -> None:
    counter.desk.checkout.heard(AnswerTold("W-1001", CardAnswer(ended, receipt, why)))


def kinds(counter: Counter) -> list[str]:
    return [kind for kind, _ in counter.facts()]


def test_a_payment_is_in_the_journal_before_the_terminal_is_asked_for_money(
    counter: Counter, lane: Lane, changed: list[str]
) -> None:
    checkout = counter.desk.checkout
    assert paying(counter).stage is Stage.OFFERED
    checkout.pay("W-1001")
    assert (lane.asked, lane.paid, kinds(counter)) == (["W-1001"], [], [])
    assert paying(counter).stage is Stage.STARTING
    checkout.heard(ReceiptTold("W-1001", BEFORE))
    assert lane.paid == [("W-1001", PRICE)]
    (entry,) = counter.books.journal.every()
    assert dict(entry.fact.payload) == {
        "store": STORE,
        "amount_minor": 1999,
        "currency": "EUR",
        "terminal": "68005523",
        "after": [42, 123],
    }
    checkout.heard(StepTold("W-1001", Step.CARD))
    assert paying(counter) == Paying(Stage.UNDER_WAY, Step.CARD)
    answer(counter, Ended.BOOKED, BOOKED)
    assert kinds(counter) == ["PaymentBegun", "SaleClosed"]
    assert paying(counter) == Paying(Stage.PAID, receipt=43, card="girocard")
    assert counter.woken == [1, 1]
    assert set(changed) == {"order:W-1001"}
    assert checkout.open() == []


def test_the_judgement_of_a_scan_tells_how_paying_stands(counter: Counter, lane: Lane) -> None:
    for number, stage in (("W-1001", Stage.OFFERED), ("W-1003", None)):
        judged = counter.scan(number).judged
        found = getattr(judged, "paying", None)
        assert (found and found.stage) == stage


def test_without_a_terminal_everything_is_as_it_was(counter: Counter) -> None:
    assert counter.desk.checkout.paying("W-1001") is None
    with pytest.raises(Refused, match="no-terminal"):
        counter.desk.checkout.pay("W-1001")
    assert counter.hand_over(paid_here=True).ref


def test_what_the_terminal_turns_down_is_told_and_may_be_tried_again(counter: Counter, lane: Lane) -> None:
    begin(counter)
    answer(counter, Ended.NOT_BOOKED, why="card-declined")
    assert paying(counter) == Paying(Stage.OFFERED, why="card-declined")
    begin(counter)
    answer(counter, Ended.BOOKED, BOOKED)
    assert kinds(counter) == ["PaymentBegun", "PaymentNotBooked", "PaymentBegun", "SaleClosed"]
    assert len(lane.paid) == 2


def test_a_terminal_out_of_reach_leaves_no_trace(counter: Counter, lane: Lane) -> None:
    counter.desk.checkout.pay("W-1001")
    counter.desk.checkout.heard(ReceiptTold("W-1001", trouble="terminal-unreachable"))
    assert paying(counter) == Paying(Stage.OFFERED, why="terminal-unreachable")
    assert (lane.paid, kinds(counter)) == ([], [])


def test_pressing_again_and_again_sends_once(counter: Counter, lane: Lane) -> None:
    for _ in range(3):
        counter.desk.checkout.pay("W-1001")
    begin(counter)
    counter.desk.checkout.pay("W-1001")
    counter.desk.checkout.heard(ReceiptTold("W-1001", BEFORE))
    assert (lane.asked, len(lane.paid)) == (["W-1001"], 1)


@pytest.mark.parametrize("last", [BOOKED, BEFORE, None, replace(BOOKED, amount=Money(1500))])
def test_an_unknown_end_is_looked_up_and_never_sent_again(
    counter: Counter, lane: Lane, last: CardReceipt | None
) -> None:
    begin(counter)
    answer(counter, Ended.UNKNOWN, why="card-interrupted")
    assert (lane.looked, paying(counter).stage) == (["W-1001"], Stage.ASKING)
    counter.desk.checkout.heard(ReceiptTold("W-1001", trouble="terminal-unreachable"))
    assert paying(counter) == Paying(Stage.DOUBT, why="terminal-unreachable")
    with pytest.raises(Refused, match="payment-open"):
        counter.desk.checkout.pay("W-1001")
    with pytest.raises(Refused, match="payment-open"):
        counter.desk.checkout.pay("W-1002")
    with pytest.raises(Refused, match="payment-open"):
        counter.hand_over(paid_here=True)
    for _ in range(2):
        counter.desk.checkout.heard(ReceiptTold("W-1001", last))
    end = {BOOKED: "SaleClosed", BEFORE: "PaymentNotBooked"}.get(last) if last else None
    assert kinds(counter) == ["PaymentBegun", *([end] if end else [])]
    if end is None:
        assert paying(counter) == Paying(Stage.DOUBT, why="card-unclear")
    assert len(lane.paid) == 1


@pytest.mark.parametrize("moment", ["before", "under way", "answered", "looked"])
def test_after_a_restart_an_open_payment_is_looked_up_first(tmp_path: Path, moment: str) -> None:
    with open_counter(tmp_path) as counter:
        counter.tell(order(paid=Paid.PROMISED, due=PRICE))
        counter.desk.checkout.connect(Lane(), lambda name: None)
        begin(counter)
        if moment in ("answered", "looked"):
            answer(counter, Ended.UNKNOWN)
        if moment == "looked":
            counter.desk.checkout.heard(ReceiptTold("W-1001"))
    for _ in range(2):
        with open_counter(tmp_path) as counter:
            assert paying(counter) == Paying(Stage.DOUBT, why="card-interrupted")
            lane = Lane()
            counter.desk.checkout.connect(lane, lambda name: None)
            assert (lane.looked, lane.paid) == (["W-1001"], [])
            assert paying(counter).stage is Stage.ASKING
    with open_counter(tmp_path) as counter:
        lane = Lane()
        counter.desk.checkout.connect(lane, lambda name: None)
        counter.desk.checkout.heard(ReceiptTold("W-1001", BOOKED))
        assert sale(counter).booked is not None
    with open_counter(tmp_path) as counter:
        lane = Lane()
        counter.desk.checkout.connect(lane, lambda name: None)
        assert (lane.looked, paying(counter).stage) == ([], Stage.PAID)
        assert kinds(counter) == ["PaymentBegun", "SaleClosed"]
        with pytest.raises(Refused, match="sale-closed"):
            counter.desk.checkout.pay("W-1001")


@pytest.mark.parametrize("booked", [True, False])
def test_a_person_who_read_the_terminals_slip_has_the_last_word(
    counter: Counter, lane: Lane, *, booked: bool
) -> None:
    begin(counter, last=None)
    with pytest.raises(Refused, match="payment-settled"):
        counter.desk.checkout.settle("W-1001", booked=booked)
    answer(counter, Ended.UNKNOWN)
    counter.desk.checkout.heard(ReceiptTold("W-1001", BOOKED))
    assert paying(counter).why == "card-unclear"
    counter.desk.checkout.settle("W-1001", booked=booked)
    assert paying(counter).stage is (Stage.PAID if booked else Stage.OFFERED)
    entry = list(counter.books.journal.every())[-1]
    assert (entry.fact.kind, entry.fact.payload["how"]) == (
        "SaleClosed" if booked else "PaymentNotBooked",
        "person",
    )
    assert lane.left == ["W-1001"]
    with pytest.raises(Refused, match="payment-settled"):
        counter.desk.checkout.settle("W-1001", booked=booked)
    # What the terminal says too late ends nothing a second time.
    counter.desk.checkout.heard(ReceiptTold("W-1001", BOOKED))
    answer(counter, Ended.BOOKED, BOOKED)
    assert len(kinds(counter)) == 2


def test_giving_up_before_and_during_the_payment(counter: Counter, lane: Lane) -> None:
    checkout = counter.desk.checkout
    checkout.pay("W-1001")
    checkout.cancel("W-1001")
    checkout.heard(ReceiptTold("W-1001", BEFORE))
    assert (lane.paid, kinds(counter)) == ([], [])
    begin(counter)
    checkout.cancel("W-1001")
    checkout.cancel("W-1001")
    assert (lane.cancelled, paying(counter).stage) == (1, Stage.CANCELLING)
    # The card was quicker: booked is booked.
    answer(counter, Ended.BOOKED, BOOKED)
    assert paying(counter).stage is Stage.PAID


def test_a_disk_that_refuses_the_end_leaves_the_payment_open(
    counter: Counter, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(counter)

    def full(*_anything: object) -> None:
        raise StorageFault("disk-full")

    with monkeypatch.context() as patch:
        patch.setattr(counter.books.journal, "append", full)
        with pytest.raises(StorageFault):
            answer(counter, Ended.BOOKED, BOOKED)
    assert paying(counter).stage is Stage.DOUBT
    counter.desk.checkout.ask("W-1001")
    counter.desk.checkout.heard(ReceiptTold("W-1001", BOOKED))
    assert kinds(counter) == ["PaymentBegun", "SaleClosed"]


def test_a_disk_that_refuses_the_beginning_sends_nothing(
    counter: Counter, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_anything: object) -> None:
        raise StorageFault("disk-full")

    with monkeypatch.context() as patch:
        patch.setattr(counter.books.journal, "append", full)
        begin(counter)
    assert (lane.paid, paying(counter)) == ([], Paying(Stage.OFFERED, why="disk-full"))


@pytest.mark.parametrize(
    "other", [{"paid": Paid.PAID}, {"due": None}, {"due": Money(0)}, {"cancelled_at": NOW}, {"blocked": "x"}]
)
def test_what_is_not_to_be_paid_here_is_not_taken(
    counter: Counter, lane: Lane, other: dict[str, Any]
) -> None:
    counter.tell(replace(order(paid=Paid.PROMISED, due=PRICE), **other))
    with pytest.raises(Refused, match="nothing-to-pay"):
        counter.desk.checkout.pay("W-1001")
    assert lane.asked == []


def test_a_payment_of_another_till_is_shown_and_left_alone(counter: Counter, lane: Lane) -> None:
    begin(counter)
    body = sale(counter).to_body() | {"id": "W-1002"}
    body["payments"] = [body["payments"][0] | {"till": "B01-2"}]
    counter.records(("sale", "W-1002", body))
    answer(counter, Ended.BOOKED, BOOKED)
    assert paying(counter, "W-1002") == Paying(Stage.ELSEWHERE, where="B01-2")
    assert counter.desk.checkout.open() == []
    with pytest.raises(Refused, match="payment-open"):
        counter.desk.checkout.pay("W-1002")


def test_an_order_is_to_be_read_again_when_its_payment_is_settled(counter: Counter, lane: Lane) -> None:
    names = ("order:W-1001", "order:W-1002")
    begin(counter)
    before = counter.desk.queues.marks(names)
    answer(counter, Ended.BOOKED, BOOKED)
    after = counter.desk.queues.marks(names)
    assert [name for name in names if before[name] != after[name]] == ["order:W-1001"]


def test_without_the_terminal_an_open_payment_stays_open_and_a_person_may_settle_it(
    counter: Counter, lane: Lane, changed: list[str]
) -> None:
    begin(counter)
    answer(counter, Ended.UNKNOWN)
    counter.desk.checkout.connect(None, changed.append)
    assert paying(counter) == Paying(Stage.DOUBT, why="card-interrupted")
    with pytest.raises(Refused, match="no-terminal"):
        counter.desk.checkout.ask("W-1001")
    counter.desk.checkout.settle("W-1001", booked=True)
    assert paying(counter).stage is Stage.PAID


def test_another_terminal_ends_what_was_not_begun(counter: Counter, lane: Lane, changed: list[str]) -> None:
    counter.desk.checkout.pay("W-1001")
    other = Lane()
    counter.desk.checkout.connect(other, changed.append)
    assert paying(counter) == Paying(Stage.OFFERED)
    # What the one before still says is for nobody.
    counter.desk.checkout.heard(ReceiptTold("W-1001", BEFORE))
    assert (lane.paid, other.paid, kinds(counter)) == ([], [], [])
    begin(counter)
    assert other.paid == [("W-1001", PRICE)]
