"""Label printers: every label is drawn as a bitmap and sent in the printer's own dialect.

An address as in `drivers.transports`, with the option ``kind``: ``zpl`` (the default), ``brother`` or
``escpos``; ``dpi`` (203.2 for zpl and escpos), ``roll`` (Brother, 62 mm), ``status=none`` for one that
never answers, as a Brother over the network.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from drivers import label_bytes
from drivers.receipt_bytes import DOTS_PER_COLUMN
from drivers.receipt_printer import ANSWER_S, FINISH_S, EscPosPrinter
from drivers.transports import Transport, connect, parse
from posapp.domain.slips import Outcome, PrinterState, Slip, Trouble
from posapp.ports import Printed

if TYPE_CHECKING:
    from PIL import Image

    from posapp.ports import Printer

log = logging.getLogger(__name__)

DPI = 203.2


def open_label_printer(url: str) -> Printer:
    """The label printer at an address, not yet connected. Raises ValueError for one that is none."""
    address = parse(url)
    kind = address.options.get("kind", "zpl")
    dpi = float(address.options.get("dpi", DPI))
    if kind == "escpos":
        return _RasterPrinter(url, dpi)
    if kind == "zpl":
        return _LabelPrinter(url, _Zebra(dpi))
    if kind == "brother":
        return _LabelPrinter(url, _Brother(address.number("roll", 62)))
    raise ValueError(f"unknown kind of label printer in {url!r}")


def on_roll(slip: Slip, roll_mm: float) -> Slip:
    """The slip as it fits a roll: laid out anew where it is wider, for nothing may be cut off at its side."""
    if not roll_mm or slip.width_mm <= roll_mm:
        return slip
    return replace(slip, width_mm=roll_mm, height_mm=0.0)


class _Dialect(Protocol):
    dpi: float
    roll_mm: float
    """The paper's width where the printer knows only one; 0 where labels are what they are."""

    def encode(self, pictures: Sequence[Image.Image]) -> bytes:
        """The job's bytes. Raises ValueError."""
        ...

    def ask(self, way: Transport) -> Trouble | None:
        """How the printer stands."""
        ...

    def follow(self, way: Transport, labels: int) -> Trouble | None:
        """Waits until the labels are out; None then, or why that is not known."""
        ...


class _LabelPrinter:
    """Same promises as `EscPosPrinter`: sent once, every end is an outcome, nothing raises."""

    def __init__(self, url: str, dialect: _Dialect) -> None:
        self._address = parse(url)
        self._dialect = dialect
        self._mute = self._address.options.get("status") == "none"
        self.name = url.partition("?")[0]

    def state(self) -> PrinterState:
        """How it stands now."""
        try:
            way = connect(self._address)
            try:
                return PrinterState(self.name, self._ask(way))
            finally:
                way.close()
        except OSError as error:
            log.info("%s cannot be reached: %s", self.name, error)
            return PrinterState(self.name, Trouble.UNREACHABLE)

    def print_slip(self, slip: Slip, sending: Callable[[], None]) -> Printed:
        """Print one label; ``sending`` is called right before its first byte leaves."""
        from drivers.bitmap import draw

        try:
            pictures = draw(on_roll(slip, self._dialect.roll_mm), self._dialect.dpi)
            data = self._dialect.encode(pictures)
        except ValueError as error:
            log.error("%s: label %s cannot be printed here: %s", self.name, slip.paper, error)
            return Printed(Outcome.REFUSED, Trouble.UNFIT)
        sent = False
        try:
            way = connect(self._address)
            try:
                before = self._ask(way)
                if before is not None:
                    return Printed(Outcome.REFUSED, before)
                sending()
                sent = True
                way.send(data)
                if self._mute or not way.answers:
                    return Printed(Outcome.SENT)
                after = self._dialect.follow(way, len(pictures))
                return Printed(Outcome.UNSURE, after) if after else Printed(Outcome.PRINTED)
            finally:
                way.close()
        except OSError as error:
            log.warning("%s: %s: %s", self.name, "lost in the middle" if sent else "not reached", error)
            if sent and not isinstance(error, ConnectionRefusedError):
                return Printed(Outcome.UNSURE, Trouble.LOST)
            return Printed(Outcome.REFUSED, Trouble.UNREACHABLE)

    def _ask(self, way: Transport) -> Trouble | None:
        return None if self._mute or not way.answers else self._dialect.ask(way)


class _Zebra:
    """ZPL II. Its state comes in three lines (``~HS``), each between STX and ETX."""

    def __init__(self, dpi: float) -> None:
        self.dpi = dpi
        self.roll_mm = 0.0

    def encode(self, pictures: Sequence[Image.Image]) -> bytes:
        return label_bytes.zpl(pictures)

    def ask(self, way: Transport) -> Trouble | None:
        return self._state(way)[0]

    def follow(self, way: Transport, labels: int) -> Trouble | None:
        until = time.monotonic() + FINISH_S
        while time.monotonic() < until:
            trouble, left = self._state(way)
            if trouble is not None or not left:
                return trouble
            # The printer sets the pace: nothing is to be read until it is asked again.
            way.read(0.1)
        return Trouble.SILENT

    def _state(self, way: Transport) -> tuple[Trouble | None, int]:
        """What is wrong, and how many labels are still to come out."""
        way.send(b"~HS\r\n")
        data = b""
        until = time.monotonic() + ANSWER_S
        while data.count(b"\x03") < 3:
            left = until - time.monotonic()
            if left <= 0:
                return Trouble.SILENT, 0
            data += way.read(left)
        first, second, *_ = (part.partition(b"\x02")[2].split(b",") for part in data.split(b"\x03"))
        try:
            paper_out, paused, formats = int(first[1]), int(first[2]), int(first[4])
            head_up, labels = int(second[2]), int(second[8])
        except (IndexError, ValueError):
            return Trouble.FAULT, 0
        if head_up:
            return Trouble.COVER_OPEN, formats + labels
        if paper_out:
            return Trouble.PAPER_OUT, formats + labels
        return (Trouble.OFFLINE if paused else None), formats + labels


class _Brother:
    """Brother QL. Its state is 32 bytes, also sent by itself when a label is out or something is wrong."""

    _SIZE = 32
    _DONE, _WRONG = 1, 2

    def __init__(self, roll_mm: int) -> None:
        if roll_mm not in label_bytes.BROTHER_ROLLS:
            raise ValueError(f"no Brother roll of {roll_mm} mm")
        self.dpi = label_bytes.BROTHER_DPI
        self.roll_mm: float = roll_mm
        self._kept = b""

    def encode(self, pictures: Sequence[Image.Image]) -> bytes:
        return label_bytes.brother(pictures, int(self.roll_mm))

    def ask(self, way: Transport) -> Trouble | None:
        self._kept = b""
        way.send(bytes(200) + b"\x1b@\x1biS")
        state = self._next(way, ANSWER_S)
        return Trouble.SILENT if state is None else self._trouble(state)

    def follow(self, way: Transport, labels: int) -> Trouble | None:
        while labels:
            state = self._next(way, FINISH_S)
            if state is None:
                return Trouble.SILENT
            if state[18] == self._WRONG or self._trouble(state):
                return self._trouble(state) or Trouble.FAULT
            labels -= state[18] == self._DONE
        return None

    def _next(self, way: Transport, seconds: float) -> bytes | None:
        # Several states may come in one piece.
        data, self._kept = self._kept, b""
        until = time.monotonic() + seconds
        while len(data) < self._SIZE:
            left = until - time.monotonic()
            if left <= 0:
                return None
            data += way.read(left)
        self._kept = data[self._SIZE :]
        return data[: self._SIZE]

    @staticmethod
    def _trouble(state: bytes) -> Trouble | None:
        if state[9] & 0x10:
            return Trouble.COVER_OPEN
        if state[8] & 0x03:
            return Trouble.PAPER_OUT
        return Trouble.FAULT if state[8] or state[9] else None


class _RasterPrinter(EscPosPrinter):
    """A receipt printer with a roll of labels: the label is one picture."""

    def __init__(self, url: str, dpi: float) -> None:
        super().__init__(url)
        self._dpi = dpi

    def print_slip(self, slip: Slip, sending: Callable[[], None]) -> Printed:
        from drivers.bitmap import MM_PER_INCH, draw

        try:
            roll_mm = (self._dots or self._columns * DOTS_PER_COLUMN) / self._dpi * MM_PER_INCH
            data = label_bytes.escpos(draw(on_roll(slip, roll_mm), self._dpi))
        except ValueError as error:
            log.error("%s: label %s cannot be printed here: %s", self.name, slip.paper, error)
            return Printed(Outcome.REFUSED, Trouble.UNFIT)
        return self.send(data, sending)
