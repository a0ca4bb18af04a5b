"""What belongs to a card but is not on it: an error, the question to ask, the matches to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from posapp.texts import _
from ui.buttons import Button, Kind
from ui.screens.strip import Strip
from ui.tokens import GAP
from ui.view import Action, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.theme import Theme

CHOICES = 5


class Tray(QWidget):
    """Below the card. Its parts are made when first needed and then only filled.

    Signals: `answered` with the answer; `chosen` with the position of the match; `more` where the
    match is not among those shown.
    """

    answered = Signal(str)
    chosen = Signal(int)
    more = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._error: Strip | None = None
        self._ask: QWidget | None = None
        self._choices: list[Button] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.px(GAP))
        theme.changed.connect(self._restyle)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self.hide()

    @property
    def error(self) -> str:
        """The error shown; empty if none."""
        return self._error.text if self._error and not self._error.isHidden() else ""

    @property
    def field(self) -> QLineEdit | None:
        """The answer's field while a question is asked."""
        return self._field if self._ask and not self._ask.isHidden() else None

    @property
    def choices(self) -> list[Button]:
        """The matches shown."""
        return [button for button in self._choices if not button.isHidden()]

    def clear(self) -> None:
        """Nothing belongs to the card."""
        if self._error:
            self._error.say("")
        if self._ask:
            self._ask.hide()
        for button in self._choices:
            button.hide()
        self.hide()

    def show_error(self, sentence: str) -> None:
        """Say what did not work and what to do."""
        if self._error is None:
            self._error = Strip(self._theme, Tone.RED, "circle-x", self)
            self._column.insertWidget(0, self._error)
        self._error.say(sentence, now=True)
        self.show()

    def ask(self, question: str) -> None:
        """Ask the shop's question; a field that is shown already keeps what was typed."""
        ask = self._ask or self._make_ask()
        if self._question.text() != question:
            self._field.clear()
        self._question.setText(question)
        self._field.setAccessibleName(question)
        self._button.show_action(Action("answer", _("Take the answer"), icon="check"))
        ask.show()
        self.show()
        self._field.setFocus()

    def offer(self, matches: Sequence[str]) -> None:
        """Offer matches to choose from; what does not fit is found by name."""
        while len(self._choices) < CHOICES + 1:
            button = Button(self._theme, Kind.PLAIN, self)
            button.triggered.connect(self._on_chosen)
            button.hide()
            self._choices.append(button)
            self._column.addWidget(button)
        for at, button in enumerate(self._choices):
            if at < min(len(matches), CHOICES):
                button.show_action(Action(str(at), matches[at], icon="package"))
            elif at == CHOICES and len(matches) > CHOICES:
                button.show_action(Action("more", _("Search by name"), "F3", "search"))
            else:
                button.hide()
                continue
            button.show()
        self.show()
        self._choices[0].setFocus()

    def retranslate(self) -> None:
        """Set the words of what is shown again."""
        if self._ask:
            self._button.show_action(Action("answer", _("Take the answer"), icon="check"))

    def _make_ask(self) -> QWidget:
        ask = self._ask = QWidget(self)
        ask.setProperty("kind", "panel")
        self._question = QLabel(ask)
        self._question.setWordWrap(True)
        self._question.setTextFormat(Qt.TextFormat.PlainText)
        self._question.setProperty("kind", "section")
        self._question.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._field = QLineEdit(ask)
        self._field.setMaxLength(80)
        self._button = Button(self._theme, Kind.PRIMARY, ask)
        self._field.returnPressed.connect(self._on_answer)
        self._button.triggered.connect(self._on_answer)
        column = QVBoxLayout(ask)
        column.addWidget(self._question)
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(GAP))
        row.addWidget(self._field, 1)
        row.addWidget(self._button)
        column.addLayout(row)
        pad = self._theme.px(16)
        column.setContentsMargins(pad, pad, pad, pad)
        self._column.addWidget(ask)
        return ask

    def _on_answer(self) -> None:
        answer = self._field.text().strip()
        if answer:
            self._field.clear()
            self.answered.emit(answer)
        else:
            self._field.setFocus()

    def _on_chosen(self, which: str) -> None:
        if which == "more":
            self.more.emit()
        else:
            self.chosen.emit(int(which))

    def _restyle(self) -> None:
        self._column.setSpacing(self._theme.px(GAP))
