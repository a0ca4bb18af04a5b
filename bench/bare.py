"""The least that a window can be: what the till's start is measured against.

Run as a script, by the same Python on the same screen as the till. It says so on standard output once
it has painted itself for the first time, and ends.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget


class Bare(QWidget):
    """An empty window."""

    def paintEvent(self, event: QPaintEvent) -> None:
        # As the till does: in the turn after the paint, when it has been flushed to the screen.
        QTimer.singleShot(0, self._painted)

    def _painted(self) -> None:
        print("bare ready", flush=True)
        QApplication.quit()


def main() -> int:
    """Open it until it has painted itself."""
    application = QApplication(sys.argv[:1])
    window = Bare()
    window.resize(1024, 768)
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
