"""One store in simulated time: three tills, one the lead, a hub, and everything that happens to them.

A seed replays a run exactly. What must hold is looked at with every hand-over, not at the end.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log

from posapp.domain import custody
from posapp.domain.custody import MARGIN_S, Provisional
from posapp.domain.facts import Fact
from posapp.domain.goods import Line
from posapp.domain.ids import FactId
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order
from tests.sim.figures import FAIR, HOUR, MINUTE, SECOND, Figures, Rule, Weather
from tests.sim.judge import Judge
from tests.sim.parts import RENEW_MS, RETRY_MS, Asked, Done, Hub, Till, Told, granted, leased

TILLS = 3
RECENT = 400
"""So many orders may be presented a second time."""
READY = 2_000
"""So many orders wait in the store."""
UNDO_MS = 60_000
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
TWO = (Line("1", "Schuhe", 1), Line("2", "Socken", 1))


class Store:
    """The whole; `run` it."""

    def __init__(self, seed: int, rule: Rule = Rule.LEAD, weather: Weather = FAIR) -> None:
        self.seed = seed
        self.rule = rule
        self.weather = weather
        self.chance = random.Random(seed)
        self.now = 0
        self.tills = [Till(n) for n in range(TILLS)]
        self.hub = Hub(TILLS)
        self.found = Figures()
        self.ready: deque[str] = deque()
        self.recent: deque[str] = deque()
        self.judge = Judge(self.hub, self.tills, self.found, self._wrong)
        self._events: list[tuple[int, int, Callable[..., object], tuple[object, ...]]] = []
        self._count = 0
        self._numbers = 0
        for till in self.tills:
            self._renew(till)
            self._soon(weather.hub_up, self._cut_hub, till)
            self._soon(weather.net_up, self._cut_net, till)
            self._soon(weather.kill, self._kill, till)
            self._soon(weather.reboot, self._reboot, till)
            self._soon(weather.clock, self._jump, till)
        self._soon(weather.move, self._move)

    # -- time -------------------------------------------------------------------------------------
    def _span(self, mean: int) -> int:
        return int(-log(1.0 - self.chance.random()) * mean) + 1

    def _soon(self, mean: int, do: Callable[..., object], *what: object) -> None:
        self._at(self.now + self._span(mean), do, *what)

    def _at(self, when: int, do: Callable[..., object], *what: object) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, do, what))

    def run(self, presentations: int) -> Figures:
        """So many customers, then heal everything and compare."""
        chance, found, weather = self.chance, self.found, self.weather
        while found.presented < presentations and not found.wrong:
            self.now += self._span(weather.step)
            if chance.random() < weather.night:
                self._night()
            while self._events[0][0] <= self.now:
                _, _, do, what = heapq.heappop(self._events)
                do(*what)
            self._sync()
            self._customer()
        self.heal()
        return found

    def _night(self) -> None:
        """The store is closed, one night or several; who was cut off before finds out in the morning."""
        long = self.chance.random() < self.weather.holidays
        gone = self.chance.choice(self.tills)
        if long:
            gone.hub, gone.cut_at = False, self.now
            about = (self._cut_hub, self._mend_hub)
            self._events = [one for one in self._events if one[2] not in about or one[3] != (gone,)]
            heapq.heapify(self._events)
        opens = self.now + self._span(10 * HOUR) + (70 * HOUR if long else 0)
        while self._events[0][0] <= opens:
            when, _, do, what = heapq.heappop(self._events)
            self.now = when
            do(*what)
            self._sync()
        self.now = opens
        if long:
            self._soon(self.weather.hub_down, self._mend_hub, gone)

    def heal(self) -> None:
        """All links are whole and nothing is lost any more: each till tries when its patience ends, and from then
        on hears at once what others send. Then all agree.
        """
        for till in self.tills:
            till.net = True
        healed = self.now
        back: list[Till] = []
        for when, _, till in sorted(
            (till.tries_at(self.now, self.chance), till.id, till) for till in self.tills
        ):
            self.now, till.hub = when, True
            back.append(till)
            self._push(till, lost=0)
            for one in back:
                self._pull(one)
        for one in back:
            self._pull(one)  # the answers that came with the push count from the next page on
        self.found.healed_ms = self.now - healed
        for number in self.judge.gone:
            self.judge.judge(number)
        self.judge.agree()

    def _wrong(self, what: str) -> None:
        if self.rule is Rule.LEAD:
            self.found.wrong.append(f"seed {self.seed}, {self.found.presented} presented: {what}")

    # -- what happens -----------------------------------------------------------------------------
    def _cut_hub(self, till: Till) -> None:
        till.hub, till.cut_at = False, self.now
        self._soon(self.weather.hub_down, self._mend_hub, till)

    def _mend_hub(self, till: Till) -> None:
        till.hub = True
        self._soon(self.weather.hub_up, self._cut_hub, till)

    def _cut_net(self, till: Till) -> None:
        till.net = False
        self._soon(self.weather.net_down, self._mend_net, till)

    def _mend_net(self, till: Till) -> None:
        till.net = True
        self._soon(self.weather.net_up, self._cut_net, till)

    def _kill(self, till: Till) -> None:
        till.restart()
        self._soon(self.weather.kill, self._kill, till)

    def _reboot(self, till: Till) -> None:
        till.reboot(self.now)
        self._soon(self.weather.reboot, self._reboot, till)

    def _jump(self, till: Till) -> None:
        till.wall = self.chance.choice((0, 0, -1, 1)) * self._span(1000 * HOUR)
        self._soon(self.weather.clock, self._jump, till)

    def _move(self) -> None:
        self.hub.move(self.chance.randrange(TILLS), self.now)
        self.found.moves += 1
        self._soon(self.weather.move, self._move)

    # -- the line ---------------------------------------------------------------------------------
    def _sync(self) -> None:
        chance = self.chance
        for till in self.tills:
            if till.hub:
                if till.waiting and chance.random() < 0.8:
                    self._push(till, self.weather.lost)
                if till.cursor < self.hub.head and chance.random() < 0.8:
                    self._pull(till)
                if till.renew_at <= till.uptime(self.now) and chance.random() < 0.8:
                    self._renew(till)

    def _push(self, till: Till, lost: float) -> None:
        if self.chance.random() < lost:
            return
        self.hub.push(till.waiting)
        if self.chance.random() < lost:
            return
        till.waiting.clear()
        till.answered = till.head

    def _pull(self, till: Till) -> None:
        hub = self.hub
        asked = till.uptime(self.now)
        for kind, ident, value in hub.feed[till.cursor - hub.first :]:
            if kind == "order":
                assert isinstance(value, Order)
                till.mirror[ident] = value
            elif kind == "case":
                till.cases.add(ident)
            else:
                assert isinstance(value, Asked)
                if hub.question.get(ident) is value and value.till != till.id:
                    # Nobody waits for the answer any more.
                    del hub.question[ident]
                    till.answer(value, self.now, till.caught_up_ms)
        till.cursor = hub.head
        till.applied = min(hub.last[till.id], till.answered)
        till.caught_up_ms = asked
        hub.forget(min(one.cursor for one in self.tills))

    def _renew(self, till: Till) -> None:
        kept = leased(till, self.hub.renew(till.id, self.now), self.hub.head, self.now)
        till.renew_at = till.uptime(self.now) + (RENEW_MS if kept else RETRY_MS)

    # -- custody ----------------------------------------------------------------------------------
    def _ask(self, till: Till, order: str, known: tuple[str, ...], *, release: bool = False) -> Told:
        till.asked += 1
        asked = Asked(order, till.id, known, release, till.asked, till.complete())
        told = self._directly(till, asked)
        if told.state == "silent" and till.hub:
            told = self._through_hub(till, asked)
        if told.state == "granted":
            until = till.uptime(self.now) + max(0, told.until_ms - MARGIN_S * SECOND)
            till.granted[order] = (told.token, until)
        elif told.state == "lead":
            till.renew_at = 0
        return told

    def _directly(self, till: Till, asked: Asked) -> Told:
        lease = till.lease
        if lease is None or not till.net or not self.tills[lease.lead].net or lease.lead == till.id:
            return Told("silent")
        lost = self.weather.lost
        if self.chance.random() < lost:
            return Told("silent")
        lead = self.tills[lease.lead]
        handed = tuple((d.order, d.fact.id) for d in till.unseen() if d.line)
        asked = replace(asked, through=till.cursor, handed=handed)
        told = lead.answer(asked, self.now, lead.uptime(self.now))
        return Told("silent") if self.chance.random() < lost else told

    def _through_hub(self, till: Till, asked: Asked) -> Told:
        hub, lost = self.hub, self.weather.lost
        if self.chance.random() < lost or asked.order not in hub.orders:
            return Told("silent")
        if hub.lead == till.id:
            told = Told("lead")
        else:
            lead = self.tills[hub.lead]
            if not lead.hub or self.chance.random() < lost:
                # It stays in the feed, and the lead finds it there some time.
                hub.question[asked.order] = asked
                hub.publish("claim", asked.order, asked)
                return Told("silent")
            before = lead.caught_up_ms
            self._pull(lead)
            told = lead.answer(asked, self.now, before)
        return Told("silent") if self.chance.random() < lost else told

    def _release(self, till: Till, order: str) -> None:
        if order in till.volatile:
            till.volatile.discard(order)
            if not till.leads(self.now) and till.granted.pop(order, (0, 0))[1]:
                self._ask(till, order, tuple(sorted(till.done(order))), release=True)

    # -- at the counter ---------------------------------------------------------------------------
    def _customer(self) -> None:
        chance = self.chance
        self.found.presented += 1
        till = self.tills[chance.randrange(TILLS)]
        if self.recent and chance.random() < self.weather.second:
            number = self.recent[-1 - self._span(60) % len(self.recent)]
        else:
            number = self._next()
        outcome = self._present(till, number)
        self.found.outcomes[outcome] += 1

    def _next(self) -> str:
        """An order that has waited for a while; the shop sends another one."""
        while len(self.ready) < READY:
            self._numbers += 1
            lines = TWO if self.chance.random() < self.weather.partly else TWO[:1]
            self.ready.append(f"W-{self._numbers}")
            self.hub.arrive(Order(self.ready[-1], "B01", "Ada", lines))
        number = self.ready.popleft()
        self.recent.append(number)
        if len(self.recent) > RECENT:
            self.judge.over.append((self.now, self.recent.popleft()))
            self.judge.retire(self.now)
        return number

    def _present(self, till: Till, number: str) -> str:
        """A customer shows an order; what became of it."""
        known = till.know(number)
        if known is None:
            if not till.hub:
                return "unknown"
            known = till.mirror[number] = self.hub.orders[number]
        if till.case(number):
            return "case"
        if not known.open_lines():
            self._release(till, number)
            return "already"
        refs = tuple(done.ref for done in known.hand_overs)
        state = "here"
        if self.rule is Rule.NEITHER_ASKS:
            state = self._neither_asks(till, number, refs)
        elif self.rule is Rule.LEAD and not till.leads(self.now) and not till.valid(number, self.now):
            till.volatile.add(number)
            state = self._ask(till, number, refs).state
        if self.chance.random() < self.weather.later:
            # Most come back, and some go without a word: then others may have it.
            if self.chance.random() < 0.7:
                self._soon(5 * MINUTE, self._commit, till, number, state)
            else:
                self._soon(5 * MINUTE, self._release, till, number)
            return "later"
        return self._commit(till, number, state)

    def _commit(self, till: Till, number: str, state: str) -> str:
        """The button: as `posapp.counter.pickup` and `posapp.counter.custody.take`."""
        known = till.know(number)
        if known is None or till.case(number) or not known.open_lines():
            return "already"
        token, provisional = self._take(till, number, known, state)
        if not token and not provisional:
            self.found.refused += 1
            self._release(till, number)
            return state
        line = next(iter(known.open_lines()))
        said: dict[str, object] = {"lines": {line: 1}, "custody": {"token": token}}
        if provisional:
            said["custody"] = {"provisional": provisional}
        done = self._fact(till, number, HANDED_OVER, said)
        done.line, done.token, done.provisional = line, token, provisional
        self.judge.left(done)
        if self.chance.random() < self.weather.undo:
            self._at(self.now + self.chance.randrange(UNDO_MS), self._undo, till, done)
        return provisional or "handed-over"

    def _take(self, till: Till, number: str, known: Order, state: str) -> tuple[int, str]:
        override = self.chance.random() < self.weather.override
        if self.rule is not Rule.LEAD:
            return (custody.token(max(1, self.hub.epoch), 1) if state in ("here", "granted") else 0), ""
        if till.leads(self.now):
            refs = [done.ref for done in known.hand_overs]
            found = custody.grant(till.book, number, str(till.id), now_ms=till.uptime(self.now), known=refs)
            if isinstance(found, custody.Claim):
                return found.token, ""
            state = "held"
        elif token := till.valid(number, self.now):
            return token, ""
        if override:
            self.found.overrides += 1
            return 0, Provisional.MANAGER.value
        there = not any(not done.undone for done in self.judge.gone.get(number, ()))
        if (
            state == "silent"
            and there
            and len(known.lines) == 1
            and self.chance.random() < self.weather.label
        ):
            return 0, Provisional.LABEL.value
        return 0, ""

    def _undo(self, till: Till, done: Done) -> None:
        known = till.know(done.order)
        if known is None or done.fact.id not in {one.ref for one in known.live_hand_overs()}:
            return
        done.undone = True
        self._fact(till, done.order, HAND_OVER_UNDONE, {"hand_over": done.fact.id})

    def _fact(self, till: Till, number: str, kind: str, said: dict[str, object]) -> Done:
        seq = till.head + 1
        at = BEGUN + timedelta(milliseconds=self.now)
        fact = Fact(FactId(f"{till.id}-{seq}"), kind, f"order:{number}", said, "Ana", at)
        done = Done(fact, number, till.id, seq)
        till.append(done)
        return done

    def _neither_asks(self, till: Till, number: str, refs: tuple[str, ...]) -> str:
        asked = Asked(number, till.id, refs, False, 0, till.complete())
        if till.hub:
            done = {h.ref for h in self.hub.orders[number].hand_overs}
            return granted(self.hub.book, asked, self.now, done).state
        if till.leads(self.now):
            return till.answer(asked, self.now, till.uptime(self.now)).state
        return self._directly(till, asked).state
