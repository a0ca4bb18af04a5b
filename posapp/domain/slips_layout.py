"""The one layout of papers that are drawn: where each line and each code of a `Slip` stands, in mm.

PDF pages and label bitmaps draw the same `Sheet`; how wide letters are and what a code looks like is
asked of whoever draws. With ``dot_mm`` given, a code's modules are whole dots: a printer cannot print
half of one, and a reader would see them uneven. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posapp.domain.slips import Align, Code, Columns, Cut, Item, Pair, Rule, Slip, Space, Symbology, Text

Measure = Callable[[str, float, bool], float]
"""Width in mm of words in letters of a height in mm, bold or not."""

Modules = Callable[[Symbology, str], tuple[str, ...]]
"""The rows of a code, quiet zone included: ``1`` for dark. A code of bars has one row."""

LINE = 1.3
"""Distance of lines, in heights of letters."""
BARS_MM = 11.0
RULE_MM = 0.3
QR_MODULE_MM = 0.5
"""4 dots at 203 dpi: read by every camera of 640 x 480 tried."""
BAR_MODULE_MM = 0.25
SMALLEST_MM = 0.16
"""Narrower modules are not printed clearly at 203 dpi, nor read by a common scanner."""


class TooSmall(ValueError):
    """A code does not fit its paper in a size that can be read."""


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text, its top left corner, and the height of its letters."""

    left: float
    top: float
    words: str
    letters: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """A code: its top left corner, its rows, the width of a module and the height of a row."""

    left: float
    top: float
    rows: tuple[str, ...]
    module: float
    row: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line across."""

    left: float
    top: float
    width: float
    height: float = RULE_MM


Mark = Words | Bars | Line


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page or label, in mm, with what is drawn on it."""

    width: float
    height: float
    marks: tuple[Mark, ...]


def lay_out(slip: Slip, measure: Measure, modules: Modules, dot_mm: float = 0.0) -> tuple[Sheet, ...]:
    """The sheets of a slip. What does not fit on a sheet of fixed height begins the next one.

    Raises TooSmall for a code that cannot be made narrow enough.
    """
    setter = _Setter(slip, measure, modules, dot_mm)
    for item in slip.items:
        setter.add(item)
    return setter.end()


def wrap(words: str, fits: Callable[[str], bool], most: int = 0) -> list[str]:
    """The lines of a paragraph, broken at spaces, and inside a word that is wider than the line.

    With ``most``, what is too much is cut off with an ellipsis, so that its loss is seen.
    """
    lines: list[str] = []
    for part in words.split("\n"):
        line = ""
        for word in part.split(" "):
            longer = f"{line} {word}" if line else word
            if not line or fits(longer):
                line = longer
            else:
                lines.append(line)
                line = word
            while not fits(line) and len(line) > 1:
                head = line[:-1]
                while len(head) > 1 and not fits(head):
                    head = head[:-1]
                lines.append(head)
                line = line[len(head) :]
        lines.append(line)
    if most and len(lines) > most:
        lines = lines[:most]
        while lines[-1] and not fits(lines[-1] + "…"):
            lines[-1] = lines[-1][:-1]
        lines[-1] = lines[-1].rstrip() + "…"
    return lines


class _Setter:
    """Sets items below each other; `_flow` sets one list of them into a column and tells its height."""

    def __init__(self, slip: Slip, measure: Measure, modules: Modules, dot_mm: float) -> None:
        self._slip, self._measure, self._modules, self._dot = slip, measure, modules, dot_mm
        self._sheets: list[Sheet] = []
        self._marks: list[Mark] = []
        self._top = slip.margin_mm
        self._left = slip.margin_mm
        self._width = slip.width_mm - 2 * slip.margin_mm

    def add(self, item: Item) -> None:
        """Set one item, on a new sheet where it does not fit below the last one."""
        if isinstance(item, Cut):
            self._break()
            return
        marks, bottom = self._set(item, self._left, self._top, self._width)
        limit = self._slip.height_mm - self._slip.margin_mm if self._slip.height_mm else float("inf")
        if bottom > limit and self._marks:
            self._break()
            marks, bottom = self._set(item, self._left, self._top, self._width)
        self._marks += marks
        self._top = bottom

    def end(self) -> tuple[Sheet, ...]:
        """All sheets."""
        self._break()
        return tuple(self._sheets)

    def _break(self) -> None:
        if self._marks:
            height = self._slip.height_mm or self._top + self._slip.margin_mm
            self._sheets.append(Sheet(self._slip.width_mm, height, tuple(self._marks)))
        self._marks, self._top = [], self._slip.margin_mm

    def _set(self, item: Item, left: float, top: float, width: float) -> tuple[list[Mark], float]:
        letters = self._slip.letters_mm
        match item:
            case Text():
                return self._text(item, left, top, width)
            case Pair():
                return self._pair(item, left, top, width)
            case Code():
                return self._code(item, left, top, width)
            case Rule():
                return [Line(left, top + 0.4 * letters, width)], top + letters
            case Space():
                return [], top + item.lines * letters * LINE
            case Columns():
                return self._columns(item, left, top, width)
        return [], top

    def _columns(self, item: Columns, left: float, top: float, width: float) -> tuple[list[Mark], float]:
        shares = item.shares or (1.0,) * len(item.cells)
        marks: list[Mark] = []
        bottom = top
        for cell, share in zip(item.cells, shares, strict=True):
            wide = width * share / sum(shares)
            below = top
            for part in cell:
                found, below = self._set(part, left, below, wide)
                marks += found
            bottom = max(bottom, below)
            left += wide
        return marks, bottom

    def _text(self, item: Text, left: float, top: float, width: float) -> tuple[list[Mark], float]:
        letters = self._slip.letters_mm * item.size
        lines = wrap(item.words, lambda line: self._measure(line, letters, item.bold) <= width, item.most)
        marks: list[Mark] = []
        for line in lines:
            free = width - self._measure(line, letters, item.bold)
            marks.append(Words(left + _shift(free, item.align), top, line, letters, item.bold))
            top += letters * LINE
        return marks, top

    def _pair(self, item: Pair, left: float, top: float, width: float) -> tuple[list[Mark], float]:
        letters = self._slip.letters_mm
        wide = self._measure(item.right, letters, item.bold)
        marks: list[Mark] = [Words(left + width - wide, top, item.right, letters, item.bold)]
        room = width - wide - letters
        if room < 0.3 * width:
            # Too long to stand side by side: the right one gets a line of its own below.
            marks, below = self._text(Text(item.left, 1, item.bold), left, top, width)
            right, below = self._text(Text(item.right, 1, item.bold, Align.RIGHT), left, below, width)
            return [*marks, *right], below
        text, below = self._text(Text(item.left, 1, item.bold), left, top, room)
        return [*text, *marks], below

    def _code(self, item: Code, left: float, top: float, width: float) -> tuple[list[Mark], float]:
        rows = self._modules(item.symbology, item.content)
        across = len(rows[0])
        square = item.symbology is Symbology.QR
        module = min((QR_MODULE_MM if square else BAR_MODULE_MM) * item.scale, width / across)
        if self._dot:
            module = int(module / self._dot + 1e-6) * self._dot
        if module < SMALLEST_MM:
            raise TooSmall(f"{item.symbology} of {across} modules on {width:g} mm")
        row = module if square else BARS_MM * min(item.scale, 2)
        marks: list[Mark] = [Bars(left + _shift(width - across * module, item.align), top, rows, module, row)]
        below = top + row * len(rows)
        if not square:
            below += self._slip.letters_mm * 0.3
        if item.caption:
            found, below = self._text(Text(item.caption, 1, True, item.align), left, below, width)
            marks += found
        return marks, below


def _shift(free: float, align: Align) -> float:
    if align is Align.LEFT:
        return 0.0
    return free / 2 if align is Align.CENTER else free
