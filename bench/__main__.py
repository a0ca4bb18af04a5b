"""The command line: ``python -m bench [--orders N] [--scans N] [--only NAME]``.

Exit code 1 where a bound is broken. Everything is measured as a ratio within this one run.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench import data, report
from bench.measure import Row, spread

PARTS = ("scans", "start")
AT_ONCE = 5


def measure(count: int, scans: int, starts: int, only: str = "") -> list[Row]:
    """Measure, print the table, keep the figures; the rows."""
    from bench import holds, start
    from bench.pulse import Pulse
    from bench.scans import measured
    from bench.till import Till, scanned_at_once

    rows: list[Row] = []
    figures: dict[str, object] = {"orders": count, "machine": report.machine(), "load before": report.load()}
    begun = time.monotonic()
    with data.copied(count) as folder:
        if only != "scans":
            told, kept = start.measured(folder, starts)
            at_once = [scanned_at_once(folder, count - 1 - n) for n in range(AT_ONCE)]
            rows += [*told, Row("scan typed at the instant of the ready line: its card", spread(at_once))]
            figures["start"] = kept | {"scan at once": at_once}
        if only != "start":
            with Pulse() as pulse, Till(folder, count) as till:
                told, kept = measured(till, count, scans)
                holds.a_day(till, count)
                found = till.holds()
            rows += told + holds.rows(found, pulse)
            figures |= {"scans": kept, "holds": found}
    figures |= {"load after": report.load(), "seconds": round(time.monotonic() - begun)}
    print(f"\n{count:,} orders in the mirror, encrypted; {figures['machine']}")
    print(f"load before {figures['load before']}, after {figures['load after']}\n")
    print(report.table(rows), flush=True)
    report.keep(data.CACHE / "last.json", rows, figures)
    return rows


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--scans", type=int, default=300, metavar="N", help="of each kind, idle and busy")
    parser.add_argument("--starts", type=int, default=15, metavar="N", help="on each platform")
    parser.add_argument("--only", choices=PARTS, default="", metavar="NAME", help=" or ".join(PARTS))
    chosen = parser.parse_args()
    rows = measure(chosen.orders, chosen.scans, chosen.starts, chosen.only)
    broken = [row for row in rows if not row.holds]
    for row in broken:
        print(f"broken: {row.what}: {row.verdict}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
