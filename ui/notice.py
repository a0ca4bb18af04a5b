"""A small window with one sentence, for a till that cannot start. No work can be lost behind it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from posapp.texts import _


class Notice(QWidget):
    """Says one sentence and closes."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.setWindowTitle("posapp")
        self.setMinimumWidth(560)
        label = QLabel(sentence)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setStyleSheet("font-size: 18px")
        button = QPushButton(_("Close"))
        button.setMinimumHeight(56)
        button.setDefault(True)
        button.clicked.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 24, 32, 24)
        layout.setSpacing(24)
        layout.addWidget(label)
        layout.addWidget(button)
        button.setFocus()
