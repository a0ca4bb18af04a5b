"""The tills of `tests.sync.machine` as a store: a lead and claims, the shop, files put back or run twice, wrong clocks.

The engine's own custody asks and answers; between two tills only TLS is missing (`tests/sync/engine/test_door.py`
has it). No order is handed over twice with a grant, but where a copy of a till had a hand in it: then it is a case. A
copy is noticed at its next contact, and once every one is enrolled again nothing is lost but what no other disk knew.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp.domain.custody import Held
from posapp.domain.errors import Unavailable
from posapp.domain.facts import Answer, Fact
from posapp.domain.ids import new_fact_id
from posapp.domain.orders import HANDED_OVER
from sync.engine.client import NotEnrolled, Trouble
from sync.engine.enrol import enrol
from sync.hub import tills
from sync.hub.shops import tables as shop_tables
from sync.hub.tables import fact as fact_table
from sync.hub.tables import intent
from sync.hub.tables import till as till_table
from tests.crash.worlds import copy
from tests.sync.machine import STUBBORN, TILLS, Tills
from tests.sync.machine_parts import STORE, Till

YEARS = timedelta(days=3653)
HOLD_S = 70
STEPS = ("read", "write", "read again", "save", "")


class Neighbour:
    """The way to the lead without its door; as `sync.engine.door.Lead`."""

    def __init__(self, store: StoreTills, name: str) -> None:
        self._store = store
        self._name = name

    def ask(self, identity: Any, known: Any, path: str, question: Callable[[], Any], kind: Any) -> Any:
        me = self._store.tills[self._name]
        lease = me.claims.lease()
        for name, till in self._store.tills.items():
            if (
                lease
                and name not in (self._name, self._store.cut)
                and till.journal.meta("till") == lease.till
            ):
                return till.custody.grant(me.journal.meta("till"), question())
        raise Trouble("lead-unreachable")


def _nobody(wanted: Any) -> Any:
    """The way through the hub leads to a lead that does not listen: nobody waits for that here."""
    raise Trouble("hub-unreachable")


class StoreTills(Tills):
    """The machine; ``shop`` is set before it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = ""
        self.images: dict[str, tuple[Path, int]] = {}
        self.doubles: dict[str, Till] = {}
        self.copied: set[str] = set()
        self.granted: list[str] = []
        """Hand-overs of the order that left with a grant."""
        self.copies = 0
        self.spare: list[Till] = []
        """Copies that are done with."""

    # -- custody ----------------------------------------------------------------------------------
    @rule(at=st.sampled_from(TILLS))
    def lease(self, at: str) -> None:
        """Ask the hub who leads."""
        self._try(self.tills[at].custody._renew)

    @rule(at=st.sampled_from(TILLS), cut=st.sampled_from(("", *TILLS)))
    def hand_over(self, at: str, cut: str) -> None:
        """A customer shows the order: claim it, and hand it over where nothing is known against it."""
        till, self.cut = self.tills[at], cut
        number, lines = self.shop.orders[-1 - self.example % (len(self.shop.orders) // 2)]
        if till.custody._done(number):
            return
        if not till.claims.leads(till.now()):
            till.custody._lead = Neighbour(self, at)  # type: ignore[assignment]
            till.custody._ask_hub = _nobody  # type: ignore[method-assign]
            self._try(lambda: till.custody._claim(number, []))

        def decide() -> tuple[Fact, tuple[str, ...]]:
            leads = till.claims.leads(till.now())
            token = till.claims.take(number, known=()) if leads else till.claims.granted(number)
            if isinstance(token, Held) or not token:
                raise LookupError
            said = {"lines": lines, "custody": {"token": token}}
            return Fact(new_fact_id(), HANDED_OVER, f"order:{number}", said, "Ana", till.now()), ()

        try:
            entry = till.journal.append(decide)
        except LookupError:
            return
        till.many += 1
        self.granted.append(entry.fact.id)
        assert len(self.granted) == 1 or self.copies, "handed over twice, each with a grant"

    # -- the shop ---------------------------------------------------------------------------------
    @rule(ends=st.sampled_from(STEPS), seconds=st.sampled_from((10, HOLD_S)))
    def write_to_shop(self, ends: str, seconds: int) -> None:
        """The hub's writer, which ends before some step, or does not."""
        self.shop.served.clock.move(seconds)

        def step(name: str) -> None:
            if name == ends:
                raise Unavailable("planted")

        self.shop.served.writer(step).run_due()

    # -- clocks and copies ------------------------------------------------------------------------
    @rule(at=st.sampled_from(TILLS), ahead=st.sampled_from((-YEARS, timedelta(), YEARS)))
    def set_clock(self, at: str, ahead: timedelta) -> None:
        """A till's clock is set by ten years."""
        self.tills[at].ahead = ahead

    @rule(at=st.sampled_from(TILLS))
    def image(self, at: str) -> None:
        """The machine's disk is copied."""
        till = self.tills[at]
        till.stop()
        self.images[at] = copy(till.folder, self._place()), till.many
        till.start()

    @precondition(lambda self: self.images)
    @rule(at=st.sampled_from(TILLS))
    def put_back(self, at: str) -> None:
        """The copy takes the disk's place: what no other disk knows of is gone."""
        if at in self.images and at not in self.copied:
            image, many = self.images[at]
            till = self.tills[at]
            till.stop()
            shutil.rmtree(till.folder)
            copy(image, till.folder)
            till.many = many
            till.start()
            self.copied.add(at)
            self.copies += 1

    @precondition(lambda self: self.images)
    @rule(at=st.sampled_from(TILLS))
    def clone(self, at: str) -> None:
        """The copy begins to run beside the till; from then on it is played with, until they change again."""
        if at in self.images and at not in self.copied:
            image, many = self.images[at]
            double = Till(copy(image, self._place()), self.tills[at].url, self.tills[at].key, many=many)
            double.start()
            self.doubles[at], self.tills[at] = self.tills[at], double
            self.copied.add(at)
            self.copies += 1

    @precondition(lambda self: self.doubles)
    @rule(at=st.sampled_from(TILLS))
    def change(self, at: str) -> None:
        """The other one of two copies is played with."""
        if at in self.doubles:
            self.doubles[at], self.tills[at] = self.tills[at], self.doubles[at]

    def _place(self) -> Path:
        folder = next(iter(self.tills.values())).folder.parent
        return folder / f"copy-{len(list(folder.iterdir()))}"

    # -- in the end -------------------------------------------------------------------------------
    def heal(self) -> None:
        """Copies are noticed and put right; then as without them; then the shop has what the hub has."""
        self.shop.next.clear()
        self.shop.poison.clear()
        for at in sorted(self.copied):
            self._put_right(at)
        super().heal()
        self.shop.served.clock.move(1_000)
        while self.shop.served.writer().run_due():
            self.shop.served.clock.move(1_000)
        self._once_in_the_shop()

    def teardown(self) -> None:
        """As without copies, and no copy is left running."""
        try:
            super().teardown()
        finally:
            for one in (*self.spare, *self.doubles.values()):
                one.stop()

    def _put_right(self, at: str) -> None:
        """Both are in contact, each is told; then each is enrolled again and sends what it keeps."""
        double = self.doubles.pop(at, None)
        both = [one for one in (double, self.tills[at]) if one is not None]
        self.spare += both[:-1]
        for one in both:
            wanted = self._is_another(one)
            said = self._word(one)
            assert (said == "till-forked") == wanted, (said, wanted)
        for one in both:
            name = one.journal.meta("till")
            one.stop()
            code = tills.offer(self.shop.served.database, STORE, self.shop.served.clock(), name)
            enrol(one.url, code, one.folder, StoredKeys(), again=True)
            one.start()
            self._until_done(one)
            if one is not self.tills[at]:
                self._all_there(one)

    def _is_another(self, till: Till) -> bool:
        """Whether the hub knows another past of it than its own."""
        columns = (till_table.c.last_seq, till_table.c.last_hash)
        query = select(*columns).where(till_table.c.id == till.journal.meta("till"))
        with self.shop.served.database.read() as connection:
            seq, digest = connection.execute(query).one()
        return bool(till.push._hash(seq) != digest)

    def _word(self, till: Till) -> str:
        """What its engine goes on saying once it has sent what it can."""
        said = ""
        for _ in range(STUBBORN):
            try:
                till.push._asked_at = float("-inf")
                while till.push.step():
                    pass
            except (Trouble, NotEnrolled) as trouble:
                said = trouble.reason
                continue
            return ""
        return said

    def _all_there(self, till: Till) -> None:
        ids = {entry.fact.id for entry in till.journal.every()}
        with self.shop.served.database.read() as connection:
            there = set(connection.execute(select(fact_table.c.id)).scalars())
        assert ids <= there, f"{len(ids - there)} facts of a copy are lost"

    def _once_in_the_shop(self) -> None:
        """Each hand-over that was taken once, and nothing else of these tills; what was undone in time, not at all."""
        with self.shop.served.database.read() as connection:
            told = Counter(connection.execute(select(shop_tables.fulfilment.c.ref)).scalars())
            states = {row.id: row.state for row in connection.execute(select(intent.c.id, intent.c.state))}
        for till in self.tills.values():
            for entry in till.journal.every():
                if entry.fact.kind == HANDED_OVER:
                    taken = entry.answer is Answer.ACCEPTED and states[entry.fact.id] == "done"
                    assert told[entry.fact.id] == taken, entry
                    assert states.get(entry.fact.id) in ("done", "cancelled", "refused", None), entry
