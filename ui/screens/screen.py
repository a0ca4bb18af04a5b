"""What the window asks of each of its places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posapp.counter.desk import Desk
    from posapp.domain.codes import Scan
    from ui.theme import Theme


class Screen(QWidget):
    """A place of the window. Built when first shown; knows nothing of its neighbours.

    Signals: `go` with the id of another place (``search`` is the pickups' search field);
    `open_subject` with the `Known` to be shown at home; `sounded` with a tuple of sounds;
    `wrote` after a fact was written.
    """

    go = Signal(str)
    open_subject = Signal(object)
    sounded = Signal(object)
    wrote = Signal()

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.theme = theme
        self.setProperty("kind", "page")

    def retranslate(self) -> None:
        """Set every text again, in the language in use."""

    def refresh(self) -> None:
        """Read again what is shown; called when something changed and when the screen appears."""

    def renew(self, names: frozenset[str]) -> Iterator[None]:
        """Read again what is shown where it is of these subjects (``*``: any); a pause after each step."""
        self.refresh()
        yield

    def enter(self) -> None:
        """The clerk came here: put the focus where work begins."""

    def take_scan(self, scan: Scan) -> bool:
        """Whether this place wants the scan for itself; else it goes to home."""
        return False

    def press_primary(self) -> bool:
        """Do the one next step, if there is one."""
        return False

    def ok(self) -> bool:
        """The counter mat's *OK*: as `press_primary`, but for what takes a person's own decision."""
        return self.press_primary()

    def escape(self) -> bool:
        """Step back within the screen; False where there is nothing to step back from."""
        return False
