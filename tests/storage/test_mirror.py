"""The mirror: pages by revision, tombstones that leave no trace, files that are never used twice."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp.domain.errors import StorageFault
from posapp.storage import files
from posapp.storage.books import Books
from posapp.storage.mirror import (
    SCHEMA,
    Change,
    Mirror,
    begin_anew,
    open_writer,
    path_in,
    sweep,
    take_over,
)
from tests.storage.ledgers import KEY, books, order


def change(number: str, rev: int = 1, **more: Any) -> Change:
    return Change("order", number, rev, order(number, **more))


def test_rows_and_cursor_come_together_and_higher_revisions_win(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    assert one.apply([change("W-1", 5, note="new")], cursor="7") == ["order:W-1"]
    assert one.apply([change("W-1", 5), change("W-1", 4)], cursor="8") == []
    found = one.get("order", "W-1")
    assert found is not None
    assert found.body["note"] == "new"
    assert (one.meta("cursor"), one.applied_through) == ("8", 0)
    with pytest.raises(KeyError):
        one.apply([change("W-2"), Change("order", "W-3", 1, {})], cursor="9")
    assert (one.get("order", "W-2"), one.meta("cursor")) == (None, "8")
    one.close()


def test_a_record_is_found_by_its_newest_tokens_and_words_alone(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    one.apply([change("W-1", 1)])
    one.apply([change("W-1", 2, customer="Béla Übermut", parcels=[{"label": "p-new", "state": "in_bin"}])])
    assert [found.id for found in one.by_token("P-NEW")] == ["W-1"]
    assert one.by_token("P-W-1") == []
    assert [found.id for found in one.search("uberm bel")] == ["W-1"]
    assert one.search("miller") == []
    one.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30))
def test_any_text_can_be_searched(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    one = open_writer(tmp_path_factory.mktemp("till"), KEY)
    one.apply([change("W-1")])
    one.search(text)
    one.by_token(text)
    one.close()


def test_queues_are_cut_in_slices_that_miss_nothing(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    ready = "2026-01-0{}T00:00:00.000000Z"
    one.apply([change(f"W-{n:02}", ready_at=ready.format(n % 3 + 1)) for n in range(25)])
    seen: list[str] = []
    after = ("", "")
    while rows := one.queue("order", "ready", after, limit=4):
        seen += [found.id for _, found in rows]
        after = (rows[-1][0], rows[-1][1].id)
    assert len(seen) == len(set(seen)) == 25
    assert one.count("order", "ready") == 25
    assert one.count("order", "ready", most=10) == 10
    one.close()


def unsealed(path: Path) -> bytes:
    """Every byte of a file as SQLite sees it, pages that are free as well (SQLCipher 4's form)."""
    raw = path.read_bytes()
    plain = b""
    for start in range(0, len(raw), 4096):
        page = raw[start : start + 4096]
        sealed, iv = page[16 if start == 0 else 0 : -80], page[-80:-64]
        aes = Cipher(algorithms.AES(KEY), modes.CBC(iv)).decryptor()
        plain += aes.update(sealed) + aes.finalize()
    return plain.lower()


def test_what_is_gone_leaves_no_byte_not_even_in_the_search_index(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    names = [f"Zenobia{n:03} Unverwechselbar{n:03}" for n in range(60)]
    one.apply([change(f"W-{n}", customer=name) for n, name in enumerate(names)])
    one.close()
    assert unsealed(one.path).count(b"enobia") > 60, "body and index"
    one = open_writer(tmp_path, KEY)
    one.apply([Change("order", f"W-{n}", 2, None) for n in range(60)])
    assert one.search("zenobia") == []
    assert one.by_token("P-W-7") == []
    one.close()
    raw = unsealed(one.path)
    assert b"create table record" in raw
    assert b"enobia" not in raw
    assert b"verwechselbar" not in raw


def test_another_schema_is_another_file(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    one.apply([change("W-1")])
    one.close()
    connection = files.connect(path_in(tmp_path), KEY, write=True)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    with pytest.raises(StorageFault, match="key-wrong"):
        Mirror(path_in(tmp_path), KEY)
    fresh = open_writer(tmp_path, KEY)
    assert fresh.path.name == "mirror-2.db"
    assert fresh.get("order", "W-1") is None
    fresh.close()
    assert not (tmp_path / "mirror-1.db").exists()


@pytest.mark.parametrize("spoil", [b"", b"x", b"x" * 9000])
def test_a_mirror_that_cannot_be_read_is_made_anew_by_either(tmp_path: Path, spoil: bytes) -> None:
    books(tmp_path).close()
    path_in(tmp_path).write_bytes(spoil)
    opened = Books(tmp_path, tmp_path / "ledger.db", KEY)
    assert opened.know("order", "W-1") is None
    opened.close()


def test_a_key_that_does_not_fit_makes_a_mirror_anew_and_no_more(tmp_path: Path) -> None:
    open_writer(tmp_path, KEY).close()
    fresh = open_writer(tmp_path, bytes(32))
    assert fresh.path.name == "mirror-2.db"
    fresh.close()


def test_a_new_mirror_never_meets_an_old_log(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    one.apply([change(f"W-{n}") for n in range(300)], cursor="300")
    reader = Mirror(one.path, KEY)
    for number in range(2, 5):
        fresh = begin_anew(tmp_path, KEY)
        fresh.apply([change("N-1")], cursor="1")
        taken = take_over(fresh, tmp_path, KEY)
        assert taken.path == path_in(tmp_path) == tmp_path / f"mirror-{number}.db"
        assert taken.get("order", "W-1") is None
        assert taken.get("order", "N-1")
        taken.close()
    sweep(tmp_path)
    assert reader.get("order", "W-299"), "who has the old one open goes on reading it"
    reader.close()
    one.close()
    assert [path.name for path in tmp_path.glob("mirror-*.db*")] == ["mirror-4.db"]


def test_a_mirror_being_built_keeps_no_log_and_is_synced_where_it_would_be_folded(tmp_path: Path) -> None:
    fresh = begin_anew(tmp_path, KEY)
    synced = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
        fresh.apply([change(f"W-{n}") for n in range(300)], cursor="300")
        assert [path.name for path in tmp_path.glob("mirror.new*")] == ["mirror.new"]
        assert not synced
        fresh.checkpoint()
    assert synced == [fresh.path.stat().st_ino]
    with pytest.raises(KeyError):
        fresh.apply([change("W-1", 2), Change("order", "W-2", 2, {})], cursor="301")
    found = fresh.get("order", "W-1")
    assert (fresh.meta("cursor"), found and found.body) == ("300", order("W-1")), (
        "a page that fails leaves nothing"
    )
    fresh.close()


def test_a_reader_may_be_there_before_the_new_mirrors_writer(tmp_path: Path) -> None:
    """It opens what it finds under the new name, and has it open in the middle of a read."""
    open_writer(tmp_path, KEY).close()
    fresh = begin_anew(tmp_path, KEY)
    fresh.apply([change("N-1")], cursor="1")
    rename, readers = os.rename, []

    def rename_and_read(old: Path, new: Path) -> None:
        rename(old, new)
        connection = files.connect(new, KEY)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM record").fetchone()
        readers.append(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", rename_and_read)
        taken = take_over(fresh, tmp_path, KEY)
    assert taken.apply([change("N-2")], cursor="2") == ["order:N-2"]
    (reader,) = readers
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert reader.execute("SELECT count(*) FROM record").fetchone() == (1,)
    reader.close()
    taken.close()


def test_a_new_mirror_that_came_out_bad_does_not_serve(tmp_path: Path) -> None:
    one = open_writer(tmp_path, KEY)
    fresh = begin_anew(tmp_path, KEY)
    fresh.apply([change(f"W-{n}") for n in range(300)], cursor="300")
    with fresh.path.open("r+b") as file:
        file.seek(8192)
        file.write(bytes(4096 * 20))
    with pytest.raises(StorageFault, match="ledger-damaged"):
        take_over(fresh, tmp_path, KEY)
    assert path_in(tmp_path) == one.path
    one.close()


def test_a_disk_that_refuses_to_sync_is_told(tmp_path: Path) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fresh = begin_anew(tmp_path, KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageFault, match="disk-full"):
            fresh.checkpoint()
        with pytest.raises(StorageFault, match="disk-full"):
            take_over(fresh, tmp_path, KEY)
    assert not list(tmp_path.glob("mirror-*.db"))


def test_the_mirror_is_no_plain_database(tmp_path: Path) -> None:
    open_writer(tmp_path, KEY).close()
    plain = sqlite3.connect(path_in(tmp_path))
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("SELECT * FROM record")
    plain.close()
