"""What a person sets up at the till beside the screen: which devices there are, and what a check of one found."""

from __future__ import annotations

from enum import StrEnum

from posapp.domain.values import dataclass


class Device(StrEnum):
    """A device, by the name of its setting."""

    PRINTER = "printer"
    LABELS = "labels"
    DISPLAY = "display"
    TERMINAL = "terminal"
    SCANNERS = "scanners"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something plugged in that may serve as a device: its address, and what it calls itself."""

    device: Device
    address: str
    title: str


class Check(StrEnum):
    """What a check found."""

    WRONG = "wrong"  # that is no address of such a device
    FITS = "fits"  # it is one; nothing was asked of the device
    WORKS = "works"  # the device says that it did what was asked
    SENT = "sent"  # it took it; only a person sees whether it did it
    FAILED = "failed"  # it did not; why is told beside it


@dataclass(frozen=True, slots=True)
class Checked:
    """One device's check; ``reason`` is the key of a sentence (`posapp.texts`) where it failed."""

    device: Device
    address: str
    check: Check
    reason: str = ""
