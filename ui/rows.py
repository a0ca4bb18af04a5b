"""Lists of orders, tickets and cases: rows of one height, fetched as they come into sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QListView, QSizePolicy, QStyledItemDelegate, QWidget

from posapp.domain.values import dataclass
from ui.kinetic import scroll_by_hand
from ui.theme import Face, Theme
from ui.tokens import FOCUS, RADIUS, TARGET_ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

    from ui.view import Tone

_Index = QModelIndex | QPersistentModelIndex
_ROW = Qt.ItemDataRole.UserRole + 1
_NO_INDEX = QModelIndex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a code or bin, whom or what it is about, a detail under it, and a word at the end.

    `tone` and `icon` mark a row that stands out; `spoken` is what a screen reader says.
    """

    id: str
    code: str = ""
    title: str
    detail: str = ""
    end: str = ""
    tone: Tone | None = None
    icon: str = ""
    spoken: str


class RowModel(QAbstractListModel):
    """Rows from an iterator of batches, which is asked for the next batch when the list is scrolled.

    A screen gives a generator that reads by keyset: nothing is read that nobody looks at.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._batches: Iterator[Sequence[Row]] = iter(())
        self._more = False

    def show_batches(self, batches: Iterable[Sequence[Row]]) -> None:
        """Starts over with other rows; the first batch is read at once."""
        self.beginResetModel()
        self._batches = iter(batches)
        self._rows = list(next(self._batches, ()))
        self._more = bool(self._rows)
        self.endResetModel()

    def row(self, index: _Index) -> Row:
        """The row at an index."""
        return self._rows[index.row()]

    def rowCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == _ROW:
            return row
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        return None

    def canFetchMore(self, parent: _Index) -> bool:
        return self._more and not parent.isValid()

    def fetchMore(self, parent: _Index) -> None:
        batch = list(next(self._batches, ()))
        self._more = bool(batch)
        if batch:
            start = len(self._rows)
            self.beginInsertRows(QModelIndex(), start, start + len(batch) - 1)
            self._rows.extend(batch)
            self.endInsertRows()


class RowPainter(QStyledItemDelegate):
    """Paints a `Row`: its code in the font for codes, then the words, then what stands at the end."""

    def __init__(self, theme: Theme, parent: QListView) -> None:
        super().__init__(parent)
        self._theme = theme
        self._list = parent
        self.code_width = 0

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(0, self._theme.px(TARGET_ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row = index.data(_ROW)
        rect: QRect = option.rect
        theme, px, colours = self._theme, self._theme.px, self._theme.tokens
        # Not from option.state: its type brings along every name of QStyle, and 15 ms to load them.
        selected = self._list.selectionModel().isSelected(index)
        focused = self._list.hasFocus() and index.row() == self._list.currentIndex().row()
        ink = colours.on_accent if selected else colours.text
        soft = colours.on_accent if selected else colours.muted
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, QRectF(rect), selected=selected, focused=focused)
        left, right = rect.left() + px(12), rect.right() - px(12)
        if row.tone is not None:
            left = self._mark(painter, row, rect, left)
        top, high = rect.top(), rect.height()
        if self.code_width:
            box = QRect(left, top, self.code_width, high)
            self._write(painter, row.code, Face.ROW_CODE, ink, box)
            left += self.code_width + px(16)
        if row.end:
            wide = theme.metrics(Face.STRONG).horizontalAdvance(row.end) + 2
            self._write(painter, row.end, Face.STRONG, soft, QRect(right - wide, top, wide, high))
            right -= wide + px(16)
        if row.detail:
            half = high // 2 - px(5)
            below = QRect(left, top + px(5) + half, right - left, half)
            self._write(painter, row.detail, Face.BODY, soft, below)
            top, high = top + px(5), half
        self._write(painter, row.title, Face.ROW, ink, QRect(left, top, right - left, high))
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRectF, *, selected: bool, focused: bool) -> None:
        colours, px = self._theme.tokens, self._theme.px
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -2), px(RADIUS), px(RADIUS))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.hairline))
            painter.drawRect(QRectF(rect.left() + px(12), rect.bottom() - 1, rect.width() - px(24), 1))
        if focused:
            rings = (colours.text, colours.surface) if selected else (colours.focus,)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for step, colour in enumerate(rings):
                inset = 1 + FOCUS / 2 + step * FOCUS
                painter.setPen(QPen(QColor(colour), FOCUS))
                box = rect.adjusted(inset, inset, -inset, -inset - 1)
                painter.drawRoundedRect(box, px(RADIUS) - inset, px(RADIUS) - inset)

    def _mark(self, painter: QPainter, row: Row, rect: QRect, left: int) -> int:
        px = self._theme.px
        look = self._theme.tone(row.tone) if row.tone else None
        if look is None:
            return left
        size, icon = px(36), px(24)
        top = rect.center().y() - size / 2 + 0.5
        painter.setPen(QPen(QColor(self._theme.tokens.control), 1))
        painter.setBrush(QColor(look.fill))
        painter.drawRoundedRect(QRectF(left, top, size, size), px(8), px(8))
        pixmap = self._theme.icons.pixmap(
            row.icon or look.icon, look.ink, icon, painter.device().devicePixelRatioF()
        )
        painter.drawPixmap(QPointF(left + (size - icon) / 2, top + (size - icon) / 2), pixmap)
        return left + size + px(12)

    def _write(self, painter: QPainter, text: str, face: Face, ink: str, box: QRect) -> None:
        metrics = self._theme.metrics(face)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.setFont(self._theme.font(face))
        painter.setPen(QColor(ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


class RowList(QListView):
    """A list of `Row`s, moved by finger, wheel or keys.

    - Every row is 60 px high, so 100,000 of them cost no more than the ones in sight.
    - The column of codes is as wide as the widest code asked for with `set_code_width_of`.
    - A tap, or Enter on the current row, opens it.

    Signals: `opened` with the row's id.
    """

    opened = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sample = ""
        self._rows = RowModel(self)
        self._painter = RowPainter(theme, self)
        self.setProperty("kind", "rows")
        self.setModel(self._rows)
        self.setItemDelegate(self._painter)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        # A viewport of our own: to say what a widget is that Qt has made, PySide6 loads all there are.
        self._view = QWidget()
        self.setViewport(self._view)
        self._rows.modelReset.connect(self._on_reset)
        self.clicked.connect(self._on_clicked)
        theme.changed.connect(self._measure)

    @property
    def rows(self) -> RowModel:
        """What is listed."""
        return self._rows

    def set_code_width_of(self, sample: str) -> None:
        """Keeps a column as wide as this code; empty for none."""
        self._sample = sample
        self._measure()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and index.isValid():
            self._on_clicked(index)
        else:
            super().keyPressEvent(event)

    def _measure(self) -> None:
        wide = self._theme.metrics(Face.ROW_CODE).horizontalAdvance(self._sample)
        self._painter.code_width = wide + 2 if self._sample else 0
        self.scheduleDelayedItemsLayout()
        self._view.update()

    def _on_reset(self) -> None:
        if self._rows.rowCount():
            self._rows.modelReset.disconnect(self._on_reset)
            scroll_by_hand(self._view)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.opened.emit(self._rows.row(index).id)
