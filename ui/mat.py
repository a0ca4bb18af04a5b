"""The counter mat's commands, done as if their keys were pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut

from posapp.domain.mat import Command
from ui.view import Sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan
    from ui.window import TillWindow

RECEIPT_KEY = "F6"


class Mat:
    """Promises: a command is done once however often it is read within a second; *OK* does what the
    card in front asks for and nothing that a manager or the clerk's own word is needed for: it extends
    no pickup time, settles no case, refunds and overrides nothing.
    """

    def __init__(self, window: TillWindow) -> None:
        self._window = window
        self._acts: dict[Command, Callable[[], bool]] = {
            Command.OK: self._ok,
            Command.BACK: self._back,
            Command.UNDO: self._undo,
            Command.LOCK: self._lock,
            Command.RECEIPT: self._receipt,
        }

    def take(self, scan: Scan) -> bool:
        """Whether the scan is a command of this store's mat; then it is done."""
        is_command, command = self._window.desk.scanning.command(scan)
        if command is not None:
            done = self._acts[command]()
            self._window.status.play((Sound.TICK if done else Sound.STOP,))
        return is_command

    def _ok(self) -> bool:
        return self._window.front.ok()

    def _back(self) -> bool:
        self._window.back()
        return True

    def _undo(self) -> bool:
        offered = self._window.undo_bar.isVisible()
        self._window.undo()
        return offered

    def _lock(self) -> bool:
        """Nothing of a customer stays to be seen; who comes next scans again."""
        self._window.go("scan")
        while self._window.home.escape():
            pass
        return True

    def _receipt(self) -> bool:
        """The key is made where a printer is set up."""
        wanted = QKeySequence(RECEIPT_KEY)
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        found = [key for key in self._window.findChildren(QShortcut, options=direct) if key.key() == wanted]
        for key in found:
            key.activated.emit()
        return bool(found)
