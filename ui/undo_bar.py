"""The undo bar: what was just done, and the way back while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPropertyAnimation, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.announce import announce
from ui.buttons import Button, Kind
from ui.elided import ElidedLabel
from ui.theme import Face, Theme
from ui.tokens import GAP, RADIUS

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.view import Action

_HEIGHT = 72
_COUNTDOWN = 4


class UndoBar(QWidget):
    """A dark bar with a sentence, the undo button and a strip that shrinks while the time runs.

    - Hidden until `show_undo`; a new act replaces the old one and the time starts anew.
    - The strip is moved by Qt alone: no Python runs while it shrinks.

    Signals: `undone` with the action's id when the button was pressed; `expired` when the time is over.
    After either the bar is hidden.
    """

    undone = Signal(str)
    expired = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._label = ElidedLabel(theme, Face.SECTION, self)
        self._button = Button(theme, Kind.BAR, self)
        self._button.triggered.connect(self._on_triggered)
        self._strip = QWidget(self)
        self._strip.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._strip.setAutoFillBackground(True)
        self._countdown = QPropertyAnimation(self._strip, b"geometry", self)
        self._countdown.finished.connect(self._on_finished)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._label, 1)
        self._row.addWidget(self._button)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._restyle)
        self._restyle()
        self.hide()

    @property
    def button(self) -> Button:
        """The way back."""
        return self._button

    def show_undo(self, text: str, action: Action, seconds: float) -> None:
        """Offers to take back what `text` says, for so many seconds."""
        self._label.show_text(text)
        self._button.show_action(action)
        self.setAccessibleName(text)
        self.show()
        self._countdown.stop()
        self._countdown.setDuration(round(seconds * 1000))
        self._aim()
        self._countdown.start()
        announce(self, f"{text}. {action.spoken}", now=False)

    def dismiss(self) -> None:
        """Takes the bar away without a word: the act can no longer be undone."""
        self._countdown.stop()
        self.hide()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(480), self._theme.px(_HEIGHT))

    def resizeEvent(self, event: object) -> None:
        self._aim()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours.bar_line), 1))
        painter.setBrush(QColor(colours.bar))
        radius = self._theme.px(RADIUS)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        painter.end()

    def _aim(self) -> None:
        """Lets the strip shrink towards the left, from where it is in its time."""
        px = self._theme.px
        inset, height = px(RADIUS), px(_COUNTDOWN)
        y = self.height() - height - 2
        self._countdown.setStartValue(QRect(inset, y, max(0, self.width() - 2 * inset), height))
        self._countdown.setEndValue(QRect(inset, y, 0, height))

    def _restyle(self) -> None:
        px, colours = self._theme.px, self._theme.tokens
        self._row.setContentsMargins(px(20), px(8), px(8), px(8))
        self._row.setSpacing(px(GAP))
        self._label.set_colour(colours.on_bar)
        palette = self._strip.palette()
        palette.setColor(self._strip.backgroundRole(), QColor(colours.bar_action))
        self._strip.setPalette(palette)
        self.updateGeometry()
        self.update()

    def _on_triggered(self, action_id: str) -> None:
        self.dismiss()
        self.undone.emit(action_id)

    def _on_finished(self) -> None:
        self.hide()
        self.expired.emit()
