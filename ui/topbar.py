"""The top of the window: store, clerk, sound, and how the line stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from posapp.texts import _
from ui.buttons import Button, Kind
from ui.elided import ElidedLabel
from ui.pills import StatusPill
from ui.theme import Face
from ui.tokens import GAP, TOP_BAR
from ui.view import Action

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from ui.line import LineWords
    from ui.theme import Theme

NARROW = 760


class TopBar(QWidget):
    """Signals: `sound_pressed`, `line_pressed`, `help_pressed`."""

    sound_pressed = Signal()
    line_pressed = Signal()
    help_pressed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._actions: dict[Button, Action] = {}
        self.store = ElidedLabel(theme, Face.SECTION, self)
        self.clerk = ElidedLabel(theme, Face.BODY, self)
        self.help = Button(theme, Kind.PLAIN, self)
        self.sound = Button(theme, Kind.PLAIN, self)
        self.pill = StatusPill(theme, self)
        self.help.triggered.connect(lambda _id: self.help_pressed.emit())
        self.sound.triggered.connect(lambda _id: self.sound_pressed.emit())
        self.pill.clicked.connect(self.line_pressed)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.store, 5)
        self._row.addWidget(self.clerk, 2)
        for part in (self.help, self.sound, self.pill):
            self._row.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._restyle)
        self._restyle()

    def show_people(self, store: str, clerk: str) -> None:
        """Where and who."""
        self.store.show_text(store)
        self.clerk.show_text(clerk)

    def show_sound(self, *, on: bool, available: bool | None) -> None:
        """Whether results can be heard."""
        words = _("Sound on") if on else _("Sound off")
        if on and available is False:
            words = _("No sound device")
        icon = "volume" if on and available is not False else "volume-off"
        self._show(self.sound, Action("sound", words, icon=icon))

    def show_line(self, words: LineWords) -> None:
        """How the line stands."""
        self.pill.show_link(words.link, words.pill)

    def retranslate(self) -> None:
        """Set the words that are the bar's own again."""
        self._show(self.help, Action("help", _("Help"), "F1", "help-circle"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        for button, action in self._actions.items():
            self._show(button, action)

    def _show(self, button: Button, action: Action) -> None:
        """Where the bar is narrow an icon has to do; its words are still read aloud."""
        self._actions[button] = action
        narrow = self.width() < self._theme.px(NARROW)
        shown = replace(action, text="", key="") if narrow else action
        if button.shown_action != shown or button.accessibleName() != action.spoken:
            button.show_action(shown)
            button.setAccessibleName(action.spoken)
            button.setToolTip(action.text if narrow else "")

    def _restyle(self) -> None:
        px = self._theme.px
        self.setFixedHeight(px(TOP_BAR + 8))
        self._row.setContentsMargins(px(16), px(4), px(16), px(4))
        self._row.setSpacing(px(GAP))
