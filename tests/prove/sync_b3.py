"""Facts pushed by real tills through a line that loses every third answer, and a poisoned one in front."""

import json
import logging
import subprocess
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import GENESIS, Answer, chain_hash
from posapp.domain.orders import HANDED_OVER
from posapp.storage.journal import Journal, verify
from sync import wire
from sync.engine import push
from sync.hub import decide, operator
from sync.hub.database import Database
from sync.hub.shops import tables as shop
from sync.hub.tables import fact as fact_table
from sync.hub.tables import intent, record
from tests.faults import hubs, pusher
from tests.faults.proxy import UNHEARD, Asked, Choice, Choose, Fault, Proxy, mixed, on
from tests.kit.shop import environment
from tests.sync.machine import Tills
from tests.sync.machine_parts import open_shop
from tests.waiting import until

CLAIM = (
    "1,000,000 pushes through the fault proxy with 30 % of the answers lost: each applied exactly once. "
    "A poisoned fact at the head of 1,000: the other 999 arrive."
)
FACTS = "POST /v1/facts"
MIX: dict[Choice, float] = {
    **{Fault.LOST: 0.15, Fault.CUT: 0.09, Fault.LATE: 0.03, Fault.GARBAGE: 0.025, Fault.NOISE: 0.02},
    **{Fault.HELD: 0.003, Fault.TWICE: 0.06, Fault.DROPPED: 0.03, Fault.STALLED: 0.01},
    **{Fault.DELAYED: 0.05, Fault.DRIPPED: 0.01, 500: 0.003, 503: 0.01},
}
LEAST_LOST = 0.3
SEED = 1
STORES = ("B01", "B02", "B03")
ORDERS_SHARE = 0.02
BEHIND_POISON = 999
PLAYED = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SETTLE_S = 1800


@dataclass
class Found:
    """What was pushed, and everything that is not as it should be."""

    facts: int = 0
    handed_over: int = 0
    wrong: list[str] = field(default_factory=list)

    def expect(self, good: bool, else_: str) -> None:
        if not good:
            self.wrong.append(else_)


@dataclass(frozen=True)
class Till:
    """A till's folder and plan; its process once it runs."""

    folder: Path
    plan: pusher.Plan

    @property
    def name(self) -> str:
        return self.plan.name

    def journal(self) -> Journal:
        return Journal(self.folder / paths.LEDGER, StoredKeys().load(self.folder))


# -- tills at work --------------------------------------------------------------------------------
def work(url: str, proxy: Proxy, tills: list[Till], seconds: float) -> list[str]:
    """Run these tills until each has all its answers; what they complained of."""
    running: list[tuple[Till, subprocess.Popen[str]]] = []
    wrong: list[str] = []
    try:
        for till in tills:
            till.folder.mkdir()
            code = operator.enrol_code(url, till.plan.store)
            command = pusher.command(till.folder, proxy.door(till.name), code, till.plan)
            with till.folder.with_suffix(".err").open("w") as complaints:
                process = subprocess.Popen(
                    command, env=environment(), stdout=subprocess.PIPE, stderr=complaints, text=True
                )
            running.append((till, process))
        until_ = time.monotonic() + seconds
        for till, process in running:
            said, _ = process.communicate(timeout=max(1, until_ - time.monotonic()))
            if process.returncode:
                complaint = till.folder.with_suffix(".err").read_text()[-500:]
                wrong.append(f"{till.name} ended with {process.returncode}: {complaint}")
            else:
                print(f"{till.name}: {said.strip()}", flush=True)
    finally:
        for _, process in running:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    return wrong


# -- what came of it ------------------------------------------------------------------------------
def stored(database: Database, till: str) -> Iterator[tuple[str, str, str, wire.FactMessage]]:
    """A till's facts in the hub's ledger: id, answer, reason, and the fact as it was sent."""
    columns = [fact_table.c[name] for name in wire.FactMessage.model_fields if name in fact_table.c]
    query = (
        select(*columns, fact_table.c.answer, fact_table.c.reason)
        .where(fact_table.c.till == till)
        .order_by(fact_table.c.epoch, fact_table.c.seq)
    )
    with database.read() as connection:
        for row in connection.execution_options(yield_per=2000).execute(query):
            told = row._asdict()
            answer, reason = told.pop("answer"), told.pop("reason")
            yield row.id, answer, reason, wire.FactMessage(**told)


def check_till(database: Database, till: Till, found: Found) -> list[tuple[str, str]]:
    """Compare a journal with the hub's ledger, fact by fact; (id, kind) of what was accepted."""
    journal = till.journal()
    accepted: list[tuple[str, str]] = []
    try:
        good, fault = verify(journal)
        found.expect((good, fault) == (till.plan.facts, ""), f"{till.name}: journal {good} {fault}")
        hub = stored(database, journal.meta("till"))
        prev, cases = GENESIS, {case.seq for case, _ in journal.cases()}
        for entry in journal.every():
            ident, answer, reason, message = next(hub, ("", "", "", None))
            if message is None or (ident, message.hash) != (entry.fact.id, entry.hash.hex()):
                found.wrong.append(f"{till.name}: the hub has not fact {entry.seq}")
                break
            if reason != decide.WITHHELD:
                digest = chain_hash(prev, entry.seq, decide.envelope(message, {}), message.payload.encode())
                found.expect(digest == entry.hash, f"{till.name}: the hub's chain breaks at {entry.seq}")
            prev = entry.hash
            found.expect(
                entry.answer.value == answer, f"{till.name}: {entry.seq} is {entry.answer}, {answer}"
            )
            if entry.answer is Answer.ACCEPTED:
                accepted.append((entry.fact.id, entry.fact.kind))
            else:
                found.expect(entry.seq in cases, f"{till.name}: {entry.seq} is {answer} and no case")
        else:
            found.expect(next(hub, None) is None, f"{till.name}: the hub has more")
    finally:
        journal.close()
    return accepted


def check_effects(database: Database, accepted: list[tuple[str, str]], found: Found) -> None:
    """Each accepted fact is in its record once, and each hand-over in the shop once."""
    refs: Counter[str] = Counter()
    with database.read() as connection:
        query = select(record.c.kind, record.c.body).where(record.c.body.is_not(None))
        for kind, body in connection.execution_options(yield_per=2000).execute(query):
            told = json.loads(body)
            refs.update(done["ref"] for done in told.get("hand_overs" if kind == "order" else "steps", ()))
        in_shop = Counter(connection.execute(select(shop.fulfilment.c.ref)).scalars())
    for ident, kind in accepted:
        if refs[ident] != 1 or in_shop[ident] != (kind == HANDED_OVER):
            found.wrong.append(
                f"{kind} {ident}: {refs[ident]} times in records, {in_shop[ident]} in the shop"
            )
    found.facts = len(accepted)
    found.handed_over = sum(kind == HANDED_OVER for _, kind in accepted)


def written_to_shop(database: Database) -> bool:
    """Whether the shop has heard of everything."""
    with database.read() as connection:
        return not connection.execute(
            select(intent.c.n).where(intent.c.state.in_(("held", "writing"))).limit(1)
        ).first()


def lost(proxy: Proxy) -> float:
    """The share of pushes that reached the hub and whose answer did not reach the till."""
    made = {choice: many for (route, choice), many in proxy.counts.items() if route == FACTS}
    heard = sum(
        many for choice, many in made.items() if choice not in (Fault.DROPPED, Fault.STALLED, 500, 503)
    )
    return sum(many for choice, many in made.items() if choice in UNHEARD) / max(1, heard)


@dataclass(frozen=True)
class Scale:
    """How many facts by how many tills, how many in a push (0: as the product), and what happens to pushes."""

    facts: int
    tills: int
    batch: int = 0
    mix: dict[Choice, float] = field(default_factory=lambda: MIX)
    plant: str = ""


SHORT = Scale(6_000, 4, 25)
LONG = Scale(500_000, 8)
"""On each kind of database."""


def each_once(kind: str, folder: Path, scale: Scale) -> tuple[bool, str]:
    """The first half of the claim, on one kind of database."""
    found = Found()
    facts, tills = scale.facts, scale.tills
    with ExitStack() as stack:
        url = stack.enter_context(hubs.database(kind, folder))
        orders = int(facts * ORDERS_SHARE)
        address = stack.enter_context(hubs.serving(url, orders=orders + 400, plant=scale.plant))
        proxy = stack.enter_context(Proxy(address, on(FACTS, mixed(SEED, scale.mix)), seed=SEED))
        ready = hubs.ready_orders(url, "B01", orders)
        at_b01 = [number for number in range(tills) if number % 3 == 0]
        shares = [dict(list(ready.items())[n :: len(at_b01)]) for n in range(len(at_b01))]
        at_work = [
            Till(
                folder / f"{kind}-{number}",
                pusher.Plan(
                    store=STORES[number % 3],
                    facts=facts // tills,
                    name=f"till-{number}",
                    seed=SEED,
                    batch=scale.batch,
                    orders=shares[number // 3] if number % 3 == 0 else {},
                ),
            )
            for number in range(tills)
        ]
        begun = time.monotonic()
        found.wrong += work(url, proxy, at_work, SETTLE_S + facts / 100)
        seconds = time.monotonic() - begun
        database = Database(url)
        stack.callback(database.close)
        until(lambda: written_to_shop(database), SETTLE_S)
        accepted = [one for till in at_work for one in check_till(database, till, found)]
        check_effects(database, accepted, found)
        share = lost(proxy)
        found.expect(share >= LEAST_LOST, f"only {share:.0%} of the answers were lost")
        found.expect(found.facts == facts // tills * tills, f"only {found.facts} were accepted")
        pushes = sum(many for (route, _), many in proxy.counts.items() if route == FACTS)
    for line in found.wrong[:20]:
        print(f"WRONG {line}", flush=True)
    figure = (
        f"{kind}: {found.facts} facts of {tills} tills, each once ({found.handed_over} also in the shop), in "
        f"{pushes} requests with {share:.1%} of the answers lost, {len(found.wrong)} wrong, {facts / seconds:.0f}/s"
    )
    return not found.wrong, figure


# -- a poisoned fact ------------------------------------------------------------------------------
MARK = "POISON"
PLANT = f"""
from sync.hub import decide, ledger
fold, read = decide.fold, ledger.read
def spoilt_fold(before, fact, till):
    if "{MARK}-inside" in fact.subject:
        raise RuntimeError("planted")
    return fold(before, fact, till)
def spoilt_read(request):
    if any("{MARK}-before" in one.payload for one in request.facts):
        raise RuntimeError("planted")
    return read(request)
decide.fold, ledger.read = spoilt_fold, spoilt_read
"""


def poisons() -> dict[str, dict[str, object]]:
    """A first fact for each way to be poison."""

    def ticket(name: str, **more: str) -> dict[str, object]:
        intake = {
            "store": "B01",
            "job": "repair",
            "customer": "Ada",
            "object": "Watch",
            "bag": name,
            "wish": "",
        }
        return {"kind": "TicketOpened", "subject": f"ticket:{MARK}-{name}", "payload": intake | more}

    return {
        "rejected": {"kind": HANDED_OVER, "subject": "order:NOBODY", "payload": {"lines": {"1": 1}}},
        "parked": ticket("inside"),
        "hub-500": ticket("fails", wish=f"{MARK}-before"),
        "proxy-422": ticket("refused", wish=f"{MARK}-on-the-way"),
        "proxy-413": ticket("long", wish=f"{MARK}-too-long"),
        "no-place": ticket("huge", wish="x" * 70_000),
    }


def refusing(asked: Asked) -> Choice:
    """A proxy in front of the hub that does not like a fact."""
    for word, status in ((f"{MARK}-on-the-way", 422), (f"{MARK}-too-long", 413)):
        if word.encode() in asked.body:
            return status
    return Fault.PASS


def with_losses(first: Choose, then: Choose) -> Choose:
    """A schedule of which the first goes before."""

    def choose(asked: Asked) -> Choice:
        choice = first(asked)
        return then(asked) if choice is Fault.PASS else choice

    return choose


def poisoned(kind: str, folder: Path) -> tuple[bool, str]:
    """The second half of the claim: one till for each kind of poison."""
    found = Found()
    losing = mixed(SEED, {Fault.LOST: 0.1, Fault.CUT: 0.05})
    with ExitStack() as stack:
        url = stack.enter_context(hubs.database(kind, folder))
        address = stack.enter_context(hubs.serving(url, plant=PLANT))
        proxy = stack.enter_context(Proxy(address, on(FACTS, with_losses(refusing, losing)), seed=SEED))
        tills = {
            name: Till(
                folder / f"{kind}-{name}",
                pusher.Plan("B01", 1 + BEHIND_POISON, name, seed=SEED, batch=push.BATCH, first=first),
            )
            for name, first in poisons().items()
        }
        found.wrong += work(url, proxy, list(tills.values()), SETTLE_S)
        database = Database(url)
        stack.callback(database.close)
        arrived: list[str] = []
        for name, till in tills.items():
            accepted = check_till(database, till, found)
            journal = till.journal()
            cases = [(case.seq, case.answer.value, case.reason) for case, _ in journal.cases()]
            journal.close()
            good = len(accepted) == BEHIND_POISON and [seq for seq, _, _ in cases] == [1]
            found.expect(good, f"{name}: {len(accepted)} of {BEHIND_POISON} arrived, cases {cases}")
            arrived.append(f"{name} {len(accepted)} ({' '.join(cases[0][1:]) if cases else 'no case'})")
    for line in found.wrong[:20]:
        print(f"WRONG {line}", flush=True)
    return not found.wrong, f"{kind}, a poisoned fact at the head of 1,000: {', '.join(arrived)} arrived"


def played(folder: Path) -> tuple[bool, str]:
    """The same by Hypothesis, which looks for the order of things that nobody thought of."""
    logging.disable(logging.ERROR)
    try:
        with open_shop(f"sqlite:///{folder / 'machine.db'}") as shop_:
            Tills.shop = shop_
            run_state_machine_as_test(Tills, settings=PLAYED)
            return True, f"{shop_.examples} examples of {PLAYED.stateful_step_count} steps: nothing found"
    except AssertionError:
        traceback.print_exc()
        return False, "the state machine has found an order of things in which it does not hold"
    finally:
        logging.disable(logging.NOTSET)


def run(long: bool) -> tuple[bool, str]:
    """Bounded: SQLite and fewer facts, 25 a push. Long: half on each kind of database, as the product pushes."""
    results: list[tuple[bool, str]] = []
    with tempfile.TemporaryDirectory(prefix="posapp-sync-b3-") as name:
        folder = Path(name)
        if long:
            results += [each_once(kind, folder, LONG) for kind in hubs.KINDS]
        else:
            results.append(each_once("sqlite", folder, SHORT))
        results += [poisoned(kind, folder) for kind in (hubs.KINDS if long else ("sqlite",))]
        if long:
            results.append(played(folder))
    return all(holds for holds, _ in results), "; ".join(figure for _, figure in results)
