"""The result card: one screen, one colour, one icon, one sentence, the next action in focus."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QScrollEvent, QScrollPrepareEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.announce import announce
from ui.buttons import Button, Kind
from ui.card_layout import Layout, Sheet
from ui.kinetic import scroll_by_hand
from ui.theme import Theme
from ui.tokens import FOCUS, GAP, PAD_CARD, RADIUS_CARD
from ui.view import CardView, Tone

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent, QPaintEvent, QResizeEvent, QWheelEvent

SECONDARY = 4
PRIMARY_AT_LEAST = 240
DETAILS_AT_LEAST = 100
_EMPTY = Sheet((), 0, 0.0)
_NOTHING = CardView(tone=Tone.NEUTRAL, icon="scan", headline="")


class ResultCard(QWidget):
    """Shows one `CardView` and paints it itself.

    - Headline, name, bin and actions stay in sight and facts and lines scroll between them; only on a
      card too low for that the headline scrolls too.
    - Showing a view moves the focus to its primary action and has the result spoken.
    - The window keeps the keys: it calls `press_primary` for F12 and for the mat's OK.

    It plays no sound, clears nothing by itself and never asks back.

    Signals: `action` with the id of what was pressed; `painted` with the `perf_counter` of the moment
    a new view was on screen; `expired` when the view's `stays` is over.
    """

    action = Signal(str)
    painted = Signal(float)
    expired = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._view = _NOTHING
        self._header = self._details = self._footer = _EMPTY
        self._laid_for: tuple[int, float] | None = None
        self._scroll = 0
        self._buttons_top = 0
        self._fresh = False
        self._mirrored = False
        self._kinetic = False
        self._primary = Button(theme, Kind.CARD_PRIMARY, self)
        self._secondary = [Button(theme, Kind.CARD, self) for _ in range(SECONDARY)]
        for button in (*self._secondary, self._primary):
            button.hide()
            button.triggered.connect(self.action)
        self._stay = QTimer(self, singleShot=True)
        self._stay.timeout.connect(self.expired)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        theme.changed.connect(self._lay_out)

    @property
    def view(self) -> CardView:
        """What is shown."""
        return self._view

    @property
    def primary(self) -> Button:
        """The one next step; hidden if there is none."""
        return self._primary

    @property
    def buttons(self) -> list[Button]:
        """The visible buttons, in reading order."""
        return [b for b in (*self._secondary, self._primary) if not b.isHidden()]

    @property
    def sheets(self) -> tuple[Sheet, Sheet, Sheet]:
        """Header, details and footer as laid out for the present width."""
        return self._header, self._details, self._footer

    @property
    def scroll_position(self) -> int:
        """How far facts and lines are scrolled, in pixels."""
        return self._scroll

    @property
    def scroll_reach(self) -> int:
        """How far they can be scrolled; 0 if all is in sight."""
        return self._reach()

    def show_view(self, view: CardView, *, focus: bool = True) -> None:
        """Shows a result; `focus` False leaves the focus where it is."""
        self._view = view
        self._fresh = True
        self._scroll = 0
        self._fill_buttons()
        self._lay_out()
        if focus:
            ready = [b for b in (self._primary, *self._secondary) if not b.isHidden() and b.isEnabled()]
            (ready[0] if ready else self).setFocus(Qt.FocusReason.OtherFocusReason)
        if view.stays is None:
            self._stay.stop()
        else:
            self._stay.start(round(view.stays * 1000))
        announce(self, view.spoken, now=True)

    def press_primary(self) -> bool:
        """Presses the primary action if there is one to press; says whether it did."""
        can = not self._primary.isHidden() and self._primary.isEnabled()
        if can:
            self._primary.click()
        return can

    def set_mirrored(self, mirrored: bool) -> None:
        """Puts the primary action at the bottom left, for a left-handed clerk."""
        self._mirrored = mirrored
        self._lay_out()

    def revise_view(self, view: CardView) -> None:
        """Shows a later state of the same result: a line ticked, the shop's confirmation.

        Focus, scrolling and a running clearing time stay as they are, and nothing is spoken.
        """
        self._view = view
        self._fresh = True
        self._fill_buttons()
        self._lay_out()

    def _fill_buttons(self) -> None:
        view = self._view
        if len(view.secondary) > SECONDARY:
            raise ValueError(f"a card has at most {SECONDARY} secondary actions")
        self.setAccessibleName(view.spoken)
        self.setAccessibleDescription(view.detail)
        self._primary.setVisible(view.primary is not None)
        if view.primary:
            self._primary.show_action(view.primary)
        for index, button in enumerate(self._secondary):
            button.setVisible(index < len(view.secondary))
            if index < len(view.secondary):
                button.show_action(view.secondary[index])

    # --- laying out ---

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(640), self._theme.px(480))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(320), self._theme.px(240))

    def _lay_out(self) -> None:
        self._laid_for = None
        if self.isVisible():
            self._measure()
        self.update()

    def _measure(self) -> None:
        dpr = self.devicePixelRatioF()
        self._laid_for = (self.width(), dpr)
        layout = Layout(self._view, self._theme, self.width(), dpr)
        self._header, self._details, self._footer = (
            layout.header(),
            layout.details(),
            layout.footer(),
        )
        self._place_buttons(layout.pad)
        self._scroll_to(self._scroll)
        if self._reach() > 0 and not self._kinetic:
            # Only a card that needs it pays for the gesture recogniser.
            self._kinetic = True
            scroll_by_hand(self)

    def _place_buttons(self, pad: int) -> None:
        """One row: secondary actions first, the primary at the end; stacked where that is too wide."""
        gap = self._theme.px(GAP)
        room = self.width() - 2 * pad
        rows = self._rows(room, gap)
        y = self.height() - self._foot()
        for row in reversed(rows):
            high = max(button.sizeHint().height() for button in row)
            y -= high
            wide = [self._wanted(button) for button in row]
            if len(rows) > 1:
                spare = max(0, room - sum(wide) - gap * (len(row) - 1))
                wide = [width + spare // len(row) for width in wide]
            left = 0
            for button, width in zip(row, wide, strict=True):
                own = button.sizeHint().height()
                at = left
                if button is self._primary and len(rows) == 1:
                    at = room - width
                if self._mirrored:
                    at = room - at - width
                button.setGeometry(pad + at, y + (high - own) // 2, min(width, room), own)
                left += width + gap
            y -= gap
        self._buttons_top = y + gap if rows else y

    def _rows(self, room: int, gap: int) -> list[list[Button]]:
        def fits(row: list[Button]) -> bool:
            return sum(self._wanted(b) for b in row) + gap * (len(row) - 1) <= room

        shown = self.buttons
        if not shown:
            return []
        if fits(shown):
            return [shown]
        others = [b for b in shown if b is not self._primary]
        rows: list[list[Button]] = []
        for button in others:
            if rows and fits([*rows[-1], button]):
                rows[-1].append(button)
            else:
                rows.append([button])
        if not self._primary.isHidden():
            if rows and len(rows) > 1 and fits([*rows[-1], self._primary]):
                rows[-1].append(self._primary)
            else:
                rows.append([self._primary])
        return rows

    def _wanted(self, button: Button) -> int:
        width = button.sizeHint().width()
        return max(width, self._theme.px(PRIMARY_AT_LEAST)) if button is self._primary else width

    def _foot(self) -> int:
        """How much the consequence line and the padding below the buttons take."""
        pad = self._theme.px(PAD_CARD[1])
        return pad + (self._footer.height + self._theme.px(8) if self._footer.height else 0)

    def _window(self) -> tuple[int, int]:
        """Top and bottom of the part in which facts and lines scroll."""
        top = self._header.height if self._pinned else 0
        return top, max(top, self._buttons_top - self._theme.px(GAP))

    @property
    def _pinned(self) -> bool:
        """Whether the header stands still; where it leaves too little room it scrolls along."""
        room = self._buttons_top - self._theme.px(GAP) - self._header.height
        return room >= min(self._details.height, self._theme.px(DETAILS_AT_LEAST))

    # --- scrolling ---

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QScrollPrepareEvent):
            top, bottom = self._window()
            event.setViewportSize(QSizeF(self.width(), bottom - top))
            event.setContentPosRange(QRectF(0, 0, 0, self._reach()))
            event.setContentPos(QPointF(0, self._scroll))
            event.accept()
            return True
        if isinstance(event, QScrollEvent):
            self._scroll_to(round(event.contentPos().y()))
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._scroll_to(self._scroll - event.angleDelta().y() // 2)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        top, bottom = self._window()
        page = max(1, bottom - top - self._theme.px(40))
        steps = {Qt.Key.Key_PageDown: page, Qt.Key.Key_PageUp: -page}
        if self._reach() and event.key() in steps:
            self._scroll_to(self._scroll + steps[Qt.Key(event.key())])
            return
        super().keyPressEvent(event)

    def _reach(self) -> int:
        top, bottom = self._window()
        content = self._details.height + (0 if self._pinned else self._header.height)
        return max(0, content - (bottom - top))

    def _scroll_to(self, position: int) -> None:
        self._scroll = min(max(0, position), self._reach())
        self.update()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._laid_for != (self.width(), self.devicePixelRatioF()):
            self._measure()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_card(painter)
        top, bottom = self._window()
        painter.save()
        if self._pinned:
            self._header.draw(painter)
            painter.setClipRect(QRectF(0, top, self.width(), bottom - top))
            painter.translate(0, top - self._scroll)
        else:
            painter.setClipRect(QRectF(FOCUS, FOCUS, self.width() - 2 * FOCUS, bottom - FOCUS))
            painter.translate(0, -self._scroll)
            self._header.draw(painter)
            painter.translate(0, self._header.height)
        self._details.draw(painter, self._scroll - self._header.height, self._scroll + bottom)
        painter.restore()
        if self._reach() > 0:
            self._paint_thumb(painter, top, bottom)
        painter.translate(0, self.height() - self._foot() + self._theme.px(8))
        self._footer.draw(painter)
        painter.end()
        if self._fresh:
            self._fresh = False
            # Runs once the buttons are painted too and the window has been flushed to the screen.
            QTimer.singleShot(0, self, self._on_flushed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    def _on_flushed(self) -> None:
        self.painted.emit(perf_counter())

    def _paint_card(self, painter: QPainter) -> None:
        radius = self._theme.px(RADIUS_CARD)
        look = self._theme.tone(self._view.tone)
        painter.setPen(QPen(QColor(self._theme.tokens.control), 2))
        painter.setBrush(QColor(look.fill))
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(rect, radius, radius)
        if self.hasFocus():
            inset = 2 + FOCUS / 2
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(look.ink), FOCUS))
            painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius - 3, radius - 3)

    def _paint_thumb(self, painter: QPainter, top: float, bottom: float) -> None:
        """Says that there is more, and where."""
        px = self._theme.px
        colour = QColor(self._theme.tone(self._view.tone).ink)
        top = max(top, px(PAD_CARD[1]))
        room = bottom - top
        length = max(px(44), room * room / (room + self._reach()))
        at = top + (room - length) * self._scroll / self._reach()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(self.width() - px(20), at, px(10), length), px(5), px(5))
        colour.setAlpha(140)
        painter.setBrush(colour)
        if self._scroll > 0 and self._pinned:
            painter.drawRect(QRectF(px(PAD_CARD[0]), top - 1, self.width() - 2 * px(PAD_CARD[0]), 2))
        if self._scroll < self._reach():
            painter.drawRect(QRectF(px(PAD_CARD[0]), bottom, self.width() - 2 * px(PAD_CARD[0]), 2))
