"""``make load``: ``python -m bench.load [--tills N] [--seconds S] [--rate R] [--hubs N] [--backlog N]``.

Exit code 1 where a fact or a change was lost, or an answer was no good; how fast it went is told.
"""

from __future__ import annotations

import argparse
import sys

from bench.load.run import Plan, measured


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--tills", type=int, default=2_000, metavar="N")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of pushing")
    parser.add_argument("--rate", type=float, default=500.0, metavar="R", help="facts a second")
    parser.add_argument("--hubs", type=int, default=1, metavar="N", help="processes")
    parser.add_argument("--backlog", type=int, default=20, metavar="N", help="facts a store after the outage")
    parser.add_argument("--outage", type=float, default=5.0, metavar="S", help="how long the hub is gone")
    chosen = parser.parse_args()
    plan = Plan(
        chosen.tills,
        chosen.seconds,
        chosen.rate,
        backlog=chosen.backlog,
        hubs=chosen.hubs,
        outage_s=chosen.outage,
    )
    report = measured(plan)
    print(report.figure())
    for said in report.refused[:10]:
        print(f"refused: {said}", file=sys.stderr)
    lost = report.sustained["missed"] + report.back["missed"] + (plan.tills - report.held)
    return 1 if lost or report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
