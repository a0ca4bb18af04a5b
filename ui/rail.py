"""The rail: the till's places, one above the other, at the left of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QStaticText, QTextOption
from PySide6.QtWidgets import QSizePolicy, QTabBar, QWidget

from posapp.domain.values import dataclass
from ui.theme import Face, Theme
from ui.tokens import FOCUS, RAIL_PITCH, RAIL_WIDTH, TARGET, TONES
from ui.view import Tone

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QPaintEvent

_BAR = 4
_ICON = 28
_MANY = 99


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: `spoken` is what a screen reader says, with the key: "Scannen (Strg+1)"."""

    id: str
    icon: str
    label: str
    spoken: str


class Rail(QTabBar):
    """The navigation, as tabs, because screen readers read those rightly: name, which one, how many.

    - The selected place has the accent colour, a bar and bold words.
    - A badge counts what waits there; its number is part of the accessible name.
    - Up and Down move the selection; all places fit, however low the window.

    Signals: `chosen` with the place's id, when it is the clerk who chose.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._places: list[Place] = []
        self._badges: dict[str, int] = {}
        self._silent = False
        self.setShape(QTabBar.Shape.RoundedWest)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.currentChanged.connect(self._on_current_changed)
        theme.changed.connect(self._measure)
        self._measure()

    def show_places(self, places: list[Place]) -> None:
        """Takes over the places; the first is selected."""
        self._silent = True
        while self.count():
            self.removeTab(0)
        self._places = list(places)
        for place in places:
            self.addTab(place.label)
        self._silent = False
        self._name_tabs()

    def select(self, place_id: str) -> None:
        """Selects a place without saying `chosen`."""
        self._silent = True
        self.setCurrentIndex(self._index(place_id))
        self._silent = False

    def show_badge(self, place_id: str, count: int) -> None:
        """Shows how much waits at a place; 0 takes the badge away."""
        if self._badges.get(place_id, 0) != count:
            self._badges[place_id] = count
            self._name_tabs()
            self.update()

    def tabSizeHint(self, index: int) -> QSize:
        px = self._theme.px
        pitch = px(RAIL_PITCH)
        room = self.height() // max(1, self.count())
        return QSize(px(RAIL_WIDTH), max(px(TARGET), min(pitch, room)))

    def minimumTabSizeHint(self, index: int) -> QSize:
        return QSize(self._theme.px(RAIL_WIDTH), self._theme.px(TARGET))

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(RAIL_WIDTH), self._theme.px(RAIL_PITCH) * self.count())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(RAIL_WIDTH), self._theme.px(TARGET) * self.count())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif 0 <= self.currentIndex() + step < self.count():
            self.setCurrentIndex(self.currentIndex() + step)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        _fill(painter, QRectF(self.rect()), self._theme.tokens.rail)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(self.count()):
            self._paint_place(painter, index)
        painter.end()

    def _paint_place(self, painter: QPainter, index: int) -> None:
        theme, px, colours = self._theme, self._theme.px, self._theme.tokens
        rect = QRectF(self.tabRect(index))
        place = self._places[index]
        selected = index == self.currentIndex()
        ink = colours.on_accent if selected else colours.rail_text
        if selected:
            _fill(painter, rect, colours.accent)
            _fill(painter, QRectF(rect.left(), rect.top(), px(_BAR), rect.height()), ink)
        face = Face.RAIL_SELECTED if selected else Face.RAIL
        label = self._label(place.label, face)
        icon = px(_ICON)
        height = icon + px(6) + label.size().height()
        top = rect.top() + (rect.height() - height) / 2
        at = QPointF(rect.center().x() - icon / 2, round(top))
        painter.drawPixmap(at, theme.icons.pixmap(place.icon, ink, icon, self.devicePixelRatioF()))
        painter.setFont(theme.font(face))
        painter.setPen(QColor(ink))
        painter.drawStaticText(QPointF(rect.left() + px(4), top + icon + px(6)), label)
        if count := self._badges.get(place.id, 0):
            self._paint_badge(painter, QPointF(at.x() + icon - px(4), top - px(4)), count)
        if selected and self.hasFocus():
            ring = rect.adjusted(px(_BAR) + 4, 4, -4, -4)
            painter.setPen(QPen(QColor(colours.on_accent), FOCUS))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ring, px(8), px(8))

    def _paint_badge(self, painter: QPainter, at: QPointF, count: int) -> None:
        theme, px = self._theme, self._theme.px
        amber = TONES[Tone.AMBER]
        text = str(count) if count <= _MANY else f"{_MANY}+"
        width = max(px(20), theme.metrics(Face.RAIL).horizontalAdvance(text) + px(10))
        badge = QRectF(at.x(), at.y(), width, px(20))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(amber.fill))
        painter.drawRoundedRect(badge, px(10), px(10))
        painter.setPen(QColor(amber.ink))
        painter.setFont(theme.font(Face.RAIL))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)

    def _label(self, text: str, face: Face) -> QStaticText:
        option = QTextOption(Qt.AlignmentFlag.AlignHCenter)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        label = QStaticText(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextOption(option)
        label.setTextWidth(self._theme.px(RAIL_WIDTH - 8))
        label.prepare(font=self._theme.font(face))
        return label

    def _name_tabs(self) -> None:
        for index, place in enumerate(self._places):
            count = self._badges.get(place.id, 0)
            self.setAccessibleTabName(index, f"{place.spoken}, {count}" if count else place.spoken)

    def _index(self, place_id: str) -> int:
        return next(i for i, place in enumerate(self._places) if place.id == place_id)

    def _measure(self) -> None:
        self.setFixedWidth(self._theme.px(RAIL_WIDTH))
        # QTabBar works its tabs out again only when told that its style or font changed.
        self.setFont(self._theme.font(Face.RAIL))
        self.updateGeometry()
        self.update()

    def _on_current_changed(self, index: int) -> None:
        if not self._silent and 0 <= index < len(self._places):
            self.chosen.emit(self._places[index].id)


def _fill(painter: QPainter, rect: QRectF, colour: str) -> None:
    # Not fillRect: to choose among its forms PySide6 loads the names of 169 colour gradients, 4 ms.
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRect(rect)
