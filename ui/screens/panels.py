"""A list with a heading on a panel: the ready queue, what is open, the last results, search results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from ui.elided import ElidedLabel
from ui.rows import RowList
from ui.theme import Face
from ui.tokens import GAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ui.rows import Row
    from ui.theme import Theme


class ListPanel(QWidget):
    """Heading, list, and a sentence in place of an empty list.

    - Showing the same rows again changes nothing: the scrolling stays.

    Signals: `opened` with a row's id.
    """

    opened = Signal(str)

    def __init__(self, theme: Theme, *, codes_like: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._first: tuple[list[Row], object] | None = None
        self.setProperty("kind", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.heading = ElidedLabel(theme, Face.SECTION, self)
        self.list = RowList(theme, self)
        self.list.set_code_width_of(codes_like)
        self.list.opened.connect(self.opened)
        self._empty = QLabel(self)
        self._empty.setProperty("kind", "muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._empty.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        body = QWidget(self)
        self._body = QStackedLayout(body)
        self._body.addWidget(self._empty)
        self._body.addWidget(self.list)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.heading)
        self._column.addWidget(body, 1)
        theme.changed.connect(self._restyle)
        self._restyle()

    def name(self, heading: str, empty: str) -> None:
        """The heading, and what is said where there is nothing."""
        self.heading.show_text(heading)
        self.list.setAccessibleName(heading)
        self._empty.setText(empty)

    def show_rows(
        self, first: Sequence[Row], more: Iterable[Sequence[Row]] = (), *, mark: object = None
    ) -> None:
        """Show a first batch, and fetch the others when they come into sight.

        The list stays as it is while the first batch does, and ``mark``, which stands for the others.
        """
        rows = list(first)
        if (rows, mark) == self._first:
            return
        self._first = (rows, mark)

        def batches() -> Iterable[Sequence[Row]]:
            yield rows
            yield from more

        self.list.rows.show_batches(batches())
        self._body.setCurrentWidget(self.list if rows else self._empty)

    def _restyle(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(px(20), px(16), px(8), px(8))
        self._column.setSpacing(px(GAP))
        self.heading.setFont(self._theme.font(Face.SECTION))
