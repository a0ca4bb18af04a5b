"""The ledger's migrations: they make the tables the code expects, and keep every fact."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import files, migrations
from posapp.storage.journal import SCHEMA, Journal, verify
from posapp.storage.rows import COLUMNS
from tests.storage.ledgers import KEY, append, ledger

TABLES = {"fact", "token", "case_", "meta", "claim", "heard", "granted", "copy", "copy_held"}


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return ScriptDirectory.from_config(config)


def test_the_newest_migration_is_the_schema_the_code_speaks(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    connection = files.connect(path, KEY)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    head = scripts().get_current_head()
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (head,)
    assert int(head or 0) == SCHEMA
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in rows} == TABLES | {"alembic_version"}
    columns = [row[1] for row in connection.execute("PRAGMA table_info(fact)")]
    assert set(COLUMNS.split(", ")) <= set(columns)
    connection.close()


def test_an_upgrade_keeps_every_fact_and_lays_a_copy_beside(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    one = Journal(path, KEY, write=True)
    for number in range(20):
        append(one, number)
    one.set_meta(till="t1")
    before = list(one.every())
    one.close()
    migrations.upgrade(path, KEY)
    for file in (path, path.with_suffix(".before-upgrade")):
        after = Journal(file, KEY)
        assert list(after.every()) == before
        assert verify(after) == (20, "")
        assert after.meta("till") == "t1"
        after.close()


def test_a_ledger_that_was_begun_and_cut_is_finished_on_opening(tmp_path: Path) -> None:
    path = tmp_path / paths.LEDGER
    path.touch()
    one = Journal(path, KEY, write=True)
    assert append(one).seq == 1
    one.close()


def test_two_that_upgrade_at_once_do_it_once(tmp_path: Path) -> None:
    path = tmp_path / paths.LEDGER
    program = (
        "import sys; from pathlib import Path; from posapp.storage.migrations import upgrade\n"
        "upgrade(Path(sys.argv[1]), bytes(range(32)))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=Path(__file__).resolve().parents[2])
        for _ in range(3)
    ]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    one = Journal(path, KEY, write=True)
    append(one)
    one.close()


def test_the_wrong_key_upgrades_nothing(tmp_path: Path) -> None:
    path = ledger(tmp_path)
    before = path.read_bytes()
    with pytest.raises(StorageFault, match="key-wrong"):
        migrations.upgrade(path, bytes(32))
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
@pytest.mark.parametrize("room", [20_000, 30_000, 40_000])
def test_an_upgrade_without_room_is_a_fault_and_can_be_repeated(tmp_path: Path, room: int) -> None:
    path = tmp_path / paths.LEDGER
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from posapp.domain.errors import StorageFault\n"
        "import sqlalchemy, alembic.script, alembic.runtime.environment, alembic.config\n"
        "from posapp.storage.migrations import upgrade\n"
        "sys.dont_write_bytecode = True\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "try: upgrade(Path(sys.argv[1]), bytes(range(32)))\n"
        "except StorageFault as fault: print(fault.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() in ("disk-failed", "disk-full"), done
    migrations.upgrade(path, KEY)
    one = Journal(path, KEY, write=True)
    append(one)
    one.close()
