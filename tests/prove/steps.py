"""What several bars do alike: run a command in sight of the reader, and keep its words for the figure."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

# Steps that the caller has just seen pass on this commit, in a fresh clone: see --done.
DONE_BEFORE = "POSAPP_PROVE_DONE"
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    lines: tuple[str, ...]
    seconds: float

    @property
    def last(self) -> str:
        """The last line that says something."""
        return next((line for line in reversed(self.lines) if line.strip()), "(printed nothing)")


def run(
    command: Sequence[str],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 3600,
) -> Outcome:
    """Runs a command and passes on what it prints, line by line. After ``timeout`` it is ended."""
    begun = time.monotonic()
    lines: list[str] = []
    with _Command(command, cwd, env) as child:
        timer = threading.Timer(timeout, child.kill)
        timer.start()
        try:
            for line in iter(child.lines.get, None):
                lines.append(line)
            code = child.process.wait()
        finally:
            timer.cancel()
    return Outcome(code, tuple(lines), time.monotonic() - begun)


@contextmanager
def started(
    command: Sequence[str],
    *,
    ready: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Iterator[re.Match[str]]:
    """Runs a command beside the block, which begins when it has printed a line that matches ``ready``.

    It and all that it started end with the block. Raises TimeoutError without such a line.
    """
    until = time.monotonic() + timeout
    with _Command(command, cwd, env) as child:
        while True:
            try:
                line = child.lines.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                raise TimeoutError(f"{command[0]} did not say {ready!r} within {timeout:g} s") from None
            if line is None:
                raise TimeoutError(f"{command[0]} ended and never said {ready!r}")
            match = re.search(ready, line)
            if match:
                break
        yield match


def done_before(step: str) -> bool:
    """Whether the caller vouches for a step."""
    return step in os.environ.get(DONE_BEFORE, "").split(",")


class _Command:
    """A process in a group of its own; ``lines`` gives what it prints, and None at its end.

    Leaving ends the whole group: make and a shell do not pass an end on to what they started.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str] | None) -> None:
        print(f"$ {' '.join(command)}", flush=True)
        self.lines: Queue[str | None] = Queue()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="command output", daemon=True)
        self._reader.start()

    def __enter__(self) -> "_Command":
        return self

    def __exit__(self, *_failure: object) -> None:
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()
        self.process.wait()
        self._reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def kill(self) -> None:
        """Ends whatever is left of the group, at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            print(f"  {line}", end="", flush=True)
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)
