"""Commands that bars run: told line by line, ended with all that they started."""

import os
import sys

import pytest

from tests.prove import steps

PYTHON = sys.executable


def test_a_command_keeps_its_words_and_its_end() -> None:
    outcome = steps.run([PYTHON, "-c", "print('one'); print('two'); print(); raise SystemExit(3)"])
    assert (outcome.code, outcome.lines, outcome.last) == (3, ("one", "two", ""), "two")


def test_a_command_that_hangs_is_ended() -> None:
    outcome = steps.run([PYTHON, "-c", "import signal; print('up', flush=True); signal.pause()"], timeout=1)
    assert outcome.code < 0
    assert outcome.lines == ("up",)


def test_what_a_command_started_ends_with_the_block() -> None:
    child = "import signal; signal.pause()"
    parent = (
        "import subprocess, sys, signal\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print('ready', child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with steps.started([PYTHON, "-c", parent], ready=r"ready (\d+)") as match:
        pid = int(match[1])
        os.kill(pid, 0)
    # The block waits for the end of the output, which the child shared. Perhaps init has not collected
    # it yet: a zombie has no command line.
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert file.read() == b""
    except FileNotFoundError:
        return


def test_a_command_that_never_gets_ready_is_told() -> None:
    with (
        pytest.raises(TimeoutError, match="never said 'ready'"),
        steps.started([PYTHON, "-c", "print('no')"], ready="ready"),
    ):
        pytest.fail("the block began")
