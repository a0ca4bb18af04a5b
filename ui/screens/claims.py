"""The right to what is in front: asked for when it comes, given back when it leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from posapp.counter.custody import ANSWER_S, Right
from posapp.domain.codes import Kind
from ui.order_claim import OVERRIDE, REASON

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.counter.scanning import Result
    from posapp.domain.known import Known
    from ui.screens.recents import Recent


class FrontClaim(QObject):
    """Keeps one claim at most: that of the subject in front. ``again`` is called when it is to be
    looked at once more.
    """

    def __init__(self, desk: Desk, again: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._held: Known | None = None
        self._silent = QTimer(self, singleShot=True, interval=int(ANSWER_S * 1000) + 100)
        self._silent.timeout.connect(again)

    def front(self, recent: Recent | None) -> None:
        """Something else is in front now, or nothing."""
        result = recent.result if recent is not None and recent.acted is None else None
        known = result.known if result is not None and result.standing.right is not Right.HERE else None
        before, self._held = self._held, result.known if result is not None else None
        acted = recent is not None and recent.acted is not None
        if before is not None and not acted and (self._held is None or self._held.name != before.name):
            self._desk.custody.release(before.id)
        if known is not None:
            self._desk.custody.want(known)
            self._silent.start()

    def answered(self, recent: Recent) -> None:
        """Where the store has no manager's badge, the reason alone must do."""
        if recent.said.get(REASON) and not self._desk.scanning.guessing.has_managers():
            recent.said = {**recent.said, OVERRIDE: recent.said[REASON]}

    def badge(self, recent: Recent | None, result: Result) -> bool:
        """Whether a scan was the manager's badge that the card in front waits for."""
        reading = result.reading
        if recent is None or reading is None or reading.kind is not Kind.BADGE:
            return False
        if not recent.said.get(REASON) or not self._desk.scanning.guessing.is_manager(reading.value):
            return False
        recent.said = {**recent.said, OVERRIDE: recent.said[REASON]}
        return True
