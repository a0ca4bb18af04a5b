"""A label that gives way: a long text is cut with an ellipsis and never widens the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ui.theme import Face, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


class ElidedLabel(QLabel):
    """One line of text in one face; the whole text stays its accessible name and its tool tip."""

    def __init__(self, theme: Theme, face: Face = Face.BODY, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._face = face
        self._colour = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.updateGeometry)

    def show_text(self, text: str) -> None:
        """Shows another text."""
        self.setText(text)
        self.setToolTip(text)

    def set_colour(self, colour: str) -> None:
        """Draws in this colour from now on; empty for the theme's text colour."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self._theme.metrics(self._face)
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._theme.metrics(self._face).height())

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics = self._theme.metrics(self._face)
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter = QPainter(self)
        painter.setFont(self._theme.font(self._face))
        painter.setPen(QColor(self._colour or self._theme.tokens.text))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), align, text)
        painter.end()
