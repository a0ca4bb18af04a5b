"""What must hold in the store: looked at with each hand-over, and when all have heard of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from posapp.domain import custody
from posapp.domain.facts import Answer
from tests.sim.figures import HOUR, Figures
from tests.sim.parts import Done, Hub, Till


class Judge:
    """``gone`` are all hand-overs of an order, whatever anybody knows of them; ``wrong`` hears of what is."""

    def __init__(self, hub: Hub, tills: Sequence[Till], found: Figures, wrong: Callable[[str], None]) -> None:
        self.hub = hub
        self.tills = tills
        self.found = found
        self.wrong = wrong
        self.gone: dict[str, list[Done]] = {}
        self.over: deque[tuple[int, str]] = deque()
        """Orders that nobody will present any more, and since when."""

    def left(self, done: Done) -> None:
        """Goods leave."""
        self.found.handed_over += 1
        mine = self.gone.setdefault(done.order, [])
        for other in mine:
            if other.line != done.line or other.undone or self._excused(other) or self._excused(done):
                continue
            self.found.doubles += 1
            self.wrong(f"handed over twice: {other} and {done}")
        mine.append(done)

    def _excused(self, done: Done) -> bool:
        """Without a grant; or under one of an epoch that was over before the hub heard of it."""
        old = custody.epoch_of(done.token) < self.hub.epoch and done.answer is not Answer.ACCEPTED
        return bool(done.provisional) or old

    def judge(self, number: str) -> None:
        """Everybody knows everything of this order: each collision is a case at the hub and at every till."""
        live: dict[str, list[Done]] = {}
        for done in self.gone.get(number, ()):
            if done.provisional and done.fact.id not in self.hub.cases:
                self.wrong(f"no case: {done}")
            if not done.undone:
                live.setdefault(done.line, []).append(done)
        for many in live.values():
            if len(many) > 1:
                self.found.collisions += len(many) - 1
                cases = [done for done in many if done.fact.id in self.hub.cases]
                told = [d for d in cases if all(d.fact.id in till.cases for till in self.tills)]
                taken = [d for d in many if d.answer is Answer.ACCEPTED]
                self.found.shown += min(len(told), len(many) - 1)
                if len(told) < len(many) - 1 or len(taken) > 1:
                    self.wrong(f"handed over twice and not shown: {many}")

    def agree(self) -> None:
        """After healing: each till's copy is the hub's, and it shows the same orders, but for those with a case."""
        for till in self.tills:
            shows = {number: till.know(number) for number in self.hub.orders if number not in self.hub.open}
            apart = [number for number, order in shows.items() if order != self.hub.orders[number]]
            if apart or till.mirror != self.hub.orders or till.cases != self.hub.cases:
                self.wrong(f"till {till.id} does not show what the hub does: {apart[:3]}")

    def retire(self, now: int) -> None:
        """Forget orders that everybody has done with, so that memory does not grow."""
        while self.over and self.over[0][0] < now - HOUR:
            _, number = self.over[0]
            done = self.gone.get(number, ())
            if any(d.answer is Answer.WAITING or d.seq > self.tills[d.till].answered for d in done):
                return
            if any(till.cursor < self.hub.place[number] for till in self.tills):
                return
            self.over.popleft()
            self.judge(number)
            self._forget(number)

    def _forget(self, number: str) -> None:
        hub = self.hub
        for one in self.gone.pop(number, ()):
            hub.cases.discard(one.fact.id)
            for till in self.tills:
                till.cases.discard(one.fact.id)
        for till in self.tills:
            till.mirror.pop(number, None)
            till.own.pop(number, None)
            till.granted.pop(number, None)
            till.book.claims.pop(number, None)
            till.volatile.discard(number)
        hub.place.pop(number, None)
        hub.orders.pop(number, None)
        hub.book.claims.pop(number, None)
        hub.question.pop(number, None)
        hub.open.discard(number)
