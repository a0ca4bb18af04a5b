"""What home shows between two customers: what is open, and what was scanned last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from posapp.texts import _, ngettext
from ui.buttons import Button, Kind
from ui.screens.panels import ListPanel
from ui.tokens import GAP
from ui.view import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.pictures import Pictures
    from ui.rows import Row
    from ui.theme import Theme


class IdlePane(QWidget):
    """Signals: `opened` with the key of a recent result; `waiting_pressed` for the ready queue."""

    opened = Signal(str)
    waiting_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.pictures: Pictures | None = None
        self._hint = QLabel(self)
        self._hint.setProperty("kind", "muted")
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.waiting = Button(theme, Kind.PLAIN, self)
        self.waiting.triggered.connect(lambda _id: self.waiting_pressed.emit())
        self.open = ListPanel(theme, parent=self)
        self.last = ListPanel(theme, parent=self)
        for panel in (self.open, self.last):
            panel.opened.connect(self.opened)
        top = QHBoxLayout()
        top.addWidget(self._hint, 1)
        top.addWidget(self.waiting)
        lists = QHBoxLayout()
        lists.addWidget(self.open, 1)
        lists.addWidget(self.last, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(top)
        column.addLayout(lists, 1)
        for layout in (top, lists, column):
            layout.setSpacing(theme.px(GAP))

    def show_rows(self, opened: Sequence[Row], last: Sequence[Row]) -> None:
        """Fill the two lists."""
        self.open.show_rows(opened)
        self.last.show_rows(last)

    def show_waiting(self, count: int) -> None:
        """How many can be handed out; where the queue itself is in sight this stays hidden."""
        self._count = count
        words = ngettext("{count} pickup ready", "{count} pickups ready", count).format(count=count)
        self.waiting.show_action(Action("pickups", words, icon="packages"))

    def retranslate(self) -> None:
        """Set every text again."""
        self._hint.setText(_("Scan the customer's pickup code, or type it and press Enter."))
        self.open.name(
            _("Opened, not handed over"), _("Nothing is open. What you open and leave stays here.")
        )
        self.last.name(_("Last results"), _("Nothing scanned yet."))
        self.show_waiting(self._count)
        if self.pictures is not None:
            self.pictures.retranslate()
