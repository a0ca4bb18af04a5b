"""From the start of the process to a live scan field, against that of the least window there is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from bench import data, measure
from bench.measure import Row
from bench.till import environment
from tests.x11 import XDisplay, end

TIMES = 15
MOST = 1.5
_BARE = [sys.executable, str(Path(__file__).with_name("bare.py"))]


def till_command(folder: Path) -> list[str]:
    """The command of a clerk's icon."""
    command = Path(sys.executable).with_name("posapp")
    start = [str(command)] if command.exists() else [sys.executable, "-m", "posapp"]
    return [*start, "till", "--data", str(folder)]


def started(command: list[str], env: dict[str, str], ready: bytes) -> float:
    """Start a program; milliseconds until it has printed its word. It is ended then."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, cwd=data.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        # Unbuffered, so that the time is that of the word's arrival.
        said = os.read(process.stdout.fileno(), 4096)
        taken = time.perf_counter() - begun
    finally:
        end(process)
        process.stdout.close()
    if not said.startswith(ready):
        raise RuntimeError(f"{command[0]} said {said!r} instead of {ready!r}")
    return taken * 1000


def measured(folder: Path, times: int = TIMES) -> tuple[list[Row], dict[str, object]]:
    """Start both in turn on both of Qt's platforms; rows and figures."""
    data.enrol(folder, "http://127.0.0.1:9")
    told: list[Row] = []
    figures: dict[str, object] = {}
    with XDisplay() as screen:
        offscreen = environment() | {"QT_QPA_PLATFORM": "offscreen"}
        for name, env in (("Xvfb", screen.env_from(environment())), ("offscreen", offscreen)):
            bare: list[float] = []
            till: list[float] = []
            for turn in range(times + 2):
                a = started(_BARE, env, b"bare ready")
                b = started(till_command(folder), env, b"posapp live")
                # The first two compile modules and fill the disk's cache.
                if turn >= 2:
                    bare.append(a)
                    till.append(b)
            figures[name] = {"bare": bare, "till": till}
            told.append(Row(f"process start -> bare PySide6 window painted, {name}", measure.spread(bare)))
            told.append(
                Row(
                    f"process start -> live scan field, {name}, median against that",
                    measure.spread(till),
                    measure.median(till) / measure.median(bare),
                    MOST,
                )
            )
    return told, figures
