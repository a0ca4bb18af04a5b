"""The window's end of the local channel: the sync process, started, watched, woken and asked.

One JSON object a line each way over the process's own pipes. No Qt and nothing heavy here: the
events are handed to a callable that is called on this link's threads.
"""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

log = logging.getLogger(__name__)

RESTART_S = (0.2, 1.0, 5.0, 15.0, 60.0)
"""Pauses before the process is started again: the first after one that served, the last one repeats."""

LOOK_S = 5.0
SILENT_S = 30.0
START_S = 60.0
"""A process that gives no sign of life for so long hangs and is killed; one that starts has longer. Told in
looks of this process's own, so that neither counts while the machine, or the window alone, stands still."""


class EngineLink:
    """Promises: `wake` and `look_up` return at once and never raise; a sync process that dies or hangs is
    started again; `stop` ends it within a few seconds.

    What was fatal stays the last word on the line until a process serves again: what one says of the
    line before it falls over in its turn is kept back.
    """

    def __init__(self, command: Sequence[str], on_event: Callable[[Mapping[str, Any]], None]) -> None:
        self._command = list(command)
        self._on_event = on_event
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._fatal = False
        self._alive = False
        self._kept: Mapping[str, Any] | None = None
        self._thread = threading.Thread(target=self._watch, name="engine-link", daemon=True)

    def start(self) -> None:
        """Start the process and its watcher."""
        self._thread.start()

    def stop(self) -> None:
        """Close the channel: the process finishes what is in flight and ends; else it is ended."""
        self._stopping.set()
        with self._lock:
            process = self._process
            if process is not None and process.stdin is not None:
                _close(process.stdin)
        if self._thread.is_alive():
            self._thread.join(4)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        if self._thread.is_alive():
            self._thread.join(1)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        with self._lock:
            return self._process.pid if self._process else None

    def wake(self) -> None:
        """There is a new fact to send."""
        self._say({"wake": True})

    def look_up(self, code: str) -> None:
        """Ask the hub for one order; the answer comes as an event ``found`` with this ``code``."""
        self._asked += 1
        self._say({"look_up": code, "ask": self._asked})

    def claim(self, order: str, known: Sequence[str]) -> None:
        """Ask for the right to hand an order over; the answer comes as an event ``claim``."""
        self._say({"claim": order, "known": list(known)})

    def release(self, order: str) -> None:
        """The order is not needed here any more."""
        self._say({"release": order})

    def _say(self, message: Mapping[str, Any]) -> None:
        with self._lock:
            stream = self._process.stdin if self._process else None
            if stream is None:
                return
            try:
                stream.write(json.dumps(message).encode() + b"\n")
                stream.flush()
            except (OSError, ValueError):
                log.info("the sync process is not there to be told")

    def _watch(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            served = self._run()
            if self._stopping.is_set():
                return
            tries = 0 if served else tries + 1
            log.warning("the sync process ended; it is started again")
            self._stopping.wait(RESTART_S[min(tries, len(RESTART_S) - 1)])

    def _run(self) -> bool:
        """One life of the process; whether it came to serve."""
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True
            )
        except OSError:
            log.exception("the sync process cannot be started")
            self._lost("sync-stopped")
            return False
        with self._lock:
            self._process = process
        if self._stopping.is_set() and process.stdin is not None:
            _close(process.stdin)
        served, over, hung = False, threading.Event(), threading.Event()
        threading.Thread(
            target=self._guard, args=(process, over, hung), name="engine-guard", daemon=True
        ).start()
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                try:
                    event = json.loads(line)
                except ValueError:
                    log.warning("the sync process said something else than JSON")
                    continue
                if isinstance(event, dict):
                    served = (served or "serving" in event) and "fatal" not in event
                    self._take(event)
        process.wait()
        over.set()
        with self._lock:
            self._process = None
            if process.stdin is not None:
                _close(process.stdin)
        if not hung.is_set():
            self._lost("sync-stopped")
        return served

    def _guard(self, process: subprocess.Popen[bytes], over: threading.Event, hung: threading.Event) -> None:
        """Kill a process that is silent for too long."""
        silent, most = 0.0, START_S
        self._alive = False
        while not over.wait(LOOK_S):
            if self._alive:
                self._alive, silent, most = False, 0.0, SILENT_S
                continue
            silent += LOOK_S
            if silent >= most:
                log.error("the sync process gave no sign of life for %g s: it is killed", silent)
                hung.set()
                self._lost("sync-silent")
                process.kill()
                return

    def _lost(self, reason: str) -> None:
        if not self._fatal and not self._stopping.is_set():
            self._on_event({"line": {"online": False, "since": "", "reason": reason}})

    def _take(self, event: Mapping[str, Any]) -> None:
        if "alive" in event:
            self._alive, event = True, {}
        elif "serving" in event:
            self._fatal = False
            event, self._kept = self._kept or {}, None
        elif "fatal" in event:
            self._fatal, self._kept = True, None
        elif "line" in event and self._fatal:
            self._kept, event = event, {}
        if event:
            self._on_event(event)


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        log.debug("the channel was closed already")
