"""From a clone to a working till with no step between: the first thing that anybody tries."""

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

from tests.prove import steps
from tests.x11 import XDisplay

CLAIM = (
    "A fresh clone in a fresh environment, with no other step: `make demo` plays its story without a display, "
    "under Xvfb its window takes the raw keys of a US-layout scanner, `make test` passes in under 10 minutes "
    "and `make check` is clean."
)
TEST_LIMIT = 600.0
READY = r"^posapp ready hub=(http://127\.0\.0\.1:\d+)"

# What would let something of the caller's into the clone: its make, its environment, its screen.
FOREIGN = (
    *("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "ARGS", "BAR", "LONG", "PYTHON"),
    *("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"),
    *("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "QT_PLUGIN_PATH", steps.DONE_BEFORE),
)

# Scans a ready order of the demo, hands it over by key, and tells what the hub shows of it. Takes the
# screen, the `posapp` to ask and the demo's data folder; raises where nothing arrives.
HandOver = Callable[[XDisplay, Path, Path], str]


def environment(folder: Path, long: bool) -> dict[str, str]:
    """That of a newcomer: no screen, no data of an earlier run; in the long form no cached packages."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    paths = env.get("PATH", os.defpath).split(os.pathsep)
    env["PATH"] = os.pathsep.join(path for path in paths if not path.startswith(str(steps.ROOT)))
    env["XDG_DATA_HOME"] = str(folder / "share")
    env["XDG_STATE_HOME"] = str(folder / "state")
    if long:
        env["PIP_NO_CACHE_DIR"] = "1"
    return env


def plays_without_display(clone: Path, env: dict[str, str]) -> str:
    """Set-up and story in one command."""
    demo = steps.run(["make", "demo"], cwd=clone, env=env, timeout=900)
    pictures = list((clone / "demo-out").glob("**/*.png"))
    if demo.code != 0 or not pictures:
        raise AssertionError(f"make demo: exit {demo.code}, {len(pictures)} screenshots: {demo.last}")
    return f"set-up and story {demo.seconds:.0f} s, {len(pictures)} screenshots"


def takes_a_scan(clone: Path, env: dict[str, str], folder: Path) -> str:
    """The window of `make demo`, fed by key events."""
    hand_over = cast("HandOver", importlib.import_module("tests.wedge").hand_over_one)
    data = folder / "demo"
    with XDisplay() as display:
        command = ["make", "demo", f"ARGS=--data {data}"]
        with steps.started(command, ready=READY, cwd=clone, env=display.env_from(env)):
            return hand_over(display, clone / ".venv" / "bin" / "posapp", data)


def passes_its_tests(clone: Path, env: dict[str, str]) -> str:
    """All tests, in the time that a person waits for."""
    if steps.done_before("test"):
        return "tests passed in this run before"
    tests = steps.run(["make", "test"], cwd=clone, env=env, timeout=TEST_LIMIT)
    if tests.code != 0 or tests.seconds >= TEST_LIMIT:
        raise AssertionError(f"make test: exit {tests.code} after {tests.seconds:.0f} s: {tests.last}")
    return f"tests {tests.seconds:.0f} s ({tests.last.strip('= ')})"


def is_clean(clone: Path, env: dict[str, str]) -> str:
    """Format, lint, types, imports, texts, house rules."""
    if steps.done_before("check"):
        return "check clean in this run before"
    check = steps.run(["make", "check"], cwd=clone, env=env, timeout=600)
    if check.code != 0:
        raise AssertionError(f"make check: exit {check.code}: {check.last}")
    return "check clean"


def run(long: bool) -> tuple[bool, str]:
    """Every step is tried also after one has failed, for they fail for reasons of their own."""
    said: list[str] = []
    holds = True
    with tempfile.TemporaryDirectory(prefix="posapp-first-b1-") as name:
        folder = Path(name)
        clone = folder / "clone"
        cloned = steps.run(["git", "clone", "--quiet", str(steps.ROOT), str(clone)])
        if cloned.code != 0:
            return False, f"git clone: {cloned.last}"
        env = environment(folder, long)
        parts: tuple[Callable[[], str], ...] = (
            lambda: plays_without_display(clone, env),
            lambda: takes_a_scan(clone, env, folder),
            lambda: passes_its_tests(clone, env),
            lambda: is_clean(clone, env),
        )
        for part in parts:
            try:
                said.append(part())
            except (AssertionError, AttributeError, ImportError, OSError, RuntimeError) as error:
                holds = False
                said.append(f"FAILED {error}")
    return holds, "; ".join(said)
