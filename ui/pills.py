"""Two small round-ended parts: how the line stands, and a filter that can be chosen."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QPushButton, QRadioButton, QSizePolicy, QWidget

from ui.announce import announce
from ui.theme import Face, Theme
from ui.tokens import FOCUS, TARGET_MIN, TONES, Tokens
from ui.view import Tone

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPaintEvent


class Link(StrEnum):
    """How the till stands with the hub."""

    ONLINE = "online"
    OFFLINE = "offline"
    TROUBLE = "trouble"


class _Pill(NamedTuple):
    fill: str
    ink: str
    line: str
    icon: str


def _pill(link: Link, tokens: Tokens) -> _Pill:
    match link:
        case Link.ONLINE:
            return _Pill(tokens.surface, tokens.text, tokens.control, "cloud-check")
        case Link.OFFLINE:
            amber = TONES[Tone.AMBER]
            return _Pill(amber.fill, amber.ink, tokens.control, "wifi-off")
        case Link.TROUBLE:
            red = TONES[Tone.RED]
            return _Pill(red.fill, red.ink, tokens.control, "alert-triangle")


class StatusPill(QPushButton):
    """Says in colour, icon and words whether the till has a line; a press asks for more.

    - A change is spoken politely: it never interrupts a result.
    - It gives way to what stands beside it: too long a text is cut with an ellipsis.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._link = Link.ONLINE
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    @property
    def link(self) -> Link:
        """What it says now."""
        return self._link

    def show_link(self, link: Link, text: str) -> None:
        """Says how the line stands now."""
        if (link, text) == (self._link, self.text()):
            return
        turned = link is not self._link
        self._link = link
        self.setText(text)
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()
        if turned:
            announce(self, text, now=False)

    def sizeHint(self) -> QSize:
        px = self._theme.px
        wide = self._theme.metrics(Face.STRONG).horizontalAdvance(self.text())
        return QSize(px(16) + px(22) + px(8) + wide + px(18), px(TARGET_MIN))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(TARGET_MIN + 16), self._theme.px(TARGET_MIN))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, px = self._theme, self._theme.px
        look = _pill(self._link, theme.tokens)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _round(painter, self, look.fill, look.line, 2)
        if self.hasFocus():
            _round(painter, self, "", theme.tokens.focus, FOCUS)
            _round(painter, self, "", theme.tokens.surface, FOCUS, inset=FOCUS)
        size = px(22)
        pixmap = theme.icons.pixmap(look.icon, look.ink, size, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(px(16), (self.height() - size) / 2), pixmap)
        left = px(16) + size + px(8)
        rect = QRect(left, 0, self.width() - left - px(16), self.height())
        metrics = theme.metrics(Face.STRONG)
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, rect.width() + 1)
        painter.setFont(theme.font(Face.STRONG))
        painter.setPen(QColor(look.ink))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.end()


class Chip(QRadioButton):
    """One filter of a row of filters: a radio button that looks like a pill.

    Chips of one parent exclude each other. The chosen one has a tick, bold words and the accent colour.
    """

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def show_text(self, text: str) -> None:
        """Shows another text, such as a new count."""
        self.setText(text)
        self.setAccessibleName(text)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        px = self._theme.px
        wide = self._theme.metrics(Face.STRONG).horizontalAdvance(self.text())
        # Room for the tick is kept when there is none, so that choosing moves no neighbour.
        return QSize(wide + px(22) + px(4) + 2 * px(16), px(TARGET_MIN))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, px, colours = self._theme, self._theme.px, self._theme.tokens
        chosen = self.isChecked()
        fill = colours.accent if chosen else colours.surface
        ink = colours.on_accent if chosen else colours.text
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        _round(painter, self, fill, colours.accent if chosen else colours.control, 2)
        if self.hasFocus():
            ring = (colours.text, colours.surface) if chosen else (colours.focus, colours.surface)
            _round(painter, self, "", ring[0], FOCUS)
            _round(painter, self, "", ring[1], FOCUS, inset=FOCUS)
        wide = theme.metrics(Face.STRONG).horizontalAdvance(self.text())
        size = px(22)
        tick = size + px(4) if chosen else 0
        left = (self.width() - wide - tick) / 2
        if chosen:
            pixmap = theme.icons.pixmap("check", ink, size, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(left, (self.height() - size) / 2), pixmap)
        painter.setFont(theme.font(Face.STRONG))
        painter.setPen(QColor(ink))
        rect = QRectF(left + tick, 0, wide + px(8), self.height())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.text())
        painter.end()


def _round(painter: QPainter, widget: QWidget, fill: str, line: str, width: int, *, inset: int = 0) -> None:
    half = inset + width / 2
    rect = QRectF(widget.rect()).adjusted(half, half, -half, -half)
    painter.setPen(QPen(QColor(line), width))
    painter.setBrush(QColor(fill) if fill else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
