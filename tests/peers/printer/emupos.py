"""emupos, a printer simulator by other people, in an environment of its own: it needs Python 3.13.

The environment lies inside .venv, so that it goes with it.
"""

import glob
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.waiting import until

VERSION = "0.4.0"
ROOT = Path(__file__).resolve().parents[3]
UNKNOWN = ("printer.codepage.unsupported", "printer.command.unknown")


class NotThere(Exception):
    """It cannot be run here, and why."""


@dataclass
class Emupos:
    """A running printer, by its control interface."""

    api: str
    url: str
    log: Path

    def call(self, method: str, path: str) -> bytes:
        """One call of the control interface."""
        request = urllib.request.Request(f"{self.api}/api/v1/{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: bytes = answer.read()
        return found

    def fault(self, name: str, on: bool = True) -> None:
        """A fault begins or ends."""
        self.call("PUT" if on else "DELETE", f"devices/front/faults/{name}")

    def receipts(self) -> int:
        """How many came out."""
        found = json.loads(self.call("GET", "devices/front/receipts"))
        return len(found["receipts"] if isinstance(found, dict) else found)

    def picture(self) -> Image.Image:
        """The latest receipt."""
        return Image.open(BytesIO(self.call("GET", "devices/front/receipts/latest/image"))).convert("L")

    def text(self) -> str:
        """The latest receipt's words."""
        return self.call("GET", "devices/front/receipts/latest/text").decode()

    def unknown(self) -> list[str]:
        """What it did not understand so far."""
        return [line for line in self.log.read_text().splitlines() if any(name in line for name in UNKNOWN)]


@contextmanager
def running(folder: Path) -> Iterator[Emupos]:
    """A printer with its drawer. Raises NotThere where there is no Python for it, or no way to get it."""
    program = _program()
    ports = [_free_port() for _ in range(2)]
    (folder / "emupos.yaml").write_text(
        f"schema: 1\napi: {{ host: 127.0.0.1, port: {ports[0]} }}\ndevices:\n"
        "  - id: front\n    type: printer\n    profile: epson-tm-t20iii\n    job_idle_timeout_ms: 500\n"
        f"    connections:\n      - tcp: {{ port: {ports[1]} }}\n"
    )
    log = folder / "emupos.log"
    env = dict(os.environ, PYTHONUNBUFFERED="1", COLUMNS="200")
    with log.open("wb") as out:
        process = subprocess.Popen([program, "run"], cwd=folder, env=env, stdout=out, stderr=out)
    made = Emupos(f"http://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}", log)
    try:
        until(lambda: process.poll() is not None or _healthy(made), 30)
        if process.poll() is not None:
            raise NotThere(f"emupos ended: {log.read_text()[-200:]}")
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _healthy(emupos: Emupos) -> bool:
    try:
        return bool(emupos.call("GET", "health"))
    except (urllib.error.URLError, OSError):
        return False


def _program() -> str:
    folder = ROOT / ".venv" / f"emupos-{VERSION}"
    program = folder / "bin" / "emupos"
    if program.exists():
        return str(program)
    python = next(_pythons(), None)
    if python is None:
        raise NotThere("no Python 3.13 or newer that starts")
    steps = (
        [python, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"emupos=={VERSION}"],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise NotThere(f"{' '.join(step[1:4])}: {done.stderr.strip()[-200:]}")
    return str(program)


def _pythons() -> Iterator[str]:
    """Those that really start: a version manager's stub may only refuse."""
    named = [shutil.which(f"python3.{minor}") for minor in (13, 14, 15)]
    managed = glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[3-9]*/bin/python3"))
    check = "import sys; sys.exit(sys.version_info < (3, 13))"
    for python in [*named, *sorted(managed)]:
        if python and not subprocess.run([python, "-c", check], capture_output=True, check=False).returncode:
            yield python


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
