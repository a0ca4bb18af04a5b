"""The scanner doctor's sheet: the same three codes as on the screen, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.samples import CODE, GS1, GS1_MATRIX, LETTERS, SHORT_LETTERS, Sample
from posapp.domain.slips import Symbology
from posapp.texts import N_, _

if TYPE_CHECKING:
    from pathlib import Path

    from ui.paper import Page

TITLES = {
    Sample.CODE: N_("A pickup code"),
    Sample.LETTERS: N_("Letters and signs"),
    Sample.GS1: N_("A product with lot and serial number (GS1)"),
}
BARS = {
    Sample.CODE: (Symbology.CODE128, CODE),
    Sample.LETTERS: (Symbology.CODE128, SHORT_LETTERS),
    Sample.GS1: (Symbology.GS1_128, GS1),
}
SQUARES = {Sample.CODE: CODE, Sample.LETTERS: LETTERS, Sample.GS1: GS1}
"""The text of each sample's bar code and of its QR code."""
_SIDE = "0" * (len(GS1_MATRIX[0]) + 4)
MATRICES = {Sample.GS1: (_SIDE, _SIDE, *(f"00{row}00" for row in GS1_MATRIX), _SIDE, _SIDE)}
"""The modules of what is shown besides: with a quiet zone of two, twice what the standard asks."""


def sheet(path: Path) -> None:
    """Write the sheet as PDF, A4. Raises OSError where it cannot be written."""
    from posapp.domain.slips_layout import Bars, Sheet
    from posapp.symbols import modules
    from ui.paper import on_paper

    def draw(page: Page) -> None:
        page.text((15, 14, 180, 12), _("Check the scanner"), size=7, bold=True)
        hint = _(
            "Open “Check the scanner” in posapp's settings and scan one code of each row; of the third the "
            "small square, if the scanner reads squares."
        )
        page.text((15, 25, 180, 14), hint, size=4)
        for number, (sample, title) in enumerate(TITLES.items()):
            top = 44 + number * 80
            page.line(15, top, 180)
            page.text((15, top + 3, 180, 8), f"{number + 1}  {_(title)}", size=5, bold=True)
            page.qr(15, top + 13, 58, SQUARES[sample])
            symbology, text = BARS[sample]
            rows = modules(symbology, text)
            # Half a millimetre a module, or what the page has room for: a quarter is still read.
            module = min(0.5, 118 / len(rows[0]))
            marks = [Bars(77, top + 26, rows, module, 26)]
            if sample in MATRICES:
                matrix = MATRICES[sample]
                # Nothing stands so close that a scanner takes it for the other.
                marks = [Bars(77, top + 13, rows, module, 20), Bars(80, top + 42, matrix, 1.2, 1.2)]
            page.sheet(Sheet(210, 297, tuple(marks)))

    on_paper(path, _("Check the scanner"), draw)
