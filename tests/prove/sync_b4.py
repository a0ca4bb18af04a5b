"""Who may hand an order over, with links that break: millions of times in a simulator, a thousand times in processes."""

import multiprocessing
import tempfile
import time
from pathlib import Path

from tests.sim import processes
from tests.sim.figures import Figures, Rule
from tests.sim.store import Store

CLAIM = (
    "Custody simulator: 10,000,000 hand-overs with partitions and second presentations: 0 doubles under the rule; "
    "every override that collides is shown as a case, 100 %; the shop is told of each hand-over once, restored and "
    "cloned tills are noticed, all looked at after every step. And 1,000 with three real till processes, a real hub "
    "and a real sample shop under partitions: 0 doubles."
)
SIMULATED = (200_000, 10_000_000)
"""Presentations in the bounded form and in the long one."""
REAL = ((1, 60), (10, 100))
"""Stores of processes, and attempts in each."""
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
    enough = (
        found.presented >= presentations and found.collisions > 0 and found.repeated > 0 and found.forked > 0
    )
    figure = (
        f"{found.presented} presentations in {len(seeds)} seeded stores, {found.handed_over} handed over, "
        f"{found.refused} refused, the lead moved {found.moves} times: {found.doubles} doubles; {found.overrides} "
        f"overrides, {found.shown} of {found.collisions} collisions shown as a case at the hub and all tills; "
        f"{found.written} writes taken by the shop, each once, {found.repeated} asked for again, {found.shop_refused} refused; "
        f"{found.restored} tills restored, {found.cloned} cloned ({found.forgotten} hand-overs were on no other disk)"
    )
    holds = enough and not found.wrong and not found.doubles and found.shown == found.collisions
    return holds, figure


def _part(what: tuple[int, int, str]) -> Figures:
    seed, presentations, rule = what
    return Store(seed, Rule[rule]).run(presentations)


def real(stores: int, attempts: int) -> tuple[bool, str]:
    """The same with processes, each store with other cuts."""
    begun = time.monotonic()
    seen = processes.Seen()
    with tempfile.TemporaryDirectory(prefix="posapp-sync-b4-") as name:
        for seed in range(1, stores + 1):
            seen.add(processes.run(Path(name) / str(seed), 100 + seed, attempts))
            print(
                f"{seen.attempts} attempts, {dict(seen.outcomes)} ({time.monotonic() - begun:.0f} s)",
                flush=True,
            )
    for line in seen.wrong[:10]:
        print(f"WRONG {line}", flush=True)
    left = sum(seen.outcomes[what] for what in ("handed-over", "label", "manager"))
    figure = (
        f"{seen.attempts} attempts with three till processes in {seen.hosts}, a hub and its shop, {seen.cuts} cuts, {seen.kills} kills, "
        f"{left} handed over: {seen.doubles} doubles, {seen.shown} of {seen.collisions} collisions shown as a case at "
        f"the hub and all tills, {len(seen.wrong)} wrong"
    )
    return not seen.wrong and seen.shown == seen.collisions and left > 0, figure


def run(long: bool) -> tuple[bool, str]:
    """The simulator, then processes, also where the first has failed."""
    results = [simulated(SIMULATED[long]), real(*REAL[long])]
    return all(holds for holds, _ in results), "; ".join(figure for _, figure in results)
