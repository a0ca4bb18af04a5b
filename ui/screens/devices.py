"""The devices beside the screen: their addresses, what is plugged in, and a test of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from posapp.domain.devices import Check, Device
from posapp.domain.values import replace
from posapp.texts import _
from ui.buttons import Button, Kind
from ui.device_row import DeviceRow
from ui.device_words import standing
from ui.screens.screen import Screen
from ui.tokens import GAP
from ui.view import Action, Sound, Tone

if TYPE_CHECKING:
    from posapp.domain.codes import Scan
    from posapp.domain.devices import Checked, Choice
    from ui.window import TillWindow


class Workshop(Protocol):
    """Whom the page asks; every call returns at once, the answer comes by the bridge."""

    def look(self) -> None:
        """What is plugged in: `Bridge.devices_found`."""
        ...

    def examine(self, device: Device, address: str) -> None:
        """Whether that is an address: `Bridge.device_checked`."""
        ...

    def learn(self, on: bool) -> None:
        """Whether scanners on a line give their readings whole, for the scanner doctor."""
        ...

    def test(self, device: Device) -> None:
        """Try out the device that the settings name: `Bridge.device_checked`."""
        ...


class DevicesScreen(Screen):
    """Promises: an address holds as soon as it was found to be one, without a restart; one that is none
    is told in a sentence, stays in its field, and what was in use stays in use; a scan is only shown.
    """

    def __init__(self, window: TillWindow, parent: QWidget | None = None) -> None:
        super().__init__(window.desk, window.theme, parent)
        self._window = window
        self._wanted: Device | None = None  # to be tested once its new address was found to be one
        self._examined: dict[Device, str] = {}
        self._title = QLabel(self)
        self._title.setProperty("kind", "prompt")
        page = QWidget(self)
        page.setProperty("kind", "page")
        self._rows_column = QVBoxLayout(page)
        self.rows: dict[Device, DeviceRow] = {}
        for device in Device:
            row = self.rows[device] = DeviceRow(self.theme, device, self._kept(device), page)
            row.edited.connect(lambda device=device: self._on_edited(device))
            row.tested.connect(lambda device=device: self._on_tested(device))
            self._rows_column.addWidget(row)
        self._rows_column.addStretch(1)
        self._area = QScrollArea(self)
        self._area.setWidget(page)
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._again = Button(self.theme, Kind.PLAIN, self)
        self._again.triggered.connect(lambda _id: self._look())
        self._back = Button(self.theme, Kind.PLAIN, self)
        self._back.triggered.connect(lambda _id: self.escape())
        self._buttons = QHBoxLayout()
        self._buttons.addWidget(self._again)
        self._buttons.addStretch(1)
        self._buttons.addWidget(self._back)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self._title)
        self._column.addWidget(self._area, 1)
        self._column.addLayout(self._buttons)
        bridge = window.bridge
        bridge.devices_found.connect(self._on_found)
        bridge.device_checked.connect(self._on_checked)
        bridge.device_changed.connect(lambda _state: self._show_states())
        self.theme.changed.connect(self._restyle)
        self._restyle()

    # -- what the window asks -----------------------------------------------------------------------
    def retranslate(self) -> None:
        self._title.setText(_("Printers and devices"))
        self._again.show_action(Action("look", _("Look again"), icon="refresh"))
        self._back.show_action(Action("back", _("Back"), "Esc", "chevron-left"))
        for row in self.rows.values():
            row.retranslate()
        self._show_states()

    def enter(self) -> None:
        self.rows[Device.PRINTER].field.setFocus()
        self._look()

    def take_scan(self, scan: Scan) -> bool:
        """A scan shows that its scanner works, and does nothing else."""
        self.rows[Device.SCANNERS].strip.say(
            _("Read from {device}: {text}").format(device=scan.device, text=scan.text[:40]),
            tone=Tone.GREEN,
            icon="circle-check",
        )
        self.sounded.emit((Sound.TICK,))
        return True

    def escape(self) -> bool:
        self.go.emit("settings")
        return True

    def show_whole(self, device: Device) -> None:
        """Scroll until all that is said of a device can be seen."""
        row = self.rows[device]
        self._area.ensureWidgetVisible(row, 0, self.theme.px(GAP))

    # -- looking, checking, testing -------------------------------------------------------------------
    def _look(self) -> None:
        if self._window.workshop is not None:
            self._window.workshop.look()

    def _on_found(self, choices: tuple[Choice, ...]) -> None:
        for device, row in self.rows.items():
            row.offer([one for one in choices if one.device is device])

    def _on_edited(self, device: Device) -> None:
        row = self.rows[device]
        if row.address == self._kept(device):
            self._examined.pop(device, None)
            row.forget_wrong()
        elif row.address != self._examined.get(device) and self._window.workshop is not None:
            self._examined[device] = row.address
            self._window.workshop.examine(device, row.address)

    def _on_tested(self, device: Device) -> None:
        if device is Device.SCANNERS:
            self.go.emit("doctor")
        elif self.rows[device].address != self._kept(device):
            self._wanted = device
            self._examined.pop(device, None)
            self._on_edited(device)
        elif self._window.workshop is not None:
            self.rows[device].show_trying()
            self._window.workshop.test(device)

    def _on_checked(self, found: Checked) -> None:
        row = self.rows[found.device]
        if found.address != row.address:
            return  # something else was typed meanwhile
        row.show_checked(found)
        # The sentence makes the row higher, in the next turn.
        QTimer.singleShot(0, self, partial(self.show_whole, found.device))
        if found.check is Check.FITS:
            if found.address != self._kept(found.device):
                self._keep(found.device, found.address)
            if self._wanted is found.device and found.address:
                self._on_tested(found.device)
        if self._wanted is found.device:
            self._wanted = None

    def _kept(self, device: Device) -> str:
        value = getattr(self._window.settings, device)
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    def _keep(self, device: Device, address: str) -> None:
        value: object = address
        if device is Device.SCANNERS:
            value = tuple(part.strip() for part in address.split(",") if part.strip())
        try:
            changed = replace(self._window.settings, **{device.value: value})  # type: ignore[arg-type]  # by name
            self._window.apply(changed)
        except OSError as error:
            self.rows[device].show_unkept(error.strerror or str(error))

    def _show_states(self) -> None:
        states = self._window.status.devices.values()
        told = [standing(one) for one in states if getattr(one, "name", "") in self._window.settings.scanners]
        self.rows[Device.SCANNERS].show_states("\n".join(told))

    def _restyle(self) -> None:
        px = self.theme.px
        self._column.setContentsMargins(px(16), px(16), px(16), px(16))
        self._column.setSpacing(px(GAP))
        self._rows_column.setContentsMargins(0, 0, px(16), 0)
        self._rows_column.setSpacing(px(24))
        self._buttons.setSpacing(px(GAP))
