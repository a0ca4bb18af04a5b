"""What the scanner doctor shows: the codes to scan, and the findings in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from posapp.domain.slips import Symbology
from posapp.symbols import modules
from ui.doctor_paper import BARS, MATRICES, SQUARES
from ui.doctor_words import words
from ui.tokens import GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

    from posapp.domain.diagnosis import Finding
    from posapp.domain.samples import Sample
    from ui.theme import Theme

_PAPER, _INK = QColor(255, 255, 255), QColor(0, 0, 0)
_BARS_HIGH = 90
_QR_LEAST = 200


class CodePicture(QWidget):
    """One sample as QR, as bar code and perhaps as Data Matrix: black on white in every look, each module whole pixels."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sample: Sample | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_sample(self, sample: Sample, name: str) -> None:
        """Draw another sample."""
        self._sample = sample
        self.setAccessibleName(name)
        self.update()

    def minimumSizeHint(self) -> QSize:
        # The longest bar code at one pixel a module is 418 wide.
        return QSize(430, self._theme.px(_BARS_HIGH) + _QR_LEAST)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sample is None:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), _PAPER)
        high = self._theme.px(_BARS_HIGH)
        area = QRectF(self.rect())
        top = QRectF(area.left(), area.top(), area.width(), area.height() - high - GAP)
        if self._sample in MATRICES:
            right = top.adjusted(top.width() / 2 + GAP, GAP, 0, -GAP)
            top.setWidth(top.width() / 2 - GAP)
            _draw(painter, right, MATRICES[self._sample])
        _draw(painter, top, modules(Symbology.QR, SQUARES[self._sample]))
        below = QRectF(area.left(), area.bottom() - high - GAP, area.width(), high)
        _draw(painter, below, modules(*BARS[self._sample]))
        painter.end()


def _draw(painter: QPainter, area: QRectF, rows: Sequence[str]) -> None:
    across = len(rows[0])
    module = int(min(area.width() / across, area.height() / len(rows) if len(rows) > 1 else area.width()))
    if module < 1:
        return
    high = module if len(rows) > 1 else area.height()
    left = int(area.left() + (area.width() - across * module) / 2)
    top = int(area.top() + (area.height() - len(rows) * high) / 2)
    for y, row in enumerate(rows):
        for run in re.finditer("1+", row):
            wide = (run.end() - run.start()) * module
            painter.fillRect(QRectF(left + run.start() * module, top + y * high, wide, high), _INK)


class Findings(QScrollArea):
    """The findings from the top: an icon, what is so in bold, and below what is done about it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.sentences: tuple[str, ...] = ()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Show these, what needs a person first."""
        page = QWidget()
        page.setProperty("kind", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, self._theme.px(8), 0)
        column.setSpacing(self._theme.px(GAP))
        told = []
        for finding in sorted(findings, key=lambda one: (not one.fault, one.plain)):
            so, done = words(finding)
            told.append(f"{so} {done}")
            column.addLayout(self._row(_icon(finding), so, done))
        column.addStretch(1)
        self.sentences = tuple(told)
        self.setWidget(page)

    def _row(self, icon: str, so: str, done: str) -> QHBoxLayout:
        picture = QLabel()
        size = self._theme.px(24)
        picture.setPixmap(
            self._theme.icons.pixmap(icon, self._theme.tokens.text, size, self.devicePixelRatioF())
        )
        picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        lines = QVBoxLayout()
        lines.setSpacing(self._theme.px(4))
        for text, kind in ((so, "section"), (done, "muted")):
            label = QLabel(text)
            label.setProperty("kind", kind)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            lines.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(GAP))
        row.addWidget(picture)
        row.addLayout(lines, 1)
        return row


def _icon(finding: Finding) -> str:
    if finding.fault:
        return "alert-triangle"
    return "info-circle" if finding.plain else "circle-check"
