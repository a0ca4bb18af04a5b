"""The part of the X Input Extension 2 that python-xlib lacks: keyboards come, go and are parted from others.

Hides the requests' wire form (XI2proto.h) and the layout of raw key events.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from Xlib import X, error
from Xlib.ext import xinput
from Xlib.protocol import rq

if TYPE_CHECKING:
    from Xlib.display import Display

MASTER_POINTER, MASTER_KEYBOARD, SLAVE_KEYBOARD, FLOATING = 1, 2, 4, 5
_ADD_MASTER, _ATTACH = 1, 3
_RAW = struct.Struct("=HIIHHI")
_REPEAT = 1 << 16
_GENERIC = 35


class _ChangeHierarchy(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(43),
        rq.RequestLength(),
        rq.Card8("count"),
        rq.Pad(3),
        rq.Binary("changes"),
    )


class _SetFocus(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(49),
        rq.RequestLength(),
        rq.Card32("window"),
        rq.Card32("time"),
        rq.Card16("device"),
        rq.Pad(2),
    )


class _WarpPointer(rq.Request):
    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(41),
        rq.RequestLength(),
        rq.Card32("source"),
        rq.Card32("target"),
        rq.Pad(12),
        rq.Int32("x"),
        rq.Int32("y"),
        rq.Card16("device"),
        rq.Pad(2),
    )


@dataclass(frozen=True, slots=True)
class Device:
    """An input device of the X server: `use` says what it is, `attachment` to whom it belongs."""

    number: int
    name: str
    use: int
    attachment: int


@dataclass(frozen=True, slots=True)
class RawKey:
    """A key as the device itself sent it, whatever has the focus; time in ms of the server."""

    device: int
    time_ms: int
    code: int
    down: bool


class Input:
    """The X server's input devices. All calls raise OSError where the server refuses."""

    def __init__(self, display: Display) -> None:
        self._display: Any = display
        extension = display.query_extension("XInputExtension")
        if extension is None:
            raise OSError("the X server has no XInput extension")
        self._major = extension.major_opcode
        self._display.xinput_query_version()
        self._root: Any = display.screen().root

    def devices(self) -> list[Device]:
        """All of them, as they are now."""
        return [
            Device(info.deviceid, info.name, info.use, info.attachment)
            for info in self._display.xinput_query_device(xinput.AllDevices).devices
        ]

    def listen(self) -> None:
        """Have raw keys of every device and changes of the devices sent to this connection."""
        mask = xinput.RawKeyPressMask | xinput.RawKeyReleaseMask | xinput.HierarchyChangedMask
        self._root.xinput_select_events([(xinput.AllDevices, mask)])
        self._display.sync()

    def create_master(self, name: str) -> None:
        """Make a pointer and a keyboard of their own: ``NAME pointer`` and ``NAME keyboard``."""
        text = name.encode()
        text += bytes(-len(text) % 4)
        change = struct.pack("=HHHBB", _ADD_MASTER, 2 + len(text) // 4, len(name.encode()), 0, 1)
        self._change(change + text)

    def attach(self, device: int, master: int) -> None:
        """Have a device belong to a master."""
        self._change(struct.pack("=HHHH", _ATTACH, 2, device, master))

    def set_aside(self, keyboard: int, pointer: int) -> None:
        """Give a master keyboard no focus, so that no window gets its keys, and hide its pointer."""
        screen = self._display.screen()
        self._send(_SetFocus, window=X.NONE, time=X.CurrentTime, device=keyboard)
        self._send(
            _WarpPointer,
            source=X.NONE,
            target=screen.root.id,
            x=(screen.width_in_pixels - 1) << 16,
            y=(screen.height_in_pixels - 1) << 16,
            device=pointer,
        )

    def raw_key(self, event: Any) -> RawKey | None:
        """The raw key that an event is, straight from its device; the master's copy is none."""
        if not self._is_ours(event) or event.evtype not in (xinput.RawKeyPress, xinput.RawKeyRelease):
            return None
        device, time_ms, keycode, source, _, flags = _RAW.unpack_from(event.data)
        if device != source or flags & _REPEAT:
            return None
        return RawKey(device, time_ms, keycode - 8, event.evtype == xinput.RawKeyPress)

    def is_change(self, event: Any) -> bool:
        """Whether devices came, went or were moved."""
        return self._is_ours(event) and bool(event.evtype == xinput.HierarchyChanged)

    def _is_ours(self, event: Any) -> bool:
        return bool(event.type == _GENERIC and event.extension == self._major)

    def _change(self, change: bytes) -> None:
        self._send(_ChangeHierarchy, count=1, changes=change)

    def _send(self, request: type[rq.Request], **fields: object) -> None:
        caught = error.CatchError()
        request(display=self._display.display, onerror=caught, opcode=self._major, **fields)
        self._display.sync()
        if caught.get_error() is not None:
            raise OSError(f"the X server refuses: {caught.get_error()}")
