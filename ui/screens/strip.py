"""One sentence on a tone's colour: an error, or how the line stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from ui.announce import announce
from ui.theme import Face
from ui.tokens import RADIUS

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.theme import Theme
    from ui.view import Tone


class Strip(QWidget):
    """One sentence on a tone's colour, with its icon; as high as its words need."""

    def __init__(self, theme: Theme, tone: Tone, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tone = tone
        self._icon = icon
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._label, 1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    @property
    def text(self) -> str:
        """What it says."""
        return self._label.text()

    def say(
        self, text: str, *, tone: Tone | None = None, icon: str = "", now: bool = False, quiet: bool = False
    ) -> None:
        """Show a sentence, or nothing; ``quiet``: it is not read aloud."""
        changed = text != self._label.text()
        self._tone = tone or self._tone
        self._icon = icon or self._icon
        self._label.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self._restyle()
        if text and changed and not quiet:
            announce(self, text, now=now)

    def paintEvent(self, event: QPaintEvent) -> None:
        px, look = self._theme.px, self._theme.tone(self._tone)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.tokens.control), 1))
        painter.setBrush(QColor(look.fill))
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(rect, px(RADIUS), px(RADIUS))
        size = px(24)
        pixmap = self._theme.icons.pixmap(self._icon or look.icon, look.ink, size, self.devicePixelRatioF())
        painter.drawPixmap(px(16), (self.height() - size) // 2, pixmap)
        painter.end()

    def _restyle(self) -> None:
        px = self._theme.px
        self._row.setContentsMargins(px(16 + 24 + 12), px(10), px(16), px(10))
        self._label.setFont(self._theme.font(Face.STRONG))
        self._label.setStyleSheet(f"color: {self._theme.tone(self._tone).ink}")
        self.update()
