"""Files that came from another time, or live twice, and a till that may be a till no more."""

import logging
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from sync.engine.client import Trouble
from tests.crash.check import Loss
from tests.crash.fates import FATES, Fate
from tests.crash.processes import Processes
from tests.crash.worlds import ORDERS, Direct, template
from tests.kit.shop import NO_KEYRING
from tests.kit.station import station
from tests.sync import two_ticks

CLAIM = (
    "Restored, cloned, rolled-back and revoked tills and a rolled-back hub, seeded, on real files: noticed every "
    "time, copies a case with what both did, 0 facts lost, none twice in a shop that knows no repeat; 200 runs of "
    "each and 10 with real processes in the long form, 12 and 1 else. As many tills are lost with their disk: what had two ticks is at the hub."
)
FILES, PROCESSES = (12, 200), (1, 10)


def run(long: bool) -> tuple[bool, str]:
    """Every fate, as often as told; the first that goes wrong ends it with its seed."""
    os.environ.update(NO_KEYRING)
    begun = time.monotonic()
    noticed: Counter[str] = Counter()
    said = []
    with tempfile.TemporaryDirectory(prefix="posapp-fates-") as name:
        folder = Path(name)
        hub = template(folder)
        for nth, (fate, happens) in enumerate(FATES.items()):
            for seed in range(FILES[long]):
                place = folder / f"{nth}-{seed}"
                try:
                    noticed[on_files(happens, place, hub, seed)] += 1
                except (Loss, Trouble, TimeoutError) as error:
                    return False, f"{fate}, seed {seed} on files: {error}"
            for seed in range(PROCESSES[long]):
                try:
                    noticed[in_processes(happens, folder / f"p{nth}-{seed}", seed)] += 1
                except (Loss, Trouble, TimeoutError) as error:
                    return False, f"{fate}, seed {seed} with processes: {error}"
            said.append(f"{FILES[long]} + {PROCESSES[long]} {fate}")
            print(f"{said[-1]} ({time.monotonic() - begun:.0f} s)", flush=True)
    told = ", ".join(f"{count} by {what}" for what, count in sorted(noticed.items()))
    # The engines say much of a line that is cut on purpose.
    logging.disable(logging.CRITICAL)
    try:
        gone = two_ticks.main(FILES[long])
    finally:
        logging.disable(logging.NOTSET)
    for line in gone.wrong:
        print(f"WRONG {line}", flush=True)
    return not gone.wrong and gone.two_ticks > 0, (
        f"{', '.join(said)}: all noticed ({told}), 0 facts lost, 0 twice in the shop; {gone.runs} whose disk was gone: "
        f"{gone.two_ticks} facts with two ticks, {len(gone.wrong)} of them not at the hub or not once in the shop"
    )


def on_files(happens: Fate, folder: Path, hub: Path, seed: int) -> str:
    """One run on real files, without processes."""
    folder.mkdir()
    world = Direct(folder, hub)
    try:
        return happens(world, folder, random.Random(seed))
    finally:
        world.close()


def in_processes(happens: Fate, folder: Path, seed: int) -> str:
    """One run with a hub process and sync processes."""
    folder.mkdir()
    with station(folder / "hub", ORDERS) as hub:
        world = Processes(hub)
        try:
            return happens(world, folder, random.Random(1000 + seed))
        finally:
            world.close()
