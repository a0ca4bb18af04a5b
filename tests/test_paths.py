"""One program at a time uses a data folder, and its death lets go of it."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from posapp.domain.errors import StorageFault
from posapp.paths import FolderLock, data_folder

HOLDER = """
import sys
from pathlib import Path
from posapp.paths import FolderLock
with FolderLock(Path(sys.argv[1]), "till"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the folder."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def reason(folder: Path) -> str:
    with pytest.raises(StorageFault) as caught, FolderLock(folder, "till"):
        pytest.fail("the lock was given twice")
    return caught.value.reason


def test_the_second_program_is_told(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path):
        assert reason(tmp_path) == "in-use"
        with FolderLock(tmp_path, "enrol"):
            assert reason(tmp_path) == "in-use"


def test_a_killed_program_holds_nothing(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as process:
        process.kill()
        process.wait()
        with FolderLock(tmp_path, "till"):
            pass


def test_the_lock_is_free_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with FolderLock(tmp_path, "till"):
            assert reason(tmp_path) == "in-use"


def test_a_folder_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    assert reason(tmp_path / "missing") == "folder-unusable"


def test_the_folder_is_made_for_this_user_only(tmp_path: Path) -> None:
    made = data_folder(str(tmp_path / "a" / "till"))
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert data_folder(str(made)) == made


def test_without_a_choice_it_lies_where_the_system_keeps_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder(None) == tmp_path / "posapp"


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFault) as caught:
        data_folder(str(tmp_path / "file" / "till"))
    assert caught.value.reason == "folder-unusable"
    assert caught.value.details["folder"] == str(tmp_path / "file" / "till")
