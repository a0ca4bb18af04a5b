"""The protocols that the rims of the till implement, and the values that cross them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from posapp.domain.codes import Scan


class DeviceState(StrEnum):
    """How a device stands. `STALE`: connected, but silent where it should have answered."""

    DOWN = "down"
    UP = "up"
    STALE = "stale"


class DownReason(StrEnum):
    """Why a device is down, as the key of a sentence."""

    BUSY = "busy"  # another program has it
    DENIED = "denied"  # this user may not open it
    MISSING = "missing"  # it is not there
    LOST = "lost"  # it was there and went away
    FAILED = "failed"  # it is there and cannot be used
    STOPPED = "stopped"  # nobody listens to it


@dataclass(frozen=True, slots=True)
class ScannerStatus:
    """The state of one scanner, by the name its scans carry; `reason` only while it is down."""

    name: str
    state: DeviceState
    reason: DownReason | None = None


class Scanner(Protocol):
    """A device that reads codes.

    `start` returns at once; a device that is missing is down and opened when it appears. Both callables
    are called from the scanner's own thread and must not block. `on_state` hears changes only.
    """

    @property
    def name(self) -> str:
        """What its scans carry as their device."""
        ...

    @property
    def status(self) -> ScannerStatus:
        """How it stands now."""
        ...

    def start(self, on_scan: Callable[[Scan], object], on_state: Callable[[ScannerStatus], object]) -> None:
        """Listen until `stop`. Raises RuntimeError when already started."""
        ...

    def stop(self) -> None:
        """Stop listening, within a second; afterwards neither callable is called. Harmless twice."""
        ...


class Keys(Protocol):
    """Where the key of a till's files lies."""

    def load(self, folder: Path) -> bytes:
        """The folder's key, 32 bytes. Raises StorageFault("key-missing") or ("key-open")."""
        ...

    def create(self, folder: Path) -> bytes:
        """A fresh key for a folder that has none, kept safely when this returns.

        Raises StorageFault; never makes a second key for files that exist.
        """
        ...

    def where(self, folder: Path) -> Literal["keyring", "file"]:
        """In the system's key store, or in a file of the folder."""
        ...
