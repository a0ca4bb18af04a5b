"""A till under measurement: a screen, a busy hub, the window with the stopwatch, and a hand at the keys."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from bench import data, orders
from tests.x11 import XDisplay, end

PATIENCE_S = 60
SCAN_S = 10
PERSON_S = 0.15


def environment() -> dict[str, str]:
    """That of an installed program: its modules are compiled once, which some shells forbid."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "POSAPP_LANG")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"PYTHONPYCACHEPREFIX": str(data.CACHE / "pycache"), "PYTHONPATH": str(data.ROOT)}


class Hold(NamedTuple):
    """The loop stood from ``start`` to ``end`` (seconds of `time.perf_counter`), at the end on processor
    ``cpu``; of that the thread worked ``worked`` ms, and was ready to run for ``waited`` ms in which the system ran
    others.
    """

    start: float
    end: float
    cpu: int
    worked: float
    waited: float
    doing: str
    where: str

    @property
    def ms(self) -> float:
        """How long it was."""
        return (self.end - self.start) * 1000


class Child:
    """A Python process that is spoken to line by line. Raises TimeoutError when it stays silent."""

    def __init__(self, arguments: list[str], env: dict[str, str], errors: IO[bytes] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env=env,
            cwd=data.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
        )
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            end(self._process)
        self._process.stdout.close()

    def say(self, line: str) -> None:
        """One line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def hear(self, patience: float = PATIENCE_S) -> str:
        """The next line of it."""
        assert self._process.stdout is not None
        while b"\n" not in self._read:
            ready, _, _ = select.select([self._process.stdout], [], [], patience)
            got = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            if not got:
                why = "ended" if ready else f"said nothing for {patience} s"
                raise TimeoutError(f"{self._process.args!r} {why}")
            self._read += got
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()


def scanned_at_once(folder: Path, n: int) -> float:
    """Scan in the instant in which the till says that it is live.

    Milliseconds from the arrival of Enter to the painted card; TimeoutError where no card comes.
    """
    arguments = ["-m", "bench.probe", "--data", str(folder), "--expect", orders.number(n)]
    with (
        XDisplay() as screen,
        (data.CACHE / "probe.log").open("wb") as errors,
        Child(arguments, screen.env_from(environment()), errors) as probe,
    ):
        while "live" not in probe.hear():
            continue
        screen.type_code(orders.code(n))
        while '"scan"' not in (line := probe.hear(SCAN_S)):
            continue
    return float(json.loads(line)["scan"])


class Till:
    """The whole set-up on one data folder. A context manager."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.screen = stack.enter_context(XDisplay())
            env = environment()
            self._feed = stack.enter_context(Child(["-m", "bench.feed", str(self._count)], env))
            data.enrol(self._folder, self._feed.hear().split()[-1])
            arguments = ["-m", "bench.probe", "--data", str(self._folder)]
            # What the program says to its log; a machine without sound says much there.
            errors = stack.enter_context((data.CACHE / "probe.log").open("wb"))
            self._probe = stack.enter_context(Child(arguments, self.screen.env_from(env), errors))
            self._answer("live")
            self.screen.wait_for_window("posapp")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    # -- the hub ----------------------------------------------------------------------------------
    def pull(self) -> None:
        """The hub has changes without end from now on."""
        self._feed.say("go")

    def rest(self) -> int:
        """It has none any more; how many the engine was given."""
        self._feed.say("rest")
        return int(self._feed.hear())

    # -- the counter ------------------------------------------------------------------------------
    def scan(self, n: int) -> tuple[float, float]:
        """Scan the code of an order; milliseconds until its card was painted.

        From the arrival of Enter at the window, and from the time of the key itself at the X server.
        """
        self._probe.say(f"expect {orders.number(n)}")
        self._answer("ready")
        self.screen.type_code(orders.code(n))
        try:
            told = self._answer("scan", SCAN_S)
        except TimeoutError:
            self._probe.say("state")
            raise RuntimeError(f"a scan of {orders.number(n)} led to {self._answer('state')}") from None
        return float(told["scan"]), float(told["pressed"])

    def show_in_hand(self, n: int) -> float:
        """The same card from data in hand, after a raw look-up of its row; milliseconds."""
        self._probe.say(f"baseline {orders.token(n)}")
        return float(self._answer("baseline")["baseline"])

    def press(self, *keys: str) -> str:
        """Press keys together and let the window do what they mean; the place in front then."""
        self.screen.press(*keys, delay_ms=2)
        # As a person does: what comes faster than this may be a scanner's.
        time.sleep(PERSON_S)
        return self.settled()

    def type(self, text: str) -> str:
        """Type as a fast person does, far slower than a scanner."""
        self.screen.type_code(text, delay_ms=60, end="")
        return self.settled()

    def settled(self) -> str:
        """Wait until the window's loop has nothing left to do; the place in front."""
        self._probe.say("settled")
        return str(self._answer("settled")["place"])

    def doing(self, what: str) -> None:
        """Holds of the loop are told under this name from now on."""
        self._probe.say(f"doing {what}")

    def holds(self) -> list[Hold]:
        """Every longer hold of the window's loop since it was last asked."""
        self._probe.say("holds")
        return [Hold(*found) for found in self._answer("holds")["holds"]]

    def _answer(self, key: str, patience: float = PATIENCE_S) -> dict[str, Any]:
        """The next answer that has this word; what the product prints itself is passed over."""
        while True:
            line = self._probe.hear(patience)
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                if key in told:
                    return told
