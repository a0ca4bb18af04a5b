"""Draws slips and single lines as black and white bitmaps, with Pillow, on whatever thread asks.

The layout is the core's (`slips_layout`); this module only knows the fonts and puts dots. Pictures
have mode ``1``, and 0 is black.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

import resources
from posapp.domain.slips_layout import Bars, Line, Sheet, Words, lay_out
from posapp.symbols import modules

if TYPE_CHECKING:
    from posapp.domain.slips import Slip

MM_PER_INCH = 25.4
_DARK = 128
_FONTS = {False: "fonts/Inter-Regular.otf", True: "fonts/Inter-Bold.otf"}


def draw(slip: Slip, dpi: float = 203.2) -> list[Image.Image]:
    """A bitmap for each sheet of a slip; 203.2 dpi are 8 dots per mm.

    Raises ValueError where a code cannot be drawn on this paper.
    """
    dots = dpi / MM_PER_INCH

    def measure(words: str, letters: float, bold: bool) -> float:
        return _font(round(letters * dots), bold).getlength(words) / dots

    return [_sheet(sheet, dots) for sheet in lay_out(slip, measure, modules, 1 / dots)]


def draw_line(words: str, width: int, size: int, bold: bool) -> Image.Image:
    """One line of text, ``width`` dots wide and 30 dots high for each ``size``; made narrower to fit."""
    pixels = 24 * size
    while pixels > 8 and _font(pixels, bold).getlength(words) > width:
        pixels -= 1
    picture = Image.new("L", (width, 30 * size), 255)
    ImageDraw.Draw(picture).text((0, 15 * size), words, font=_font(pixels, bold), fill=0, anchor="lm")
    return _black_and_white(picture)


def line_width(words: str, size: int, bold: bool) -> float:
    """How many dots `draw_line` needs at full size."""
    return _font(24 * size, bold).getlength(words)


def rows(picture: Image.Image, width: int | None = None) -> list[bytes]:
    """The rows as bytes, a set bit for a black dot, padded with white to ``width`` dots."""
    wide = width or picture.width
    canvas = Image.new("1", (wide, picture.height), 1)
    canvas.paste(picture, (0, 0))
    across = (wide + 7) // 8
    data = canvas.tobytes()
    # Pillow sets a bit for white, also in the padding of a row.
    spare = across * 8 - wide
    last = 0xFF & ~((1 << spare) - 1)
    found = []
    for start in range(0, len(data), across):
        row = bytearray(~byte & 0xFF for byte in data[start : start + across])
        row[-1] &= last
        found.append(bytes(row))
    return found


def _sheet(sheet: Sheet, dots: float) -> Image.Image:
    picture = Image.new("L", (round(sheet.width * dots), round(sheet.height * dots)), 255)
    pen = ImageDraw.Draw(picture)
    for mark in sheet.marks:
        left, top = round(mark.left * dots), round(mark.top * dots)
        if isinstance(mark, Words):
            pen.text((left, top), mark.words, font=_font(round(mark.letters * dots), mark.bold), fill=0)
        elif isinstance(mark, Line):
            right, bottom = left + round(mark.width * dots), top + max(1, round(mark.height * dots))
            pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
        else:
            _bars(pen, mark, left, top, dots)
    return _black_and_white(picture)


def _bars(pen: ImageDraw.ImageDraw, mark: Bars, left: int, top: int, dots: float) -> None:
    wide, high = round(mark.module * dots), round(mark.row * dots)
    for y, row in enumerate(mark.rows):
        for x, dark in enumerate(row):
            if dark == "1":
                x0, y0 = left + x * wide, top + y * high
                pen.rectangle((x0, y0, x0 + wide - 1, y0 + high - 1), fill=0)


def _black_and_white(picture: Image.Image) -> Image.Image:
    return picture.point(lambda level: 255 if level >= _DARK else 0).convert("1")


@lru_cache(maxsize=32)
def _font(pixels: int, bold: bool) -> ImageFont.FreeTypeFont:
    # Its own layout engine: kerning by another library would make the width differ between machines.
    path = str(resources.path(_FONTS[bold]))
    return ImageFont.truetype(path, max(6, pixels), layout_engine=ImageFont.Layout.BASIC)
