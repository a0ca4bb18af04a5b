"""One device on the page of the devices: its address, what is plugged in, a test, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from posapp.domain.devices import Check, Device
from posapp.texts import _
from ui.buttons import Button, Kind
from ui.device_words import EXAMPLES, TESTS, TITLES, said
from ui.screens.flow import Flow
from ui.screens.strip import Strip
from ui.tokens import GAP
from ui.view import Action, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posapp.domain.devices import Checked, Choice
    from ui.theme import Theme

_MOST_CHOICES = 6
_LONGEST_TITLE = 36


class DeviceRow(QWidget):
    """Promises: what was typed stays until it is changed by hand, right or wrong.

    Signals: `edited` when the address was changed, by hand or by a choice; `tested` when it is to be
    tried out.
    """

    edited = Signal()
    tested = Signal()

    def __init__(self, theme: Theme, device: Device, address: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.device = device
        self._theme = theme
        self._found: Checked | None = None
        self._trying = False
        self._kept = ""
        self._choices: tuple[Choice, ...] | None = None
        self._title = QLabel(self)
        self._title.setProperty("kind", "section")
        self.field = QLineEdit(address, self)
        self.field.setMaxLength(400)
        self.field.setPlaceholderText(EXAMPLES[device])
        self.field.editingFinished.connect(self.edited)
        self.button = Button(theme, Kind.PLAIN, self)
        self.button.triggered.connect(lambda _id: self.tested.emit())
        self._none = QLabel(self)
        self._states = QLabel(self)
        for label in (self._title, self._none, self._states):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        for label in (self._none, self._states):
            label.setProperty("kind", "muted")
        self._states.hide()
        self._offers = QWidget(self)
        self._flow = Flow(self._offers, theme)
        self.strip = Strip(theme, Tone.NEUTRAL, "info-circle", self)
        self._line = QHBoxLayout()
        self._line.addWidget(self.field, 1)
        self._line.addWidget(self.button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._title)
        self._column.addLayout(self._line)
        for part in (self._offers, self._none, self._states, self.strip):
            self._column.addWidget(part)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def address(self) -> str:
        """What is in the field."""
        return self.field.text().strip()

    @property
    def offers(self) -> list[Button]:
        """The buttons of what is plugged in."""
        return self._offers.findChildren(Button)

    def offer(self, choices: Sequence[Choice]) -> None:
        """Offer what is plugged in; those that are in the field already are left out."""
        self._choices = tuple(choices)
        for button in self.offers:
            self._flow.removeWidget(button)
            button.setParent(None)
            button.deleteLater()
        used = {part.strip() for part in self.address.split(",")}
        for choice in [one for one in self._choices if one.address not in used][:_MOST_CHOICES]:
            button = Button(self._theme, Kind.PLAIN, self._offers)
            title = (
                choice.title if len(choice.title) <= _LONGEST_TITLE else f"{choice.title[:_LONGEST_TITLE]}…"
            )
            button.show_action(Action(choice.address, title, icon="plus"))
            button.setToolTip(choice.address)
            button.triggered.connect(self._on_chosen)
            self._flow.addWidget(button)
            button.show()
        self._offers.setVisible(bool(self.offers))
        self._name_none()

    def show_checked(self, found: Checked) -> None:
        """Say what a check found."""
        self._found, self._trying, self._kept = found, False, ""
        self.retranslate()

    def show_trying(self) -> None:
        """Say that the device is being asked."""
        self._trying = True
        self.retranslate()

    def show_unkept(self, why: str) -> None:
        """Say that the setting holds but could not be saved."""
        self._kept = why
        self.retranslate()

    def show_states(self, text: str) -> None:
        """Say how the devices stand, or nothing."""
        self._states.setText(text)
        self._states.setVisible(bool(text))

    def retranslate(self) -> None:
        """Set every text again."""
        title = _(TITLES[self.device])
        self._title.setText(title)
        self.field.setAccessibleName(title)
        test, icon = TESTS[self.device]
        idle = bool(self.address) and not self._trying
        self.button.show_action(
            Action("test", _(test), icon=icon, enabled=idle or self.device is Device.SCANNERS)
        )
        self.button.setAccessibleName(_("{what}: {device}").format(what=_(test), device=title))
        self._name_none()
        if self._kept:
            text = _("In use now, but it could not be saved ({why}).").format(why=self._kept)
            self.strip.say(text, tone=Tone.RED, icon="alert-triangle")
        elif self._trying:
            self.strip.say(_("One moment, it is being tried out …"), tone=Tone.NEUTRAL, icon="hourglass")
        elif self._found is not None:
            told = said(self._found)
            self.strip.say(told.text, tone=told.tone, icon=told.icon)

    def _name_none(self) -> None:
        nothing = self._choices is not None and not self._choices and self.device is not Device.TERMINAL
        self._none.setText(_("Nothing that fits is plugged in.") if nothing else "")
        self._none.setVisible(nothing)

    def _on_chosen(self, address: str) -> None:
        several = self.device is Device.SCANNERS and self.address
        self.field.setText(f"{self.address}, {address}" if several else address)
        self.field.setFocus()
        self.edited.emit()

    def forget_wrong(self) -> None:
        """What is in use stands in the field again: say no more of what was no address."""
        if self._found is not None and self._found.check is Check.WRONG:
            self._found = None
            self.strip.say("")

    def _restyle(self) -> None:
        px = self._theme.px
        self._line.setSpacing(px(GAP))
        self._column.setSpacing(px(GAP))
