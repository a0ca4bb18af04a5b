"""A scanner without hardware: for trying posapp out, and for tests that need no kernel."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

from drivers.framing import Framer, scan_of
from posapp.domain.codes import Source
from posapp.ports import DeviceState, DownReason, ScannerStatus, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan

log = logging.getLogger(__name__)


class WindowScanner:
    """Stands for the scanners that type: the window reads them itself, so there is nothing to open."""

    def __init__(self, name: str = "wedge:") -> None:
        self._name = name
        self._status = ScannerStatus(name, DeviceState.DOWN, DownReason.STOPPED)

    @property
    def name(self) -> str:
        """Its address."""
        return self._name

    @property
    def status(self) -> ScannerStatus:
        """Up from `start` to `stop`."""
        return self._status

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Say that it is up; scans come from the window."""
        if self._status.state is DeviceState.UP:
            raise RuntimeError(f"{self._name} is already started")
        self._status = ScannerStatus(self._name, DeviceState.UP)
        on_state(self._status)

    def signal(self, signal: Signal) -> None:
        """A scanner that types cannot be told anything."""

    def stop(self) -> None:
        """Say no more."""
        self._status = ScannerStatus(self._name, DeviceState.DOWN, DownReason.STOPPED)


class VirtualScanner:
    """Delivers what it is told to scan, through the framing and a thread like a real one's.

    `scan`, `send`, `plug` and `unplug` may be called from any thread. What is sent while it is unplugged
    or stopped is lost, as with a real one.
    """

    def __init__(self, name: str = "virtual:", *, suffix: bool = True) -> None:
        self._name = name
        self.signals: list[Signal] = []
        self._framer = Framer(suffix=suffix)
        self._status = ScannerStatus(name, DeviceState.DOWN, DownReason.STOPPED)
        # What happens to it, in order: bytes, plugged in (True) or out (False), None to end.
        self._events: queue.SimpleQueue[bytes | bool | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """What its scans carry as their device."""
        return self._name

    @property
    def status(self) -> ScannerStatus:
        """How it stands now."""
        return self._status

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Listen until `stop`."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} is already started")
        self._on_scan, self._on_state = on_scan, on_state
        self._events = queue.SimpleQueue()
        self._events.put(True)
        self._thread = threading.Thread(target=self._run, name=f"scanner {self._name}", daemon=True)
        self._thread.start()

    def signal(self, signal: Signal) -> None:
        """Keep what it was told, in `signals`."""
        self.signals.append(signal)

    def stop(self) -> None:
        """Stop listening, after what was sent before."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._events.put(None)
        thread.join(1.0)
        self._status = ScannerStatus(self._name, DeviceState.DOWN, DownReason.STOPPED)

    def scan(self, text: str, end: str = "\r") -> None:
        """Scan a code."""
        self.send((text + end).encode())

    def send(self, data: bytes) -> None:
        """Send bytes as they would come down the line, in any pieces."""
        self._events.put(data)

    def unplug(self) -> None:
        """Pull the cable out."""
        self._events.put(False)

    def plug(self) -> None:
        """Put the cable back in."""
        self._events.put(True)

    def _run(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=0.05)
            except queue.Empty:
                event = b""
            if event is None:
                return
            try:
                self._take(event)
            except Exception:
                # As with a real one: a bad receiver must not make it deaf.
                log.exception("%s: not delivered", self._name)

    def _take(self, event: bytes | bool) -> None:
        if isinstance(event, bool):
            status = (
                ScannerStatus(self._name, DeviceState.UP)
                if event
                else ScannerStatus(self._name, DeviceState.DOWN, DownReason.LOST)
            )
            if status != self._status:
                self._framer.reset()
                self._status = status
                self._on_state(status)
        elif self._status.state is DeviceState.UP:
            for frame in self._framer.feed(event, time.monotonic_ns() // 1_000_000):
                self._on_scan(scan_of(self._name, Source.VIRTUAL, frame))
