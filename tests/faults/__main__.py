"""The fault kit's parts, each in a bounded form of some minutes: ``python -m tests.faults [PART | all]``."""

import subprocess
import sys

PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kill": ("kill -9 of the window while it hands over", ("tests.crash.loop", "--cycles", "100")),
    "kill-engine": (
        "kill -9 without a window: counter and sync process",
        ("tests.crash.core", "--cycles", "500"),
    ),
    "kill-hub": (
        "kill -9 of hub processes that work at one database",
        ("tests.crash.hubs", "--cycles", "100"),
    ),
    "power": ("power cuts, laid out from what was really written", ("tests.powercut.loop", "--cuts", "2000")),
    "disk": ("a small disk that fills up again and again", ("tests.faults.diskfull", "--fills", "200")),
    "clock": ("clocks that are set by ten years", ("pytest", "-q", "tests/faults/test_clock.py")),
    "line": ("a proxy that loses, cuts, repeats and spoils answers", ("tests.prove", "sync-B3")),
    "partitions": ("tills on hosts of their own, whose cables are pulled", ("tests.prove", "sync-B5")),
    "copies": ("tills restored, cloned, revoked; a hub put back to its backup", ("tests.prove", "sync-B6")),
    "strangers": ("a hub that is asked by strangers, and what is nonsense", ("tests.prove", "sync-B9")),
    "simulator": ("tills, lead, hub and shop in simulated time", ("tests.sim", "--presentations", "100000")),
    "stateful": (
        "Hypothesis plays tills, engine, hub and shop",
        ("pytest", "-q", "-m", "proof or not proof", "tests/sync/test_machine.py"),
    ),
}


def main() -> int:
    """List the parts, or do one, or all; 1 where anything failed, 2 for an unknown part."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted not in ("", "all", *PARTS):
        print(f"There is no part {wanted}; there are {', '.join(PARTS)}, and all.")
        return 2
    if not wanted:
        for name, (what, _) in PARTS.items():
            print(f"  make faults PART={name:<12} {what}")
        return 0
    failed = [name for name in (PARTS if wanted == "all" else [wanted]) if _fails(name)]
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


def _fails(name: str) -> bool:
    what, command = PARTS[name]
    print(f"{name}: {what}", flush=True)
    return subprocess.run([sys.executable, "-m", *command, *sys.argv[2:]], check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
