"""What a screen must keep: its size, its words whole, and targets that a finger hits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QScrollArea, QSlider, QWidget

from ui.card import ResultCard
from ui.elided import ElidedLabel
from ui.pills import StatusPill
from ui.rail import Rail
from ui.rows import RowList
from ui.theme import Face
from ui.tokens import GAP, RAIL_WIDTH, TARGET_MIN
from ui.window import TillWindow

SLACK = 1


def problems(window: TillWindow, size: tuple[int, int]) -> Iterator[str]:
    """Everything that is wrong with what is shown now."""
    if (window.width(), window.height()) != size:
        yield f"the window is {window.width()}x{window.height()}"
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and not widget.visibleRegion().isEmpty():
            yield from _whole(window, widget)
    yield from _targets(window)


def _whole(window: TillWindow, widget: QWidget) -> Iterator[str]:
    """Whether all of a widget's words can be read."""
    theme = window.theme
    match widget:
        case ElidedLabel() | StatusPill():
            if widget.sizeHint().width() > widget.width() + SLACK:
                yield f"cut: {widget.text()!r} ({widget.width()} of {widget.sizeHint().width()} px)"
        case QLabel():
            yield from _label(widget)
        case QAbstractButton():
            wanted = widget.sizeHint()
            if widget.text() and wanted.width() > widget.width() + SLACK:
                yield f"cut: {widget.text()!r} ({widget.width()} of {wanted.width()} px)"
        case QLineEdit():
            shown = widget.text() or widget.placeholderText()
            if widget.fontMetrics().horizontalAdvance(shown) > widget.width() - theme.px(24):
                yield f"cut: {shown!r} in its field"
        case ResultCard():
            yield from _card(widget)
        case RowList():
            yield from _rows(window, widget)
        case Rail():
            room = theme.px(RAIL_WIDTH - 8)
            for at in range(widget.count()):
                for word in widget.tabText(at).split():
                    if theme.metrics(Face.RAIL_SELECTED).horizontalAdvance(word) > room:
                        yield f"cut: {word!r} in the rail"


def _label(label: QLabel) -> Iterator[str]:
    text = label.text()
    if not text:
        return
    if label.wordWrap():
        needed = label.heightForWidth(label.width())
        if needed > label.height() + SLACK:
            yield f"cut: {text[:50]!r} ({label.height()} of {needed} px high)"
    elif label.sizeHint().width() > label.width() + SLACK:
        yield f"cut: {text!r} ({label.width()} of {label.sizeHint().width()} px)"


def _card(card: ResultCard) -> Iterator[str]:
    for sheet in card.sheets:
        if sheet.widest > card.width():
            yield f"cut: {card.view.headline!r} reaches {sheet.widest:.0f} of {card.width()} px"
    if card.sheets[0].height > card.height():
        yield f"cut: the head of {card.view.headline!r} is higher than the card"
    if card.scroll_reach and not card.view.lines:
        yield f"hidden: {card.view.headline!r} has to be scrolled by {card.scroll_reach} px"


def _rows(window: TillWindow, rows: RowList) -> Iterator[str]:
    room = rows.itemDelegate().code_width  # type: ignore[attr-defined]  # our own painter
    for at in range(rows.rows.rowCount()):
        row = rows.rows.row(rows.rows.index(at, 0))
        if room and window.theme.metrics(Face.ROW_CODE).horizontalAdvance(row.code) > room:
            yield f"cut: {row.code!r} in its column"


def _is_scrolled(window: TillWindow, widget: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None and parent is not window:
        if isinstance(parent, QScrollArea):
            return True
        parent = parent.parentWidget()
    return False


def _targets(window: TillWindow) -> Iterator[str]:
    """What can be touched is large enough, and far enough from its neighbours."""
    least, gap = window.theme.px(TARGET_MIN), window.theme.px(GAP)
    found: list[tuple[str, QRect]] = []
    for widget in window.findChildren(QWidget):
        touchable = isinstance(widget, QAbstractButton | QLineEdit | QSlider)
        if not touchable or not widget.isVisible() or widget.visibleRegion().isEmpty():
            continue
        if isinstance(widget.parentWidget(), QLineEdit):
            continue  # the field's own clear button lies inside the field
        if _is_scrolled(window, widget) and widget.visibleRegion().boundingRect() != widget.rect():
            continue  # cut by the edge of what scrolls: the keyboard and a finger bring it into view
        name = widget.accessibleName() or type(widget).__name__
        rect = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        found.append((name, rect))
        if not widget.accessibleName():
            yield f"no name: {type(widget).__name__}"
        if min(rect.width(), rect.height()) < least:
            yield f"small: {name!r} is {rect.width()}x{rect.height()}"
        if not QRect(QPoint(0, 0), window.size()).contains(rect):
            yield f"outside: {name!r}"
    for (one, first), (other, second) in combinations(found, 2):
        across = max(second.left() - first.right(), first.left() - second.right()) - 1
        down = max(second.top() - first.bottom(), first.top() - second.bottom()) - 1
        if max(across, down) < gap - SLACK:
            yield f"close: {one!r} and {other!r}, {max(across, down)} px"
