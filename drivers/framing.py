"""Cuts the bytes of a scanner into scans: terminators, idle ends, limits, and what bytes mean as text.

Pure: times are given, in monotonic milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.codes import Fault, Scan, Source
from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from posapp.domain.profiles import DeviceProfile

MAX_FRAME = 8192
"""Bytes; a QR code holds at most 2,953 (ISO/IEC 18004, version 40-L)."""
STALE_MS = 1000
"""A partial frame that has waited this long is the rest of something lost."""
IDLE_MS = 80
"""The pause that ends a frame of a scanner set up without suffix."""

_STX, _ETX = 0x02, 0x03
_ENDS = frozenset(b"\r\n\t") | {_ETX}
FRAMING = b"\r\n\t\x02\x03"
"""What may stand around a code on a line."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one scan without its framing, and when the first, the last and the end came."""

    raw: bytes
    first_ms: int
    last_ms: int
    at_ms: int
    fault: Fault | None = None


class Framer:
    """Bytes in, frames out.

    A frame ends at CR, LF, TAB or ETX, with `suffix=False` also after a pause; STX starts one afresh.
    Empty frames vanish, so CR LF is one end. Of an overlong frame nothing but the fault is reported,
    once. `dropped` counts the bytes of overlong and stale frames. With `whole` nothing but a pause ends a
    frame, and its framing stays in it: to see what a scanner sends.
    """

    def __init__(
        self,
        *,
        suffix: bool = True,
        whole: bool = False,
        limit: int = MAX_FRAME,
        idle_ms: int = IDLE_MS,
    ) -> None:
        self.dropped = 0
        self._suffix = suffix and not whole
        self._whole = whole
        self._limit = limit
        self._idle_ms = idle_ms
        self._bytes = bytearray()
        self._overlong = False
        self._first_ms = 0
        self._last_ms = 0

    def feed(self, data: bytes, now_ms: int) -> list[Frame]:
        """Take bytes that arrived now."""
        if not data:
            return self.tick(now_ms)
        frames = self.tick(now_ms)
        for byte in data:
            if self._whole:
                self._take(byte, now_ms)
            elif byte in _ENDS:
                frames += self._end(now_ms)
            elif byte == _STX:
                self._drop()
            else:
                self._take(byte, now_ms)
        return frames

    def tick(self, now_ms: int) -> list[Frame]:
        """Look at the time; to be called whenever nothing arrived for a while."""
        waited = now_ms - self._last_ms
        if not self._suffix and waited >= self._idle_ms:
            return self._end(now_ms)
        if waited > STALE_MS:
            if self._overlong:
                return self._end(now_ms)
            self._drop()
        return []

    def reset(self) -> None:
        """Drop a partial frame: the line was cut."""
        self._drop()

    def _take(self, byte: int, now_ms: int) -> None:
        if not self._bytes:
            self._first_ms = now_ms
        self._last_ms = now_ms
        if len(self._bytes) < self._limit:
            self._bytes.append(byte)
        else:
            self._overlong = True
            self.dropped += 1

    def _end(self, now_ms: int) -> list[Frame]:
        if not self._bytes:
            return []
        fault = Fault.TOO_LONG if self._overlong else None
        frame = Frame(bytes(self._bytes), self._first_ms, self._last_ms, now_ms, fault)
        self._clear()
        return [frame]

    def _drop(self) -> None:
        self.dropped += len(self._bytes)
        self._clear()

    def _clear(self) -> None:
        self._bytes.clear()
        self._overlong = False


def scan_of(device: str, source: Source, frame: Frame, profile: DeviceProfile | None = None) -> Scan:
    """The scan that a frame is: UTF-8 where it can be, else Latin-1."""
    try:
        text = frame.raw.decode("utf-8")
    except UnicodeDecodeError:
        text = frame.raw.decode("latin-1")
    return Scan.of(
        device,
        source,
        (profile.restore(text) if profile else text,),
        raw=frame.raw,
        first_ms=frame.first_ms,
        last_ms=frame.last_ms,
        at_ms=frame.at_ms,
        fault=frame.fault,
    )
