"""A scanner that types, taken from the system for ourselves alone: Linux's input devices.

Works on X11, Wayland and the console, with any layout. The till's user must be able to read the device:
the udev rule in ``resources/udev`` or the group ``input`` sees to it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import struct
import sys
import time
from typing import TYPE_CHECKING

from drivers.keyed import KeyedReader
from drivers.reading import READ_S, LineScanner, Unusable
from posapp.domain.codes import Source
from posapp.domain.profiles import DeviceProfile
from posapp.ports import DownReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from posapp.domain.codes import Scan

SCHEME = "evdev:"
# struct input_event of linux/input.h: seconds, microseconds, type, code, value.
RECORD = struct.Struct("llHHi")
SYNC, KEY, DROPPED = 0, 1, 3
RELEASE, PRESS = 0, 1
_EVIOCGRAB = 0x40044590
_EVIOCSCLOCKID = 0x400445A0
_READ_BYTES = RECORD.size * 256


def take_for_ourselves(descriptor: int) -> None:
    """Have the kernel give this device's keys to nobody else, with monotonic times. Raises OSError."""
    import fcntl

    fcntl.ioctl(descriptor, _EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
    fcntl.ioctl(descriptor, _EVIOCGRAB, 1)


class EvdevScanner(LineScanner):
    """Reads one input device, ``evdev:/dev/input/by-id/...-event-kbd``.

    The grab ends with the descriptor, so a till that dies gives the keyboard back.
    """

    def __init__(
        self,
        url: str,
        profile: DeviceProfile | None = None,
        *,
        grab: Callable[[int], None] = take_for_ourselves,
        retry_s: float = 0.1,
    ) -> None:
        chosen = profile or DeviceProfile(device=url)
        super().__init__(url, lambda: _EvdevLine(url, chosen, grab), chosen, retry_s=retry_s)


class _EvdevLine:
    def __init__(self, url: str, profile: DeviceProfile, grab: Callable[[int], None]) -> None:
        if not sys.platform.startswith("linux"):
            raise Unusable(DownReason.UNSUPPORTED, "only Linux has input devices")
        self._reader = KeyedReader(url, Source.EVDEV, profile)
        self._rest = b""
        self._lost = False
        path = url.removeprefix(SCHEME)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            grab(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    def read(self) -> Iterator[Scan]:
        ready, _, _ = select.select([self._descriptor], [], [], READ_S)
        if not ready:
            yield from self._reader.tick(time.monotonic_ns() // 1_000_000)
            return
        data = os.read(self._descriptor, _READ_BYTES)
        if not data:
            raise OSError(errno.ENODEV, "the input device is gone")
        data = self._rest + data
        whole = len(data) - len(data) % RECORD.size
        self._rest = data[whole:]
        for record in RECORD.iter_unpack(data[:whole]):
            yield from self._take(*record)

    def _take(self, seconds: int, microseconds: int, kind: int, code: int, value: int) -> Iterator[Scan]:
        if kind == SYNC:
            # The kernel's buffer ran over: everything up to the next report is in doubt.
            if code == DROPPED:
                self._reader.reset()
            self._lost = code == DROPPED
        elif kind == KEY and not self._lost and value in (RELEASE, PRESS):
            now_ms = seconds * 1000 + microseconds // 1000
            yield from self._reader.feed(code, value == PRESS, now_ms)

    def write(self, data: bytes) -> None:
        """A keyboard takes no bytes."""

    def wake(self) -> None:
        """The wait is short."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
