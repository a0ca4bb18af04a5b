"""One store in simulated time: three tills, one the lead, a hub, a shop, and everything that happens to them.

A seed replays a run exactly. What must hold is looked at after every step (`tests.sim.judge`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import log

from posapp.domain import custody
from posapp.domain.custody import Provisional
from posapp.domain.facts import Fact
from posapp.domain.goods import Line
from posapp.domain.ids import FactId
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order
from tests.sim.figures import FAIR, HOUR, MINUTE, Figures, Rule, Weather
from tests.sim.links import TILLS, Links
from tests.sim.parts import Asked, Done, Till, Told
from tests.sim.parts import granted as granted_by
from tests.sim.shop import UNDO_S

EVERYTHING = 2_000
"""After so many customers all is looked at, not only what was touched."""
RECENT = 400
"""So many orders may be presented a second time."""
READY = 2_000
"""So many orders wait in the store."""
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
TWO = (Line("1", "Schuhe", 1), Line("2", "Socken", 1))


class Store(Links):
    """The whole; `run` it."""

    def __init__(self, seed: int, rule: Rule = Rule.LEAD, weather: Weather = FAIR) -> None:
        super().__init__(seed, rule, weather)
        self.ready: deque[str] = deque()
        self.recent: deque[str] = deque()
        self._events: list[tuple[int, int, Callable[..., object], tuple[object, ...]]] = []
        self._count = 0
        self._numbers = 0
        self._facts = 0
        for till in self.tills:
            self._renew(till)
            self._links_break(till)
            self._soon(weather.reboot, self._reboot, till)
            self._soon(weather.clock, self._jump, till)
            self._soon(weather.image, self._image, till)
            self._soon(weather.copied, self._befall, till)
        self._soon(weather.move, self._move)

    def _links_break(self, till: Till) -> None:
        self._soon(self.weather.hub_up, self._cut_hub, till)
        self._soon(self.weather.net_up, self._cut_net, till)
        self._soon(self.weather.kill, self._kill, till)

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
                self._happen()
            self._sync()
            self._customer()
            if found.presented % EVERYTHING == 0:
                self.judge.everything()
        self.heal()
        return found

    def _happen(self) -> int:
        when, _, do, what = heapq.heappop(self._events)
        if not (what and isinstance(what[0], Till) and what[0].gone):
            do(*what)
        return when

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
            self.now = self._events[0][0]
            self._happen()
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
        self._put_all_right()
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
        self._write_all()
        for one in back:
            self._pull(one)
        self.judge.everything()
        for number in self.judge.gone:
            self.judge.judge(number)
        self.judge.agree()

    # -- what happens -----------------------------------------------------------------------------
    def _cut_hub(self, till: Till) -> None:
        till.hub, till.cut_at, till.located = False, self.now, False
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

    # -- copies -----------------------------------------------------------------------------------
    def _image(self, till: Till) -> None:
        till.image = till.copy()
        self._soon(self.weather.image, self._image, till)

    def _befall(self, till: Till) -> None:
        """It is put back to an earlier copy, or the copy begins to run beside it."""
        self._soon(self.weather.copied, self._befall, till)
        image = till.image
        if image is None or till.copied or till.forked:
            return
        self._tidy(image)
        self.judge.copied(till, image)
        if self.chance.random() < 0.5:
            self._clone(till, image)
        else:
            self._restore(till, image)

    def _tidy(self, image: Till) -> None:
        """What everybody has done with in the meantime is in no copy either."""
        for orders in (image.mirror, image.own, image.granted, image.book.claims):
            for number in [number for number in orders if number not in self.hub.orders]:
                del orders[number]
        image.cases &= self.hub.cases

    def _restore(self, till: Till, image: Till) -> None:
        self.found.restored += 1
        kept = {done.fact.id for done in image.waiting}
        for done in till.waiting:
            if done.fact.id not in kept and done.fact.id not in self.hub.ledger:
                self.judge.forgotten(done)
        till.put_back(image)
        till.reboot(self.now)
        till.copied = True
        self._soon(self.weather.put_right, self._put_right, till)

    def _clone(self, till: Till, image: Till) -> None:
        self.found.cloned += 1
        clone = image.copy()
        clone.reboot(self.now)
        clone.hub = clone.net = True
        till.copied = clone.copied = True
        self.tills.append(clone)
        self._links_break(clone)
        self._soon(self.weather.put_right, self._put_right, till)

    def _put_right(self, till: Till) -> None:
        """A person sees to a till that was told it is another one, if it was; else it is looked at again later."""
        doubles = [one for one in self.tills if one.id == till.id and one is not till]
        if not (till.forked or any(one.forked for one in doubles) or till.copied):
            return
        noticed = till.forked or any(one.forked for one in doubles)
        if not noticed or not all(one.hub for one in (till, *doubles)):
            self._soon(self.weather.put_right, self._put_right, till)
            return
        self._enrol_again(till, doubles)

    def _enrol_again(self, till: Till, doubles: list[Till]) -> None:
        """Each in its turn is given the name anew and sends what it keeps; only the last one stays."""
        for one in (*doubles, till):
            self.hub.enrol_again(one)
            one.restart()
            one.forked = False
            self._push(one, lost=0)
            if one is not till:
                one.gone = True
                self.tills.remove(one)
        till.copied = False

    def _put_all_right(self) -> None:
        for till in list(self.tills):
            if not till.gone and (till.copied or till.forked):
                self._enrol_again(till, [one for one in self.tills if one.id == till.id and one is not till])

    def _write_all(self) -> None:
        """The shop hears of everything."""
        outbox = self.hub.outbox
        outbox.whole = True
        while outbox.due:
            self.now = max(self.now, outbox.due[0][0])
            outbox.run_due(self.now)

    # -- at the counter ---------------------------------------------------------------------------
    def _customer(self) -> None:
        chance = self.chance
        self.found.presented += 1
        till = self.tills[chance.randrange(len(self.tills))]
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
            if not till.hub or till.enrolled != self.hub.enrolled[till.id]:
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
        self.judge.left(till, done)
        if self.chance.random() < self.weather.undo:
            self._at(self.now + self.chance.randrange(UNDO_S * 1000), self._undo, till, done)
        return provisional or "handed-over"

    def _take(self, till: Till, number: str, known: Order, state: str) -> tuple[int, str]:
        override = self.chance.random() < self.weather.override
        if self.rule is not Rule.LEAD:
            return (custody.token(max(1, self.hub.epoch), 1) if state in ("here", "granted") else 0), ""
        if till.leads(self.now):
            refs = [done.ref for done in known.hand_overs]
            found = custody.grant(till.book, number, str(till.id), now_ms=till.uptime(self.now), known=refs)
            if isinstance(found, custody.Claim):
                self.judge.granted(till, Asked(number, till.id, (), False, 0), Told("granted", found.token))
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
        self.judge.took_back(self._fact(till, done.order, HAND_OVER_UNDONE, {"hand_over": done.fact.id}))

    def _fact(self, till: Till, number: str, kind: str, said: dict[str, object]) -> Done:
        seq = till.head + 1
        at = BEGUN + timedelta(milliseconds=self.now)
        self._facts += 1
        fact = Fact(FactId(f"{till.id}-{self._facts}"), kind, f"order:{number}", said, "Ana", at)
        done = Done(fact, number, till.id, seq, copied=till.copied)
        till.append(done)
        return done

    def _neither_asks(self, till: Till, number: str, refs: tuple[str, ...]) -> str:
        asked = Asked(number, till.id, refs, False, 0, till.complete())
        if till.hub:
            done = {h.ref for h in self.hub.orders[number].hand_overs}
            return granted_by(self.hub.book, asked, self.now, done).state
        if till.leads(self.now):
            return till.answer(asked, self.now, till.uptime(self.now)).state
        return self._directly(till, asked).state
