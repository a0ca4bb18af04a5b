"""The bytes of label bitmaps for Zebra (ZPL), Brother QL and ESC/POS printers: pure, nothing is sent here.

A label is always a picture: no two label printers have the same fonts, and ZPL's own know no euro sign.
The Brother encoder is our own: the library for it brings seven packages along for these few lines, with
whose output it was compared (brother_ql-inventree 1.3).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from drivers.bitmap import rows
from drivers.receipt_bytes import CUT, START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

BROTHER_DPI = 300.0
BROTHER_PINS = 720
BROTHER_ROLLS = {12: (106, 29), 29: (306, 6), 38: (413, 12), 50: (554, 12), 54: (590, 0), 62: (696, 12)}
"""Endless rolls by their width in mm: dots that print, and dots between the first pin and the roll."""

_ENDLESS = 0x0A
_AUTO_CUT, _CUT_AT_END = 0x40, 0x08
_FEED_DOTS = 35


def zpl(pictures: Sequence[Image.Image]) -> bytes:
    """Each picture as one label: ``^GFA`` with plain hexadecimal digits, which every Zebra reads."""
    labels = []
    for picture in pictures:
        across = (picture.width + 7) // 8
        total = across * picture.height
        data = b"".join(rows(picture)).hex().upper()
        labels.append(
            f"^XA^PW{across * 8}^LL{picture.height}^LH0,0^FO0,0^GFA,{total},{total},{across},{data}^FS^PQ1^XZ\n"
        )
    return "".join(labels).encode("ascii")


def brother(pictures: Sequence[Image.Image], roll_mm: int = 62) -> bytes:
    """Each picture, drawn at 300 dpi, as one piece of an endless roll, cut at its end.

    Raises ValueError for a roll that is not known.
    """
    if roll_mm not in BROTHER_ROLLS:
        raise ValueError(f"no Brother roll of {roll_mm} mm")
    wide, offset = BROTHER_ROLLS[roll_mm]
    # Zeros first: they end whatever command was cut off before.
    job = bytes(200) + b"\x1b@\x1bia\x01"
    for number, picture in enumerate(pictures):
        page = _on_pins(picture, wide, offset)
        # Valid: kind, width and length of the roll, and quality before speed.
        job += b"\x1biz" + struct.pack("<BBBBIBB", 0xCE, _ENDLESS, roll_mm, 0, len(page), min(number, 1), 0)
        job += b"\x1biM" + bytes([_AUTO_CUT]) + b"\x1biA\x01" + b"\x1biK" + bytes([_CUT_AT_END])
        job += b"\x1bid" + struct.pack("<H", _FEED_DOTS)
        for row in page:
            job += b"g\x00" + bytes([len(row)]) + row
        job += b"\x1a" if number == len(pictures) - 1 else b"\x0c"
    return job


def escpos(pictures: Sequence[Image.Image]) -> bytes:
    """Each picture as `GS v 0`, then a cut."""
    return START + b"".join(raster(picture) + CUT for picture in pictures)


def raster(picture: Image.Image) -> bytes:
    """A picture for a receipt printer, at its own resolution: `GS v 0`."""
    across = (picture.width + 7) // 8
    return b"\x1dv0\x00" + struct.pack("<HH", across, picture.height) + b"".join(rows(picture))


def crop(picture: Image.Image, width: int) -> Image.Image:
    """The middle of a picture, or the picture in the middle of white; its margins are white anyway."""
    left = (picture.width - width) // 2
    if left >= 0:
        return picture.crop((left, 0, left + width, picture.height))
    from PIL import Image

    canvas = Image.new("1", (width, picture.height), 1)
    canvas.paste(picture, (-left, 0))
    return canvas


def _on_pins(picture: Image.Image, wide: int, offset: int) -> list[bytes]:
    """Rows for the print head, whose first pin is at the right."""
    from PIL import Image

    head = Image.new("1", (BROTHER_PINS, picture.height), 1)
    head.paste(crop(picture, wide), (BROTHER_PINS - wide - offset, 0))
    return rows(head.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
