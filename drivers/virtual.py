"""A scanner without hardware: for trying posapp out, and for tests that need no kernel."""

from __future__ import annotations

import errno
import queue
import time
from typing import TYPE_CHECKING

from drivers.framing import Framer, scan_of
from drivers.reading import READ_S, LineScanner, Unusable
from posapp.domain.codes import Source
from posapp.ports import DeviceState, DownReason, ScannerStatus, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posapp.domain.codes import Scan


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

    def learn(self, on: bool) -> None:
        """The doctor has the keys themselves."""

    def stop(self) -> None:
        """Say no more."""
        self._status = ScannerStatus(self._name, DeviceState.DOWN, DownReason.STOPPED)


class VirtualScanner(LineScanner):
    """Delivers what it is told to scan, by the loop and the framing that a real one is read by.

    `scan`, `send`, `plug` and `unplug` may be called from any thread. What is sent while it is unplugged
    or stopped is lost, as with a real one.
    """

    def __init__(self, name: str = "virtual:", *, suffix: bool = True) -> None:
        # What happens to it, in order: bytes, plugged in (True) or out (False).
        self._events: queue.SimpleQueue[bytes | bool] = queue.SimpleQueue()
        self.signals: list[Signal] = []
        # Opening waits by itself, for the plug.
        super().__init__(name, lambda: _VirtualLine(name, self._events, suffix=suffix), retry_s=0)

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Listen until `stop`, plugged in."""
        if self.status.reason is DownReason.STOPPED:
            self._events = queue.SimpleQueue()
            self._events.put(True)
        super().start(on_scan, on_state)

    def signal(self, signal: Signal) -> None:
        """Keep what it was told, in `signals`."""
        self.signals.append(signal)

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


class _VirtualLine:
    """What happens to a virtual scanner, as a line; it opens with the plug."""

    def __init__(self, name: str, events: queue.SimpleQueue[bytes | bool], *, suffix: bool) -> None:
        self._name = name
        self._events = events
        self._framer = Framer(suffix=suffix)
        if self._next() is not True:
            raise Unusable(DownReason.MISSING, "it is not plugged in")

    def read(self) -> Iterator[Scan]:
        event = self._next()
        if event is False:
            raise OSError(errno.ENODEV, "it was pulled out")
        data = event if isinstance(event, bytes) else b""
        for frame in self._framer.feed(data, time.monotonic_ns() // 1_000_000):
            yield scan_of(self._name, Source.VIRTUAL, frame)

    def write(self, data: bytes) -> None:
        """It takes no bytes."""

    def wake(self) -> None:
        self._events.put(b"")

    def close(self) -> None:
        """There is nothing to give back."""

    def _next(self) -> bytes | bool:
        try:
            return self._events.get(timeout=READ_S)
        except queue.Empty:
            return b""
