"""The bytes of a slip for a receipt printer (ESC/POS): pure, nothing is sent here.

Text goes out in code page 858, which has the German letters and the euro sign and which printers keep
under number 19. python-escpos left to choose would send page 15 for the euro sign, which prints
something else (its issues 39 and 144), so the page is set by hand and every character is known to be
in it before. Typographic characters are written plainly; a line with any other letter (Ł, ő, Cyrillic)
is printed as a picture, for a customer's name must be readable.
"""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING, Any

from posapp.domain.slips import Align, Code, Columns, Cut, Pair, Rule, Space, Symbology, Text
from posapp.domain.slips_layout import wrap

if TYPE_CHECKING:
    from posapp.domain.slips import Item, Slip

PAGE = "CP858"
DOTS_PER_COLUMN = 12
START = b"\x1b@\x1da\x00"
"""Forget what another program left, and no status bytes that nobody asked for."""
CUT = b"\x1bd\x06\x1dV\x00"
HANDED_OVER = b"\x1dr\x01"
"""Answered only when everything before it was worked off: `GS r` waits its turn, `DLE EOT` does not."""
KICK = {2: b"\x1bp\x0022", 5: b"\x1bp\x0122"}
"""Pulses of 100 ms on the connector's pin 2 or 5."""

_PLAIN = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "‑": "-",
        "−": "-",
        "…": "...",
        "“": '"',
        "”": '"',
        "„": '"',
        "‚": "'",
        "‘": "'",
        "’": "'",
        "•": "*",
        "✓": "x",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{THIN SPACE}": " ",
        "\t": " ",
    }
)
_QR_DOTS, _BAR_DOTS = 4, 2
_BAR_HEIGHT = 80
_LEVEL_H = 3
_GS1 = {"\x1d": b"{1"}


def encode(slip: Slip, columns: int = 48, dots: int = 0) -> bytes:
    """The whole job: start, items, feed and cut. ``dots`` is the width that prints, 12 a column if 0.

    Raises ValueError for a code that cannot be printed.
    """
    roll = _Roll(columns, dots or columns * DOTS_PER_COLUMN)
    items = slip.items
    for item in items:
        roll.add(item)
    if not items or not isinstance(items[-1], Cut):
        roll.add(Cut())
    return START + roll.output


def plain(words: str) -> str:
    """Words as they can be printed as text, typographic characters written plainly."""
    return "".join(c for c in words.translate(_PLAIN) if c.isprintable() or c == "\n")


def printable(words: str) -> bool:
    """Whether code page 858 has every letter."""
    try:
        words.encode("cp858")
    except UnicodeEncodeError:
        return False
    return True


class _Roll:
    """Collects one job's bytes in a printer of python-escpos that has no device behind it."""

    def __init__(self, columns: int, dots: int) -> None:
        self._columns, self._dots = columns, dots
        self._printer = _escpos()()
        self._printer.charcode(PAGE)

    @property
    def output(self) -> bytes:
        found: bytes = self._printer.output
        return found

    def add(self, item: Item) -> None:
        match item:
            case Text():
                self._text(item)
            case Pair():
                self._pair(item)
            case Code():
                self._code(item)
            case Rule():
                self._write("-" * self._columns)
            case Space():
                self._printer.ln(max(1, round(item.lines)))
            case Columns():
                for cell in item.cells:
                    for part in cell:
                        self.add(part)
            case Cut():
                self._printer.cut()

    def _write(self, words: str, size: int = 1, bold: bool = False, align: Align = Align.LEFT) -> None:
        self._printer.set(align=align.value, bold=bold, font="a", custom_size=True, width=size, height=size)
        self._printer.text(words + "\n")

    def _text(self, item: Text) -> None:
        words = plain(item.words)
        if not printable(words):
            self._picture(item)
            return
        room = self._columns // item.size
        for line in wrap(words, lambda line: len(line) <= room, item.most):
            self._write(plain(line), item.size, item.bold, item.align)

    def _picture(self, item: Text) -> None:
        from drivers.bitmap import draw_line, line_width
        from drivers.label_bytes import raster

        self._printer.set(align=item.align.value)
        for line in wrap(
            item.words, lambda line: line_width(line, item.size, item.bold) <= self._dots, item.most
        ):
            picture = draw_line(line, self._dots, item.size, item.bold)
            self._printer._raw(raster(picture))

    def _pair(self, item: Pair) -> None:
        left, right = plain(item.left), plain(item.right)
        room = self._columns - len(right) - 1
        if not (printable(left) and printable(right)) or room < self._columns // 3:
            self._text(Text(item.left, 1, item.bold))
            self._text(Text(item.right, 1, item.bold, Align.RIGHT))
            return
        first, *rest = wrap(left, lambda line: len(line) <= room)
        self._write(first.ljust(room + 1) + right, 1, item.bold)
        for line in rest:
            self._write(line, 1, item.bold)

    def _code(self, item: Code) -> None:
        self._printer.set(align=item.align.value)
        if item.symbology is Symbology.QR:
            module = min(16, _QR_DOTS * item.scale)
            # The printer leaves no quiet zone: bars right below it made the code unreadable.
            quiet = b"\x1bJ" + bytes([4 * module])
            self._printer._raw(quiet)
            self._printer.qr(item.content, ec=_LEVEL_H, size=module, native=True)
            self._printer._raw(quiet)
        else:
            self._bars(item)
        if item.caption:
            self._write(plain(item.caption), 1, True, item.align)

    def _bars(self, item: Code) -> None:
        """Code 128 by the printer itself, as `GS k` function B wants it: code set B named in front."""
        from posapp.symbols import QUIET_BARS, modules

        across = len(modules(item.symbology, item.content)[0]) - 2 * QUIET_BARS
        # Set B needs a symbol a character; modules() may have packed digits into set C.
        across = max(across, 11 * (len(item.content) + 2) + 13)
        module = max((m for m in range(2, 2 * item.scale + 1) if across * m <= self._dots), default=0)
        if not module:
            raise ValueError(f"{item.symbology} of {across} modules on {self._dots} dots")
        data = b"{B" + (b"{1" if item.symbology is Symbology.GS1_128 else b"")
        for character in item.content:
            # A brace is the printer's own sign and is written twice.
            data += _GS1.get(character) or character.encode("ascii").replace(b"{", b"{{")
        height = min(255, _BAR_HEIGHT * min(item.scale, 2))
        self._printer._raw(
            b"\x1dh" + bytes([height]) + b"\x1dw" + bytes([module]) + b"\x1dH\x00"
            b"\x1dkI" + bytes([len(data)]) + data + b"\n"
        )


@cache
def _escpos() -> Any:
    """python-escpos's printer without a device."""
    from escpos import capabilities
    from escpos.printer import Dummy

    # Its table of printers is kept as a pickle in a folder made anew at each import; nobody takes it away.
    shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)
    return Dummy
