"""Two ticks survive the loss of the till: seeded runs with real files, TLS between the tills, and a hub.

In each a store's tills are cut off from the hub; one hands orders over, some get their second tick, and its
folder is deleted. Then the line of the other comes back. Whatever had two ticks must be at the hub, and in
the shop exactly once. Along the way, by the dice: the lead dies or the other one; the line comes back for a
moment, so that some facts were pushed before; answers between the tills are lost; the one that lives on is
started anew; the dead one is enrolled again, under a new epoch, before its copies arrive; they arrive twice.

    python -m tests.sync.two_ticks --runs 1000
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Entry, Fact
from posapp.domain.ids import new_fact_id
from posapp.storage.migrations import upgrade
from posapp.storage.neighbour_copies import Kept, copied
from sync import wire
from sync.engine import copies, door
from sync.engine.client import Hub
from sync.engine.enrol import enrol
from sync.engine.push import Push
from sync.hub import custody, operator, tills
from sync.hub.database import Database
from sync.hub.tables import fact as fact_table
from tests.sync.engine.neighbourhood import Store, Till, till_in
from tests.sync.hub.kit import UNLIMITED, Json, Served, ready, served

STORE = "B01"
MOST = 4
"""So many hand-overs in one run, at most."""


@dataclass
class Tally:
    """What came of the runs; ``wrong`` must stay empty."""

    runs: int = 0
    facts: int = 0
    two_ticks: int = 0
    one_tick: int = 0
    rescued: int = 0
    in_shop: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class World:
    """A hub with many orders, and an enrolled nobody's folder to begin each till from."""

    folder: Path
    hub: Served
    blank: Path
    orders: list[Json]
    tally: Tally = field(default_factory=Tally)


@contextmanager
def world(folder: Path, runs: int) -> Iterator[World]:
    """A hub that writes to the shop without a delay."""
    url = f"sqlite:///{folder / 'hub.db'}"
    # A third of them lies ready, in one of several stores.
    operator.prepare(url, orders=24 * MOST * runs + 200, undo_seconds=0)
    blank = folder / "blank"
    blank.mkdir()
    upgrade(blank / paths.LEDGER, StoredKeys().create(blank))
    database = Database(url)
    with served(database, rates=UNLIMITED) as hub:
        guest = hub.desk(STORE)
        orders = ready(guest, MOST * runs)
        if len(orders) < MOST * runs:
            raise RuntimeError(f"{len(orders)} orders for {runs} runs")
        tills.revoke(database, guest.till, hub.clock())
        yield World(folder, hub, blank, orders)
    database.close()


def run(on: World, seed: int) -> None:
    """One loss of a till."""
    dice = random.Random(seed)
    folder = on.folder / f"run-{seed}"
    shutil.copytree(on.blank, folder / "till-1")
    shutil.copytree(on.blank, folder / "till-2")
    names = [_enrolled(on, folder / f"till-{n}") for n in (1, 2)]
    custody.move(on.hub.database, names[0], on.hub.clock())
    dies, lives = dice.sample((0, 1), 2)
    with ExitStack() as stack:
        lead, other = (
            stack.enter_context(till_in(folder / f"till-{n + 1}", names[n], (f"127.0.0.{n + 1}", 0)))
            for n in (0, 1)
        )
        _introduce(on, lead, other)
        lost = (lead, other)[dies]
        done = [_hand_over(lost, on.orders.pop()) for _ in range(dice.randint(0, MOST - 1))]
        _exchange(other, lead, dice)
        if done and dice.random() < 0.3:
            _push(lost, dice.randint(1, len(done)))
        done.append(_hand_over(lost, on.orders.pop()))
        if dice.random() < 0.8:
            _exchange(other, lead, dice)
        now = [entry for entry in (lost.journal.fact(one.fact.id) for one in done) if entry is not None]
        ticked = [entry for entry in now if copied(lost.journal, entry)]
        pushed = [entry for entry in now if entry.answer.value == "accepted"]
    shutil.rmtree(lost.folder)
    anew = dice.random() < 0.3
    if anew:
        code = operator.enrol_code(str(on.hub.database.url), STORE, again=names[dies])
        on.hub.session.post(f"{on.hub.url}/v1/enrolments", json={"code": code})
    with till_in(folder / f"till-{lives + 1}", names[lives], None) as survivor:
        kept = survivor.copies._kept.page(None, 100)
        _bring(survivor)
        if dice.random() < 0.3:
            _again(survivor, kept)
    on.hub.writer().run_due()
    _judge(on, seed, [*ticked, *pushed], done)
    on.tally.facts += len(done)
    on.tally.two_ticks += len(ticked)
    on.tally.one_tick += len(done) - len(ticked) - len(pushed)
    on.tally.runs += 1
    for name in names:
        tills.revoke(on.hub.database, name, on.hub.clock())
    shutil.rmtree(folder)


def _enrolled(on: World, folder: Path) -> str:
    code = tills.offer(on.hub.database, STORE, on.hub.clock())
    return enrol(on.hub.url, code, folder, StoredKeys()).till


def _introduce(on: World, lead: Till, other: Till) -> None:
    """As the hub told both before the line was cut."""
    with closing(Hub(on.hub.url, other.journal.meta("token"))) as hub:
        seal_to = hub.lease().seal_to
    known = Store(on.folder, [lead, other], seal_to=seal_to)
    known.introduce()
    known.doors = [lead.door]
    known.introduce()


def _hand_over(till: Till, order: Json) -> Entry:
    lines = {line["id"]: line["quantity"] for line in order["lines"]}
    fact = Fact(
        new_fact_id(), "HandedOver", f"order:{order['number']}", {"lines": lines}, "Ana", datetime.now(UTC)
    )
    return till.journal.append(lambda: (fact, ()))


def _exchange(other: Till, lead: Till, dice: random.Random) -> None:
    """As the thread does it; sometimes an answer is lost on the way."""
    routes = lead.custody._door._answers
    kind, answer = routes[door.COPIES]

    def unsure(asker: str, said: Any, since_ms: int) -> wire.Message:
        told = answer(asker, said, since_ms)
        if dice.random() < 0.1:
            raise ValueError("lost on the way")
        return told

    lead.custody._door._answers = {**routes, door.COPIES: (kind, unsure)}
    for _ in range(dice.choice((1, 2, 6, 6))):
        other.copies.ask()
    lead.custody._door._answers = routes


def _push(till: Till, count: int) -> None:
    """The line is back for the time of one push."""
    with closing(Hub(till.journal.meta("hub"), till.journal.meta("token"))) as hub:
        push = Push(hub, till.journal, till.line, till.told.append)
        push._at, push._size, push._asked_at = 0, count, time.monotonic()
        push.step()


def _bring(till: Till) -> None:
    for _ in range(20):
        if till.copies.bring() == copies.ROUND_S and not till.copies._holds:
            return


def _again(till: Till, kept: list[Kept]) -> None:
    """The hub's answer was lost: everything is brought once more."""
    for one in kept:
        till.copies._kept.keep(one.till, [one])
    _bring(till)


def _judge(on: World, seed: int, safe: list[Entry], done: list[Entry]) -> None:
    with on.hub.database.read() as connection:
        query = select(fact_table.c.id, fact_table.c.epoch, fact_table.c.answer, fact_table.c.hash)
        rows = {
            row.id: row
            for row in connection.execute(query.where(fact_table.c.id.in_([e.fact.id for e in done])))
        }
    for entry in safe:
        row = rows.get(entry.fact.id)
        if row is None or (row.answer, row.hash) != ("accepted", entry.hash.hex()):
            on.tally.wrong.append(f"run {seed}: fact {entry.seq} is not at the hub: {row}")
    for entry in done:
        (order,) = on.hub.shop.find(entry.fact.subject_id)
        refs = [one.ref for one in order.hand_overs]
        if refs != ([entry.fact.id] if entry.fact.id in rows else []):
            on.tally.wrong.append(f"run {seed}: fact {entry.seq} is in the shop {len(refs)} times")
        on.tally.in_shop += len(refs)
    on.tally.rescued += sum(row.epoch < 0 for row in rows.values())


def main(runs: int, first: int = 0) -> Tally:
    """So many runs; what came of them."""
    with tempfile.TemporaryDirectory() as folder, world(Path(folder), runs) as on:
        for seed in range(first, first + runs):
            run(on, seed)
    return on.tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    found = main(given.runs, given.seed)
    sys.stdout.write(
        f"{found.runs} tills lost in {time.monotonic() - began:.0f} s: {found.facts} hand-overs, "
        f"{found.two_ticks} with two ticks ({found.rescued} rescued under a new epoch), {found.one_tick} with one; "
        f"{found.in_shop} in the shop, each once; {len(found.wrong)} wrong\n"
    )
    sys.stdout.write("".join(f"{line}\n" for line in found.wrong))
    sys.exit(bool(found.wrong) or found.two_ticks == 0)
