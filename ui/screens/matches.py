"""What was found by name, to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.texts import ngettext
from ui import kinds
from ui.screens.panels import ListPanel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posapp.counter.queues import Row
    from ui.theme import Theme


class Matches(ListPanel):
    """A list of matches; its rows open as everywhere."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, codes_like="AA-12")

    def show_found(self, text: str, rows: Sequence[Row]) -> None:
        """Show what ``text`` found, and count it."""
        found = ngettext("{count} match for “{text}”", "{count} matches for “{text}”", len(rows))
        self.name(found.format(count=len(rows), text=text), "")
        self.show_rows([kinds.presenters()[row.known.kind].row(row) for row in rows])

    def choose(self) -> None:
        """Put the first match and the keyboard here."""
        self.list.setCurrentIndex(self.list.rows.index(0, 0))
        self.list.setFocus()
