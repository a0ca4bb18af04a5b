"""Whoever is killed, at whatever moment: nothing acknowledged is lost, nothing reaches the shop twice."""

from tests import postgres
from tests.crash import core, hubs, loop

CLAIM = (
    "kill -9 at random moments, over the till's core and its sync process without a window, over the window, and "
    "over hub processes on SQLite and PostgreSQL, at a shop that knows no repeat: 0 acknowledged facts lost, 0 "
    "applied twice at the shop, chains whole; 10,000, 500 and 1,000 kills in the long form, 200, 8 and 40 else."
)
CORE, WINDOW, HUBS = (200, 10_000), (8, 500), (20, 500)
"""Kills in the bounded form and in the long one; those of hubs on each of two databases."""


def run(long: bool) -> tuple[bool, str]:
    """Each part is tried also after one has failed."""
    parts = [
        core.run(CORE[long], seed=1),
        hubs.run(HUBS[long], seed=1),
        _on_postgres(HUBS[long]),
        loop.run(WINDOW[long], seed=1),
    ]
    return all(holds for holds, _ in parts), "; ".join(figure for _, figure in parts)


def _on_postgres(kills: int) -> tuple[bool, str]:
    if postgres.binaries() is None:
        return False, postgres.MISSING
    with postgres.server() as url:
        return hubs.run(kills, seed=2, url=f"{url}/postgres")
