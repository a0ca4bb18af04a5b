"""The measures, one after the other, on one site; figures in seconds, bytes and facts a second."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.load.site import TILLS_PER_STORE, Site, Size, site, stolen_s
from bench.load.work import FACTS_PER_ORDER
from bench.till import Child, environment

PATIENCE_S = 3_600
ROUNDS = 3
WORKERS = 8
BARE_STORES = 4
"""Of each worker, so that none comes to its end before the others."""
FULL_SPEED = 2_000
"""Facts a second that no round takes: so many are made ready. Where one does, it says so and fails."""
ARRIVE_PER_S = 400
"""So many tills come in a second at first."""
SNAPSHOT_TILLS = 3

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. ``backlog`` facts wait at a till of each store when the hub comes back."""

    tills: int
    seconds: float
    rate: float = 500.0
    backlog: int = 20
    hubs: int = 1
    outage_s: float = 5.0
    extra: int = 10_000
    round_s: float = 3.0

    @property
    def size(self) -> Size:
        """Orders enough for all of it: five facts each."""
        stores = -(-self.tills // TILLS_PER_STORE)
        facts = self.rate * self.seconds + self._at_full_speed
        orders = int(facts / stores / FACTS_PER_ORDER) + self.backlog // FACTS_PER_ORDER + 3
        return Size(self.tills, orders, self.extra)

    @property
    def bare(self) -> Size:
        """As many stores for each of the workers, with orders enough for the rounds at full speed."""
        stores = BARE_STORES * WORKERS
        return Size(stores * TILLS_PER_STORE, int(self._at_full_speed / stores / FACTS_PER_ORDER) + 3)

    @property
    def _at_full_speed(self) -> float:
        return ROUNDS * self.round_s * FULL_SPEED


@dataclass(slots=True)
class Report:
    """What came out. Costs are milliseconds of CPU a fact; ``refused`` are answers that were no good."""

    plan: Plan
    bare: list[Told] = field(default_factory=list)
    pushed: list[Told] = field(default_factory=list)
    held: int = 0
    per_till: float = 0.0
    sustained: Told = field(default_factory=dict)
    stolen: float = 0.0
    """The share of the processors that the machine's host kept for others meanwhile."""
    back: Told = field(default_factory=dict)
    snapshot: Told = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def cost_ratio(self) -> float:
        """CPU of a push through the hub, everybody's, against that of the bare statements; medians."""
        return _median(self.pushed, "cost") / _median(self.bare, "cost")

    @property
    def rate_ratio(self) -> float:
        """How many times more facts a second the bare statements take, with as many at once."""
        return _median(self.bare, "rate") / _median(self.pushed, "rate")

    def figure(self) -> str:
        """Everything in one line."""
        woken, back, one = self.sustained["woken"], self.back, self.snapshot
        return (
            f"{self.held:,} tills held, {self.per_till / 1024:.1f} KiB of the hub each; "
            f"{self.sustained['rate']:.0f} facts/s for {self.plan.seconds:.0f} s beside them "
            f"(asked {self.plan.rate:.0f}), answered p99 {self.sustained['pushed']['p99']:.2f} s, neighbours woken "
            f"p50 {woken['p50']:.2f} p99 {woken['p99']:.2f} s of {woken['n']:,}, missed {self.sustained['missed']}, "
            f"while the host kept {self.stolen:.0%} of the processors; "
            f"reconnect of all with {back['waiting']:,} facts waiting drained in {back['seconds']:.0f} s, "
            f"missed {back['missed']}; snapshot {one['read'] / one['seconds']:,.0f} records/s; push costs "
            f"{_median(self.pushed, 'cost'):.2f} ms of CPU, {self.cost_ratio:.1f} x the bare statements' "
            f"{_median(self.bare, 'cost'):.2f} ({_median(self.pushed, 'rate'):.0f}/s against "
            f"{_median(self.bare, 'rate'):.0f}/s, {self.rate_ratio:.1f} x)"
        )


class Party:
    """A process that takes orders, and what everybody worked meanwhile."""

    def __init__(self, child: Child, place: Site) -> None:
        self._child = child
        self._site = place
        self._worked = float(json.loads(child.hear())["cpu"])

    def do(self, what: str, **more: float) -> Told:
        """Have it done; the figures, with the CPU seconds of all three parties."""
        before = self._site.cpu_s()
        self._child.say(json.dumps({"do": what, **more}))
        told: Told = json.loads(self._child.hear(PATIENCE_S))
        after = self._site.cpu_s()
        told["work"] = {who: after[who] - before[who] for who in after} | {
            "client": told["cpu"] - self._worked
        }
        self._worked = told["cpu"]
        print(f"  {what}: {_short(told)}", flush=True)
        return told


def measured(plan: Plan) -> Report:
    """All of it."""
    report = Report(plan)
    with (
        tempfile.TemporaryDirectory(prefix="posapp-load-") as name,
        site(plan.size, plan.bare, plan.hubs, Path(name)) as place,
        _party(place, "client") as tills,
        _party(place, "bare") as bare,
    ):
        tills.do("begin", at_once=WORKERS)
        for _ in range(ROUNDS):
            report.bare.append(_with_cost(bare.do("bare", workers=WORKERS, seconds=plan.round_s)))
            report.pushed.append(_with_cost(tills.do("saturate", tills=WORKERS, seconds=plan.round_s)))
        empty = place.memory()
        report.held = tills.do("hold", within=plan.tills / ARRIVE_PER_S)["held"]
        report.per_till = (place.memory() - empty) / plan.tills
        stolen, begun = stolen_s(), time.monotonic()
        report.sustained = tills.do("push", rate=plan.rate, seconds=plan.seconds)
        report.stolen = (stolen_s() - stolen) / (time.monotonic() - begun) / (os.cpu_count() or 1)
        report.back = _outage(plan, place, tills)
        report.snapshot = tills.do("snapshot", tills=SNAPSHOT_TILLS)
        for told in (*report.pushed, report.sustained, report.back, report.snapshot):
            report.refused += told["refused"]
    return report


def _outage(plan: Plan, place: Site, tills: Party) -> Told:
    waiting = tills.do("work_up", facts=plan.backlog)["waiting"]
    for hub in place.hubs:
        hub.kill()
    time.sleep(plan.outage_s)
    for hub in place.hubs:
        hub.start()
    return tills.do("come_back") | {"waiting": waiting}


@contextmanager
def _party(place: Site, kind: str) -> Iterator[Party]:
    hubs = [f"127.0.0.1:{hub.port}" for hub in place.hubs]
    if kind == "bare":
        words = [f"{place.server_url}/bare", str(place.bare_file), "--orders", str(place.bare.orders)]
    else:
        words = [str(place.tills_file), *hubs, "--orders", str(place.size.orders)]
    with Child(["-m", f"bench.load.{kind}", *words], environment()) as child:
        yield Party(child, place)


def _with_cost(told: Told) -> Told:
    return told | {"cost": 1000 * sum(told["work"].values()) / told["facts"]}


def _median(rounds: list[Told], name: str) -> float:
    return float(statistics.median(one[name] for one in rounds))


def _short(told: Told) -> str:
    parts = []
    for name, value in told.items():
        if isinstance(value, dict):
            parts.append(f"{name} { ({key: round(one, 3) for key, one in value.items()}) }")
        elif value:
            parts.append(f"{name} {round(value, 3) if isinstance(value, float) else value}")
    return ", ".join(parts)
