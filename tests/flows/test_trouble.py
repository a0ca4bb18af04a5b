"""A folder in use, files that are damaged, too new or without their key: told, and left as they are."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from posapp import paths, texts
from posapp.app import TillApp
from posapp.domain.errors import StorageFault
from posapp.storage import files
from posapp.storage.journal import Journal
from tests.kit.counter import KEY, make_files
from tests.kit.front import open_front
from tests.kit.shop import environment
from ui.told import tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A till that was enrolled once; its hub is gone."""
    make_files(tmp_path)
    (tmp_path / paths.KEY).write_text(KEY.hex())
    (tmp_path / paths.KEY).chmod(0o600)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Ledger and key, with the log in which the last writes lie."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name.startswith((paths.LEDGER, paths.KEY)) and not path.name.endswith("-shm")
    }


def reason(folder: Path) -> str:
    """Why the till does not start; the folder is left as it was."""
    before = contents(folder)
    with pytest.raises(StorageFault) as caught, TillApp(folder):
        pytest.fail("it started")
    texts.use("en")
    assert str(folder) in texts.sentence(caught.value) or caught.value.reason == "not-enrolled"
    assert contents(folder) == before
    return caught.value.reason


def damage(path: Path) -> None:
    """One bit, in the middle of a page."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_an_error_of_the_program_itself_is_told_calmly_and_the_work_goes_on(folder: Path) -> None:
    def breaks() -> None:
        raise RuntimeError("a bug of the day")

    with open_front(folder, expected="a bug of the day") as front:
        window, field = front.window, front.window.home.field
        front.until(window.isActiveWindow, what="the window is in front")
        field.setFocus()
        QTest.keyClicks(field, "Berg")
        mishap = window.status.mishap
        assert mishap is not None
        assert not mishap.strip.isVisible()
        QTimer.singleShot(0, window, breaks)
        front.until(mishap.strip.isVisible, what="the sentence")
        assert "What was shown as done is kept." in mishap.strip.text
        assert (QApplication.focusWidget(), field.text()) == (field, "Berg")
        assert front.scan("4006381333931").headline == "Product"
        window.apply(replace(window.settings, language="de"))
        assert "Was als erledigt angezeigt wurde, ist gespeichert." in mishap.strip.text
        # Once a minute: no later error makes the minute longer, so none is told twice.
        left = mishap._shown.remainingTime()
        thread = threading.Thread(target=breaks, name="a thread of ours")
        thread.start()
        thread.join()
        QTimer.singleShot(0, window, breaks)
        front.serve(0)
        assert 0 < mishap._shown.remainingTime() <= left
        mishap._shown.start(0)
        front.until(mishap.strip.isHidden, what="the minute is over")
        thread = threading.Thread(target=breaks, name="a thread of ours")
        thread.start()
        thread.join()
        front.until(mishap.strip.isVisible, what="told again")
    assert (folder / "logs").is_dir()
    texts.use("en")


def test_a_second_window_on_the_same_folder_is_told(folder: Path) -> None:
    with paths.FolderLock(folder, "till"):
        assert reason(folder) == "in-use"
    with TillApp(folder):
        pass


def test_a_damaged_ledger_is_kept_as_it_is(folder: Path) -> None:
    (folder / paths.LEDGER).write_bytes(b"x" * 4096 + (folder / paths.LEDGER).read_bytes()[4096:])
    assert reason(folder) in ("key-wrong", "ledger-damaged")


def test_a_ledger_of_a_newer_version_is_kept_as_it_is(folder: Path) -> None:
    connection = files.connect(folder / paths.LEDGER, KEY, write=True)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert reason(folder) == "ledger-too-new"


def test_a_missing_key_is_told_and_none_is_made(folder: Path) -> None:
    (folder / paths.KEY).unlink()
    assert reason(folder) == "key-missing"
    assert not (folder / paths.KEY).exists()


def test_another_tills_key_opens_nothing(folder: Path) -> None:
    (folder / paths.KEY).write_text(bytes(32).hex())
    assert reason(folder) == "key-wrong"


def test_a_folder_that_is_no_till_is_told(tmp_path: Path) -> None:
    (tmp_path / paths.KEY).write_text(KEY.hex())
    (tmp_path / paths.KEY).chmod(0o600)
    assert reason(tmp_path) == "not-enrolled"


def test_a_damaged_mirror_is_made_anew(folder: Path) -> None:
    (mirror,) = folder.glob("mirror-*.db")
    mirror.write_bytes(b"x" * mirror.stat().st_size)
    with TillApp(folder) as app:
        assert app.desk.queues.count("order", ["ready"]) == 0
    (fresh,) = folder.glob("mirror-*.db")
    assert fresh != mirror


# --- from the outside ---


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A till as a program of its own, once its window is live."""
    command = [sys.executable, "-m", "posapp", "till", "--data", str(folder), "--lang", "en"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "posapp live\n"
            assert process.stdout.readline().startswith("posapp ready hub=")
            yield process
        finally:
            process.terminate()
            process.wait(20)


def posapp(folder: Path, *words: str) -> tuple[int, str]:
    """A command of the program, with its exit code and what it says."""
    command = [sys.executable, "-m", "posapp", *words, "--data", str(folder)]
    env = environment() | {"POSAPP_LANG": "en"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_a_till_that_runs_is_checked_and_closes_when_asked(folder: Path) -> None:
    with running(folder) as process:
        assert posapp(folder, "verify") == (0, "All is well: 0 facts, the chain is whole.")
        process.terminate()
        assert process.wait(20) == 0


def test_one_changed_bit_is_found(folder: Path) -> None:
    damage(folder / paths.LEDGER)
    code, said = posapp(folder, "verify")
    assert code == 1
    assert str(folder / paths.LEDGER) in said
    assert "Traceback" not in said


def test_what_is_no_till_is_told_in_one_sentence(tmp_path: Path) -> None:
    for command in ("verify", "journal"):
        code, said = posapp(tmp_path, command)
        assert (code, said) == (
            1,
            f"There is no till in {tmp_path}. Please name its folder with --data.",
        )
    assert os.listdir(tmp_path) == []


def test_a_till_that_was_revoked_does_not_start(folder: Path) -> None:
    journal = Journal(folder / paths.LEDGER, KEY, write=True)
    journal.set_meta(revoked="2026-11-22T08:00:00.000000Z")
    journal.close()
    with pytest.raises(StorageFault, match="till-revoked"), TillApp(folder):
        pytest.fail("it started")


@pytest.mark.parametrize(
    "event",
    [
        {"line": {"online": False, "since": "", "reason": "till-revoked"}},
        {"fatal": "till-revoked"},
        {"fatal": "till-wiped"},
    ],
)
def test_a_till_that_is_revoked_while_it_runs_closes_itself(folder: Path, event: dict[str, object]) -> None:
    with open_front(folder) as front:
        QTimer.singleShot(0, lambda: tell(front.app.bridge, event))
        assert QApplication.exec() == 0
        texts.use("en")
        assert "was revoked" in texts.sentence(StorageFault(front.app.ended))
    # Closing asked Qt to quit once more. Answered outside a loop, that would end every later loop at its start.
    loop = QEventLoop()
    QTimer.singleShot(0, loop.quit)
    loop.exec()
