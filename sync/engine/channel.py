"""The channel between window and engine: JSON lines over the engine's standard input and output.

In:  ``{"wake": true}`` · ``{"look_up": code, "ask": n}`` · ``{"claim": order, "known": [fact ids]}`` ·
     ``{"release": order}`` · end of file: the window is gone.
Out: ``{"claim": {"order": …, "state": `sync.wire.ClaimAnswer`'s, "till": …}}`` · ``{"custody": lead}``
     ``{"changed": [subjects]}`` (``["*"]``: anything) · ``{"answered": [seq…]}`` · ``{"mirror": "new"}``
     ``{"line": {"online": bool, "since": iso, "reason": key}}`` · ``{"fatal": reason}`` ·
     ``{"serving": true}`` (once, when the files were found usable and everything runs) ·
     ``{"fetching": {"done": n, "of": m}}`` (while the feed is read for more than a moment; null: no more) ·
     ``{"alive": true}`` (every `BEAT_S`, as long as everything runs)
     ``{"found": {"ask": n, "code": code, "outcome": "record" | "elsewhere" | "unknown" | "unreachable",
     "kind": …, "id": … (record: it is in the mirror now), "elsewhere": {store, name, address, hours}}}``
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import IO, Any

log = logging.getLogger(__name__)

MANY = 200
"""More changed subjects than this at once are told as ``*``."""
APART_S = 0.1
"""Messages of what changed come at least this far apart; a screen refreshes no faster."""
BEAT_S = 5.0
"""How often the window is told that the engine lives."""
LONGEST_LINE = 1 << 16


class Outbox:
    """Messages to the window, written by a thread of its own: nobody waits for a window that hangs.

    Promises: messages keep their order, but what changed is gathered while it waits. ``broken`` is
    called once when nobody reads any more. As long as ``alive`` says so, a sign of life goes out every `BEAT_S`.
    Use as a context manager; leaving writes what is left.
    """

    def __init__(
        self, stdout: IO[str], broken: Callable[[], None], alive: Callable[[], bool] = lambda: True
    ) -> None:
        self._stdout = stdout
        self._broken = broken
        self._alive = alive
        self._condition = threading.Condition()
        self._waiting: list[dict[str, Any]] = []
        self._changed: dict[str, None] = {}
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def __enter__(self) -> Outbox:
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        self._thread.join(1)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message. Any thread; never waits."""
        with self._condition:
            if self._ended:
                return
            if "changed" in message:
                self._changed.update(dict.fromkeys(message["changed"]))
                if len(self._changed) > MANY:
                    self._changed = {"*": None}
            else:
                self._waiting.append(message)
            self._condition.notify_all()

    def _run(self) -> None:
        last, beaten = -APART_S, time.monotonic()
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: bool(self._waiting or self._changed or self._ended),
                    max(0.0, beaten + BEAT_S - time.monotonic()),
                )
                now = time.monotonic()
                if self._changed and not self._ended and now - last < APART_S and not self._waiting:
                    self._condition.wait(APART_S - (now - last))
                    now = time.monotonic()
                due, self._waiting = self._waiting, []
                if self._changed and (self._ended or now - last >= APART_S):
                    due.append({"changed": ["*"] if "*" in self._changed else list(self._changed)})
                    self._changed, last = {}, now
                ended = self._ended and not self._changed
            if now - beaten >= BEAT_S:
                beaten = now
                if self._alive():
                    due.append({"alive": True})
            if not self._write(due) or ended:
                return

    def _write(self, messages: list[dict[str, Any]]) -> bool:
        try:
            for message in messages:
                self._stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
            self._stdout.flush()
        except (OSError, ValueError):
            with self._condition:
                self._ended = True
            self._broken()
            return False
        return True


def listen(stdin: IO[str], hear: Callable[[dict[str, Any]], None], ended: Callable[[], None]) -> None:
    """Read the window's messages in a thread until end of file, then call ``ended``.

    Read from the descriptor itself: a thread that waits inside Python's own standard input makes
    the interpreter abort when it ends. A line that is no message is passed over.
    """
    descriptor = stdin.fileno()

    def run() -> None:
        rest = b""
        while True:
            try:
                part = os.read(descriptor, 1 << 16)
            except OSError:
                part = b""
            if not part:
                ended()
                return
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > LONGEST_LINE:
                rest = b""
            for line in lines:
                message = _parsed(line)
                if message is not None:
                    hear(message)

    threading.Thread(target=run, name="window", daemon=True).start()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict):
        return message
    if line.strip():
        log.warning("the window sent something that is no message (%d bytes)", len(line))
    return None
