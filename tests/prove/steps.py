"""What several bars do alike: run a command in sight of the reader, and keep its words for the figure."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def run(command: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Outcome:
    """Runs a command, passes on what it prints line by line, and keeps it."""
    print(f"$ {' '.join(command)}", flush=True)
    begun = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(f"  {line}", end="", flush=True)
            lines.append(line.rstrip("\n"))
    return Outcome(process.returncode, tuple(lines), time.monotonic() - begun)


def done_before(step: str) -> bool:
    """Whether the caller vouches for a step."""
    return step in os.environ.get(DONE_BEFORE, "").split(",")
