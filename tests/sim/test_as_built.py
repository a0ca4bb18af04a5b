"""The simulator's lead and hub say what the real ones say: the same things happen to both."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posapp.domain import custody
from posapp.domain.facts import Answer, Fact, subject
from posapp.domain.goods import HandOver, Line
from posapp.domain.ids import FactId
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order
from posapp.domain.values import replace
from posapp.storage.claims import Claims
from sync import wire
from sync.engine import custody as engine_custody
from sync.engine.custody import Custody
from sync.hub import operator
from sync.hub.custody import move
from sync.hub.database import Database
from tests.sim.figures import MINUTE, SECOND, Figures, Weather
from tests.sim.hub import Hub
from tests.sim.parts import Asked, Done, Lease, Till
from tests.sim.shop import Outbox
from tests.sync.engine.neighbourhood import till_in
from tests.sync.hub.kit import UNLIMITED, Served, ready, served

ORDERS, ASKERS = tuple(f"W-{n}" for n in range(12)), ("1", "2")
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
DAY_S = 86_400


# -- the lead -------------------------------------------------------------------------------------
@dataclass
class Pulled:
    """What the feed has brought; as `sync.engine.custody.Feed`."""

    done: dict[str, list[str]] = field(default_factory=lambda: {order: [] for order in ORDERS})
    cursor: int = 0

    def hand_overs(self, order: str) -> Sequence[str]:
        return self.done[order]

    def reach(self) -> tuple[str, int, int]:
        return "g", self.cursor, 0

    def heard_all_ms(self) -> int:
        return -1


class Leads:
    """A real lead over a real ledger and the simulator's, at one clock."""

    def __init__(self, custody_: Custody, claims: Claims, journal: Any, chance: random.Random) -> None:
        self.custody, self.claims, self.journal, self.chance = custody_, claims, journal, chance
        self.feed = Pulled()
        self.custody._feed, self.custody._claims = self.feed, claims
        self.model = Till(0)
        self.model.lease = Lease(0, 1, 1 << 60)
        for number in ORDERS:
            self.model.mirror[number] = Order(number, "B01", "Ada", (Line("1", "Schuhe", 9),))
        self.now = MINUTE
        self.refs = 0
        self.numbers = 0

    def ref(self) -> str:
        self.refs += 1
        return f"f-{self.refs}"

    def asked(self) -> None:
        """Somebody asks for an order or gives it back, directly or through the hub, and knows all or not."""
        chance, feed = self.chance, self.feed
        order, till = chance.choice(ORDERS), chance.choice(ASKERS)
        everything = sorted(self.model.done(order))
        known = everything if chance.random() < 0.8 else everything[:-1]
        self.numbers += 1
        number = self.numbers - (5 if chance.random() < 0.1 else 0)
        release, complete = chance.random() < 0.2, chance.random() < 0.7
        heard = self.model.uptime(self.now) - chance.choice((0, MINUTE))
        said: dict[str, Any] = {"order": order, "known": known, "release": release, "number": max(1, number)}
        wanted: wire.ClaimRequest
        if chance.random() < 0.5:
            handed = [self.ref()] if chance.random() < 0.2 else []
            through = feed.cursor + chance.choice((-1, 0, 0, 1))
            wanted = wire.DirectRequest(
                **said,
                complete=True,
                generation="g",
                through=max(0, through),
                handed=[wire.Handed(order=order, ref=ref) for ref in handed],
            )
            direct = {
                "complete": True,
                "through": max(0, through),
                "handed": tuple((order, ref) for ref in handed),
            }
        else:
            wanted, direct = wire.ClaimRequest(**said, complete=complete), {"complete": complete}
        real = self.custody.grant(till, wanted, heard)
        asked = Asked(order, int(till), tuple(known), release, max(1, number), **direct)  # type: ignore[arg-type]
        told = self.model.answer(asked, self.now, heard)
        assert (told.state, told.token, told.until_ms // 1000) == (real.state, real.token, real.seconds), (
            asked
        )

    def leaves(self) -> None:
        """The lead itself hands over, under its own claim where it gets one."""
        order = self.chance.choice(ORDERS)
        known = sorted(self.model.done(order))
        real = self.claims.take(order, known=known)
        found = custody.grant(self.model.book, order, "0", now_ms=self.model.uptime(self.now), known=known)
        assert (found.token if isinstance(found, custody.Claim) else None) == (
            real if isinstance(real, int) else None
        )
        if isinstance(real, int):
            fact = Fact(
                FactId(self.ref()), HANDED_OVER, subject("order", order), {"lines": {"1": 1}}, "Ana", BEGUN
            )
            self.journal.append(lambda: (fact, ()))
            self.model.append(Done(fact, order, 0, self.model.head + 1, "1"))

    def pulled(self) -> None:
        """The feed brings another till's hand-over."""
        order, ref = self.chance.choice(ORDERS), self.ref()
        self.feed.done[order].append(ref)
        self.feed.cursor += 1
        self.model.cursor += 1
        mine = self.model.mirror[order]
        came = HandOver(ref, BEGUN, (("1", 1),), "Ana", "1")
        self.model.mirror[order] = replace(mine, hand_overs=(*mine.hand_overs, came))


@contextmanager
def leads(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leads]:
    """Both, and nobody else."""
    both: list[Leads] = []

    def uptime() -> int:
        return both[0].model.uptime(both[0].now) if both else 0

    monkeypatch.setattr(engine_custody, "uptime_ms", uptime)
    with till_in(folder, "0", None) as till:
        claims = Claims(till.journal, uptime, lambda: both[0].now / 1000)
        claims.keep_lease("0", 1, DAY_S, datetime.now(UTC), alone=False)
        both.append(Leads(till.custody, claims, till.journal, random.Random(seed)))
        try:
            yield both[0]
        finally:
            till.line.stop()


@pytest.mark.parametrize("seed", range(3))
def test_the_lead_answers_as_the_real_one(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with leads(tmp_path / "0", seed, monkeypatch) as both:
        for _ in range(250):
            both.chance.choice((both.asked, both.asked, both.asked, both.leaves, both.pulled))()
            both.now += both.chance.choice((SECOND, SECOND, MINUTE, 7 * MINUTE))
            if both.chance.random() < 0.02:
                both.now += 30 * MINUTE
                both.model.reboot(both.now)
                # The window looks at once; the ledger notices the start then.
                both.claims.holder("W-0", known=())
        assert both.model.book.number > 10


# -- the hub --------------------------------------------------------------------------------------
class Hubs:
    """A real hub with its shop and the simulator's, which take the same facts."""

    def __init__(self, hub: Served, chance: random.Random) -> None:
        self.hub, self.chance = hub, chance
        self.desks = [hub.desk(), hub.desk()]
        self.model = Hub(2)
        calm = Weather(shop_lost=0, hub_killed=0, shop_refuses=0)
        self.model.taken = lambda done: None
        self.model.outbox = Outbox(chance, calm, Figures(), lambda intent, now: None, self.model.refused)
        self.model.lead, self.model.epoch = 0, 1
        move(hub.database, self.desks[0].till, hub.clock())
        self.orders = ready(self.desks[0], 4)
        for order in self.orders:
            self.model.arrive(Order.from_body(order))
        self.done: list[tuple[Done, dict[str, Any]]] = []
        self.tills = [Till(0), Till(1)]

    def now(self) -> int:
        return int(self.hub.clock().timestamp() * 1000)

    def fact(self) -> None:
        """A hand-over, under a grant or not, or an undo; whether it fits or not."""
        chance, at = self.chance, self.chance.randrange(2)
        order = chance.choice(self.orders)
        if self.done and chance.random() < 0.3:
            first = chance.choice(self.done)[0]
            kind, number = HAND_OVER_UNDONE, first.order
            payload: dict[str, Any] = {"hand_over": first.fact.id}
        else:
            said: dict[str, Any] = {
                "token": custody.token(max(1, self.model.epoch - chance.choice((0, 0, 1))), 7)
            }
            if chance.random() < 0.2:
                said = {"provisional": chance.choice(("label", "manager"))}
            lines = {line["id"]: line["quantity"] for line in order["lines"]}
            kind, number, payload = HANDED_OVER, order["number"], {"lines": lines, "custody": said}
        message = self.desks[at].fact(kind, f"order:{number}", payload)
        fact = Fact(FactId(message["id"]), kind, f"order:{number}", payload, "Ana", BEGUN)
        done = Done(fact, number, at, message["seq"])
        self.tills[at].append(done)
        real = self.desks[at].one(message)
        assert self.model.push(self.tills[at], self.tills[at].waiting, self.now())
        self.tills[at].settle()
        assert done.answer is Answer(real["answer"]), (payload, real)
        self.done.append((done, real))

    def moved(self) -> None:
        """A person names another lead."""
        at = self.chance.randrange(2)
        assert move(self.hub.database, self.desks[at].till, self.hub.clock()) == self.model.epoch + 1
        self.model.move(at, self.now())

    def written(self) -> None:
        """Time passes, and the shop is told what is due."""
        self.hub.clock.move(self.chance.choice((10, 30, 70)))
        self.hub.writer().run_due()
        self.model.outbox.run_due(self.now())
        for order in self.orders:
            (real,) = self.hub.shop.find(order["number"])
            mine = self.model.outbox.shop.done.get(order["number"], [])
            told = {ref: ("undo", ref) in mine for write, ref in mine if write == "hand_over"}
            assert {one.ref: one.cancelled for one in real.hand_overs} == told

    def same(self) -> None:
        """The orders and the cases that both show."""
        records = self.desks[0].records()
        cases = {ident for ident, body in records.items() if body and "reason" in body}
        assert cases == self.model.cases
        for order in self.orders:
            mine = [(one.ref, one.undone) for one in self.model.orders[order["number"]].hand_overs]
            theirs = records[order["number"]].get("hand_overs", ())
            assert [(one["ref"], one.get("undone", False)) for one in theirs] == mine


@pytest.mark.parametrize("seed", range(2))
def test_the_hub_takes_and_tells_the_shop_as_the_real_one(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    operator.prepare(url, 60, undo_seconds=60)
    with closing(Database(url)) as database, served(database, UNLIMITED) as hub:
        both = Hubs(hub, random.Random(seed))
        for _ in range(60):
            both.chance.choice((both.fact, both.fact, both.fact, both.written, both.moved))()
            both.same()
        assert {Answer(real["answer"]) for _, real in both.done} == {
            Answer.ACCEPTED,
            Answer.REJECTED,
            Answer.PARKED,
        }
        assert both.model.outbox.shop.done
