"""A scanner that types, taken from X11's keyboard for ourselves alone, without root: XInput 2.

The scanner becomes a keyboard of its own that no window listens to; its raw keys come to us, whatever
has the focus and whatever the layout. The clerk's keyboard stays as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from typing import TYPE_CHECKING, Any

from drivers.keyed import KeyedReader
from drivers.reading import READ_S, LineScanner, Unusable
from posapp.domain.codes import Source, elapsed_ms
from posapp.domain.profiles import DeviceProfile
from posapp.ports import DownReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.xi2 import Device, Input, RawKey
    from posapp.domain.codes import Scan

SCHEME = "x11:"
_OURS = "posapp "


class X11Scanner(LineScanner):
    """Reads one keyboard of the X server, ``x11:NAME`` as ``xinput list`` names it.

    Promises: the keyboard is back where it was when `stop` returns, and so is one that an earlier till
    left behind when it died. A keyboard that somebody else gave a master of its own is only listened to.
    """

    def __init__(
        self,
        url: str,
        profile: DeviceProfile | None = None,
        *,
        display: str | None = None,
        retry_s: float = 0.5,
    ) -> None:
        chosen = profile or DeviceProfile(device=url)
        super().__init__(url, lambda: _X11Line(url, chosen, display), chosen, retry_s=retry_s)


class _X11Line:
    def __init__(self, url: str, profile: DeviceProfile, display: str | None) -> None:
        wanted = display or os.environ.get("DISPLAY", "")
        if not wanted:
            raise Unusable(DownReason.UNSUPPORTED, "there is no X server")
        try:
            # Here, since only a till with such a scanner need load it.
            from Xlib.display import Display
            from Xlib.error import ConnectionClosedError, DisplayError

            from drivers.xi2 import Input
        except ImportError as error:
            raise Unusable(DownReason.LIBRARY, "python-xlib is not installed") from error
        self._errors = (ConnectionClosedError, DisplayError)
        self._reader = KeyedReader(url, Source.XINPUT, profile)
        self._server_ms: int | None = None
        self._now_ms = 0
        self._name = url.removeprefix(SCHEME)
        try:
            self._display: Any = Display(wanted)
        except self._errors as error:
            raise Unusable(DownReason.UNSUPPORTED, str(error)) from error
        self._device = 0
        try:
            with self._answers():
                self._input: Input = Input(self._display)
                self._device = self._found()
                self._input.listen()
                self._part()
        except OSError:
            self.close()
            raise

    def read(self) -> Iterator[Scan]:
        with self._answers():
            event = self._next_event()
            if event is not None and self._input.is_change(event):
                self._found()
                return
        if event is None:
            yield from self._reader.tick(time.monotonic_ns() // 1_000_000)
            return
        key = self._input.raw_key(event)
        if key is not None and key.device == self._device:
            yield from self._reader.feed(key.code, key.down, self._local_ms(key))

    def write(self, data: bytes) -> None:
        """A keyboard takes no bytes."""

    def wake(self) -> None:
        """The wait is short."""

    def close(self) -> None:
        with contextlib.suppress(OSError), self._answers():
            self._restore()
        with contextlib.suppress(OSError), self._answers():
            self._display.close()
        # python-xlib leaves its socket open where the server went first.
        self._display.display.socket.close()

    @contextlib.contextmanager
    def _answers(self) -> Iterator[None]:
        """Whatever becomes of the server or a device meanwhile is an OSError."""
        try:
            yield
        except self._errors as error:
            raise OSError(errno.ENODEV, "the X server is gone") from error
        except KeyError as error:
            raise OSError(errno.ENODEV, "the keyboard was taken away") from error

    def _next_event(self) -> Any:
        """What the server says next; None where it says nothing for `READ_S`."""
        if not self._display.pending_events():
            select.select([self._display.fileno()], [], [], READ_S)
        return self._display.next_event() if self._display.pending_events() else None

    def _local_ms(self, key: RawKey) -> int:
        """A key's time on our own clock, as far from the key before as the server says."""
        if self._server_ms is None or abs(elapsed_ms(self._server_ms, key.time_ms)) > 1000:
            self._now_ms = time.monotonic_ns() // 1_000_000
        else:
            self._now_ms += elapsed_ms(self._server_ms, key.time_ms)
        self._server_ms = key.time_ms
        return self._now_ms

    def _found(self) -> int:
        """The number of the keyboard of that name. Raises OSError where there is none."""
        from drivers.xi2 import FLOATING, SLAVE_KEYBOARD

        for device in self._input.devices():
            if device.name == self._name and device.use in (SLAVE_KEYBOARD, FLOATING):
                return device.number
        raise OSError(errno.ENODEV, f"there is no keyboard {self._name!r}")

    def _part(self) -> None:
        """Make the keyboard one of its own, unless somebody did already."""
        from drivers.xi2 import MASTER_KEYBOARD, MASTER_POINTER

        devices = {device.number: device for device in self._input.devices()}
        master = devices.get(devices[self._device].attachment)
        if master is not None and master.number != self._core(devices, MASTER_KEYBOARD):
            return
        name = _OURS + self._name
        masters = self._masters(name)
        if not masters:
            self._input.create_master(name)
            masters = self._masters(name)
        keyboard, pointer = masters[MASTER_KEYBOARD], masters[MASTER_POINTER]
        self._input.set_aside(keyboard, pointer)
        self._input.attach(self._device, keyboard)

    def _restore(self) -> None:
        """Give the keyboard back to the first one.

        The master stays, idle, until the X server ends: Qt 6.11 dies when one is removed.
        """
        from drivers.xi2 import MASTER_KEYBOARD

        if not self._device:
            return
        devices = {device.number: device for device in self._input.devices()}
        own = self._masters(_OURS + self._name).get(MASTER_KEYBOARD)
        device = devices.get(self._device)
        if own is not None and device is not None and device.attachment == own:
            self._input.attach(self._device, self._core(devices, MASTER_KEYBOARD))

    def _masters(self, name: str) -> dict[int, int]:
        """Numbers of a pair of masters by their use; nothing where there is no such pair."""
        names = (f"{name} pointer", f"{name} keyboard")
        return {device.use: device.number for device in self._input.devices() if device.name in names}

    @staticmethod
    def _core(devices: dict[int, Device], use: int) -> int:
        """The first master of a use: the one that the clerk's keyboard or mouse belongs to."""
        return min(device.number for device in devices.values() if device.use == use)
