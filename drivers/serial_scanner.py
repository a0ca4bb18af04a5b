"""A scanner on a serial line: RS-232, USB CDC, or anything else pyserial opens by a URL."""

from __future__ import annotations

import contextlib
import errno
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from drivers.framing import Framer, scan_of
from posapp.domain.codes import Source
from posapp.ports import DeviceState, DownReason, ScannerStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan

log = logging.getLogger(__name__)

_READ_S = 0.05
_JOIN_S = 1.0
# pyserial's SerialException is an OSError; a port pulled out in the middle of a call also raises TypeError
# (pyserial issue 341), and a descriptor too high for select a ValueError.
_PORT_ERRORS = (OSError, TypeError, ValueError)
_BUSY = {errno.EBUSY, errno.EAGAIN}
_DENIED = {errno.EACCES, errno.EPERM}
# EIO: the other end of a pseudo-terminal is closed.
_MISSING = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO, errno.ECONNREFUSED, errno.EHOSTUNREACH}


_T = TypeVar("_T")


class _Port(Protocol):
    """What is used of pyserial."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int = 1, /) -> bytes: ...

    def close(self) -> None: ...


class SerialScanner:
    """Reads frames from one port, in a thread of its own, and opens it again whenever it comes back.

    Promises: the port is opened exclusively, and by the name given, which should be a stable one
    (``/dev/serial/by-id/...``); a frame torn by an unplug is dropped; the thread ends within a second
    of `stop`. Never raises from its thread and never writes to the scanner.
    """

    def __init__(self, url: str, baud: int = 9600, *, suffix: bool = True, retry_s: float = 0.1) -> None:
        self._url = url
        self._baud = baud
        self._retry_s = retry_s
        self._framer = Framer(suffix=suffix)
        self._status = ScannerStatus(url, DeviceState.DOWN, DownReason.STOPPED)
        self._thread: threading.Thread | None = None
        self._port: _Port | None = None
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """The port's name as it was given."""
        return self._url

    @property
    def status(self) -> ScannerStatus:
        """How it stands now."""
        return self._status

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Listen until `stop`."""
        if self._thread is not None:
            raise RuntimeError(f"{self._url} is already started")
        self._on_scan, self._on_state = on_scan, on_state
        # An event of its own: a thread that outlived its stop must not be revived by the next start.
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._stopping], name=f"scanner {self._url}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; the port is closed when this returns."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        # Only spares the rest of the read's time-out. Not every kind of port has it, and this one may be
        # closing just now.
        cancel = getattr(self._port, "cancel_read", None)
        if cancel is not None:
            with contextlib.suppress(*_PORT_ERRORS):
                cancel()
        thread.join(_JOIN_S)
        if thread.is_alive():
            log.warning("%s: the reader did not end within %g s", self._url, _JOIN_S)
        self._status = ScannerStatus(self._url, DeviceState.DOWN, DownReason.STOPPED)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                port = _open(self._url, self._baud)
            except _PORT_ERRORS as error:
                self._report_down(stopping, _reason(error), error)
            else:
                self._port = port
                self._report(stopping, ScannerStatus(self._url, DeviceState.UP))
                self._read(stopping, port)
                self._port = None
                _close(port)
                self._framer.reset()
            stopping.wait(self._retry_s)

    def _read(self, stopping: threading.Event, port: _Port) -> None:
        """Read until the port fails or `stop` is called."""
        try:
            while not stopping.is_set():
                # One byte to wait for, then all that came with it: a larger read would wait for the rest.
                data = port.read(1)
                if data:
                    data += port.read(port.in_waiting)
                for frame in self._framer.feed(data, time.monotonic_ns() // 1_000_000):
                    self._tell(stopping, self._on_scan, scan_of(self._url, Source.SERIAL, frame))
        except _PORT_ERRORS as error:
            self._report_down(stopping, DownReason.LOST, error)

    def _report_down(self, stopping: threading.Event, reason: DownReason, error: BaseException) -> None:
        # What was unplugged stays "lost" while it is missing: that says more.
        if reason is DownReason.MISSING and self._status.reason is DownReason.LOST:
            return
        status = ScannerStatus(self._url, DeviceState.DOWN, reason)
        if status != self._status and not stopping.is_set():
            log.warning("%s is down (%s): %s", self._url, reason, error)
        self._report(stopping, status)

    def _report(self, stopping: threading.Event, status: ScannerStatus) -> None:
        if status != self._status and not stopping.is_set():
            self._status = status
            self._tell(stopping, self._on_state, status)

    def _tell(self, stopping: threading.Event, listener: Callable[[_T], object], value: _T) -> None:
        if stopping.is_set():
            return
        try:
            listener(value)
        except Exception:
            # One bad scan must not make the scanner deaf for the rest of the day.
            log.exception("%s: not delivered", self._url)


def _open(url: str, baud: int) -> _Port:
    # Here, since a till without a serial scanner need not load it.
    import serial

    # No software flow control: it would eat 0x11 and 0x13 out of a code.
    port: _Port = serial.serial_for_url(url, baudrate=baud, timeout=_READ_S, exclusive=True, xonxoff=False)
    return port


def _close(port: _Port) -> None:
    # pyserial leaves a socket open whose other end has closed first.
    connection: Any = getattr(port, "_socket", None)
    if connection is not None:
        connection.close()
    with contextlib.suppress(*_PORT_ERRORS):
        port.close()


def _reason(error: BaseException) -> DownReason:
    """Why a port could not be opened; pyserial sometimes leaves the number only in what it had caught."""
    number = getattr(error, "errno", None) or getattr(error.__context__, "errno", None)
    text = str(error)
    if number in _BUSY or (sys.platform == "win32" and "PermissionError" in text):
        return DownReason.BUSY
    if number in _DENIED:
        return DownReason.DENIED
    if number in _MISSING or "FileNotFoundError" in text:
        return DownReason.MISSING
    return DownReason.FAILED
