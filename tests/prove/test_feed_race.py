"""The proof of the feed can see what it is there to see."""

import psycopg
import pytest

from tests import postgres
from tests.prove.feed_race import WRITERS, race

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason=postgres.MISSING)


@pytest.mark.proof
def test_a_counter_that_locks_nobody_out_loses_rows_and_ours_none() -> None:
    with postgres.server() as url:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE ours")
            connection.execute("CREATE DATABASE planted")
        rows = WRITERS * 60
        ours = race(f"{url}/ours", rows, processes=1)
        planted = race(f"{url}/planted", rows, planted=True, processes=1)
    assert (ours.missed, ours.late, ours.rows >= rows) == (0, 0, True)
    assert planted.missed > 0
