"""Where everything on a result card stands, worked out once for each view and width.

The card paints what is laid out here; painting measures nothing. All coordinates of a `Sheet` start
at its own top left corner.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPixmap, QStaticText, QTextOption

from ui.theme import Face, Theme
from ui.tokens import INK, PAD_CARD, RADIUS, TONES, WHITE, ToneLook
from ui.view import CardView, Fact, Line, LineState, Tone

ICON = 72
HEADLINES = (Face.HEADLINE, Face.HEADLINE_36, Face.HEADLINE_30, Face.HEADLINE_22)
BIN_LARGE_UP_TO = 5
TWO_COLUMNS_FROM = 720
FACT_WIDTH = 190
HEADLINE_AT_LEAST = 260
_LINE_ICONS = {
    LineState.OPEN: "scan",
    LineState.RIGHT: "check",
    LineState.WRONG: "circle-x",
    LineState.GONE: "package-off",
    LineState.PENDING: "hourglass",
}
_STRIPS = {LineState.RIGHT: TONES[Tone.GREEN].fill, LineState.WRONG: TONES[Tone.RED].fill}


class _Text(NamedTuple):
    at: QPointF
    text: QStaticText
    font: QFont
    colour: QColor

    def draw(self, painter: QPainter) -> None:
        painter.setFont(self.font)
        painter.setPen(self.colour)
        painter.drawStaticText(self.at, self.text)

    def span(self) -> tuple[float, float]:
        return self.at.y(), self.at.y() + self.text.size().height()


class _Box(NamedTuple):
    rect: QRectF
    radius: float
    fill: QColor
    line: QPen

    def draw(self, painter: QPainter) -> None:
        painter.setPen(self.line)
        painter.setBrush(self.fill)
        painter.drawRoundedRect(self.rect, self.radius, self.radius)

    def span(self) -> tuple[float, float]:
        return self.rect.top(), self.rect.bottom()


class _Picture(NamedTuple):
    at: QPointF
    pixmap: QPixmap

    def draw(self, painter: QPainter) -> None:
        painter.drawPixmap(self.at, self.pixmap)

    def span(self) -> tuple[float, float]:
        return self.at.y(), self.at.y() + self.pixmap.deviceIndependentSize().height()


class Sheet(NamedTuple):
    """A part of the card, ready to be painted."""

    items: tuple[_Text | _Box | _Picture, ...]
    height: int
    widest: float
    """The right edge of the text that reaches furthest; a test holds it against the width."""

    def draw(self, painter: QPainter, top: float = 0, bottom: float = inf) -> None:
        """Paints it, from the painter's origin; what lies outside `top` to `bottom` is left out."""
        for item in self.items:
            start, end = item.span()
            if end >= top and start <= bottom:
                item.draw(painter)


class Layout:
    """Lays out one view on a card of one width."""

    def __init__(self, view: CardView, theme: Theme, width: int, dpr: float) -> None:
        self._view = view
        self._theme = theme
        self._width = width
        self._dpr = dpr
        self._ink = theme.tone(view.tone).ink
        self._items: list[_Text | _Box | _Picture] = []
        self._widest = 0.0
        self.pad = theme.px(PAD_CARD[0] if width >= theme.px(HEADLINE_AT_LEAST * 2) else 20)
        self._inner = max(1, width - 2 * self.pad)

    def header(self) -> Sheet:
        """Age of the data, icon, headline, name, code, bin, what to do, and the note that comes first."""
        px, view = self._theme.px, self._view
        y = float(px(PAD_CARD[1]))
        if view.stale:
            y = self._strip(y, view.stale, "history", TONES[Tone.DONE], WHITE) + px(16)
        y = self._title(y)
        if view.sentence:
            y = self._text(view.sentence, Face.SECTION, self.pad, y + px(12), self._inner)
        if view.band:
            y = self._strip(y + px(12), view.band, "alert-triangle", TONES[Tone.AMBER], INK)
        return self._take(y + px(12))

    def details(self) -> Sheet:
        """Facts and lines: side by side where there is room, else facts above lines."""
        px, view = self._theme.px, self._view
        if view.facts and view.lines and self._inner >= px(TWO_COLUMNS_FROM):
            gap = px(32)
            left = (self._inner - gap) * 3 // 5
            bottom = self._lines(view.lines, self.pad, 0, left)
            right = self.pad + left + gap
            side = self._facts(view.facts, right, px(8), self._inner - left - gap)
            return self._take(max(bottom, side))
        y = self._facts(view.facts, self.pad, 0, self._inner)
        if view.facts and view.lines:
            y += px(8)
        y = self._lines(view.lines, self.pad, y, self._inner)
        return self._take(y)

    def footer(self) -> Sheet:
        """What the primary action rests on and what follows from it."""
        y = 0.0
        if self._view.consequence:
            y = self._text(self._view.consequence, Face.BODY, self.pad, 0, self._inner)
        return self._take(y)

    def _title(self, y: float) -> float:
        px, view = self._theme.px, self._view
        icon = px(ICON)
        look = self._theme.tone(view.tone)
        self._picture(view.icon or look.icon, self._ink, self.pad, y, icon)
        x = self.pad + icon + px(20)
        room = self._width - self.pad - x
        bin_face, bin_width = self._bin_face()
        beside = bool(view.bin) and room - bin_width - px(32) >= px(HEADLINE_AT_LEAST)
        bin_bottom = y
        if beside:
            at = self._width - self.pad - bin_width
            bin_bottom = self._bin(bin_face, at, y - px(4), bin_width)
            room -= bin_width + px(32)
        face, headline = self.headline(room)
        above = max(0.0, (icon - headline.size().height()) / 2)
        bottom = self._put(headline, face, x, y + above)
        bottom = max(bottom, y + icon)
        if view.name:
            bottom = self._text(view.name, Face.CARD, x, bottom + px(2), room)
        if view.code:
            bottom = self._text(view.code, Face.CODE, x, bottom + px(2), room)
        if view.amount:
            bottom = self._text(view.amount, Face.HEADLINE, x, bottom + px(4), room)
        if view.bin and not beside:
            bin_bottom = self._bin(bin_face, x, bottom + px(8), bin_width)
        return max(bottom, bin_bottom)

    def headline(self, room: float) -> tuple[Face, QStaticText]:
        """The headline in the largest size at which no word is broken and two lines are enough."""
        words = self._view.headline.split()
        for face in HEADLINES:
            metrics = self._theme.metrics(face)
            text = self._static(self._view.headline, face, room)
            whole = all(metrics.horizontalAdvance(word) <= room for word in words)
            if whole and text.size().height() <= 2 * metrics.lineSpacing() + 2:
                break
        return face, text

    def _bin_face(self) -> tuple[Face, int]:
        name = self._view.bin
        faces = (Face.BIN, Face.BIN_56, Face.BIN_30)
        for face in faces[0 if len(name) <= BIN_LARGE_UP_TO else 1 :]:
            width = self._theme.metrics(face).horizontalAdvance(name) + 2
            if width <= self._inner / 2:
                break
        label = self._theme.metrics(Face.STRONG).horizontalAdvance(self._view.bin_label) + 2
        return face, max(width, label)

    def _bin(self, face: Face, x: float, y: float, width: int) -> float:
        if self._view.bin_label:
            y = self._text(self._view.bin_label, Face.STRONG, x, y, width)
        metrics = self._theme.metrics(face)
        # A bin has no descenders: the empty part above its capitals is not part of the layout.
        above = metrics.ascent() - metrics.capHeight() - self._theme.px(10)
        self._text(self._view.bin, face, x, y - above, width)
        return y - above + metrics.ascent() + self._theme.px(8)

    def _strip(self, y: float, text: str, icon: str, look: ToneLook, line: str) -> float:
        px = self._theme.px
        size = px(28)
        left = self.pad + px(16) + size + px(12)
        room = self._width - self.pad - px(16) - left
        static = self._static(text, Face.SECTION, room)
        height = max(static.size().height(), size) + px(16)
        rect = QRectF(self.pad, y, self._inner, height).adjusted(1, 1, -1, -1)
        self._items.append(_Box(rect, px(RADIUS), QColor(look.fill), QPen(QColor(line), 2)))
        self._picture(icon, look.ink, self.pad + px(16), y + (height - size) / 2, size)
        self._put(static, Face.SECTION, left, y + (height - static.size().height()) / 2, look.ink)
        return y + height

    def _facts(self, facts: tuple[Fact, ...], x: float, y: float, width: float) -> float:
        px = self._theme.px
        gap = px(20)
        columns = max(1, min(len(facts), int((width + gap) // (px(FACT_WIDTH) + gap))))
        cell = (width - gap * (columns - 1)) / columns
        for start in range(0, len(facts), columns):
            bottom = y
            for index, fact in enumerate(facts[start : start + columns]):
                left = x + index * (cell + gap)
                under = self._text(fact.label, Face.BODY, left, y, cell)
                bottom = max(bottom, self._text(fact.value, Face.SECTION, left, under, cell))
            y = bottom + px(10)
        return y

    def _lines(self, lines: tuple[Line, ...], x: float, y: float, width: float) -> float:
        px = self._theme.px
        metrics = self._theme.metrics(Face.SECTION)
        amounts = max((metrics.horizontalAdvance(line.amount) for line in lines), default=0)
        marked = any(line.state in _LINE_ICONS for line in lines)
        icon = px(26)
        left = x + px(12) + (icon + px(12) if marked else 0)
        room = width - (left - x) - px(12) - (amounts + px(16) if amounts else 0)
        for line in lines:
            strip = _STRIPS.get(line.state)
            ink = strip or self._ink
            at = len(self._items)
            top = y + px(8)
            face = Face.SECTION if strip else Face.LINE
            bottom = self._text(line.text, face, left, top, room, ink=ink)
            if line.note:
                bottom = self._text(line.note, Face.BODY, left, bottom, room, ink=ink)
            if line.amount:
                wide = metrics.horizontalAdvance(line.amount) + 2
                end = x + width - px(12) - wide
                self._text(line.amount, Face.SECTION, end, top, wide, ink=ink)
            if name := _LINE_ICONS.get(line.state):
                self._picture(name, ink, x + px(12), top, icon)
            bottom += px(8)
            self._under_line(at, QRectF(x, y, width, bottom - y), strip)
            y = bottom
        return y

    def _under_line(self, at: int, rect: QRectF, strip: str | None) -> None:
        """The white strip under a scanned line, or the hairline below any other."""
        if strip:
            box = rect.adjusted(1, 2, -1, -2)
            pen = QPen(QColor(strip), 2)
            self._items.insert(at, _Box(box, self._theme.px(8), QColor(WHITE), pen))
            return
        faint = QColor(self._ink)
        faint.setAlpha(70)
        hair = QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1)
        self._items.insert(at, _Box(hair, 0, faint, QPen(Qt.PenStyle.NoPen)))

    def _picture(self, name: str, ink: str, x: float, y: float, size: int) -> None:
        pixmap = self._theme.icons.pixmap(name, ink, size, self._dpr)
        self._items.append(_Picture(QPointF(x, round(y)), pixmap))

    def _static(self, text: str, face: Face, width: float) -> QStaticText:
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        static = QStaticText(text)
        static.setTextFormat(Qt.TextFormat.PlainText)
        static.setTextOption(option)
        static.setTextWidth(max(1.0, width))
        static.prepare(font=self._theme.font(face))
        return static

    def _text(self, text: str, face: Face, x: float, y: float, width: float, *, ink: str = "") -> float:
        """Sets a text and says where it ends."""
        return self._put(self._static(text, face, width), face, x, y, ink)

    def _put(self, static: QStaticText, face: Face, x: float, y: float, ink: str = "") -> float:
        size = static.size()
        colour = QColor(ink or self._ink)
        self._items.append(_Text(QPointF(x, y), static, self._theme.font(face), colour))
        self._widest = max(self._widest, x + size.width())
        return y + size.height()

    def _take(self, bottom: float) -> Sheet:
        sheet = Sheet(tuple(self._items), round(bottom), self._widest)
        self._items = []
        self._widest = 0.0
        return sheet
