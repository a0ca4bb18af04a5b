"""The queue of what can be handed out, beside the scan field of a wide window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSizePolicy

from posapp.domain.values import replace
from posapp.texts import _, age, ngettext
from ui import kinds
from ui.screens.panels import ListPanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QWidget

    from posapp.counter.queues import Queues
    from posapp.counter.queues import Row as Waiting
    from posapp.domain.known import Known
    from ui.presenter import Presenter
    from ui.rows import Row
    from ui.theme import Theme

ROWS = 30
BATCH = 12
"""As many as are in sight at once."""
AGES_EVERY_S = 30


class ReadyPanel(ListPanel):
    """Promises: its rows are read again only when one of them, or how long they wait, is another.

    ``known`` holds the subject of every row there was.
    """

    def __init__(self, theme: Theme, known: dict[str, Known], parent: QWidget) -> None:
        super().__init__(theme, codes_like="AA-12", parent=parent)
        self._known = known
        self._mark: object = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)

    def retranslate(self) -> None:
        """Set every text again; the rows follow with the next `show_queue`."""
        self._mark = None
        self.name(_("Ready for pickup"), _("Nothing is ready for pickup at the moment."))

    def show_queue(self, queues: Queues, count: int) -> None:
        """Show the first of so many."""
        heading = ngettext("{count} ready for pickup", "{count} ready for pickup", count)
        self.heading.show_text(heading.format(count=count))
        presenters = kinds.presenters().items()
        mark = [queues.mark(kind, found.ready, ROWS, AGES_EVERY_S) for kind, found in presenters]
        if mark == self._mark:
            return
        self._mark = mark
        batches = self._batches(queues)
        first: list[Row] = []
        while len(first) < BATCH and (batch := next(batches, None)):
            first += batch
        self.show_rows(first, batches)

    def _batches(self, queues: Queues) -> Iterator[list[Row]]:
        for kind, found in kinds.presenters().items():
            last, left = None, ROWS
            while left > 0 and (rows := queues.rows(kind, found.ready, last, min(BATCH, left))):
                self._known.update({row.known.name: row.known for row in rows})
                yield [self._row(found, row) for row in rows]
                last, left = rows[-1], left - len(rows)

    def _row(self, found: Presenter, row: Waiting) -> Row:
        waited = age(row.age.total_seconds()) if row.age is not None else ""
        # Narrow, and all can be handed out: the name needs the room of the mark.
        return replace(found.row(row), end=waited, tone=None)
