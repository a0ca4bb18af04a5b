"""The one place where what other threads have to tell becomes Qt signals, delivered on the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from posapp.counter.scanning import Elsewhere

EVERYTHING = ("*",)
"""What `Bridge.changed` carries where more changed than is worth naming."""


@dataclass(frozen=True, slots=True)
class LineState:
    """How the line to the hub stands. ``since`` is when it came to stand so.

    ``reason`` is empty while all is well, else a key of `ui.line`. A hub that answers, but wrongly, is
    online with a reason. One that is not known says nothing more. ``fatal``: sync cannot go on by itself.
    """

    online: bool
    since: datetime | None = None
    reason: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Fetching:
    """How far the hub's news are read: ``done`` of ``of`` changes."""

    done: int
    of: int


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the hub said of one code.

    ``outcome`` is ``record`` (it is in the mirror now), ``elsewhere``, ``unknown`` or
    ``unreachable``.
    """

    code: str
    outcome: str
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How a device stands: its name, ``ready`` or another word, and why."""

    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClaimTold:
    """How it stands with the right to hand an order over: ``state`` as on the wire, ``till`` has it."""

    order: str
    state: str
    till: str = ""


class Bridge(QObject):
    """Promises: every signal may be emitted from any thread and carries a frozen value.

    Signals: `loaded` once the till's modules are there; `code_scanned` with a `Scan`; `changed` with a tuple of subject names, or `EVERYTHING`;
    `line_changed` with a `LineState`; `fetching` with a `Fetching`, or None once all is read; `looked_up` with a `LookedUp`; `claim_told` with a `ClaimTold`; `mirror_replaced`;
    `device_changed` with a value that has ``name``, ``state`` and ``reason``; `print_job` with a
    `PrintJob`, `printer_changed` with a `PrinterState`; `terminal_told` with `CardNews`; `devices_found`
    with a tuple of `Choice`, `device_checked` with a `Checked`; `picture_read` with whether
    a picture had a code, or None where pictures cannot be read; `mishap` after an error of the program
    itself, already logged.
    """

    loaded = Signal()
    code_scanned = Signal(object)
    changed = Signal(object)
    line_changed = Signal(object)
    fetching = Signal(object)
    looked_up = Signal(object)
    claim_told = Signal(object)
    mirror_replaced = Signal()
    device_changed = Signal(object)
    print_job = Signal(object)
    printer_changed = Signal(object)
    terminal_told = Signal(object)
    devices_found = Signal(object)
    device_checked = Signal(object)
    picture_read = Signal(object)
    mishap = Signal()
