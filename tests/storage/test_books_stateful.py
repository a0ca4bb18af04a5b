"""Mirror and journal read as one, while pages, answers and clerks come in any order.

The invariant that everything else serves: goods that left are never shown as waiting again.
"""

import random
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Answer, Entry, Fact
from posapp.domain.goods import HandOver
from posapp.domain.ids import new_fact_id
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order
from posapp.domain.subjects import fold
from posapp.storage.journal import Journal
from posapp.storage.mirror import Change, begin_anew, open_writer, take_over
from tests.storage.ledgers import KEY, books, deciding, order

NUMBERS = tuple(f"W-{n}" for n in range(1, 9))
OPEN = ("ready", "partly_here")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
numbers = st.sampled_from(NUMBERS)


class Hub:
    """Everybody's truth: takes facts in order, and keeps a feed of what became of the orders."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.feed: list[Change] = []
        self.through: list[tuple[int, int]] = []
        self.answers: dict[int, tuple[Answer, str]] = {}
        self.unsettled: dict[str, str] = {}
        self.facts: list[Entry] = []

    def put(self, value: Order) -> None:
        self.orders[value.number] = value
        rev = 1 + sum(change.id == value.number for change in self.feed)
        self.feed.append(Change("order", value.number, rev, value.to_body()))

    def take(self, entry: Entry) -> None:
        """One fact, as the hub's ledger takes it."""
        self.facts.append(entry)
        fact = entry.fact
        number = fact.subject_id
        if fact.kind == CASE_SETTLED:
            self.answers[entry.seq] = (Answer.ACCEPTED, "")
            if self.unsettled.get(number) == fact.payload["fact"]:
                del self.unsettled[number]
                for parked in self.facts:
                    waits = self.answers[parked.seq][0] is Answer.PARKED
                    if parked.fact.subject_id == number and waits and number not in self.unsettled:
                        self._decide(parked)
        elif number in self.unsettled:
            self.answers[entry.seq] = (Answer.PARKED, "behind-rejected")
        else:
            self._decide(entry)
        self.through.append((entry.seq, len(self.feed)))

    def _decide(self, entry: Entry) -> None:
        number = entry.fact.subject_id
        try:
            value = fold(self.orders[number], entry.fact, "t1")
        except Refused as refused:
            self.answers[entry.seq] = (Answer.REJECTED, refused.reason)
            self.unsettled[number] = entry.fact.id
        else:
            self.answers[entry.seq] = (Answer.ACCEPTED, "")
            assert isinstance(value, Order)
            self.put(value)

    def applied_through(self, upto: int) -> int:
        return max((seq for seq, at in self.through if at <= upto), default=0)


class TillAndHub(RuleBasedStateMachine):
    """One till, one hub, and a line that brings everything late, twice or not yet."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.books = books(self.folder)
        self.writer = open_writer(self.folder, KEY)
        self.hub = Hub()
        self.cursor = 0
        self.undone: set[str] = set()
        for number in NUMBERS:
            self.hub.put(Order.from_body(order(number)))
        self.page(len(NUMBERS))

    def teardown(self) -> None:
        if hasattr(self, "books"):
            self.writer.close()
            self.books.close()
            shutil.rmtree(self.folder)

    # -- the clerk ----------------------------------------------------------------------------------
    @rule(number=numbers)
    def hand_over(self, number: str) -> None:
        known = self.books.know("order", number)
        assert known is not None
        assert isinstance(known.value, Order)
        wanted = known.value.lines_here()
        try:
            self.books.commit("order", number, deciding(HANDED_OVER, f"order:{number}", {"lines": wanted}))
        except Refused:
            return

    @rule(number=numbers)
    def undo(self, number: str) -> None:
        known = self.books.know("order", number)
        assert known is not None
        assert isinstance(known.value, Order)
        mine = [h.ref for h in known.value.live_hand_overs() if h.till == "t1"]
        if mine:
            payload = {"hand_over": mine[0]}
            self.books.commit("order", number, deciding(HAND_OVER_UNDONE, f"order:{number}", payload))
            self.undone.add(mine[0])

    @precondition(lambda self: self.books.journal.cases())
    @rule()
    def settle_a_case(self) -> None:
        entry, _ = self.books.journal.cases()[0]

        def close(fact: Fact) -> None:
            assert self.books.journal.close_case(entry.fact.id, fact.id)

        payload = {"fact": entry.fact.id, "choice": "left"}
        decide = deciding(CASE_SETTLED, entry.fact.subject, payload)
        self.books.commit("order", entry.fact.subject_id, decide, close)

    # -- the line -----------------------------------------------------------------------------------
    @rule(count=st.integers(1, 4))
    def push(self, count: int) -> None:
        for entry in self.books.journal.after(len(self.hub.facts), count):
            self.hub.take(entry)

    @rule(count=st.integers(1, 6))
    def answer(self, count: int) -> None:
        """Some answers arrive; the line may have been cut before, so they come late and again."""
        known = sorted(self.hub.answers)
        first = self.books.journal.unanswered()
        due = [seq for seq in known if seq > first][:count] + known[:1]
        changed = [e.seq for e in self.books.journal.every() if e.answer is Answer.PARKED]
        body: list[tuple[int, Answer, dict[str, Any]]] = [
            (seq, self.hub.answers[seq][0], {"reason": self.hub.answers[seq][1]})
            for seq in {*due, *(seq for seq in changed if seq <= len(self.hub.facts))}
        ]
        self.books.journal.settle(body, "2026-01-01T00:00:00.000000Z")

    @rule(count=st.integers(1, 5))
    def page(self, count: int) -> None:
        upto = min(len(self.hub.feed), self.cursor + count)
        self._apply(self.cursor, upto)

    @rule(back=st.integers(1, 5))
    def page_again(self, back: int) -> None:
        self._apply(max(0, self.cursor - back), self.cursor)

    @rule()
    def new_mirror(self) -> None:
        """The hub's past was rebuilt: another file, and the reader turns to it."""
        fresh = begin_anew(self.folder, KEY)
        fresh.apply(self.hub.feed, **self._meta(len(self.hub.feed)))
        old, self.writer = self.writer, take_over(fresh, self.folder, KEY)
        self.cursor = len(self.hub.feed)
        self.the_goods_are_gone()
        self.books.reopen_mirror()
        old.close()

    def _apply(self, first: int, upto: int) -> None:
        self.writer.apply(self.hub.feed[first:upto], **self._meta(upto))
        self.cursor = upto

    def _meta(self, upto: int) -> dict[str, str]:
        return {"cursor": str(upto), "applied_through": str(self.hub.applied_through(upto))}

    # -- the others ---------------------------------------------------------------------------------
    @rule(number=numbers, what=st.sampled_from(["note", "block", "unblock", "cancel", "elsewhere"]))
    def something_happens_at_the_hub(self, number: str, what: str) -> None:
        value = self.hub.orders[number]
        if what == "note":
            value = replace(value, note=value.note + "!")
        elif what == "cancel":
            value = replace(value, cancelled_at=NOW)
        elif what == "elsewhere":
            left = value.open_lines()
            if left and not value.cancelled_at:
                done = HandOver(new_fact_id(), NOW, tuple(left.items()), "ben", "t2")
                value = replace(value, hand_overs=(*value.hand_overs, done))
        else:
            value = replace(value, blocked="fraud" if what == "block" else "")
        self.hub.put(value)

    # -- what must hold -----------------------------------------------------------------------------
    @invariant()
    def the_goods_are_gone(self) -> None:
        if not hasattr(self, "books"):
            return
        open_cases = {entry.seq for entry, _ in self.books.journal.cases()}
        shown = {queue: {known.id for known in self.books.queue("order", queue)} for queue in OPEN}
        for entry in self.books.journal.every():
            if entry.fact.kind != HANDED_OVER or entry.fact.id in self.undone:
                continue
            stands = entry.answer in (Answer.WAITING, Answer.ACCEPTED) or entry.seq in open_cases
            if stands:
                number = entry.fact.subject_id
                known = self.books.know("order", number)
                assert known is not None
                assert known.value.index().queue not in OPEN, (number, entry.answer)
                assert all(number not in ids for ids in shown.values())

    @invariant()
    def queues_count_and_tokens_agree(self) -> None:
        if not hasattr(self, "books"):
            return
        for queue in ("ready", "held"):
            slow = set()
            for number in NUMBERS:
                known = self.books.know("order", number)
                if known and known.value.index().queue == queue:
                    slow.add(number)
            assert {known.id for known in self.books.queue("order", queue)} == slow
            assert self.books.count("order", queue) == len(slow)
        for number in NUMBERS:
            assert [known.id for known in self.books.by_token(number)] == [number]

    @invariant()
    def no_fact_is_nowhere(self) -> None:
        """P7: each fact waits, was accepted, or is or was a case."""
        if not hasattr(self, "books"):
            return
        cases = {entry.seq for entry, _ in self.books.journal.cases()}
        for entry in self.books.journal.every():
            if entry.answer in (Answer.REJECTED, Answer.PARKED) and entry.seq not in cases:
                settled = [
                    one.fact.payload["fact"]
                    for one in self.books.journal.history(entry.fact.subject)
                    if one.fact.kind == CASE_SETTLED
                ]
                assert entry.fact.id in settled


TillAndHub.TestCase.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTillAndHub = TillAndHub.TestCase


DAY = (
    *["hand_over"] * 4,
    *["undo", "push", "answer", "page", "page_again"] * 2,
    *["happens", "happens", "settle", "new_mirror"],
)


def a_busy_day(seed: int, steps: int) -> int:
    """The same machine under a plain dice that hands over and pushes much; the facts it made.

    Hypothesis likes short runs; what goes wrong late in a long one it rarely meets.
    """
    dice = random.Random(seed)
    day = TillAndHub()
    day.begin()
    try:
        for _ in range(steps):
            act = dice.choice(DAY)
            if act in {"hand_over", "undo"}:
                getattr(day, act)(dice.choice(NUMBERS))
            elif act == "happens":
                what = dice.choice(["note", "note", "block", "unblock", "unblock", "elsewhere"])
                day.something_happens_at_the_hub(dice.choice(NUMBERS), what)
            elif act == "settle":
                if day.books.journal.cases():
                    day.settle_a_case()
            elif act == "new_mirror":
                day.new_mirror()
            else:
                getattr(day, act)(dice.randint(1, 5))
            day.the_goods_are_gone()
            day.queues_count_and_tokens_agree()
            day.no_fact_is_nowhere()
        return len(list(day.books.journal.every()))
    finally:
        day.teardown()


@pytest.mark.parametrize("seed", range(6))
def test_busy_days(seed: int) -> None:
    assert a_busy_day(seed, 120) > 10


def test_the_machine_finds_an_overlay_dropped_at_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is laid over the mirror must stay until the page came, not until the answer."""

    def dropped(self: Journal, subject: str, above: int) -> list[Entry]:
        return [e for e in self.history(subject) if e.answer is not Answer.ACCEPTED]

    monkeypatch.setattr(Journal, "overlay", dropped)

    def days() -> None:
        for seed in range(8):
            a_busy_day(seed, 120)

    with pytest.raises(AssertionError):
        days()
