"""Migrations: head is the tables, and any number of processes may start at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import String, Text, insert, inspect, text

from posapp.domain.cases import Case, Side, State
from posapp.domain.errors import StorageFault
from posapp.texts import sentence
from sync.hub import backlog, keys, migrations, operator, tables
from sync.hub.database import Database
from sync.hub.shops import tables as shop_tables
from sync.hub.tables import metadata


def test_head_is_the_tables(empty_url: str) -> None:
    database = Database(empty_url)
    migrations.upgrade(database)
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        names = set(inspect(connection).get_table_names())
    database.close()
    assert differences == []
    assert names == set(metadata.tables) | {"alembic_version"}
    assert shop_tables.order.name in names


def test_the_known_head_is_the_newest_migration() -> None:
    folder = migrations.__path__[0]
    assert ScriptDirectory(folder).get_current_head() == migrations.HEAD


def test_several_processes_may_start_at_once(empty_url: str) -> None:
    opened = [Database(empty_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrations.upgrade, opened))
    with opened[0].read() as connection:
        assert migrations.found(connection) == migrations.HEAD
    for database in opened:
        database.close()


def test_open_cases_of_an_earlier_version_are_counted(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(empty_url)
    with monkeypatch.context() as older:
        older.setattr(migrations, "HEAD", "0004")
        migrations.upgrade(database)
    # id: state, reason, the answer that the fact had
    known = {
        "a": ("open", "more-than-ordered", "rejected"),
        "b": ("open", "behind-rejected", "parked"),
        "c": ("open", "provisional", "accepted"),
        "d": ("open", "till-copied", ""),
        "e": ("settled", "more-than-ordered", "rejected"),
        "f": ("taken", "behind-rejected", "accepted"),
    }
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    with database.write() as connection:
        for seq, (ident, (state, reason, answer)) in enumerate(known.items(), start=1):
            body = Case(ident, "order:W-1", reason, at, Side(""), state=State(state)).to_body()
            row = {"kind": "case", "id": ident, "store": "B01", "rev": 1, "seq": seq, "source": ""}
            connection.execute(insert(tables.record), row | {"body": json.dumps(body)})
            if answer:
                blank = {
                    column.name: "" for column in tables.fact.c if isinstance(column.type, Text | String)
                }
                numbers = dict.fromkeys(("epoch", "schema_v", "arrived_ms", "feed_seq"), 1)
                fact = blank | numbers | {"id": ident, "seq": seq, "answer": answer, "settled": False}
                connection.execute(insert(tables.fact), fact)
    migrations.upgrade(database)
    with database.read() as connection:
        found = backlog.read(connection).cases
    database.close()
    heap = backlog.Heap(1, int(at.timestamp() * 1000))
    assert found == dict.fromkeys(("rejected", "parked", "provisional", "copied"), heap)


def test_no_command_changes_a_database_under_an_older_hub(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    database = Database(empty_url)
    with monkeypatch.context() as older:
        older.setattr(migrations, "HEAD", "0003")
        migrations.upgrade(database)
        keys.begin(database)
    commands: list[Callable[[str], object]] = [
        operator.tills_of,
        operator.waiting,
        operator.cases,
        operator.stores,
        operator.pins,
        operator.rotate_keys,
        lambda url: operator.put_store(url, "B07", name="A"),
        lambda url: operator.revoke(url, "B01-1"),
    ]
    for command in commands:
        with pytest.raises(StorageFault, match="hub-older"):
            command(empty_url)
    # What is needed before the new hub starts is not refused.
    assert operator.backups_made(empty_url) == []
    if kind == "sqlite":
        operator.backup(empty_url, to=str(tmp_path / "copy.db"))
    with database.read() as connection:
        assert migrations.found(connection) == "0003"
    operator.restored(empty_url)
    with database.read() as connection:
        assert migrations.found(connection) == migrations.HEAD
    assert operator.stores(empty_url) == []
    database.close()


def test_a_postgresql_that_is_too_old_is_refused(
    url: str, empty_url: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.hub.database.POSTGRESQL_FLOOR", 99)
    if kind == "sqlite":
        assert operator.stores(url)
        return
    for start in (operator.prepare, operator.stores):
        for where in (url, empty_url):
            with pytest.raises(StorageFault, match="postgresql-too-old") as told:
                start(where)
            assert "99" in sentence(told.value)
    monkeypatch.undo()
    database = Database(empty_url)
    with database.read() as connection:
        assert migrations.found(connection) == ""
    database.close()


def test_a_newer_hub_is_left_alone(empty_url: str) -> None:
    database = Database(empty_url)
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageFault, match="hub-too-new"):
        migrations.upgrade(database)
    database.close()


def test_a_migration_that_fails_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import op

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    database = Database(empty_url)
    with monkeypatch.context() as broken:
        broken.setattr(op, "create_index", fail)
        with pytest.raises(ZeroDivisionError):
            migrations.upgrade(database)
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []
    migrations.upgrade(database)
    database.close()
