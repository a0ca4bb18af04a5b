"""The sync process as the window starts it: a real one, spoken to over its pipes."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sync.link import EngineLink
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from pathlib import Path
from drivers.keys import StoredKeys
from sync.engine.process import run
sys.exit(run(Path(sys.argv[1]), StoredKeys(), attached="attached" in sys.argv))
"""


class Process:
    """One sync process; ``said`` is what it told, in order."""

    def __init__(self, folder: Path, *, attached: bool = True) -> None:
        self.said: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *(["attached"] if attached else [])],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        self.said.extend(json.loads(line) for line in self.child.stdout)

    def _read_errors(self) -> None:
        assert self.child.stderr is not None
        self.errors.extend(self.child.stderr)

    def tell(self, message: object) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        self.child.stdin.flush()

    def close_input(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()

    def wait_for(self, wanted: Callable[[dict[str, Any]], Any], seconds: float = 20) -> dict[str, Any]:
        """The first message that fits."""
        try:
            return until(lambda: next((m for m in list(self.said) if wanted(m)), None), seconds) or {}
        except TimeoutError:
            raise TimeoutError(f"said only {self.said[-20:]}, {self.errors}") from None

    def found(self, ask: int) -> dict[str, Any]:
        """What was told about an ask."""
        found: dict[str, Any] = self.wait_for(lambda m: m.get("found", {}).get("ask") == ask)["found"]
        return found

    def ended(self, seconds: float = 10) -> int:
        """Its exit code, once it has ended and everything it said was read."""
        code = self.child.wait(seconds)
        for thread in self._threads:
            thread.join(5)
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except OSError:
                    continue
        return code


@contextmanager
def engine(folder: Path, *, attached: bool = True) -> Iterator[Process]:
    """A process for the block; killed at its end if it still runs."""
    process = Process(folder, attached=attached)
    try:
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
        process.ended()


@contextmanager
def watched(folder: Path, plant: str = "") -> Iterator[tuple[EngineLink, list[Mapping[str, Any]]]]:
    """A link to a real engine, in which ``plant`` runs first."""
    told: list[Mapping[str, Any]] = []
    link = EngineLink([sys.executable, "-c", plant + PROGRAM, str(folder), "attached"], told.append)
    link.start()
    try:
        yield link, told
    finally:
        link.stop()


def online(message: dict[str, Any]) -> bool:
    return bool(message.get("line", {}).get("online"))


def offline(message: dict[str, Any]) -> bool:
    return "line" in message and not message["line"]["online"]
