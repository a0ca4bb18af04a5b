"""The simulator by itself: ``python -m tests.sim [--seed N] [--presentations N] [--rule LEAD]``."""

import argparse
import sys
import time

from tests.sim.figures import HOUR, Rule
from tests.sim.store import Store


def main() -> int:
    """The command line; exit 1 where something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--presentations", type=int, default=100_000)
    parser.add_argument("--rule", choices=[rule.name for rule in Rule], default=Rule.LEAD.name)
    arguments = parser.parse_args()
    begun = time.monotonic()
    store = Store(arguments.seed, Rule[arguments.rule])
    found = store.run(arguments.presentations)
    hours, seconds = store.now / HOUR, time.monotonic() - begun
    print(found, f"{hours:.0f} h in the store, {seconds:.0f} s", sep="\n")  # noqa: T201  # a command line
    return 1 if found.wrong or found.doubles else 0


if __name__ == "__main__":
    sys.exit(main())
