"""The bare statements that a push is measured against do what is asked of them, or say that they cannot."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from bench.load.bare import Bare
from bench.load.run import FULL_SPEED, ROUNDS, Plan
from bench.load.site import Size, fill
from bench.load.work import FACTS_PER_ORDER
from tests import postgres
from tests.prove.sync_b7 import BOUNDED, FULL

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason=postgres.MISSING)

WORKERS = 2
SIZE = Size(tills=12, orders=400)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of this module's own."""
    with postgres.server() as url:
        yield url


def rows(url: str) -> int:
    """How many facts the database holds."""
    with psycopg.connect(url) as connection:
        (found,) = connection.execute("SELECT count(*) FROM fact WHERE feed_seq > 0").fetchone() or (0,)
    return int(found)


def test_what_is_told_was_written(server: str) -> None:
    bare = Bare(f"{server}/told", fill(server, "told", SIZE), SIZE.orders)
    told = bare.run(WORKERS, 0.5)
    assert told["facts"] == rows(f"{server}/told") > 0


def test_orders_that_run_out_are_an_error_and_no_low_rate(server: str) -> None:
    short = replace(SIZE, orders=1)
    bare = Bare(f"{server}/short", fill(server, "short", short), short.orders)
    with pytest.raises(RuntimeError, match="too few orders"):
        bare.run(WORKERS, 60.0)
    assert rows(f"{server}/short") == short.stores * FACTS_PER_ORDER


@pytest.mark.parametrize("plan", [BOUNDED, FULL])
def test_a_plan_makes_enough_ready_for_its_rounds(plan: Plan) -> None:
    size = plan.bare
    assert size.stores * size.orders * FACTS_PER_ORDER >= ROUNDS * plan.round_s * FULL_SPEED
