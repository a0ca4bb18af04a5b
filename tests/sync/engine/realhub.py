"""The product's own hub for the engine: a real process, which can be killed, and a store with orders."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from posapp.domain.facts import Fact
from posapp.domain.known import Known
from posapp.domain.orders import HANDED_OVER, Order
from posapp.storage.books import Books
from sync.hub import operator
from tests.storage.ledgers import deciding
from tests.sync.engine.processes import ROOT
from tests.waiting import until

PROGRAM = """
import sys
from sync.hub.service import serve
serve(sys.argv[1], port=int(sys.argv[2]), parent_pipe=True)
"""


@dataclass
class RealHub:
    """A hub's database and the process that serves it, which can be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> str:
        return str(operator.url_for(self.folder))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.database, str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, 30)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            self.process.wait(20)
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process = None


def ready(books: Books) -> list[str]:
    return [known.id for known in books.queue("order", "ready")]


def at_least(books: Books, count: int) -> list[str]:
    """The numbers of orders that are ready, once there are so many."""
    until(lambda: len(ready(books)) >= count, 30)
    return ready(books)


def hand_over(books: Books, number: str) -> str:
    """All that lies here of an order, as the counter hands it over."""

    def decide(known: Known | None) -> Fact:
        assert known is not None
        assert isinstance(known.value, Order)
        return deciding(HANDED_OVER, f"order:{number}", {"lines": known.value.lines_here()})(known)

    entry, _ = books.commit("order", number, decide)
    return str(entry.fact.id)


def in_shop(real: RealHub) -> dict[str, int]:
    """How often the shop has each of our hand-overs."""
    refs: dict[str, int] = {}
    for one in operator.orders(real.database):
        for done in one["hand_overs"]:
            refs[done["ref"]] = refs.get(done["ref"], 0) + 1
    return refs
