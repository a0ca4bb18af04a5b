"""Papers as PDF: laid out with Qt's painter in millimetres, codes as vectors, so that they scan at
any size. Needs a QGuiApplication, which `on_paper` makes where there is none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import barcode
import segno
from PySide6.QtCore import QMarginsF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
)

import resources
from posapp.domain.codes import display

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
        font = QFont(family)
        font.setPixelSize(round(size * DOTS_PER_MM))
        font.setBold(bold or code)
        self._painter.setFont(font)
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
        # Level H of version 2 holds our codes; anything longer takes what it needs.
        for version in (2, None):
            try:
                symbol = segno.make(content, error="h", version=version, micro=False)
                break
            except segno.DataOverflowError:
                continue
        rows = [bytes(row) for row in symbol.matrix]
        module = size / (len(rows) + 8)
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark:
                    self._fill(left + (x + 4) * module, top + (y + 4) * module, module, module)

    def bars(self, left: float, top: float, width: float, height: float, content: str) -> None:
        """A Code 128 as wide as ``width``, quiet zones included."""
        modules = barcode.get("code128", content).build()[0]
        module = width / (len(modules) + 20)
        start = 0
        while (start := modules.find("1", start)) >= 0:
            end = start
            while end < len(modules) and modules[end] == "1":
                end += 1
            self._fill(left + (start + 10) * module, top, (end - start) * module, height)
            start = end

    def _fill(self, left: float, top: float, width: float, height: float) -> None:
        box = QRectF(*(value * DOTS_PER_MM for value in (left, top, width, height)))
        self._painter.fillRect(box, QColor(0, 0, 0))


def on_paper(
    path: Path, title: str, draw: Callable[[Page], None], size_mm: tuple[float, float] = (210, 297)
) -> None:
    """Write a PDF: ``draw`` is given the first page. It replaces the file in one step.

    Raises OSError where the file cannot be written.
    """
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        on_paper.application = QGuiApplication([])  # type: ignore[attr-defined]  # Qt wants it kept
    for name in _FONTS:
        QFontDatabase.addApplicationFont(str(resources.path(f"fonts/{name}")))
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
