"""A hub as a child of this process: the demo's, and that of every test that needs a whole one."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from posapp.domain.errors import Unavailable

UNDO_S = 5
"""Nobody wants to wait a minute to see that the shop has it."""
HUB_START_S = 60


class HubProcess:
    """The hub in a process of its own that ends with this one. A context manager.

    Raises Unavailable("port-in-use") or Unavailable("hub-unreachable") on starting.
    """

    def __init__(self, folder: Path, port: int, orders: int, *, undo_s: int = UNDO_S) -> None:
        self._folder = folder
        self._port = port
        self._orders = orders
        self._undo_s = undo_s
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> HubProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers; the first time it also fills the sample shop."""
        command = [sys.executable, "-m", "posapp", "hub", "serve", "--attached"]
        command += ["--data", str(self._folder), "--port", str(self._port)]
        command += ["--orders", str(self._orders), "--undo", str(self._undo_s)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._process = process
        # Seeding a million orders takes minutes; a hub that says nothing at all takes none.
        patience = threading.Timer(HUB_START_S + self._orders / 2000, process.kill)
        patience.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        patience.cancel()
        if not line.startswith("posapp hub ready "):
            self.stop()
            if process.returncode == 1 and self._port:
                raise Unavailable("port-in-use", port=self._port)
            raise Unavailable("hub-unreachable")
        self.url = line.split()[-1]
        # The same port again after a stop, so that the till finds it where it was.
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop it as a cut line would look to the till: nobody answers any more."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
