"""Two lines that the customer sees: a display of 2 x 20 on a serial line, or behind the receipt printer.

Makers' dialects differ in how a line is addressed; they are data here. An address as in
`drivers.transports`, with the options ``dialect`` (``epson`` or ``cd5220``), ``via=printer`` for one
that hangs on the receipt printer, ``columns`` (20). Bytes from manuals, not tried on a device.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from drivers.receipt_bytes import plain
from drivers.transports import connect, parse

log = logging.getLogger(__name__)

BAUD = "9600"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is sent once for each text, before each of the two lines and after it."""

    start: bytes
    upper: bytes
    lower: bytes
    end: bytes = b""


DIALECTS = {
    # ESC @ clears, ESC t 19 is code page 858, US $ column row.
    "epson": Dialect(b"\x1b@\x1bt\x13", b"\x1f$\x01\x01", b"\x1f$\x01\x02"),
    # ESC Q A and ESC Q B write a whole line, ended by CR.
    "cd5220": Dialect(b"\x1b@\x1bt\x13", b"\x1bQA", b"\x1bQB", b"\r"),
}
_TO_DISPLAY, _TO_PRINTER = b"\x1b=\x02", b"\x1b=\x01"


def encode(dialect: Dialect, upper: str, lower: str, columns: int = 20) -> bytes:
    """Both lines, exactly ``columns`` wide: what was there before is overwritten, not cleared first."""
    lines = [
        plain(text).replace("\n", " ")[:columns].ljust(columns).encode("cp858", "replace")
        for text in (upper, lower)
    ]
    return dialect.start + dialect.upper + lines[0] + dialect.end + dialect.lower + lines[1] + dialect.end


class LineDisplay:
    """Promise: a display that is not there is told once by False and delays nothing else."""

    def __init__(self, url: str) -> None:
        self._address = parse(url)
        options = self._address.options
        options.setdefault("baud", BAUD)
        name = options.get("dialect", "epson")
        if name not in DIALECTS or options.get("via", "printer") != "printer":
            raise ValueError(f"unknown display in {url!r}")
        self._dialect = DIALECTS[name]
        self._via = "via" in options
        self._columns = self._address.number("columns", 20)

    def show(self, upper: str, lower: str = "") -> bool:
        """Show two lines, cut to the display's width; whether they were taken."""
        data = encode(self._dialect, upper, lower, self._columns)
        if self._via:
            data = _TO_DISPLAY + data + _TO_PRINTER
        try:
            way = connect(self._address)
            try:
                way.send(data)
            finally:
                way.close()
        except OSError as error:
            log.info("the customer display is not there: %s", error)
            return False
        return True
