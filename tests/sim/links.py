"""What goes between the tills, the lead and the hub in simulated time: pushes, pages, leases, questions for a claim.

As `sync.engine` does it; what is lost on the way, and which link is cut, the store decides.
"""

from __future__ import annotations

import random
from dataclasses import replace

from posapp.domain.custody import MARGIN_S
from posapp.domain.orders import Order
from sync.engine.custody import RENEW_S, RETRY_S
from tests.sim.figures import SECOND, Figures, Rule, Weather
from tests.sim.hub import FEED_KEPT, Hub
from tests.sim.judge import Judge
from tests.sim.parts import Asked, Done, Till, Told, leased
from tests.sim.shop import Outbox

TILLS = 3
RENEW_MS, RETRY_MS = int(RENEW_S * SECOND), int(RETRY_S * SECOND)


class Links:
    """Tills, hub and shop, and what they say to each other."""

    def __init__(self, seed: int, rule: Rule, weather: Weather) -> None:
        self.seed = seed
        self.rule = rule
        self.weather = weather
        self.chance = random.Random(seed)
        self.now = 0
        self.found = Figures()
        self.tills = [Till(n) for n in range(TILLS)]
        """A till that has a double is there twice."""
        self.hub = Hub(TILLS)
        self.judge = Judge(self.hub, self.tills, self.found, self._wrong)
        self.hub.taken = self.judge.taken
        self.hub.outbox = Outbox(self.chance, weather, self.found, self.judge.written, self.hub.refused)

    def _wrong(self, what: str) -> None:
        if self.rule is Rule.LEAD:
            self.found.wrong.append(f"seed {self.seed}, {self.found.presented} presented: {what}")

    # -- the line ---------------------------------------------------------------------------------
    def _sync(self) -> None:
        chance = self.chance
        self.hub.outbox.run_due(self.now)
        for till in self.tills:
            if not till.hub:
                continue
            if (till.waiting or not till.located) and not till.forked and chance.random() < 0.8:
                self._push(till, self.weather.lost)
            if till.enrolled != self.hub.enrolled[till.id]:
                # Its name was given anew, to another one.
                continue
            if till.cursor < self.hub.head and chance.random() < 0.8:
                self._pull(till)
            if till.renew_at <= till.uptime(self.now) and chance.random() < 0.8:
                self._renew(till)

    def _push(self, till: Till, lost: float) -> None:
        """Whether there is anything to send or not: that the hub knows it for another one shows here."""
        if self.chance.random() < lost:
            return
        known = self.hub.push(till, till.waiting, self.now)
        if self.chance.random() < lost:
            return
        till.located = True
        if not known:
            till.forked = True
            self.found.forked += 1
            return
        self.judge.acknowledged(till)
        till.settle()
        if not self._double(till):
            # Whatever was forgotten is lost for good, or was heard of by now.
            till.copied = False

    def _double(self, till: Till) -> bool:
        return len(self.tills) > TILLS and any(one.id == till.id and one is not till for one in self.tills)

    def _machine(self, ident: int) -> Till:
        """The till of that name; where two bear it, the one that happens to be reached."""
        if len(self.tills) == TILLS:
            return self.tills[ident]
        return self.chance.choice([till for till in self.tills if till.id == ident])

    def _pull(self, till: Till) -> None:
        hub = self.hub
        asked = till.uptime(self.now)
        if till.cursor < hub.first:
            # From before the feed's beginning: a snapshot.
            till.mirror, till.cases = dict(hub.orders), set(hub.cases)
            till.cursor = hub.first
        for kind, ident, value in hub.feed[till.cursor - hub.first :]:
            if kind == "order":
                assert isinstance(value, Order)
                if ident in hub.orders:
                    # Else everybody has done with it, and this is an old copy that reads it again.
                    till.mirror[ident] = value
            elif kind == "case":
                if ident in hub.cases:
                    till.cases.add(ident)
                if isinstance(value, Done) and value.till == till.id and value.seq <= till.answered:
                    # News of an answer that was given long ago.
                    till.turned_down.add(ident)
            else:
                assert isinstance(value, Asked)
                if hub.question.get(ident) is value and value.till != till.id:
                    # Nobody waits for the answer any more.
                    del hub.question[ident]
                    self.judge.granted(till, value, till.answer(value, self.now, till.caught_up_ms))
        till.cursor = hub.head
        till.applied = min(hub.last[till.id][0], till.answered)
        till.caught_up_ms = asked
        if len(hub.feed) > 2 * FEED_KEPT:
            hub.forget(min(one.cursor for one in self.tills))

    def _renew(self, till: Till) -> None:
        till.located = False
        kept = leased(till, self.hub.renew(till.id, self.now), self.hub.head, self.now)
        till.renew_at = till.uptime(self.now) + (RENEW_MS if kept else RETRY_MS)

    # -- custody ----------------------------------------------------------------------------------
    def _ask(self, till: Till, order: str, known: tuple[str, ...], *, release: bool = False) -> Told:
        if till.forked:
            return Told("silent")
        asked = Asked(order, till.id, known, release, till.number(self.now), till.complete())
        told = self._directly(till, asked)
        if told.state == "silent" and till.hub and till.enrolled == self.hub.enrolled[till.id]:
            told = self._through_hub(till, asked)
        if told.state == "granted":
            until = till.uptime(self.now) + max(0, told.until_ms - MARGIN_S * SECOND)
            till.granted[order] = (told.token, until)
        elif told.state == "lead":
            till.renew_at = 0
        return told

    def _directly(self, till: Till, asked: Asked) -> Told:
        lease = till.lease
        if lease is None or not till.net or lease.lead == till.id:
            return Told("silent")
        lead, lost = self._machine(lease.lead), self.weather.lost
        if not lead.net or self.chance.random() < lost:
            return Told("silent")
        handed = tuple((d.order, d.fact.id) for d in till.unseen() if d.line)
        asked = replace(asked, through=till.cursor, handed=handed)
        told = lead.answer(asked, self.now, lead.uptime(self.now))
        self.judge.granted(lead, asked, told)
        return Told("silent") if self.chance.random() < lost else told

    def _through_hub(self, till: Till, asked: Asked) -> Told:
        hub, lost = self.hub, self.weather.lost
        if self.chance.random() < lost or asked.order not in hub.orders:
            return Told("silent")
        if hub.lead == till.id:
            told = Told("lead")
        else:
            lead = self._machine(hub.lead)
            reached = lead.hub and lead.enrolled == hub.enrolled[lead.id]
            if not reached or self.chance.random() < lost:
                # It stays in the feed, and the lead finds it there some time.
                hub.question[asked.order] = asked
                hub.publish("claim", asked.order, asked)
                return Told("silent")
            before = lead.caught_up_ms
            self._pull(lead)
            told = lead.answer(asked, self.now, before)
            self.judge.granted(lead, asked, told)
        return Told("silent") if self.chance.random() < lost else told

    def _release(self, till: Till, order: str) -> None:
        if order in till.volatile:
            till.volatile.discard(order)
            if not till.leads(self.now) and till.granted.pop(order, (0, 0))[1]:
                self._ask(till, order, tuple(sorted(till.done(order))), release=True)
