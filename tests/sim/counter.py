"""A till's counter without its window, as a process: ``python -m tests.sim.counter FOLDER DOOR``.

The product's own desk over its own books, with its own sync process beside it. It is told what to do in
JSON, a line each, and answers in the same way. Killed, it leaves what a killed till leaves.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.keys import StoredKeys
from posapp import paths
from posapp.counter import desk
from posapp.counter.custody import ANSWER_S, Right
from posapp.counter.till import Till
from posapp.domain.errors import Refused
from posapp.domain.pickup import MAY_HAND_OVER
from posapp.storage.books import Books
from sync.link import EngineLink


class Counter:
    """What a window is to its desk, for one order at a time."""

    def __init__(self, folder: Path, door: str) -> None:
        self._said: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._books = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
        command = [
            sys.executable,
            "-m",
            "posapp",
            "sync",
            "--data",
            str(folder),
            "--attached",
            "--door",
            door,
        ]
        self._link = EngineLink(command, self._said.put)
        till = Till(self._books, lambda: datetime.now(UTC), lambda: "Ana", self._link.wake)
        self._desk = desk.build(till, self._link.look_up, self._link.claim, self._link.release)
        self._link.start()

    def close(self) -> None:
        """End the sync process and close the files."""
        self._link.stop()
        self._books.close()

    def _hear(self, seconds: float = 0.0) -> None:
        try:
            while True:
                event = self._said.get(timeout=seconds) if seconds else self._said.get_nowait()
                seconds = 0.0
                told = event.get("claim")
                if told:
                    self._desk.custody.told(told["order"], told["state"], told["till"])
                if "line" in event:
                    self._desk.custody.repeat()
                if event.get("mirror") == "new":
                    self._books.reopen_mirror()
        except queue.Empty:
            return

    def standing(self) -> dict[str, Any]:
        """How it stands with the hub, and which cases it shows."""
        self._hear()
        waiting, _ = self._books.journal.waiting()
        lease = self._books.claims.lease()
        return {
            "waiting": waiting,
            "lead": lease.till if lease else "",
            "alone": lease is None or lease.alone,
            "cases": [case.ref for case in self._desk.attention.cases()],
        }

    def present(self, order: str, proof: str, override: str, pause: float) -> dict[str, Any]:
        """A customer shows an order: ask for it, wait, look on for a while, press the button."""
        self._hear()
        custody = self._desk.custody
        known = self._books.know("order", order)
        if known is None:
            return {"outcome": "unknown"}
        verdict, _ = self._desk.pickup.look(known)
        if verdict not in MAY_HAND_OVER:
            custody.release(order)
            return {"outcome": verdict.value}
        custody.want(known)
        until = time.monotonic() + ANSWER_S + 1
        while custody.standing(known).right is Right.ASKED and time.monotonic() < until:
            self._hear(0.05)
        self._hear(pause)
        try:
            done = self._desk.pickup.hand_over(order, proof=proof, override=override)
        except Refused as refused:
            custody.release(order)
            return {"outcome": refused.reason}
        entry = self._books.journal.fact(done.ref)
        assert entry is not None
        said = entry.fact.payload["custody"].get("provisional", "")
        return {"outcome": "handed-over", "ref": done.ref, "provisional": said}


def main() -> int:
    """Do what is told until nothing more comes."""
    counter = Counter(Path(sys.argv[1]), sys.argv[2])
    try:
        for line in sys.stdin:
            told = json.loads(line)
            said = counter.present(**told) if told else counter.standing()
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
    finally:
        counter.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
