"""A scanner on a serial line: RS-232, USB CDC, or anything else pyserial opens by a URL."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from drivers.framing import FRAMING, Framer, scan_of
from drivers.reading import LINE_ERRORS, READ_S, LineScanner
from posapp.domain.codes import Source
from posapp.domain.profiles import DeviceProfile, Suffix
from posapp.domain.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posapp.domain.codes import Scan


class _Port(Protocol):
    """What is used of pyserial."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int = 1, /) -> bytes: ...

    def write(self, data: bytes, /) -> int | None: ...

    def close(self) -> None: ...


class SerialScanner(LineScanner):
    """Reads frames from one port.

    The port is opened exclusively, and by the name given, which should be a stable one
    (``/dev/serial/by-id/...``).
    """

    def __init__(
        self, url: str, baud: int = 9600, profile: DeviceProfile | None = None, *, retry_s: float = 0.1
    ) -> None:
        chosen = profile or DeviceProfile(device=url)
        self._learning = threading.Event()
        super().__init__(url, lambda: _SerialLine(url, baud, chosen, self._learning), chosen, retry_s=retry_s)

    def learn(self, on: bool) -> None:
        """Give each reading whole, with what stands around the code in its raw bytes; a pause ends it."""
        (self._learning.set if on else self._learning.clear)()


class _SerialLine:
    def __init__(self, url: str, baud: int, profile: DeviceProfile, learning: threading.Event) -> None:
        # Here, since a till without a serial scanner need not load it.
        import serial

        self._url = url
        self._profile = profile
        self._framer = Framer(suffix=profile.suffix is not Suffix.NONE)
        self._learner = Framer(whole=True)
        self._learning = learning
        # No software flow control: it would eat 0x11 and 0x13 out of a code.
        self._port: _Port = serial.serial_for_url(
            url, baudrate=baud, timeout=READ_S, write_timeout=READ_S, exclusive=True, xonxoff=False
        )

    def read(self) -> Iterator[Scan]:
        # One byte to wait for, then all that came with it: a larger read would wait for the rest.
        data = self._port.read(1)
        if data:
            data += self._port.read(self._port.in_waiting)
        now_ms = time.monotonic_ns() // 1_000_000
        learning = self._learning.is_set()
        used, other = (self._learner, self._framer) if learning else (self._framer, self._learner)
        other.reset()
        for frame in used.feed(data, now_ms):
            bare = replace(frame, raw=frame.raw.strip(FRAMING)) if learning else frame
            yield replace(scan_of(self._url, Source.SERIAL, bare, self._profile), raw=frame.raw)

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def wake(self) -> None:
        # Not every kind of port has it.
        cancel = getattr(self._port, "cancel_read", None)
        if cancel is not None:
            cancel()

    def close(self) -> None:
        # pyserial leaves a socket open whose other end has closed first.
        connection: Any = getattr(self._port, "_socket", None)
        if connection is not None:
            connection.close()
        with contextlib.suppress(*LINE_ERRORS):
            self._port.close()
