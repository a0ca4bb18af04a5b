"""A scanner in HID POS mode (usage page 0x8C): no keyboard, so no layout, focus or input method.

A report is 64 bytes: report id 2, length, AIM id in 3, data in 56, the maker's symbology, one more, and
whether more of the same code follows.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from drivers.framing import MAX_FRAME, STALE_MS, Frame, scan_of
from drivers.reading import READ_S, LineScanner, Unusable
from posapp.domain.codes import Fault, Source
from posapp.domain.profiles import DeviceProfile
from posapp.ports import DownReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posapp.domain.codes import Scan

SCHEME = "hidpos:"
USAGE_PAGE, USAGE = 0x8C, 2
REPORT_ID, REPORT_BYTES, DATA_BYTES = 2, 64, 56
_AIM, _DATA, _MORE = slice(2, 5), 5, 63
_TRAILERS = b"\r\n\t\x00"


class Transport(Protocol):
    """A way to an opened HID device, report by report; raises OSError when it is gone."""

    def read(self, timeout_ms: int) -> bytes:
        """The next input report, empty when none came in time."""
        ...

    def write(self, data: bytes) -> None:
        """Send an output report."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class Reports:
    """Reports in, frames out. Keeps at most `MAX_FRAME` bytes; half a code is dropped after a second."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._first_ms: int | None = None
        self._last_ms = 0

    def feed(self, report: bytes, now_ms: int) -> Frame | None:
        """Take one input report; anything else is ignored."""
        if len(report) != REPORT_BYTES or report[0] != REPORT_ID:
            return None
        if self._first_ms is None or now_ms - self._last_ms > STALE_MS:
            self._data.clear()
            self._first_ms = now_ms
            # An AIM id is three characters from "]" on; some makers leave it empty.
            if report[2:3] == b"]":
                self._data += report[_AIM]
        self._last_ms = now_ms
        self._data += report[_DATA : _DATA + min(report[1], DATA_BYTES)]
        overlong = len(self._data) > MAX_FRAME
        del self._data[MAX_FRAME:]
        if report[_MORE] & 1:
            return None
        raw = bytes(self._data).rstrip(_TRAILERS)
        frame = Frame(raw, self._first_ms, now_ms, now_ms, Fault.TOO_LONG if overlong else None)
        self._first_ms = None
        self._data.clear()
        return frame if raw else None


class HidPosScanner(LineScanner):
    """Reads one HID POS scanner, ``hidpos:0c2e:0b81`` or ``hidpos:0c2e:0b81:SERIAL``."""

    def __init__(
        self,
        url: str,
        profile: DeviceProfile | None = None,
        *,
        transport: Callable[[str], Transport] | None = None,
        retry_s: float = 0.5,
    ) -> None:
        chosen = profile or DeviceProfile(device=url)
        opener = transport or open_hidapi
        super().__init__(url, lambda: _HidPosLine(url, chosen, opener(url)), chosen, retry_s=retry_s)


class _HidPosLine:
    def __init__(self, url: str, profile: DeviceProfile, transport: Transport) -> None:
        self._url = url
        self._profile = profile
        self._transport = transport
        self._reports = Reports()

    def read(self) -> Iterator[Scan]:
        report = self._transport.read(int(READ_S * 1000))
        if report:
            frame = self._reports.feed(report, time.monotonic_ns() // 1_000_000)
            if frame is not None:
                yield scan_of(self._url, Source.HIDPOS, frame, self._profile)

    def write(self, data: bytes) -> None:
        # Honeywell's form: report FD, length, the bytes of the serial dialect.
        self._transport.write(bytes([0xFD, len(data)]) + data)

    def wake(self) -> None:
        """The wait is short."""

    def close(self) -> None:
        self._transport.close()


def numbers(url: str) -> tuple[int, int, str]:
    """Vendor, product and serial number (may be empty) of an address. Raises ValueError."""
    vendor, product, *serial = url.removeprefix(SCHEME).split(":")
    if len(serial) > 1:
        raise ValueError(f"not a HID address: {url!r}")
    return int(vendor, 16), int(product, 16), "".join(serial)


def open_hidapi(url: str) -> Transport:
    """The device behind an address, through hidapi. Raises OSError."""
    try:
        # By name, since it is an extra and ships no types.
        hid: Any = import_module("hid")
    except ImportError as error:
        raise Unusable(DownReason.LIBRARY, "hidapi is not installed: pip install 'posapp[hid]'") from error
    vendor, product, serial = numbers(url)
    for found in hid.enumerate(vendor, product):
        if found["usage_page"] in (USAGE_PAGE, 0) and serial in ("", found["serial_number"]):
            device = hid.device()
            device.open_path(found["path"])
            return _HidApi(device)
    raise Unusable(DownReason.MISSING, f"{url} is not there")


class _Hid(Protocol):
    def read(self, size: int, timeout_ms: int, /) -> list[int]: ...
    def write(self, data: bytes, /) -> int: ...
    def close(self) -> None: ...


class _HidApi:
    def __init__(self, device: _Hid) -> None:
        self._device = device

    def read(self, timeout_ms: int) -> bytes:
        return bytes(self._device.read(REPORT_BYTES, timeout_ms))

    def write(self, data: bytes) -> None:
        self._device.write(data)

    def close(self) -> None:
        self._device.close()
