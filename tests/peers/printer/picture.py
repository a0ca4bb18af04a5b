"""What came out of a peer as a picture, and what a scanner would read on it."""

import zxingcpp
from PIL import Image, ImageDraw, ImageFont

import resources
from tests.peers.printer.escpos import Printed, Receipt

_WIDTH = 576
_MARGIN = 16
_KINDS = {"]Q1": "qr", "]C0": "code128", "]C1": "gs1-128"}


def render(receipt: Receipt) -> Image.Image:
    """A receipt as the print head would put it, 8 dots a mm."""
    pieces = [_piece(part) for part in receipt.parts]
    height = sum(piece.height for piece in pieces) + 2 * _MARGIN
    picture = Image.new("L", (_WIDTH, max(height, 1)), 255)
    top = _MARGIN
    for piece, part in zip(pieces, receipt.parts, strict=True):
        free = _WIDTH - piece.width
        picture.paste(piece, ((0, free // 2, free)[part.align], top))
        top += piece.height
    return picture


def read_codes(picture: Image.Image) -> list[tuple[str, str]]:
    """(kind, content) of all codes on a picture, sorted; kind ``qr``, ``code128`` or ``gs1-128``."""
    wide = Image.new("L", (picture.width + 80, picture.height + 80), 255)
    wide.paste(picture, (40, 40))
    # The kinds that are on our papers: asked for all, it saw an EAN in a label once in a long run.
    kinds = (zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128)
    found = zxingcpp.read_barcodes(
        wide,
        formats=kinds,  # type: ignore[arg-type]  # a tuple is what its manual asks for
        text_mode=zxingcpp.TextMode.Plain,
    )
    return sorted((_KINDS[code.symbology_identifier[:3]], code.text) for code in found)


def _piece(part: Printed) -> Image.Image:
    if part.kind == "image" and part.image is not None:
        return part.image.convert("L")
    if part.kind == "qr":
        return _code(part.text, zxingcpp.BarcodeFormat.QRCode, part.module, part.level)
    if part.kind == "feed":
        return Image.new("L", (_WIDTH, part.module), 255)
    if part.kind == "bars":
        return _bars(part)
    # Only to look at: Pillow's own font has no umlauts.
    font = ImageFont.truetype(str(resources.path("fonts/AtkinsonHyperlegible-Regular.ttf")), 20 * part.size)
    piece = Image.new("L", (_WIDTH, 30 * part.size), 255)
    ImageDraw.Draw(piece).text((0, 0), part.text, font=font, fill=0)
    return piece


def _code(text: str, kind: zxingcpp.BarcodeFormat, module: int, level: str = "") -> Image.Image:
    return _drawn(zxingcpp.create_barcode(text, kind, **({"ec_level": level} if level else {})), module)


def _drawn(made: zxingcpp.Barcode, module: int) -> Image.Image:
    # zxing-cpp's picture is a buffer, but its types do not say so.
    view = memoryview(made.to_image(scale=module, add_quiet_zones=False))  # type: ignore[arg-type]
    assert view.shape is not None
    return Image.frombytes("L", (view.shape[1], view.shape[0]), view.tobytes())


def _bars(part: Printed) -> Image.Image:
    """Code 128; FNC1 in front makes it GS1, which zxing-cpp writes by another call."""
    kind = zxingcpp.BarcodeFormat.Code128
    if part.text.startswith("\xe8"):
        made = zxingcpp.create_barcode(_bracketed(part.text[1:]), kind, gs1=True)
        piece = _drawn(made, part.module)
    else:
        piece = _code(part.text, kind, part.module)
    return piece.resize((piece.width, 80))


def _bracketed(text: str) -> str:
    """``0104006381333931`` ``10AB`` as ``(01)04006381333931(10)AB``; the identifiers we print only."""
    fixed = {"01": 14, "11": 6, "17": 6}
    out, rest = "", text
    while rest:
        number, rest = rest[:2], rest[2:]
        if number in fixed:
            value, rest = rest[: fixed[number]], rest[fixed[number] :]
        else:
            value, _, rest = rest.partition("\xe8")
        out += f"({number}){value}"
    return out
