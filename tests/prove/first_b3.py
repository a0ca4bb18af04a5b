"""With the line down and every program of the till killed, a hand-over stays, and arrives once."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.loop import children
from tests.kit.scanner import CableScanner
from tests.kit.shop import NO_KEYRING
from tests.prove import steps
from tests.wedge import STORE, Outside
from tests.x11 import XDisplay, end
from ui.view import Tone

CLAIM = (
    "With the hub stopped: scan, hand over, kill -9 of the window and the sync process, start again, start the "
    "hub: the hand-over is on screen throughout, and arrives in the shop exactly once."
)
POSAPP = Path(sys.executable).with_name("posapp")


def begin(words: list[str], env: dict[str, str], ready: str) -> tuple[subprocess.Popen[bytes], str]:
    """A program of its own, once it has said that it is ready, and what it said."""
    command = [str(POSAPP), *words]
    print(f"$ {' '.join(command)}", flush=True)
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said: list[str] = []
    found: re.Match[str] | None = None
    # The till says that it takes scans before it says that the whole of it is there.
    while found is None and (line := process.stdout.readline().decode()):
        said.append(line)
        found = re.match(ready, line)
    if found is None:
        end(process)
        raise RuntimeError(f"{' '.join(command)} said {said!r}")
    return process, found[1]


@contextmanager
def till(outside: Outside, scanner: CableScanner, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The till's window, in front."""
    words = ["till", "--data", str(outside.data), "--scanner", scanner.device]
    process, _ = begin(words, env, r"posapp ready hub=(\S+)")
    try:
        outside.display.wait_for_window("posapp")
        yield process
    finally:
        end(process)


@contextmanager
def hub(data: Path, env: dict[str, str], port: int = 0) -> Iterator[str]:
    """The hub, and its address."""
    words = ["hub", "serve", "--data", str(data), "--port", str(port), "--undo", "2"]
    process, url = begin(words, env, r"posapp hub ready (\S+)")
    try:
        yield url
    finally:
        end(process, 20)


def kill_all(process: subprocess.Popen[bytes]) -> int:
    """SIGKILL to a window and to what it has started; how many there were."""
    pids = [process.pid, *children(process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    return len(pids)


def run(long: bool) -> tuple[bool, str]:
    """Bounded and long are one and the same."""
    with (
        tempfile.TemporaryDirectory(prefix="posapp-first-b3-") as name,
        XDisplay() as display,
        CableScanner() as scanner,
    ):
        env = display.env | NO_KEYRING
        shop, data = Path(name) / "hub", Path(name) / "till"
        outside = Outside(display, POSAPP, data, shop)

        def already() -> None:
            """The order's card is the red one of an order that has left."""
            outside.scan(lambda: scanner.send(code), Tone.RED)

        with hub(shop, env) as url:
            command = [str(POSAPP), "hub", "enrol", "--store", STORE, "--data", str(shop)]
            one_time = subprocess.run(
                command, env=env, capture_output=True, text=True, check=True
            ).stdout.strip()
            steps.run(
                [str(POSAPP), "till", "enrol", "--hub", url, "--code", one_time, "--data", str(data)], env=env
            )
            code, number = outside.take()
            with till(outside, scanner, env):
                outside.scan(lambda: scanner.send(code))
        with till(outside, scanner, env) as process:
            outside.scan(lambda: scanner.send(code))
            ref = outside.hand_over(number)
            already()
            killed = kill_all(process)
        if outside.refs(number) or outside.journal(number) != [ref]:
            return False, f"after the kill: journal {outside.journal(number)}, shop {outside.refs(number)}"
        with till(outside, scanner, env):
            already()
            with hub(shop, env, int(url.rpartition(":")[2])):
                outside.arrives(number, ref)
                already()
                again, later = outside.take()
                outside.scan(lambda: scanner.send(again))
                second = outside.hand_over(later)
                outside.arrives(later, second)
                once = outside.refs(number) == [ref]
        checked = steps.run([str(POSAPP), "verify", "--data", str(data)], env=env)
        clean = checked.code == 0 and outside.journal(number) == [ref]
    figure = f"{number} handed over with the hub stopped, {killed} programs killed, on screen after the new start, "
    figure += (
        f"in the shop {'once' if once else 'NOT ONCE'} as {ref}, and the next one {second}; {checked.last}"
    )
    return once and clean and killed > 1, figure
