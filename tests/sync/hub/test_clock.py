"""The clock that all hubs on one database share."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from sync.hub.clock import SharedClock
from sync.hub.database import Database


def now_of(database: Database) -> datetime:
    if database.is_sqlite:
        return datetime.now(UTC)
    with database.read() as connection:
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found


def machine(ahead: timedelta) -> Callable[[], datetime]:
    """A machine's own clock."""
    return lambda: datetime.now(UTC) + ahead


def test_hubs_whose_machines_disagree_agree(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """On SQLite there is one machine, and its clock counts."""
    caplog.set_level(logging.WARNING)
    for ahead in (timedelta(0), timedelta(minutes=10), timedelta(days=-3650)):
        clock = SharedClock(database, machine(timedelta(0) if database.is_sqlite else ahead))
        before, told, after = now_of(database), clock(), now_of(database)
        assert before - timedelta(seconds=1) < told < after + timedelta(seconds=1)
    said = [record.getMessage() for record in caplog.records]
    expected = 0 if database.is_sqlite else 2
    assert len(said) == expected
    assert all("s from the database's, which counts" in line for line in said)


def test_it_goes_on_between_two_looks(database: Database) -> None:
    clock = SharedClock(database)
    first = clock()
    clock.look()
    # Each look is right to half the way to the database and back.
    assert first - timedelta(seconds=1) < clock() < first + timedelta(minutes=1)


def test_a_database_out_of_reach_leaves_it_as_it_was(database: Database) -> None:
    clock = SharedClock(database)
    gone = SharedClock.__new__(SharedClock)
    gone.__dict__ |= clock.__dict__ | {"_database": Database("postgresql://nobody@127.0.0.1:9/none")}
    with pytest.raises(OperationalError):
        gone.look()
    assert abs((gone() - clock()).total_seconds()) < 1
