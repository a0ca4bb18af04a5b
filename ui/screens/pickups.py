"""Everything that waits, by queue, longest first; and the search over all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from posapp.texts import _, ngettext
from ui import kinds
from ui.pills import Chip as ChipButton
from ui.screens.flow import Flow
from ui.screens.panels import ListPanel
from ui.screens.screen import Screen
from ui.tokens import GAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posapp.counter.desk import Desk
    from posapp.counter.queues import Row
    from posapp.domain.known import Known
    from ui.presenter import Chip, Presenter
    from ui.rows import Row as RowView
    from ui.theme import Theme

SEARCH_AFTER_MS = 120
IN_SIGHT, SLICE = 15, 30
"""Rows of a queue that are read at first, and then at a time."""
LOOK_THROUGH = 4
"""Slices that are read for a filter inside a queue before the list ends: nothing reads a whole table."""


class PickupsScreen(Screen):
    """Promises: rows are read as they come into sight; typing searches, an emptied field shows the
    chosen queue again.
    """

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(desk, theme, parent)
        self._shown: dict[str, Known] = {}
        self._steps: Iterator[None] = iter(())
        self._chips: list[tuple[ChipButton, Presenter, Chip]] = []
        self.field = QLineEdit(self)
        self.field.setMaxLength(100)
        self.field.setClearButtonEnabled(True)
        self._wait = QTimer(self, singleShot=True, interval=SEARCH_AFTER_MS)
        self._wait.timeout.connect(self._list)
        self.field.textChanged.connect(lambda _text: self._wait.start())
        self.field.returnPressed.connect(self._on_return)
        self._bar = QWidget(self)
        flow = Flow(self._bar, theme)
        for presenter in kinds.presenters().values():
            for chip in presenter.chips:
                button = ChipButton(theme, "", self._bar)
                button.toggled.connect(self._on_chip)
                self._chips.append((button, presenter, chip))
                flow.addWidget(button)
        self._chips[0][0].setChecked(True)
        self.panel = ListPanel(theme, codes_like="AA-12", parent=self)
        self.panel.opened.connect(self._on_opened)
        top = QHBoxLayout()
        top.addWidget(self.field)
        self._column = QVBoxLayout(self)
        self._column.addLayout(top)
        self._column.addWidget(self._bar)
        self._column.addWidget(self.panel, 1)
        theme.changed.connect(self._restyle)
        self._restyle()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(_("Search by name, number or goods  (F3)"))
        self.field.setAccessibleName(_("Search by name, number or goods (F3)"))
        self._bar.setAccessibleName(_("Queues"))
        for button, _presenter, chip in self._chips:
            button.show_text(_(chip.label))
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        # Showing the place is one turn of the loop, reading its list the next.
        self._steps = self.renew(frozenset())
        QTimer.singleShot(0, self, self._go_on)

    def _step(self) -> None:
        """The list first; the numbers in a turn of the loop of their own."""
        if next(self._steps, self) is None:
            QTimer.singleShot(0, self, self._go_on)

    def _go_on(self) -> None:
        if self.isVisible():
            self._step()

    def renew(self, names: frozenset[str]) -> Iterator[None]:
        self._list()
        yield
        for button, presenter, chip in self._chips:
            count, more = self._count(presenter, chip)
            button.show_text(_("{queue}: {count}").format(queue=_(chip.label), count=f"{count}{more}"))
        yield

    def enter(self) -> None:
        self.field.setFocus()
        self.field.selectAll()

    def escape(self) -> bool:
        if not self.field.text():
            return False
        self.field.clear()
        self.field.setFocus()
        return True

    def press_primary(self) -> bool:
        index = self.panel.list.currentIndex()
        if index.isValid():
            self._on_opened(self.panel.list.rows.row(index).id)
        return index.isValid()

    # -- the list -------------------------------------------------------------------------------------
    def _count(self, presenter: Presenter, chip: Chip) -> tuple[int, str]:
        """How many, and "+" where more may follow."""
        if not chip.only:
            return self.desk.queues.count(presenter.kind, chip.queues), ""
        rows = self.desk.queues.rows(presenter.kind, chip.queues)
        fitting = [row for row in rows if row.verdict in chip.only]
        return len(fitting), "+" if fitting and fitting[-1] is rows[-1] and len(rows) > 1 else ""

    def _list(self) -> None:
        self._wait.stop()
        text = self.field.text().strip()
        # A search goes over everything, so no queue may look chosen.
        self._bar.setHidden(bool(text))
        if text:
            rows = self.desk.queues.search(text, IN_SIGHT)
            more = len(rows) == IN_SIGHT
            count = f"{len(rows)}{'+' if more else ''}"
            found = ngettext("{count} match", "{count} matches", len(rows)).format(count=count)
            self.panel.name(found, _("Nothing found. Please try a part of the name or the number."))
            self._shown.clear()
            self.panel.show_rows([self._row(row) for row in rows], self._rest(text) if more else ())
            return
        _button, presenter, chip = next(c for c in self._chips if c[0].isChecked())
        self.panel.name(_(chip.label), _("Nothing waits here."))
        self._shown.clear()
        batches = self._batches(presenter, chip)
        self.panel.show_rows(next(batches, []), batches)

    def _batches(self, presenter: Presenter, chip: Chip) -> Iterator[list[RowView]]:
        """Slices by keyset; a filter inside the queue looks through a few at a time."""
        last: Row | None = None
        fitting: list[RowView] = []
        looked = 0
        at_once = SLICE if chip.only else IN_SIGHT
        while rows := self.desk.queues.rows(presenter.kind, chip.queues, last, at_once):
            at_once = SLICE
            last = rows[-1]
            fitting += [self._row(row) for row in rows if not chip.only or row.verdict in chip.only]
            looked += 1
            if fitting:
                yield fitting
                fitting, looked = [], 0
            elif looked == LOOK_THROUGH:
                return

    def _rest(self, text: str) -> Iterator[list[RowView]]:
        """What is found besides the first ones, read when the list is scrolled."""
        yield [self._row(row) for row in self.desk.queues.search(text)[IN_SIGHT:]]

    def _row(self, row: Row) -> RowView:
        self._shown[row.known.name] = row.known
        return kinds.presenters()[row.known.kind].row(row)

    def _on_chip(self, chosen: bool) -> None:
        if chosen and self.isVisible():
            self.field.clear()
            self._list()

    def _on_return(self) -> None:
        """Enter in the field opens the only match, else goes on into the list."""
        self._list()
        rows = self.panel.list.rows
        if rows.rowCount() == 1:
            self._on_opened(rows.row(rows.index(0, 0)).id)
        elif rows.rowCount():
            self.panel.list.setCurrentIndex(rows.index(0, 0))
            self.panel.list.setFocus()

    def _on_opened(self, name: str) -> None:
        if name in self._shown:
            self.open_subject.emit(self._shown[name])

    def _restyle(self) -> None:
        px = self.theme.px
        self._column.setContentsMargins(px(16), px(16), px(16), px(16))
        self._column.setSpacing(px(GAP))
