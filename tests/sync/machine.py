"""Two tills of a store and a hub, with everything that may happen to them, for Hypothesis to play with.

The engine's own push and pull, real files, real HTTP through the fault proxy. After every step each
fact of a till is waiting, accepted or a case; once the line is healed nothing waits, every answer is
the hub's, each effect is there once, and each mirror says what the hub says.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp.domain.facts import CASE_SETTLED, Answer
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER
from posapp.domain.tickets import TICKET_HANDED_BACK, TICKET_MOVED, TICKET_OPENED
from posapp.storage.journal import verify
from sync.engine.client import Trouble
from sync.engine.enrol import enrol
from sync.hub import tills
from sync.hub.tables import fact as fact_table
from sync.hub.tables import record
from tests.faults.proxy import Choice, Fault
from tests.sync.machine_parts import STORE, Crash, Shop, Till

TILLS = ("left", "right")
HEAL_STEPS = 60
SUBJECTS = ("ticket:T1", "ticket:T2", "order", "order:NOBODY")
HAPPENINGS: tuple[Choice, ...] = (
    *(Fault.PASS, Fault.TWICE, Fault.DROPPED, Fault.STALLED, Fault.LOST, Fault.CUT, Fault.LATE),
    *(Fault.GARBAGE, Fault.NOISE, 500, 503, 422),
)
STUBBORN = 16
"""So many tries bring a batch down to one fact, and then to its being withheld."""
CRASHES = ("before settling", "after settling", "before the mirror", "after the mirror")


class Tills(RuleBasedStateMachine):
    """The machine; ``shop`` is set before it runs."""

    shop: ClassVar[Shop]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.tills: dict[str, Till] = {}
        self.written: list[str] = []

    @initialize()
    def begin(self) -> None:
        """Two tills of one store, on a new set of tickets."""
        shop = self.shop
        shop.examples += 1
        self.example = shop.examples
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="posapp-machine-")))
        for name in TILLS:
            code = tills.offer(shop.served.database, STORE, shop.served.clock())
            here = folder / name
            here.mkdir()
            url = shop.proxy.door(self._door(name))
            enrol(url, code, here, StoredKeys())
            self.tills[name] = Till(here, url, StoredKeys().load(here))
            self.tills[name].start()

    def teardown(self) -> None:
        """Heal everything, and look at the whole."""
        try:
            if self.tills:
                self.heal()
        finally:
            for till in self.tills.values():
                till.stop()
            self.stack.close()

    # -- what people do ---------------------------------------------------------------------------
    @rule(at=st.sampled_from(TILLS), about=st.sampled_from(SUBJECTS), step=st.integers(0, 9))
    def work(self, at: str, about: str, step: int) -> None:
        """A fact, whether it fits or not: the hub has to judge."""
        kind, _, ident = about.partition(":")
        if kind == "order":
            number, lines = self.shop.orders[self.example % len(self.shop.orders)]
            ident = ident or number
            told: tuple[str, dict[str, Any]] = (HANDED_OVER, {"lines": lines})
            if step < 4 and self.written:
                told = (HAND_OVER_UNDONE, {"hand_over": self.written[-1]})
        else:
            ident = f"{ident}-{self.example}"
            intake = {"store": STORE, "job": "repair", "customer": "Ada", "object": "Watch", "bag": ident}
            told = (
                (TICKET_OPENED, intake),
                (TICKET_OPENED, intake),
                (TICKET_MOVED, {"to": "in_work"}),
                (TICKET_MOVED, {"to": "ready"}),
                (TICKET_HANDED_BACK, {}),
            )[step % 5]
        self.written.append(self.tills[at].write(told[0], f"{kind}:{ident}", told[1]))

    @rule(at=st.sampled_from(TILLS))
    def write_what_no_wire_carries(self, at: str) -> None:
        """Its content stays at the till, and it is a case."""
        self.tills[at].write(TICKET_MOVED, f"ticket:T9-{self.example}", {"to": "x" * 70_000})

    @rule(at=st.sampled_from(TILLS))
    def settle(self, at: str) -> None:
        """The oldest case is closed by a person."""
        cases = self.tills[at].journal.cases()
        if cases:
            self.tills[at].settle(cases[0][0])

    # -- what the engine does, and what happens to it ---------------------------------------------
    @rule(at=st.sampled_from(TILLS), happens=st.lists(st.sampled_from(HAPPENINGS), max_size=4))
    def push(self, at: str, happens: list[Choice]) -> None:
        """Some tries to send."""
        self.shop.next[f"{self._door(at)} POST /v1/facts"] = list(happens)
        for _ in range(len(happens) + 1):
            self._try(self.tills[at].push.step)

    @rule(at=st.sampled_from(TILLS), step=st.integers(0, 9))
    def poison(self, at: str, step: int) -> None:
        """Something refuses a fact each time, until somebody mends it."""
        self.work(at, "ticket:T1", step)
        self.shop.poison.add(self.written[-1].encode())
        for _ in range(STUBBORN):
            self._try(self.tills[at].push.step)

    @rule()
    def mend(self) -> None:
        """Nothing is refused any more: what was withheld may come after the next start."""
        self.shop.poison.clear()

    @rule(at=st.sampled_from(TILLS), happens=st.lists(st.sampled_from(HAPPENINGS), max_size=2))
    def pull(self, at: str, happens: list[Choice]) -> None:
        """Some tries to read."""
        self.shop.next[f"{self._door(at)} GET /v1/feed"] = list(happens)
        for _ in range(len(happens) + 1):
            self._try(self.tills[at].pull_once)

    @rule(at=st.sampled_from(TILLS), where=st.sampled_from(CRASHES))
    def crash(self, at: str, where: str) -> None:
        """The engine ends in the middle of its work, and is started again."""
        till = self.tills[at]
        if "mirror" in where:
            apply = till.pull._mirror.apply
            till.pull._mirror.apply = _ends(apply, where)  # type: ignore[method-assign]
            step: Callable[[], object] = till.pull_once
        else:
            till.journal.settle = _ends(till.journal.settle, where)  # type: ignore[method-assign]
            step = till.push.step
        with suppress(Crash):
            self._try(step)
        till.stop()
        till.start()

    @rule(at=st.sampled_from(TILLS))
    def start_again(self, at: str) -> None:
        """A new start forgets what was only in memory."""
        self.tills[at].stop()
        self.tills[at].start()

    # -- what must hold ---------------------------------------------------------------------------
    @invariant()
    def nothing_disappears(self) -> None:
        """facts = waiting + accepted + cases, open or closed by a person or by the hub's second thought."""
        for till in self.tills.values():
            entries = list(till.journal.every())
            assert len(entries) == till.many
            settled = {e.fact.payload["fact"] for e in entries if e.fact.kind == CASE_SETTLED}
            cases = {case.seq for case, _ in till.journal.cases()}
            for entry in entries:
                untaken = entry.answer in (Answer.REJECTED, Answer.PARKED)
                assert (entry.seq in cases) == (untaken and entry.fact.id not in settled), entry
            assert till.journal.waiting()[0] == sum(e.answer is Answer.WAITING for e in entries)

    def heal(self) -> None:
        """No more faults: everything comes to its end, and all sides say the same."""
        self.shop.next.clear()
        self.shop.poison.clear()
        for _ in range(3):
            # What one till settles may free the other's facts: their news need another round.
            for till in self.tills.values():
                self._until_done(till)
        self.nothing_disappears()
        for till in self.tills.values():
            self._same_at_the_hub(till)
            self._mirror_says_what_the_hub_says(till)
        self._once_in_effect()

    def _until_done(self, till: Till) -> None:
        for _ in range(HEAL_STEPS):
            try:
                till.push._asked_at = float("-inf")
                while till.push.step():
                    pass
                while till.pull_once():
                    pass
            except Trouble:
                continue
            if not till.journal.waiting()[0]:
                return
        raise AssertionError(f"still waiting: {till.journal.waiting()}")

    def _same_at_the_hub(self, till: Till) -> None:
        columns = (fact_table.c.seq, fact_table.c.id, fact_table.c.hash, fact_table.c.answer)
        query = select(*columns).where(
            fact_table.c.till == till.journal.meta("till"),
            fact_table.c.epoch == int(till.journal.meta("epoch")),
        )
        with self.shop.served.database.read() as connection:
            theirs = [tuple(row) for row in connection.execute(query.order_by(fact_table.c.seq))]
        mine = [(e.seq, e.fact.id, e.hash.hex(), e.answer.value) for e in till.journal.every()]
        assert mine == theirs
        assert verify(till.journal) == (till.many, "")

    def _mirror_says_what_the_hub_says(self, till: Till) -> None:
        query = select(record.c.kind, record.c.id, record.c.body).where(record.c.store == STORE)
        with self.shop.served.database.read() as connection:
            rows = connection.execute(query).all()
        mirror = till.mirror()
        try:
            for kind, ident, body in rows:
                found = mirror.get(kind, ident)
                assert (found.body if found else None) == (json.loads(body) if body else None), (kind, ident)
        finally:
            mirror.close()

    def _once_in_effect(self) -> None:
        """Every accepted step or hand-over of these tills is in its record once, and no other one is."""
        query = select(record.c.body).where(record.c.store == STORE, record.c.body.is_not(None))
        with self.shop.served.database.read() as connection:
            bodies = [json.loads(body) for body in connection.execute(query).scalars()]
        refs = Counter(
            done["ref"] for body in bodies for done in (*body.get("hand_overs", ()), *body.get("steps", ()))
        )
        for till in self.tills.values():
            for entry in till.journal.every():
                if entry.fact.kind in (HANDED_OVER, TICKET_OPENED, TICKET_HANDED_BACK):
                    assert refs[entry.fact.id] == (entry.answer is Answer.ACCEPTED), entry

    def _door(self, name: str) -> str:
        return f"{self.example} {name}"

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Trouble:
            return


def _ends(job: Callable[..., Any], where: str) -> Callable[..., Any]:
    """The job, and the end of the process before or after it."""

    def run(*given: Any, **named: Any) -> Any:
        if where.startswith("after"):
            job(*given, **named)
        raise Crash

    return run
