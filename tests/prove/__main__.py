"""The command line of the bars: ``python -m tests.prove [BAR | --all] [--long]``.

Whatever a bar prints on its way, its figure comes last, in one line. Exit 0 only if it holds.
"""

import argparse
import math
import os
import sys
import time
import traceback

from tests.prove import registry
from tests.prove.steps import DONE_BEFORE


def prove(name: str, long: bool) -> bool:
    """Proves one bar and prints its figure as the last line."""
    bar = registry.load(name)
    print(f"{name}: {bar.claim}", flush=True)
    begun = time.monotonic()
    try:
        holds, figure = bar.run(long)
    except Exception as error:  # a bar that breaks is a bar that does not hold, and the next one runs
        traceback.print_exc()
        holds, figure = False, f"broke off with {type(error).__name__}: {error}"
    seconds = time.monotonic() - begun
    sys.stderr.flush()
    one_line = " ".join(figure.split())
    print(f"{name} {'holds' if holds else 'DOES NOT HOLD'}: {one_line} ({seconds:.0f} s)", flush=True)
    return holds


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("bar", nargs="?", help="the bar to prove, for example first-B1")
    parser.add_argument("--all", action="store_true", help="prove all of them, one after the other")
    parser.add_argument("--skip", action="append", default=[], metavar="BAR", help="leave out of --all")
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="BAR",
        help="prove it with --all and say how it stands, but let it fail nothing",
    )
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="begin none that is only reported after so long; what was not proved is said",
    )
    parser.add_argument("--long", action="store_true", help="the full figure, however long it takes")
    parser.add_argument(
        "--done",
        action="append",
        default=[],
        metavar="STEP",
        choices=("test", "check"),
        help="this has just passed on the same commit in a fresh clone; a bar need not do it again",
    )
    chosen = parser.parse_args(arguments)
    known = registry.names()
    unknown = [name for name in [chosen.bar, *chosen.skip, *chosen.report] if name and name not in known]
    if unknown:
        parser.error(f"no such bar: {', '.join(unknown)}; there are {', '.join(known)}")
    os.environ[DONE_BEFORE] = ",".join(chosen.done)

    if chosen.bar:
        return 0 if prove(chosen.bar, chosen.long) else 1
    if chosen.all:
        end = time.monotonic() + chosen.within
        results: dict[str, bool] = {}
        late: list[str] = []
        # What must hold comes first: it shall not wait for what is only told.
        for name in sorted(known, key=lambda one: one in chosen.report):
            if name in chosen.report and time.monotonic() > end:
                late.append(name)
            elif name not in chosen.skip:
                results[name] = prove(name, chosen.long)
        failed = [name for name, holds in results.items() if not holds]
        print(f"{len(results) - len(failed)} of {len(results)} bars hold", *failed, sep="\n  not: ")
        print(*(f"  not proved, no time was left: {name}\n" for name in late), sep="", end="")
        return 1 if set(failed) - set(chosen.report) else 0
    width = max(map(len, known))
    for name in known:
        print(f"{name:<{width}}  {registry.load(name).claim}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
