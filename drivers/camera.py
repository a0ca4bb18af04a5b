"""A camera as a scanner: frames and pictures in, scans out, read by zxing-cpp in a thread of its own.

Where the frames come from is somebody else's business (`ui.camera`, a dropped picture, a test). Needs the
extra ``camera``; without it the scanner is down with a reason, and nothing else changes.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from posapp.domain.codes import Scan, Source
from posapp.ports import DeviceState, DownReason, ScannerStatus, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.frames import Frame

    _Job = tuple[Callable[[], Frame | None], Callable[[bool | None], object]]

log = logging.getLogger(__name__)

FORMATS = ("QRCode", "Code128", "EANUPC", "DataMatrix", "PDF417")
"""What a customer or a parcel shows. Each format more costs time, and reads codes into noise."""
_STOP_S = 1.0


class CameraScanner:
    """Promises: `offer` returns at once and drops a frame while another is read, so a slow frame delays
    the next one and never the window; a picture is always read. A frame that cannot be read is no scan.

    `offer`, `read`, `lost` and `free` may be called from any thread.
    """

    def __init__(self, name: str = "camera:") -> None:
        self._name = name
        self._status = ScannerStatus(name, DeviceState.DOWN, DownReason.STOPPED)
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._frame: Frame | None = None
        self._pictures: list[_Job] = []
        self._busy = False
        self._stopping = False
        self.dropped = 0

    @property
    def name(self) -> str:
        """What its scans carry as their device."""
        return self._name

    @property
    def status(self) -> ScannerStatus:
        """Up while frames arrive."""
        return self._status

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Read what is offered until `stop`; up with the first frame."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} is already started")
        self._on_scan, self._on_state = on_scan, on_state
        self._stopping = False
        self._report(ScannerStatus(self._name, DeviceState.DOWN, DownReason.MISSING))
        self._thread = threading.Thread(target=self._run, name=f"scanner {self._name}", daemon=True)
        self._thread.start()

    def signal(self, signal: Signal) -> None:
        """A camera cannot be told anything."""

    def learn(self, on: bool) -> None:
        """Nothing stands around a code that was seen."""

    def stop(self) -> None:
        """Read no more; a frame that is being read is finished, and told to nobody."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._wake:
            self._stopping = True
            self._frame = None
            self._pictures.clear()
            self._wake.notify()
        thread.join(_STOP_S)
        self._status = ScannerStatus(self._name, DeviceState.DOWN, DownReason.STOPPED)

    @property
    def free(self) -> bool:
        """Whether a frame offered now would be read."""
        return not self._busy and self._frame is None

    def offer(self, frame: Frame) -> bool:
        """A frame of the camera; whether it is read. It is not while another one is."""
        with self._wake:
            if self._thread is None or self._stopping:
                return False
            taken = not self._busy and self._frame is None
            if taken:
                self._frame = frame
                self._wake.notify()
            else:
                self.dropped += 1
        self._report(ScannerStatus(self._name, DeviceState.UP))
        return taken

    def read(
        self, load: Callable[[], Frame | None], on_read: Callable[[bool | None], object] = lambda found: None
    ) -> None:
        """Read one picture, after those before it. Both are called from the thread: `load` gives it, and
        `on_read` hears whether it had a code, or None where nothing can be read."""
        with self._wake:
            self._pictures.append((load, on_read))
            self._wake.notify()

    def lost(self, reason: DownReason = DownReason.LOST) -> None:
        """The camera was pulled, or cannot be had."""
        if self._thread is not None:
            with self._wake:
                self._frame = None
            self._report(ScannerStatus(self._name, DeviceState.DOWN, reason))

    def _run(self) -> None:
        while (job := self._next()) is not None:
            load, on_read = job
            found: bool | None = False
            try:
                frame = load()
                found = frame is not None and self._look(frame)
            except ImportError:
                found = None
                self.lost(DownReason.LIBRARY)
            except Exception:
                # One bad frame must not make the camera blind for the rest of the day.
                log.exception("%s: a frame was not read", self._name)
            if not self._stopping:
                on_read(found)

    def _next(self) -> _Job | None:
        """Wait for what is to be read; None to end."""
        with self._wake:
            self._busy = False
            while not (self._frame or self._pictures or self._stopping):
                self._wake.wait()
            if self._stopping:
                return None
            self._busy = True
            if self._pictures:
                return self._pictures.pop(0)
            frame, self._frame = self._frame, None
            return (lambda: frame), (lambda found: None)

    def _look(self, frame: Frame) -> bool:
        now = time.monotonic_ns() // 1_000_000
        found = decode(frame)
        for text, aim in found:
            if not self._stopping:
                scan = Scan.of(self._name, Source.CAMERA, (aim + text,), at_ms=now, raw=text.encode())
                self._on_scan(scan)
        return bool(found)

    def _report(self, status: ScannerStatus) -> None:
        if status != self._status:
            self._status = status
            self._on_state(status)


def decode(frame: Frame) -> list[tuple[str, str]]:
    """The texts of all codes in a frame, each with its AIM id. Raises ImportError without zxing-cpp."""
    reader: Any = _reader()
    image = memoryview(frame.pixels).cast("B", (frame.height, frame.width))
    found = reader.read_barcodes(
        image,
        formats=tuple(getattr(reader.BarcodeFormat, name) for name in FORMATS),
        # The default writes GS1 codes for people, with brackets that are not in the code.
        text_mode=reader.TextMode.Plain,
        # A phone in dark mode shows a code inverted.
        try_invert=True,
    )
    return [(code.text, code.symbology_identifier) for code in found if code.text]


def _reader() -> Any:
    import zxingcpp

    return zxingcpp
