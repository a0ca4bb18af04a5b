"""Files are opened the one right way, and each way they can fail has its own name."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import files
from posapp.storage.check import check_folder
from posapp.storage.journal import SCHEMA, Journal, verify
from posapp.storage.mirror import MirrorWriter, open_writer, path_in
from tests.faults.diskfull import may_mount, small_disk
from tests.storage.ledgers import KEY, append, books, journal, ledger

PRAGMAS = {
    "journal_mode": "wal",
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "temp_store": 2,
    "mmap_size": 0,
    "cache_size": -16384,
    "busy_timeout": 10000,
}
WRITER = {"secure_delete": 1, "journal_size_limit": 64 << 20, "recursive_triggers": 1, "query_only": 0}


@pytest.mark.parametrize(
    ("write", "durable", "more"),
    [
        (True, True, {**WRITER, "synchronous": 2}),
        (True, False, {**WRITER, "synchronous": 1}),
        (False, False, {"query_only": 1}),
    ],
    ids=["ledger", "mirror", "reader"],
)
def test_every_pragma_is_really_set(tmp_path: Path, write: bool, durable: bool, more: dict[str, int]) -> None:
    path = ledger(tmp_path)
    connection = files.connect(path, KEY, write=write, durable=durable)
    wanted = {**PRAGMAS, **more}
    # A mmap_size of 0 is answered with no row.
    found = {name: (connection.execute(f"PRAGMA {name}").fetchone() or (0,))[0] for name in wanted}
    assert found == wanted
    assert connection.isolation_level is None
    connection.close()


def test_the_file_is_sealed_and_readable_by_us_alone(tmp_path: Path) -> None:
    one = journal(tmp_path)
    append(one, clerk="Hildegard Unverwechselbar")
    one.close()
    raw = (tmp_path / paths.LEDGER).read_bytes()
    assert b"Hildegard" not in raw
    assert b"SQLite format" not in raw
    if os.name == "posix":
        assert (tmp_path / paths.LEDGER).stat().st_mode & 0o777 == 0o600
        open_writer(tmp_path, KEY).close()
        assert path_in(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_library_below_the_floor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ledger(tmp_path)
    monkeypatch.setattr(dbapi2, "sqlite_version_info", (3, 51, 2))
    with pytest.raises(StorageFault, match="sqlite-too-old"):
        files.connect(path, KEY)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    connection = files.connect(ledger(tmp_path), KEY)
    with pytest.raises(dbapi2.OperationalError, match="readonly"):
        connection.execute("DELETE FROM meta")
    connection.close()


def test_writing_is_immediate_and_the_second_waits(tmp_path: Path) -> None:
    """Two connections that read and then write: with a deferred BEGIN most would be lost."""
    path = ledger(tmp_path)
    failures: list[BaseException] = []

    def count() -> None:
        connection = files.connect(path, KEY, write=True)
        try:
            for _ in range(100):
                with files.writing(connection, path):
                    (n,) = connection.execute("SELECT coalesce(max(value), 0) FROM meta").fetchone()
                    connection.execute("INSERT OR REPLACE INTO meta VALUES ('n', ?)", (f"{int(n) + 1:05}",))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    one = Journal(path, KEY)
    assert one.meta("n") == "00200"
    one.close()


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    one = journal(tmp_path)
    program = (
        "import sys; from pathlib import Path; from posapp.storage.journal import Journal\n"
        "from tests.storage.ledgers import KEY, append\n"
        "one = Journal(Path(sys.argv[1]), KEY, write=True)\n"
        "for number in range(100): append(one, number)\n"
        "one.close()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(one.path)], cwd=Path(__file__).resolve().parents[2]
    )
    # As many as the other: who never pauses may keep a file from others for as long as he likes.
    for number in range(100):
        append(one, number)
    assert other.wait(60) == 0
    good, fault = verify(one)
    assert (good, fault) == (one.head()[0], "")
    assert good > 100
    one.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    connection = files.connect(path, KEY, write=True)

    def half() -> None:
        with files.writing(connection, path):
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        half()
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM meta").fetchone() == (0,)
    connection.close()


# -- files that cannot be used ----------------------------------------------------------------------
def unchanged(path: Path, act: object) -> None:
    """The file is as it was after a refused opening."""
    assert callable(act)
    before = path.read_bytes()
    act()
    assert path.read_bytes() == before


def test_another_key_opens_nothing_and_overwrites_nothing(tmp_path: Path) -> None:
    path = ledger(tmp_path)

    def act() -> None:
        for write in (False, True):
            with pytest.raises(StorageFault, match="key-wrong"):
                Journal(path, bytes(32), write=write)

    unchanged(path, act)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_half_a_key_is_refused_before_the_file_is_touched(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(StorageFault, match="key-missing"):
        Journal(ledger(tmp_path), key)


def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    connection = files.connect(path, KEY, write=True)
    connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()

    def act() -> None:
        for write in (False, True):
            with pytest.raises(StorageFault, match="ledger-too-new"):
                Journal(path, KEY, write=write)

    unchanged(path, act)


def test_a_folder_without_a_ledger_stays_without(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match="not-enrolled"):
        Journal(tmp_path / paths.LEDGER, KEY, write=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_damaged_ledger_is_named_and_kept(tmp_path: Path, page: int) -> None:
    one = journal(tmp_path)
    for number in range(100):
        append(one, number)
    path = one.path
    one.close()
    with path.open("r+b") as file:
        file.seek(page * 4096 + 200)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))

    def act() -> None:
        with pytest.raises(StorageFault) as told:
            check_folder(tmp_path, KEY)
        assert told.value.reason in ("ledger-damaged", "key-wrong")

    unchanged(path, act)


def test_a_ledger_that_another_holds_too_long_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ledger(tmp_path)
    holder = files.connect(path, KEY, write=True)
    waiting = files.connect(path, KEY, write=True)
    waiting.execute("PRAGMA busy_timeout = 10")
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFault, match="ledger-locked"), files.writing(waiting, path):
        pass
    holder.close()
    waiting.close()


# -- a full disk --------------------------------------------------------------------------------------
def test_a_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("needs a file system of its own: root on Linux")
    with small_disk(tmp_path / "disk", "2m") as disk:
        reserve = disk / "reserve"
        reserve.write_bytes(bytes(512 << 10))
        one = journal(disk)
        writer = open_writer(disk, KEY)
        done = 0
        with pytest.raises(StorageFault, match="disk-full"):  # noqa: PT012  # until it is full
            for done in range(100_000):
                append(one, done, payload={"note": "x" * 5000})
        reader = Journal(one.path, KEY)
        assert verify(reader) == (done, ""), "what was told as done is there, and no more"
        reader.close()
        with pytest.raises(StorageFault, match="disk-full"):
            writer.apply((), note="x" * 500_000)
        reserve.unlink()
        append(one, done)
        assert verify(one) == (done + 1, "")
        writer.note(heard_at="now")
        writer.close()
        one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
def test_a_file_that_may_not_grow_refuses_too(tmp_path: Path) -> None:
    """The same for whoever is not root: a limit on the size of files."""
    path = ledger(tmp_path)
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from posapp.domain.errors import StorageFault\n"
        "from posapp.storage.journal import Journal\n"
        "from tests.storage.ledgers import KEY, append\n"
        "one = Journal(Path(sys.argv[1]), KEY, write=True)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "for number in range(10_000):\n"
        "    try: append(one, number)\n"
        "    except StorageFault as fault: print(number, fault.reason); break\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    count, reason = done.stdout.split()
    assert reason in ("disk-full", "disk-failed")
    one = Journal(path, KEY, write=True)
    assert verify(one) == (int(count), "")
    append(one)
    one.close()


def test_books_find_a_mirror_that_another_just_made(tmp_path: Path) -> None:
    """Window and sync come upon a missing mirror at the same moment: one file, used by both."""
    books(tmp_path).close()
    path_in(tmp_path).unlink()
    made: list[MirrorWriter] = []
    threads = [threading.Thread(target=lambda: made.append(open_writer(tmp_path, KEY))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {writer.path.name for writer in made} == {"mirror-1.db"}
    assert len(made) == 6
    for writer in made:
        writer.close()
