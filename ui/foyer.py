"""The till's window before the till is there: a field that takes scans and typing from the first moment.

A clerk who starts the till with the scanner in hand must not wait for it. This window paints itself in
one go, holds what is scanned, and lets the whole till move in under the same frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from ui import wedge
from ui.tokens import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent

    from posapp.domain.codes import Scan
    from ui.window import TillWindow

RAIL, TOP, EDGE, FIELD = 112, 80, 16, 64
"""Where rail and field will be, so that nothing jumps."""


class Foyer(QWidget):
    """Promises: what is scanned before `give_way` is delivered after it, in order; what is typed is
    found in the till's own field.
    """

    def __init__(self, prompt: str, *, dark: bool) -> None:
        super().__init__()
        self._tokens = DARK if dark else LIGHT
        self._prompt = prompt
        self._waiting: list[Scan] = []
        self._deliver: Callable[[Scan], object] = self._waiting.append
        self._live: Callable[[], None] | None = None
        self.setWindowTitle("posapp")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.resize(QSize(1280, 800).boundedTo(self.screen().availableSize()))
        self.field: QLineEdit | None = QLineEdit(self)
        self.field.setAccessibleName(prompt)
        self.field.setGeometry(RAIL + EDGE, TOP + 48, self.width() - RAIL - 2 * EDGE, FIELD)
        self.field.setFocus()
        self.wedge = wedge.install(self, self._on_scan)

    def when_live(self, call: Callable[[], None]) -> None:
        """Call back once, after the first paint, when a scan is taken."""
        self._live = call

    def give_way(self, till: TillWindow) -> None:
        """Let the till fill this window, and give it what has come meanwhile."""
        text = self.field.text() if self.field is not None else ""
        if self.field is not None:
            self.field.deleteLater()
            self.field = None
        # The till paints the whole of it from now on.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, False)
        place = QVBoxLayout(self)
        place.setContentsMargins(0, 0, 0, 0)
        place.addWidget(till)
        till.show()
        till.home.enter()
        if text:
            till.home.field.setText(text)
        waiting, self._deliver = self._waiting, till.bridge.code_scanned.emit
        for scan in waiting:
            till.bridge.code_scanned.emit(scan)

    def _on_scan(self, scan: Scan) -> None:
        self._deliver(scan)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._tokens.bg))
        painter.fillRect(QRect(0, 0, RAIL, self.height()), QColor(self._tokens.rail))
        if self.field is not None:
            font = painter.font()
            font.setPixelSize(30)
            painter.setFont(font)
            painter.setPen(QColor(self._tokens.text))
            painter.drawText(RAIL + EDGE, TOP + 34, self._prompt)
        painter.end()
        if self._live is not None:
            call, self._live = self._live, None
            QTimer.singleShot(0, self, call)
