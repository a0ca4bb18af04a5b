"""A till's window reduced to what a scan could do harm to: ``python -m tests.acceptance.window``.

A process of its own. It obeys a line of JSON on its standard input and answers with one when that is
done; to the key F9 it answers with its state once every key before has been dealt with.
"""

import json
import sys
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from posapp.domain.codes import SameCode, Scan, read
from posapp.domain.profiles import DeviceProfile, Suffix
from ui.wedge import install


class Window(QWidget):
    """Field, default button, list and table; a dialog with a default button comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("till")
        self.field, self.list, self.table = QLineEdit(), QComboBox(), QTableWidget(3, 2)
        self.button = QPushButton("hand over")
        self.button.setAutoDefault(True)
        self.list.addItems(["-", "pickup", "kiosk", "2", "4", "7", "b"])
        for row in range(3):
            self.table.setItem(row, 0, QTableWidgetItem(f"{row}"))
        layout = QVBoxLayout(self)
        for widget in (self.field, self.button, self.list, self.table):
            layout.addWidget(widget)
        self.dialog = QDialog(self)
        self.dialog.setWindowTitle("pay")
        self.pay = QPushButton("pay")
        self.pay.setDefault(True)
        self.amount = QLineEdit()
        inside = QVBoxLayout(self.dialog)
        inside.addWidget(self.amount)
        inside.addWidget(self.pay)
        self.pay.clicked.connect(lambda: self.acted("pay"))
        self.button.clicked.connect(lambda: self.acted("click"))
        self.field.returnPressed.connect(lambda: self.acted("return"))
        self.table.itemChanged.connect(lambda _: self.acted("edited"))
        for keys in ("F2", "Ctrl+P", "Ctrl+K", "Ctrl+2"):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda keys=keys: self.acted(keys))
        self.scans: list[Scan] = []
        self.acts: list[str] = []
        self.same = SameCode()
        self.profile = DeviceProfile()
        self.wedge = install(self, self.take)

    def take(self, scan: Scan) -> None:
        """A scan, unless the same code again."""
        if not self.same.repeats(scan):
            self.scans.append(scan)

    def acted(self, what: str) -> None:
        """Somebody was pressed."""
        self.acts.append(what)

    def obey(self, order: dict[str, Any]) -> None:
        """Do as told, then answer."""
        if order["do"] == "block":
            tell({})
            sys.stdin.readline()
            return
        if order["do"] == "profile":
            values = order["values"] | {"suffix": Suffix(order["values"].get("suffix", "any"))}
            self.profile = replace(DeviceProfile(), **values)
            self.wedge.adopt(self.profile)
        if order["do"] == "focus":
            self.focus(order["on"])
        QTimer.singleShot(0, self.say)

    def focus(self, on: str) -> None:
        """Start afresh, with the focus there."""
        self.list.hidePopup()
        self.dialog.hide()
        self.field.clear()
        self.amount.clear()
        self.list.setCurrentIndex(0)
        self.scans.clear()
        self.acts.clear()
        self.same = SameCode()
        if on == "dialog":
            self.dialog.show()
            self.amount.setFocus()
        elif on == "window":
            self.setFocus()
        else:
            getattr(self, on).setFocus()
            if on == "list":
                self.list.showPopup()
            if on == "table":
                self.table.setCurrentCell(0, 0)

    def say(self) -> None:
        """How it stands, as one line."""
        cells = [self.table.item(row, 0) for row in range(3)]
        state = {
            "scans": [scan.text for scan in self.scans],
            "values": [read(scan).value for scan in self.scans],
            "kinds": [read(scan).kind.value for scan in self.scans],
            "text": self.field.text() + self.amount.text(),
            "acts": self.acts,
            "list": self.list.currentIndex(),
            "cells": [cell.text() if cell else "" for cell in cells],
            "open": self.list.view().isVisible() or self.dialog.isVisible(),
            "focus": [name for name, it in vars(self).items() if it is QApplication.focusWidget()],
            "active": QApplication.activeWindow() is not None,
            "button": self.button.mapToGlobal(self.button.rect().center()).toTuple(),
        }
        tell(state)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """F9 asks for the state."""
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_F9
            and isinstance(watched, QWindow)
        ):
            # A timer of nothing waits for the scans that are on their way.
            QTimer.singleShot(0, self.say)
        return False


def tell(what: dict[str, Any]) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Show it until it is ended."""
    application = QApplication([])
    window = Window()
    application.installEventFilter(window)
    window.show()
    notifier = QSocketNotifier(0, QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda *_: window.obey(json.loads(sys.stdin.readline())))
    application.exec()


if __name__ == "__main__":
    main()
