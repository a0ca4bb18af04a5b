"""Processes that begin in milliseconds: forked from one that has imported everything and opened nothing.

A start of Python with all that a till or a hub needs costs most of a second, far too much for ten
thousand lives. The server they are forked from is that of the standard library; it has no threads, no
files and no connections, so that what a child opens is its own.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import select
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

PRELOAD = (
    "drivers.keys",
    "posapp.counter.desk",
    "posapp.storage.books",
    "posapp.storage.check",
    "sync.engine.process",
    "sync.hub.service",
    "sync.hub.operator",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.lifespan.on",
    "tests.kit.lives",
    "tests.kit.frozen",
)

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal that a process gets when its parent has died."""


def context() -> ForkServerContext:
    """Where such processes come from. What they inherit of the environment is that of the first call."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(PRELOAD))
    return found


class Life:
    """A process of its own that runs ``work(*arguments)`` and is killed, or ends by itself.

    What it writes on standard error is added to ``complaints``.
    """

    def __init__(self, complaints: Path, work: Callable[..., Any], *arguments: Any, **more: Any) -> None:
        self._process: ForkServerProcess = context().Process(
            target=_alone, args=(complaints, work, arguments, more), daemon=True
        )
        self._process.start()
        self._lives = True
        self._killed = False

    @property
    def sentinel(self) -> int:
        """A descriptor that can be read once the process has ended."""
        return self._process.sentinel

    def kill(self) -> bool:
        """SIGKILL, at once. Returns whether it lived until now; harmless twice."""
        if self._lives:
            self._lives = False
            self._killed = not select.select([self.sentinel], [], [], 0)[0]
            self._process.kill()
        return self._killed

    def end(self, patience: float = 0.0) -> bool:
        """Wait so long for it to end by itself, then kill; whether that was needed. Once, at the last.

        There is no exit code: two threads that look after their children rob each other of it.
        """
        if patience:
            select.select([self.sentinel], [], [], patience)
        killed = self.kill()
        self._process.join()
        self._process.close()
        return killed


def pipe() -> tuple[Connection, Connection]:
    """A one-way pipe whose ends can be given to a `Life`: reader, writer."""
    return context().Pipe(duplex=False)


def say(out: Connection, line: str) -> None:
    """One write, so that a kill leaves a whole line or none."""
    os.write(out.fileno(), line.encode() + b"\n")


def _alone(
    complaints: Path, work: Callable[..., Any], arguments: tuple[Any, ...], more: dict[str, Any]
) -> None:
    if sys.platform == "linux":
        # Should the one who kills be killed himself, what he began must not live on: the server ends with
        # the last who holds its pipe, which a child needs only to begin children of its own.
        server: Any = forkserver._forkserver
        os.close(server._forkserver_alive_fd)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    handle = os.open(complaints, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(handle, 2)
    os.close(handle)
    code = work(*arguments, **more)
    sys.stdout.flush()
    # What threads still do is no more to be waited for than after a kill.
    os._exit(code if isinstance(code, int) else 0)
