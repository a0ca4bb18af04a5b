"""What the clerk is told where the program itself failed: one calm sentence, and the work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Slot

from posapp.texts import _
from ui.screens.strip import Strip
from ui.view import Tone

if TYPE_CHECKING:
    from ui.window import TillWindow

SHOWN_MS = 60_000


class Mishap(QObject):
    """Says a sentence above the screen for a minute after `Bridge.mishap`; more of them in that minute
    say no more. It takes no focus, makes no sound beside a customer, and is made after the first paint.
    """

    def __init__(self, window: TillWindow) -> None:
        super().__init__(window)
        self.strip = Strip(window.theme, Tone.AMBER, "alert-triangle", window)
        window.strips.addWidget(self.strip)
        self._shown = QTimer(self, singleShot=True)
        self._shown.timeout.connect(self.retranslate)
        # In a turn of its own: the error may have come from the middle of a layout or a paint.
        window.bridge.mishap.connect(self._on_mishap, Qt.ConnectionType.QueuedConnection)

    def retranslate(self) -> None:
        """Say it, or nothing, in the language in use."""
        text = _(
            "Something went wrong in posapp. What was shown as done is kept. Please scan again; if it "
            "happens once more, please call support."
        )
        self.strip.say(text if self._shown.isActive() else "")

    @Slot()
    def _on_mishap(self) -> None:
        if not self._shown.isActive():
            # Before anything is shown: if that fails too, it must not go round in circles.
            self._shown.start(SHOWN_MS)
            self.retranslate()
