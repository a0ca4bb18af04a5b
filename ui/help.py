"""The keys at a glance, over the screen and never in the way of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from posapp.texts import N_, _
from ui.buttons import Button, Kind
from ui.screens.places import PLACES
from ui.theme import Face
from ui.view import Action

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.theme import Theme

KEYS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    ((), N_("A scan"), N_("works on every screen and never presses a button")),
    (("F12",), "F12", N_("the next step: the dark button at the bottom right")),
    (("Ctrl+Z",), N_("Ctrl+Z"), N_("take back what was done last, while its bar is shown")),
    (("F6",), "F6", N_("print the slip that is told of above, or the last one again")),
    (("F3",), "F3", N_("search by name, number or goods")),
    (("Ctrl+V",), N_("Ctrl+V"), N_("read a code from a picture that was copied")),
    (("Esc",), "Esc", N_("back to scanning; what was open stays in the list")),
    (tuple(f"Ctrl+{at}" for at in range(1, len(PLACES) + 1)), N_("Ctrl+1 to {last}"), "{places}"),
    (("F1",), "F1", N_("show these keys, or take them away")),
    ((), N_("Tab, space"), N_("go from button to button, press one")),
    ((), N_("Arrows, Enter"), N_("go along a list, open its row")),
)
"""Keys as `QKeySequence` writes them, what stands for them, and what they do."""


def _lines() -> tuple[tuple[str, str], ...]:
    """The keys and what they do, in the language in use."""
    places = ", ".join(_(name) for _icon, name in PLACES.values())
    return tuple(
        (_(key).format(last=len(PLACES)), (_(does) if does != "{places}" else does).format(places=places))
        for _sequences, key, does in KEYS
    )


class HelpOverlay(QWidget):
    """Covers its parent until Escape, F1, a button or the next scan.

    Signals: `go` with the id of a place.
    """

    go = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setProperty("kind", "page")
        # What lies below is covered, and not only painted over.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._title = QLabel(self)
        self._title.setProperty("kind", "prompt")
        self._grid = QGridLayout()
        self._close = Button(theme, Kind.PRIMARY, self)
        self._close.triggered.connect(lambda _id: self.hide())
        self._doctor = Button(theme, Kind.PLAIN, self)
        self._doctor.triggered.connect(self._on_doctor)
        head = QHBoxLayout()
        head.setSpacing(theme.px(12))
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._doctor)
        head.addWidget(self._close)
        page = QWidget(self)
        page.setProperty("kind", "page")
        rows = QVBoxLayout(page)
        rows.setContentsMargins(0, 0, theme.px(12), 0)
        rows.addLayout(self._grid)
        rows.addStretch(1)
        # Large letters on a small screen: the last keys are scrolled to.
        area = QScrollArea(self)
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        pad = theme.px(16)
        column.setContentsMargins(pad, pad, pad, pad)
        column.setSpacing(theme.px(16))
        column.addLayout(head)
        column.addWidget(area, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.tokens.bg))
        painter.end()

    def toggle(self) -> None:
        """Show or hide it."""
        if self.isVisible():
            self.hide()
            return
        self.retranslate()
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.show()
        self.raise_()
        self._close.setFocus()

    def retranslate(self) -> None:
        """Set every text again."""
        self._title.setText(_("Keys"))
        self._close.show_action(Action("close", _("Close"), "Esc"))
        self._doctor.show_action(Action("doctor", _("Check the scanner"), icon="scan"))
        keys = _lines()
        while len(self._rows) < len(keys):
            pair = (QLabel(self), QLabel(self))
            at = len(self._rows)
            self._rows.append(pair)
            for column, label in enumerate(pair):
                label.setWordWrap(bool(column))
                self._grid.addWidget(label, at, column)
            self._grid.setColumnStretch(1, 1)
            self._grid.setHorizontalSpacing(self._theme.px(32))
            self._grid.setVerticalSpacing(self._theme.px(12))
        for pair, words in zip(self._rows, keys, strict=True):
            for label, text in zip(pair, words, strict=True):
                label.setText(text)
            pair[0].setFont(self._theme.font(Face.SECTION))

    def _on_doctor(self) -> None:
        self.hide()
        self.go.emit("doctor")
