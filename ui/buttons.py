"""The till's buttons: an action, the key that does the same, and a focus nobody can miss."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ui.theme import Face, Theme
from ui.tokens import FOCUS, INK, RADIUS, TARGET, TARGET_PRIMARY, WHITE, Tokens
from ui.view import Action

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QEnterEvent, QPaintEvent


class Kind(StrEnum):
    """Where a button stands, and whether it is the one next step."""

    PLAIN = "plain"
    PRIMARY = "primary"
    CARD = "card"
    CARD_PRIMARY = "card_primary"
    BAR = "bar"


class _Paint(NamedTuple):
    fill: str
    ink: str
    line: str
    width: int
    """The width of the button's own line."""
    rings: tuple[str, ...]
    """The focus: rings of 3 px from the edge inwards, painted over the own line."""


def _paint(kind: Kind, tokens: Tokens) -> _Paint:
    match kind:
        case Kind.PRIMARY:
            rings = (tokens.text, tokens.surface)
            return _Paint(tokens.accent, tokens.on_accent, tokens.accent, 2, rings)
        case Kind.CARD_PRIMARY:
            return _Paint(INK, WHITE, WHITE, FOCUS, (WHITE, INK, WHITE))
        case Kind.CARD:
            return _Paint(WHITE, INK, INK, FOCUS, (INK, WHITE, INK))
        case Kind.BAR:
            return _Paint(tokens.bar, tokens.bar_action, tokens.bar_action, 2, (tokens.on_bar,))
        case Kind.PLAIN:
            return _Paint(tokens.surface, tokens.text, tokens.control, 2, (tokens.focus,))


class Button(QPushButton):
    """A push button that shows an `Action` and paints itself.

    - Its words, key, icon and accessible name come from the action.
    - It is at least as high as its kind asks and wants the width of its words.
    - Enter does not press it (only Space and a tap do): a scanner ends its codes with Enter.

    Signals: `triggered` with the action's id.
    """

    triggered = Signal(str)

    def __init__(self, theme: Theme, kind: Kind = Kind.PLAIN, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind = kind
        self._action = Action("", "")
        self._hovered = False
        self._content_wide = 0
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._on_clicked)
        theme.changed.connect(self._measure)

    @property
    def shown_action(self) -> Action:
        """What a press does now."""
        return self._action

    def show_action(self, action: Action) -> None:
        """Takes over another action."""
        self._action = action
        self.setText(action.label)
        self.setAccessibleName(action.spoken)
        self.setEnabled(action.enabled)
        self._measure()

    def sizeHint(self) -> QSize:
        px = self._theme.px
        height = TARGET_PRIMARY if self._is_primary else TARGET
        return QSize(self._content_wide + 2 * px(20), px(height))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = False
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        look = _paint(self._kind, theme.tokens)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.55)
        self._box(painter, QColor(look.line), 0, look.width, QColor(look.fill))
        if self.isDown() or self._hovered:
            veil = QColor(look.ink)
            veil.setAlpha(50 if self.isDown() else 20)
            self._box(painter, veil, look.width, 0, veil)
        if self.hasFocus():
            for index, colour in enumerate(look.rings):
                self._box(painter, QColor(colour), index * FOCUS, FOCUS, None)
        self._content(painter, look.ink)
        painter.end()

    @property
    def _is_primary(self) -> bool:
        return self._kind in {Kind.PRIMARY, Kind.CARD_PRIMARY}

    @property
    def _faces(self) -> tuple[Face, Face]:
        return (Face.CARD, Face.BODY) if self._is_primary else (Face.STRONG, Face.KEY)

    def _icon_size(self) -> int:
        return self._theme.px(28 if self._is_primary else 22)

    def _key_width(self) -> int:
        face = self._faces[1]
        return self._theme.metrics(face).horizontalAdvance(self._action.key) + 2 * self._theme.px(8)

    def _measure(self) -> None:
        px = self._theme.px
        width = self._theme.metrics(self._faces[0]).horizontalAdvance(self._action.text)
        if self._action.icon:
            width += self._icon_size() + px(10)
        if self._action.key:
            width += px(12) + self._key_width()
        self._content_wide = width
        self.updateGeometry()
        self.update()

    def _box(self, painter: QPainter, line: QColor, inset: float, width: float, fill: QColor | None) -> None:
        half = inset + width / 2
        rect = QRectF(self.rect()).adjusted(half, half, -half, -half)
        painter.setPen(QPen(line, width) if width else QPen(Qt.PenStyle.NoPen))
        painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
        radius = max(2.0, self._theme.px(RADIUS) - half)
        painter.drawRoundedRect(rect, radius, radius)

    def _content(self, painter: QPainter, ink: str) -> None:
        theme, px = self._theme, self._theme.px
        face, key_face = self._faces
        metrics = theme.metrics(face)
        x = max(px(12), (self.width() - self._content_wide) // 2)
        middle = self.height() / 2
        if self._action.icon:
            size = self._icon_size()
            pixmap = theme.icons.pixmap(self._action.icon, ink, size, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(x, middle - size / 2), pixmap)
            x += size + px(10)
        key_width = self._key_width() if self._action.key else 0
        room = self.width() - x - px(12) - (key_width + px(12) if key_width else 0)
        text = metrics.elidedText(self._action.text, Qt.TextElideMode.ElideRight, room + 1)
        painter.setFont(theme.font(face))
        painter.setPen(QColor(ink))
        baseline = middle + (metrics.ascent() - metrics.descent()) / 2
        painter.drawText(QPointF(x, baseline), text)
        if key_width:
            x += metrics.horizontalAdvance(text) + px(12)
            key_metrics = theme.metrics(key_face)
            height = key_metrics.height() + px(4)
            cap = QRectF(x + 0.5, round(middle - height / 2) + 0.5, key_width, height)
            painter.setPen(QPen(QColor(ink), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cap, px(6), px(6))
            painter.setFont(theme.font(key_face))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._action.key)

    def _on_clicked(self) -> None:
        self.triggered.emit(self._action.id)
