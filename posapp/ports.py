"""The protocols that the rims of the till implement, and the values that cross them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from posapp.domain.cards import CardAnswer, CardReceipt, Step
    from posapp.domain.codes import Scan
    from posapp.domain.money import Money
    from posapp.domain.slips import Outcome, PrinterState, PrintJob, Slip, Trouble


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
    MODEM_MANAGER = "modem_manager"  # ModemManager has it: the udev rule of resources/udev is not in place
    BRLTTY = "brltty"  # the Braille service has it
    LIBRARY = "library"  # what talks to it is not installed
    UNSUPPORTED = "unsupported"  # this system has no such way


class Signal(StrEnum):
    """What a scanner can tell the clerk by itself, once the result of a scan is known."""

    GOOD = "good"
    BAD = "bad"
    ATTENTION = "attention"


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

    def signal(self, signal: Signal) -> None:
        """Have the scanner itself beep or light up; nothing where it cannot. Returns at once."""
        ...

    def learn(self, on: bool) -> None:
        """For the scanner doctor: whether to give readings whole, with all that the scanner sends around a
        code in their raw bytes. Nothing where a scanner has no such thing.
        """
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

    def destroy(self, folder: Path) -> None:
        """Make an end of the folder's key: nobody opens its files again. Harmless twice.

        From now on `load` raises StorageFault("till-wiped").
        """
        ...

    def where(self, folder: Path) -> Literal["keyring", "file"]:
        """In the system's key store, or in a file of the folder."""
        ...


@dataclass(frozen=True, slots=True)
class Printed:
    """What became of one slip; ``trouble`` says why it is refused or unsure."""

    outcome: Outcome
    trouble: Trouble | None = None
    paper_low: bool = False


class Printer(Protocol):
    """A printer of slips or labels. Called from the lane only; each call may take seconds.

    Nothing raises: whatever happens is an outcome. Bytes are never sent twice.
    """

    @property
    def name(self) -> str:
        """What it is called on screen."""
        ...

    def state(self) -> PrinterState:
        """How it stands now."""
        ...

    def print_slip(self, slip: Slip, sending: Callable[[], None]) -> Printed:
        """Print one slip; ``sending`` is called right before its first byte leaves."""
        ...


class Drawer(Protocol):
    """A cash drawer. Called from the lane only."""

    def kick(self) -> Trouble | None:
        """Open it; None where the order was taken. Never opens it at a later time."""
        ...

    def drawer_open(self) -> bool | None:
        """What its sensor says; None where nothing can be known."""
        ...


class CustomerDisplay(Protocol):
    """Two lines that the customer sees. Called from the lane only."""

    def show(self, upper: str, lower: str = "") -> bool:
        """Show two lines, cut to the display's width; whether they were taken."""
        ...


@dataclass(frozen=True, slots=True)
class DrawerOpened:
    """The drawer was asked to open: by whom and why; ``trouble`` where it was not."""

    clerk: str
    reason: str
    trouble: Trouble | None = None


class PrintLane(Protocol):
    """The way from the counter to printers, drawer and display. Every call returns at once."""

    @property
    def jobs(self) -> tuple[PrintJob, ...]:
        """What a clerk has still to look at, the oldest first."""
        ...

    @property
    def prints(self) -> bool:
        """Whether there is a printer at all."""
        ...

    def print_slip(self, slip: Slip, *, copy: bool = False) -> str:
        """Print a slip; the job's id. What becomes of it is told by an event."""
        ...

    def settle(self, job: str) -> None:
        """A clerk looked and says that it is all right: it came out, or nobody wants it."""
        ...

    def open_drawer(self, clerk: str, reason: str) -> None:
        """Open the drawer."""
        ...

    def show(self, upper: str, lower: str = "") -> None:
        """Show two lines to the customer."""
        ...


class PaymentTerminal(Protocol):
    """A card terminal. Called from its own thread only, but for `cancel` and `stop`; a payment takes minutes."""

    @property
    def name(self) -> str:
        """What it is called in the journal."""
        ...

    def last_receipt(self) -> CardReceipt | None:
        """The last receipt it keeps; None where it tells none that can be used.

        Raises Unavailable where it cannot be asked now. Moves no money.
        """
        ...

    def pay(self, amount: Money, on_step: Callable[[Step], object]) -> CardAnswer:
        """Take an amount. Asks for money at most once, and raises nothing: what is not told is *unknown*."""
        ...

    def cancel(self) -> None:
        """Ask it to give up the payment that runs; that still ends by itself. From any thread, at once."""
        ...

    def stop(self) -> None:
        """Let go of it; what runs ends *unknown*. From any thread, at once, for good."""
        ...


class PaymentLane(Protocol):
    """The way from the counter to the card terminal. Every call returns at once; the answers are news."""

    def ask(self, sale: str) -> None:
        """Ask for the last receipt, once."""
        ...

    def pay(self, sale: str, amount: Money) -> None:
        """Take the amount, once."""
        ...

    def look_up(self, sale: str) -> None:
        """Ask for the last receipt, again and again until the terminal answers."""
        ...

    def leave(self, sale: str) -> None:
        """Look up no more."""
        ...

    def cancel(self) -> None:
        """Give up the payment that runs, if the terminal still can."""
        ...
