"""The retailer's shop in simulated time, and the hub's one way into it.

What the shop hears of a fact and how much longer than the undo time that is held are the product's
(`sync.hub.effects`), and so are the pauses between tries. The rest does what `register` and `ShopWriter` do.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from posapp.domain.facts import Fact
from sync.hub import effects
from sync.hub.effects import CANCELLED, DONE, HAND_OVER, HELD, REFUSED, UNDO, WRITING
from sync.hub.shop_writer import BACK_OFF_MS, LEASE_MS
from tests.sim.figures import SECOND, Figures, Weather

UNDO_S = 60


class Shop:
    """It knows no repeat: what comes twice is done twice. What it did is all in ``done``, by order."""

    def __init__(self) -> None:
        self.done: dict[str, list[tuple[str, str]]] = {}

    def has(self, order: str, write: str, ref: str) -> bool:
        """Whether what is wanted is so already; as `sync.hub.shop_writer` looks at the shop's order."""
        mine = [what for what, of in self.done.get(order, ()) if of == ref]
        if write == HAND_OVER:
            return HAND_OVER in mine
        return HAND_OVER not in mine or UNDO in mine

    def take(self, order: str, write: str, ref: str) -> None:
        """Hand over, or undo."""
        self.done.setdefault(order, []).append((write, ref))


@dataclass(slots=True, eq=False)
class Intent:
    """A write on its way. ``id`` is the fact's."""

    n: int
    id: str
    order: str
    write: str
    ref: str
    state: str
    tries: int = 0
    unsure: bool = False
    """The shop took it; where the answer was lost, the hub does not know."""


class Outbox:
    """As `sync.hub.effects.register` and `sync.hub.shop_writer`.

    ``wrote`` hears of each write the shop took, ``refused`` of the id of a fact it will not have.
    """

    hold_ms = UNDO_S * SECOND + effects.HOLD_MARGIN_MS

    def __init__(
        self,
        chance: Random,
        weather: Weather,
        found: Figures,
        wrote: Callable[[Intent, int], None],
        refused: Callable[[str], None],
    ) -> None:
        self.shop = Shop()
        self.open: dict[str, deque[Intent]] = {}
        """By order, in the order in which they came: only the first is due."""
        self.due: list[tuple[int, int, Intent]] = []
        self.whole = False
        """Nothing is lost any more."""
        self._chance = chance
        self._weather = weather
        self._found = found
        self._wrote = wrote
        self._refused = refused
        self._n = 0

    def register(self, fact: Fact, order: str, now: int) -> None:
        """As `effects.register`."""
        wanted = effects.wanted_by(fact)
        if wanted is None:
            return
        if wanted.write == UNDO:
            for intent in self.open.get(order, ()):
                if intent.id == wanted.ref and intent.state == HELD:
                    self._end(intent, CANCELLED)
                    return
        self._n += 1
        state, due = (HELD, now + self.hold_ms) if wanted.held else (WRITING, now)
        intent = Intent(self._n, fact.id, order, wanted.write, wanted.ref, state)
        self.open.setdefault(order, deque()).append(intent)
        heapq.heappush(self.due, (due, intent.n, intent))

    def run_due(self, now: int) -> None:
        """As `ShopWriter.run_due`."""
        while self.due and self.due[0][0] <= now:
            _, _, intent = heapq.heappop(self.due)
            if intent.state in (HELD, WRITING):
                if self.first(intent) is intent:
                    self._write(intent, now)
                else:
                    # One write per order at a time: it is due once those before it are done.
                    self._later(intent, now + BACK_OFF_MS[0])

    def _write(self, intent: Intent, now: int) -> None:
        intent.state = WRITING
        intent.tries += 1
        late = now + BACK_OFF_MS[min(intent.tries, len(BACK_OFF_MS)) - 1]
        ref = self.ref(intent)
        if self._happens(self._weather.hub_killed):
            self._later(intent, now + LEASE_MS)
        elif self._happens(self._weather.shop_lost):
            self._later(intent, late)
        elif self.shop.has(intent.order, intent.write, ref):
            self._found.repeated += intent.unsure
            self._end(intent, DONE)
        elif self._chance.random() < self._weather.shop_refuses:
            self._found.shop_refused += 1
            self._end(intent, REFUSED)
            self._refused(intent.id)
        else:
            self.shop.take(intent.order, intent.write, ref)
            self._found.written += 1
            self._wrote(intent, now)
            intent.unsure = True
            if self._happens(self._weather.hub_killed):
                self._later(intent, now + LEASE_MS)
            elif self._happens(self._weather.shop_lost):
                self._later(intent, late)
            else:
                self._end(intent, DONE)

    def first(self, intent: Intent) -> Intent:
        """The one whose turn it is at the same order."""
        return self.open[intent.order][0]

    def ref(self, intent: Intent) -> str:
        """The reference under which the shop is told: the same each time."""
        return intent.ref

    def _happens(self, share: float) -> bool:
        return not self.whole and self._chance.random() < share / 2

    def _later(self, intent: Intent, when: int) -> None:
        heapq.heappush(self.due, (when, intent.n, intent))

    def _end(self, intent: Intent, state: str) -> None:
        intent.state = state
        mine = self.open[intent.order]
        mine.remove(intent)
        if not mine:
            del self.open[intent.order]
