"""The two doors: what a frozen hub may hold up, and what may be written where."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from sync.hub import database as module
from sync.hub import records
from sync.hub.database import Database, out_of_reach, worth_retrying
from sync.hub.tables import store_head


def test_nothing_is_written_through_the_readers_door(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-only|readonly"), database.read() as connection:
        connection.execute(store_head.update().values(head=0))
    with database.read() as connection:
        assert records.head(connection, "B01") > 0


def test_whoever_waits_too_long_for_a_lock_is_told_to_come_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_MS", 100)
    one, other = Database(url), Database(url)
    with one.write() as holds:
        records.raise_head(holds, "B01")
        with pytest.raises(OperationalError) as late, other.write() as waits:
            records.raise_head(waits, "B01")
    assert out_of_reach(late.value)
    with other.write() as connection:
        records.raise_head(connection, "B01")
    one.close()
    other.close()


def test_a_hub_that_stands_still_in_a_transaction_loses_its_lock(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine froze, say. On SQLite there is no such way out: there it is one machine's own file."""
    if url.startswith("sqlite"):
        pytest.skip("not run: SQLite has no server that could end another one's transaction")
    monkeypatch.setattr(module, "IDLE_MS", 200)
    frozen, other = Database(url), Database(url)
    with frozen.read() as connection:
        before = records.head(connection, "B01")
    lost = frozen.write()
    holds = lost.__enter__()
    records.raise_head(holds, "B01", 5)
    with other.write() as connection:
        assert records.raise_head(connection, "B01") == before + 1
    with pytest.raises(DBAPIError) as ended:
        holds.execute(text("SELECT 1"))
    lost.__exit__(type(ended.value), ended.value, None)
    assert worth_retrying(ended.value)
    # It goes on with a fresh connection.
    with frozen.write() as connection:
        assert records.raise_head(connection, "B01") == before + 2
    frozen.close()
    other.close()


def test_who_sets_things_up_may_take_its_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for as long as it takes, though every other lock is given up on."""
    monkeypatch.setattr(module, "BUSY_MS", 20_000 if url.startswith("sqlite") else 100)
    one, other = Database(url), Database(url)

    def second() -> str:
        with other.write_alone() as connection:
            return str(connection.execute(text("SELECT 'second'")).scalar())

    with ThreadPoolExecutor(1) as pool:
        with one.write_alone() as connection:
            waiting = pool.submit(second)
            if not url.startswith("sqlite"):
                # As long again as any other lock would be waited for, and more.
                connection.execute(text("SELECT pg_sleep(0.4)"))
            assert not waiting.done()
        assert waiting.result(20) == "second"
    one.close()
    other.close()
