"""The feed behind eight writers (`feed_race`), and the counter during a snapshot (`during_snapshot`)."""

import psycopg

from bench.load.site import server
from bench.measure import percentile
from tests.prove.during_snapshot import Measured, measured
from tests.prove.feed_race import WRITERS, race

CLAIM = (
    "A reader of feeds with 8 concurrent writers misses 0 rows of 1,000,000; scan look-up p99 and clerk commit p95 "
    "during a 100,000-order snapshot are within 2 x of idle."
)
ROWS = (4_000, 1_000_000)
PLANTED = 1_200
FILE = (20_000, 1_000_000)
SNAPSHOT = (30_000, 100_000)
IDLE_S = (20.0, 60.0)
RATIO = 2.0


def _feed(rows: int) -> tuple[bool, str]:
    with server() as (url, _):
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE feed")
            connection.execute("CREATE DATABASE planted")
        seen = race(f"{url}/feed", rows)
        planted = race(f"{url}/planted", PLANTED, planted=True)
    holds = seen.missed == 0 and seen.late == 0 and seen.rows >= rows and planted.missed > 0
    return holds, (
        f"{WRITERS} writers, {seen.rows:,} rows in {seen.seconds:.0f} s, {seen.pages:,} pages: {seen.missed} missed, "
        f"{seen.late} late (a bigserial counter lost {planted.missed:,} of {planted.rows:,})"
    )


def _counter(found: Measured) -> tuple[bool, str]:
    holds = found.look_ratio <= RATIO and found.commit_ratio <= RATIO
    idle, during = found.idle, found.during
    return holds, (
        f"{found.pulled:,} orders pulled in {found.seconds:.0f} s: look-up p99 "
        f"{1000 * percentile(during.looks, 99):.2f} ms against {1000 * percentile(idle.looks, 99):.2f} idle "
        f"({found.look_ratio:.2f} x of {len(during.looks):,}), commit p95 "
        f"{1000 * percentile(during.commits, 95):.2f} ms against {1000 * percentile(idle.commits, 95):.2f} "
        f"({found.commit_ratio:.2f} x of {len(during.commits):,})"
    )


def run(long: bool) -> tuple[bool, str]:
    """Bounded: 4,000 rows, and a snapshot of 30,000 orders on files of 20,000: fewer take a second, and tell nothing."""
    missed_nothing, feed = _feed(ROWS[long])
    print(feed, flush=True)
    kept_pace, counter = _counter(measured(FILE[long], SNAPSHOT[long], IDLE_S[long]))
    return missed_nothing and kept_pace, f"{feed}; {counter}"
