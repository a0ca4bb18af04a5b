"""The engine as the window's link watches it: a real one, on a real folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from sync import link as links
from sync.engine.enrol import enrol
from sync.engine.pulse import HUNG_S, Pulse
from tests.sync.engine.badhub import CODE, BadHub
from tests.sync.engine.processes import PROGRAM, ROOT, online, watched
from tests.waiting import until

SILENT = {"line": {"online": False, "since": "", "reason": "sync-silent"}}
OFTEN = "from sync.engine import channel\nchannel.BEAT_S = 0.1\n"
HUNG = """
import threading
from pathlib import Path
from sync.engine import pulse, push
pulse.HUNG_S = 0.5
step = push.Push.step
def hung(self):
    if Path(sys.argv[1], "hang").exists():
        threading.Event().wait()
    return step(self)
push.Push.step = hung
"""


@pytest.fixture
def folder(tmp_path: Path, hub: BadHub) -> Path:
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    return tmp_path


def test_what_is_fatal_stays_until_the_engine_serves_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "RESTART_S", (0.0,))
    key = folder / paths.KEY
    aside = key.rename(folder / "aside")
    with watched(folder) as (_, told):
        until(lambda: told.count({"fatal": "key-missing"}) == 3, 30)
        assert told == [{"fatal": "key-missing"}] * len(told)
        aside.rename(key)
        until(lambda: online(dict(told[-1])), 30)
        assert not [event for event in told if "line" in event and not event["line"]["online"]]


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LOOK_S", 0.2)
    monkeypatch.setattr(links, "SILENT_S", 1.0)


@pytest.mark.usefixtures("_impatient")
def test_an_engine_that_stands_still_is_killed_told_and_started_again(folder: Path) -> None:
    with watched(folder, OFTEN) as (link, told):
        until(lambda: any(online(dict(event)) for event in told), 30)
        stopped = link.pid
        assert stopped is not None
        # The first sign of life: from now on silence is noticed soon.
        until(lambda: link._alive or link.pid != stopped, 30)
        count = len(told)
        os.kill(stopped, signal.SIGSTOP)
        until(lambda: SILENT in told[count:], 30)
        until(lambda: any(online(dict(event)) for event in told[count:]), 30)
        assert link.pid not in (None, stopped)
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)


@pytest.mark.usefixtures("_impatient")
def test_one_part_that_hangs_is_enough(folder: Path) -> None:
    with watched(folder, "import sys\n" + OFTEN + HUNG) as (link, told):
        until(lambda: any(online(dict(event)) for event in told), 30)
        first, count = link.pid, len(told)
        (folder / "hang").touch()
        until(lambda: SILENT in told[count:], 30)
        (folder / "hang").unlink()
        until(lambda: any(online(dict(event)) for event in told[count:]), 30)
        assert link.pid not in (None, first)


WINDOW = """
import os, signal, sys
from sync import link as links
links.LOOK_S, links.SILENT_S = 0.2, 1.0
link = links.EngineLink([sys.executable, "-c", *sys.argv[1:]], lambda event: print(event, flush=True))
link.start()
sys.stdin.read()
print(link.pid, flush=True)
link.stop()
"""


def test_a_machine_that_slept_kills_nobody(folder: Path) -> None:
    """Both processes stand still together, for far longer than an engine may be silent."""
    arguments = [sys.executable, "-c", WINDOW, OFTEN + PROGRAM, str(folder), "attached"]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT
    ) as window:
        assert window.stdin is not None
        assert window.stdout is not None
        while "serving" not in (said := window.stdout.readline()) and "'online': True" not in said:
            assert said
        os.killpg(window.pid, signal.SIGSTOP)
        woken = time.monotonic() + 3
        until(lambda: time.monotonic() > woken)
        os.killpg(window.pid, signal.SIGCONT)
        awake = time.monotonic() + 2
        until(lambda: time.monotonic() > awake)
        window.stdin.close()
        assert "sync-" not in window.stdout.read()
    assert window.returncode == 0


def test_the_pulse_counts_what_is_waited_for_on_purpose() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.beat(3600)
    now[0] = 3600 + HUNG_S
    assert pulse.regular()
    now[0] += 1
    assert not pulse.regular()
    pulse.beat()
    assert pulse.regular()
