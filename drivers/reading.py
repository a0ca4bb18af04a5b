"""A scanner's life: a thread that opens its line, reads it, and opens it again whenever it comes back."""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import sys
import threading
from typing import TYPE_CHECKING, Protocol, TypeVar

from drivers.feedback import message
from drivers.holders import holder
from posapp.domain.profiles import DeviceProfile
from posapp.ports import DeviceState, DownReason, ScannerStatus, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from posapp.domain.codes import Scan

log = logging.getLogger(__name__)

READ_S = 0.05
"""A line waits no longer than this for something to read."""
_JOIN_S = 1.0
# pyserial's SerialException is an OSError; a port pulled out in the middle of a call also raises TypeError
# (pyserial issue 341), and a descriptor too high for select a ValueError.
LINE_ERRORS = (OSError, TypeError, ValueError)
_BUSY = {errno.EBUSY, errno.EAGAIN}
_DENIED = {errno.EACCES, errno.EPERM}
# EIO: the other end of a pseudo-terminal is closed.
_MISSING = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO, errno.ECONNREFUSED, errno.EHOSTUNREACH}
_T = TypeVar("_T")


class Unusable(OSError):
    """A line cannot be opened, and why is known."""

    def __init__(self, reason: DownReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Line(Protocol):
    """An open way to a scanner. Its calls but `wake` come from one thread, and raise `LINE_ERRORS`."""

    def read(self) -> Iterable[Scan]:
        """The scans that are whole, after waiting at most `READ_S` for more."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes to the scanner; nothing where it takes none."""
        ...

    def wake(self) -> None:
        """Cut the waiting short, where that is possible; from any thread."""
        ...

    def close(self) -> None:
        """Give the device back as it was."""
        ...


class LineScanner:
    """Reads one line in a thread of its own, and opens it again whenever it comes back.

    Promises: a frame torn by an unplug is dropped; the thread ends within a second of `stop`, with the
    line closed; never raises from its thread. Writes only what `signal` asks for, and only in the
    profile's dialect.
    """

    def __init__(
        self,
        name: str,
        open_line: Callable[[], Line],
        profile: DeviceProfile | None = None,
        *,
        retry_s: float = 0.1,
    ) -> None:
        self._name = name
        self._open = open_line
        self._retry_s = retry_s
        self._dialect = (profile or DeviceProfile(device=name)).dialect
        self._status = ScannerStatus(name, DeviceState.DOWN, DownReason.STOPPED)
        self._thread: threading.Thread | None = None
        self._line: Line | None = None
        self._stopping = threading.Event()
        self._signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()

    @property
    def name(self) -> str:
        """The device's address."""
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
        # An event of its own: a thread that outlived its stop must not be revived by the next start.
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._stopping], name=f"scanner {self._name}", daemon=True
        )
        self._thread.start()

    def signal(self, signal: Signal) -> None:
        """Have the scanner beep, in its own thread; nothing while it is down."""
        if self._status.state is DeviceState.UP and message(self._dialect, signal):
            self._signals.put(signal)
            self._wake()

    def learn(self, on: bool) -> None:
        """Nothing stands around a code that this line would take off."""

    def stop(self) -> None:
        """Stop listening; the line is closed when this returns."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        self._wake()
        thread.join(_JOIN_S)
        if thread.is_alive():
            log.warning("%s: the reader did not end within %g s", self._name, _JOIN_S)
        self._status = ScannerStatus(self._name, DeviceState.DOWN, DownReason.STOPPED)

    def _wake(self) -> None:
        # Only spares the rest of the read's time-out; the line may be closing just now.
        line = self._line
        if line is not None:
            with contextlib.suppress(*LINE_ERRORS):
                line.wake()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                line = self._open()
            except LINE_ERRORS as error:
                self._report_down(stopping, _reason(error, self._name), error)
            else:
                self._line = line
                self._signals = queue.SimpleQueue()  # what was meant for an earlier time is too late
                self._report(stopping, ScannerStatus(self._name, DeviceState.UP))
                self._read(stopping, line)
                self._line = None
                with contextlib.suppress(*LINE_ERRORS):
                    line.close()
            stopping.wait(self._retry_s)

    def _read(self, stopping: threading.Event, line: Line) -> None:
        """Read until the line fails or `stop` is called."""
        try:
            while not stopping.is_set():
                for scan in line.read():
                    self._tell(stopping, self._on_scan, scan)
                while not self._signals.empty():
                    line.write(message(self._dialect, self._signals.get()))
        except LINE_ERRORS as error:
            self._report_down(stopping, DownReason.LOST, error)

    def _report_down(self, stopping: threading.Event, reason: DownReason, error: BaseException) -> None:
        # What was unplugged stays "lost" while it is missing: that says more.
        if reason is DownReason.MISSING and self._status.reason is DownReason.LOST:
            return
        status = ScannerStatus(self._name, DeviceState.DOWN, reason)
        if status != self._status and not stopping.is_set():
            log.warning("%s is down (%s): %s", self._name, reason, error)
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
            log.exception("%s: not delivered", self._name)


def _reason(error: BaseException, name: str) -> DownReason:
    """Why a line could not be opened; pyserial sometimes leaves the number only in what it had caught."""
    if isinstance(error, Unusable):
        return error.reason
    number = getattr(error, "errno", None) or getattr(error.__context__, "errno", None)
    text = str(error)
    if number in _BUSY or (sys.platform == "win32" and "PermissionError" in text):
        return holder(name.partition(":")[2] if name.startswith("evdev:") else name) or DownReason.BUSY
    if number in _DENIED:
        return DownReason.DENIED
    if number in _MISSING or "FileNotFoundError" in text:
        return DownReason.MISSING
    return DownReason.FAILED
