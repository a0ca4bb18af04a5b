"""Papers as PDF: laid out with Qt's painter in millimetres, codes as vectors, so that they scan at
any size. Needs a QGuiApplication, which `on_paper` makes where there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QMarginsF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QGuiApplication,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
)

import resources
from posapp.domain.codes import display
from posapp.domain.slips import Slip, Symbology
from posapp.domain.slips_layout import Line, Sheet, Words, lay_out
from posapp.symbols import modules

DOTS_PER_MM = 12
"""Resolution of the page's coordinates: 12 per millimetre, about 305 dpi."""

_FONTS = ("Inter-Regular.otf", "Inter-Bold.otf", "AtkinsonHyperlegible-Bold.ttf")


class Page:
    """A page to draw on, in millimetres from its top left corner."""

    def __init__(self, painter: QPainter, new_page: Callable[[], bool]) -> None:
        self._painter = painter
        self.new_page = new_page

    def text(
        self,
        box: tuple[float, float, float, float],
        words: str,
        *,
        size: float = 3.5,
        bold: bool = False,
        code: bool = False,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> float:
        """Write inside (left, top, width, height), wrapped; returns the height used."""
        family = "Atkinson Hyperlegible" if code else "Inter"
        self._painter.setFont(_font(family, size, bold or code))
        flags = align | Qt.TextFlag.TextWordWrap
        area = QRectF(*(value * DOTS_PER_MM for value in box))
        height = self._painter.boundingRect(area, int(flags), words).height()
        self._painter.drawText(area, int(flags), words)
        return min(height, area.height()) / DOTS_PER_MM

    def line(self, left: float, top: float, width: float) -> None:
        """A thin line across."""
        self._fill(left, top, width, 0.15)

    def qr(self, left: float, top: float, size: float, content: str) -> None:
        """A QR code of version 2 or more, level H, with its quiet zone inside ``size``.

        The smallest version lacks the alignment pattern that helps cameras.
        """
        rows = modules(Symbology.QR, content)
        module = size / len(rows)
        self._rows(left, top, rows, module, module)

    def bars(self, left: float, top: float, width: float, height: float, content: str) -> None:
        """A Code 128 as wide as ``width``, quiet zones included."""
        rows = modules(Symbology.CODE128, content)
        self._rows(left, top, rows, width / len(rows[0]), height)

    def sheet(self, sheet: Sheet) -> None:
        """Everything that the layout put on one sheet."""
        for mark in sheet.marks:
            if isinstance(mark, Words):
                font = _font("Inter", mark.letters, mark.bold)
                self._painter.setFont(font)
                rise = QFontMetricsF(font).ascent()
                place = QPointF(mark.left * DOTS_PER_MM, mark.top * DOTS_PER_MM + rise)
                self._painter.drawText(place, mark.words)
            elif isinstance(mark, Line):
                self._fill(mark.left, mark.top, mark.width, mark.height)
            else:
                self._rows(mark.left, mark.top, mark.rows, mark.module, mark.row)

    def _rows(self, left: float, top: float, rows: Sequence[str], module: float, height: float) -> None:
        for y, row in enumerate(rows):
            # One box for a run: bars of many boxes show hairlines where a viewer smooths their edges.
            for run in re.finditer("1+", row):
                at = left + run.start() * module
                self._fill(at, top + y * height, (run.end() - run.start()) * module, height)

    def _fill(self, left: float, top: float, width: float, height: float) -> None:
        box = QRectF(*(value * DOTS_PER_MM for value in (left, top, width, height)))
        self._painter.fillRect(box, QColor(0, 0, 0))


def application() -> None:
    """What drawing needs: an application, made where there is none, and our fonts."""
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        application.kept = QGuiApplication([])  # type: ignore[attr-defined]  # Qt wants it kept
    if {"Inter", "Atkinson Hyperlegible"} <= set(QFontDatabase.families()):
        return
    for name in _FONTS:
        QFontDatabase.addApplicationFont(str(resources.path(f"fonts/{name}")))


def on_paper(
    path: Path, title: str, draw: Callable[[Page], None], size_mm: tuple[float, float] = (210, 297)
) -> None:
    """Write a PDF: ``draw`` is given the first page. It replaces the file in one step.

    Raises OSError where the file cannot be written.
    """
    application()
    fresh = path.with_name(path.name + ".new")
    fresh.touch()
    writer = QPdfWriter(str(fresh))
    writer.setTitle(title)
    writer.setCreator("posapp")
    writer.setResolution(round(DOTS_PER_MM * 25.4))
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QSizeF(*size_mm), QPageSize.Unit.Millimeter),
            QPageLayout.Orientation.Portrait,
            QMarginsF(0, 0, 0, 0),
        )
    )
    painter = QPainter(writer)
    try:
        draw(Page(painter, writer.newPage))
    finally:
        painter.end()
    os.replace(fresh, path)


def slip_pdf(slip: Slip, path: Path) -> None:
    """A slip as PDF, laid out as on its own paper; each sheet is a page. It replaces the file.

    Raises OSError where the file cannot be written, ValueError for a code that does not fit.
    """
    application()
    sheets = lay_out(slip, _measure, modules)

    def draw(page: Page) -> None:
        for number, sheet in enumerate(sheets):
            if number:
                page.new_page()
            page.sheet(sheet)

    # A roll has no pages: one as long as the longest piece holds them all.
    size = slip.width_mm, max((sheet.height for sheet in sheets), default=slip.width_mm)
    on_paper(path, slip.title, draw, size)


def _measure(words: str, letters: float, bold: bool) -> float:
    return QFontMetricsF(_font("Inter", letters, bold)).horizontalAdvance(words) / DOTS_PER_MM


def _font(family: str, size_mm: float, bold: bool) -> QFont:
    font = QFont(family)
    font.setPixelSize(round(size_mm * DOTS_PER_MM))
    font.setBold(bold)
    # Inter swaps hyphen and colon for other glyphs between digits and capitals; those reach the file
    # without a letter, so an order number copied out of the PDF would lose its hyphen.
    font.setFeature(QFont.Tag("calt"), 0)
    return font


def code_sheet(codes: Sequence[Mapping[str, str]], path: Path, word: Callable[[str], str]) -> None:
    """The demo's pickup codes, to be scanned from paper or screen: 3 by 7 on a page.

    ``word`` gives a state's word in the language in use.
    """
    columns, rows, width, height = 3, 7, 63.0, 38.0

    def draw(page: Page) -> None:
        for number, code in enumerate(codes):
            place = number % (columns * rows)
            if number and not place:
                page.new_page()
            left = 10 + (place % columns) * width
            top = 14 + (place // columns) * height
            page.qr(left, top, 24, code["code"])
            page.text((left + 24, top + 2.5, 38, 5), code["number"], size=4, bold=True)
            page.text((left + 24, top + 8, 38, 14), word(code["state"]), size=3)
            page.bars(left, top + 24, 58, 7, code["code"])
            page.text((left + 4, top + 31.5, 54, 5), display(code["code"]), size=3.4, code=True)

    on_paper(path, "posapp", draw)
