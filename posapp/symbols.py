"""What codes look like: the modules of QR and Code 128, for all who draw them.

QR codes are of level H and of version 2 or more: version 1 lacks the alignment pattern that helps
cameras, and a spot of light costs level M half of its readings.
"""

from __future__ import annotations

from functools import lru_cache

from posapp.domain.slips import Symbology

QUIET_QR = 4
QUIET_BARS = 10
FNC1 = "\xf1"
"""What python-barcode takes for the function character 1 of Code 128."""
GS = "\x1d"


@lru_cache(maxsize=64)
def modules(symbology: Symbology, content: str) -> tuple[str, ...]:
    """The rows of a code, ``1`` for dark, with its quiet zone. Bars are one row.

    Raises ValueError for content that the symbology cannot hold.
    """
    if symbology is Symbology.QR:
        return _qr(content)
    # Here, as segno below: a till that draws nothing yet need not load them.
    import barcode

    if not content or not content.isascii():
        raise ValueError(f"not to be written as Code 128: {content!r}")
    if symbology is Symbology.GS1_128:
        content = FNC1 + content.strip(GS).replace(GS, FNC1)
    elif not content.isprintable():
        raise ValueError(f"control characters in {content!r}")
    bars: str = barcode.get("code128", content).build()[0]
    quiet = "0" * QUIET_BARS
    return (quiet + bars + quiet,)


def _qr(content: str) -> tuple[str, ...]:
    import segno

    for version in (2, None):
        try:
            symbol = segno.make(content, error="h", boost_error=False, version=version, micro=False)
            break
        except segno.DataOverflowError as error:
            if version is None:
                raise ValueError(f"too long for a QR code: {len(content)} characters") from error
    side = "0" * QUIET_QR
    rows = [side + "".join("1" if dark else "0" for dark in row) + side for row in symbol.matrix]
    empty = ("0" * len(rows[0]),) * QUIET_QR
    return (*empty, *rows, *empty)
