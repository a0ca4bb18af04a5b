"""After any cuts, all tills of a store show what the hub does."""

import multiprocessing
import tempfile
from pathlib import Path

from tests.sim import processes
from tests.sim.figures import ROUGH, Figures
from tests.sim.store import Store

CLAIM = (
    "1,000 seeded random partition schedules in the simulator's own time and 50 with real processes: after "
    "healing, all tills of a store show the same orders within 30 s, digests equal."
)
BOUND_S = 30.0
SCHEDULES, REAL = (300, 1_000), (3, 50)
PRESENTED, ATTEMPTS = 250, 14


def _schedule(seed: int) -> Figures:
    return Store(seed, weather=ROUGH).run(PRESENTED)


def simulated(schedules: int) -> tuple[bool, str]:
    """Seeds in simulated time."""
    found = Figures()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for one in pool.imap_unordered(_schedule, range(1, schedules + 1), chunksize=10):
            found.add(one)
    for line in found.wrong[:10]:
        print(f"WRONG {line}", flush=True)
    seconds = found.healed_ms / 1000
    holds = not found.wrong and seconds <= BOUND_S and found.presented == schedules * PRESENTED
    return holds, (
        f"{schedules} simulated schedules, {found.handed_over} hand-overs, the lead moved {found.moves} times: all "
        f"tills the same as the hub {seconds:.1f} s after healing at the latest, {len(found.wrong)} wrong"
    )


def real(schedules: int) -> tuple[bool, str]:
    """Seeds with processes: every record of every mirror is compared, with its revision and its content."""
    seen = processes.Seen()
    with tempfile.TemporaryDirectory(prefix="posapp-sync-b5-") as name:
        for seed in range(1, schedules + 1):
            seen.add(processes.run(Path(name) / str(seed), seed, ATTEMPTS, bound_s=BOUND_S))
            print(f"schedule {seed}: the same after {seen.healed_s[-1]:.1f} s", flush=True)
    for line in seen.wrong[:10]:
        print(f"WRONG {line}", flush=True)
    return not seen.wrong, (
        f"{schedules} with processes in {seen.hosts}, {seen.cuts} cuts, {seen.kills} kills: all the same after {max(seen.healed_s):.1f} "
        f"s at the latest, {len(seen.wrong)} wrong"
    )


def run(long: bool) -> tuple[bool, str]:
    """Both, also where the first has failed."""
    results = [simulated(SCHEDULES[long]), real(REAL[long])]
    return all(holds for holds, _ in results), "; ".join(figure for _, figure in results)
