"""Settings: how the till looks, speaks and sounds, and a place to try a scan."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from posapp.domain.values import replace
from posapp.texts import N_, _
from ui.buttons import Button, Kind
from ui.pills import Chip
from ui.screens.flow import Flow
from ui.screens.raw_scan import RawScan
from ui.screens.screen import Screen
from ui.tokens import GAP
from ui.view import Action, Sound

if TYPE_CHECKING:
    from posapp.domain.codes import Scan
    from ui.window import TillWindow

log = logging.getLogger(__name__)

_CHOICES: dict[str, tuple[tuple[str, str], ...]] = {
    "language": (("de", "Deutsch"), ("en", "English")),
    "theme": (("light", N_("Light")), ("dark", N_("Dark"))),
}


class SettingsScreen(Screen):
    """Promises: a change holds at once and is kept; a scan here is only shown."""

    def __init__(self, window: TillWindow, parent: QWidget | None = None) -> None:
        super().__init__(window.desk, window.theme, parent)
        self._window = window
        self._labels: dict[str, QLabel] = {}
        self._chips: dict[tuple[str, str], Chip] = {}
        settings = window.settings
        form = QWidget(self)
        form.setProperty("kind", "page")
        self._form = QVBoxLayout(form)
        for key in _CHOICES:
            self._add(key, self._make_choice(key, getattr(settings, key)))
        self.scale = self._make_slider(90, 150, settings.scale)
        self._add("scale", self.scale)
        self.volume = self._make_slider(0, 100, settings.volume)
        self._test = Button(self.theme, Kind.PLAIN, self)
        self._test.triggered.connect(lambda _id: self.sounded.emit((Sound.GO,)))
        sound = QHBoxLayout()
        sound.setSpacing(self.theme.px(GAP))
        sound.addWidget(self.volume, 1)
        sound.addWidget(self._test)
        self._add("volume", sound)
        self.clerk = QLineEdit(settings.clerk, self)
        self.clerk.setMaxLength(40)
        self._add("clerk", self.clerk)
        self._devices = Button(self.theme, Kind.PLAIN, self)
        self._devices.triggered.connect(self.go)
        self._form.addWidget(self._devices)
        self._form.addStretch(1)
        self.scale.valueChanged.connect(self._on_change)
        self.volume.valueChanged.connect(self._on_change)
        self.clerk.editingFinished.connect(self._on_change)
        self._area = QScrollArea(self)
        self._area.setWidget(form)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.raw = RawScan(self.theme, self)
        window.bridge.device_changed.connect(self.raw.show_device)
        for state in window.status.devices.values():
            self.raw.show_device(state)
        self._doctor = Button(self.theme, Kind.PLAIN, self)
        self._doctor.triggered.connect(self.go)
        self._trial = QVBoxLayout()
        trial = QScrollArea(self)
        trial.setWidget(self.raw)
        trial.setWidgetResizable(True)
        trial.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._trial.addWidget(trial, 1)
        self._trial.addWidget(self._doctor)
        self._mat = Button(self.theme, Kind.PLAIN, self)
        self._mat.triggered.connect(lambda _id: self._on_mat())
        self._trial.addWidget(self._mat)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._area, 1)
        self._row.addLayout(self._trial, 1)
        self.theme.changed.connect(self._restyle)
        self._restyle()

    def _add(self, key: str, part: QWidget | QHBoxLayout) -> None:
        label = self._labels[key] = QLabel(self)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._form.addWidget(label)
        if isinstance(part, QWidget):
            self._form.addWidget(part)
        else:
            self._form.addLayout(part)
        self._form.addSpacing(self.theme.px(GAP))

    def _make_choice(self, key: str, chosen: str) -> QWidget:
        bar = QWidget(self)
        flow = Flow(bar, self.theme)
        for value, _words in _CHOICES[key]:
            chip = self._chips[key, value] = Chip(self.theme, "", bar)
            chip.setChecked(value == chosen)
            chip.toggled.connect(self._on_chip)
            flow.addWidget(chip)
        return bar

    def _make_slider(self, least: int, most: int, value: int) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setRange(least, most)
        slider.setSingleStep(5)
        slider.setPageStep(10)
        # The whole window changes size under the finger otherwise.
        slider.setTracking(False)
        slider.setValue(value)
        return slider

    def retranslate(self) -> None:
        settings = self._window.settings
        words = {
            "language": _("Language"),
            "theme": _("Look"),
            "scale": _("Size: {percent} %").format(percent=settings.scale),
            "volume": _("Volume: {percent} %").format(percent=settings.volume),
            "clerk": _("Clerk's name"),
        }
        for key, text in words.items():
            self._labels[key].setText(text)
        for part, key in (
            (self.scale, "scale"),
            (self.volume, "volume"),
            (self.clerk, "clerk"),
        ):
            part.setAccessibleName(words[key])
        for key, choices in _CHOICES.items():
            for value, text in choices:
                self._chips[key, value].show_text(_(text))
        self._test.show_action(Action("test", _("Test"), icon="volume"))
        self._devices.show_action(Action("devices", _("Printers and devices"), icon="printer"))
        self._doctor.show_action(Action("doctor", _("Check the scanner"), icon="scan"))
        self._mat.show_action(Action("mat", _("Counter mat"), icon="printer"))
        self.raw.retranslate()

    def enter(self) -> None:
        chosen = next(c for (key, _v), c in self._chips.items() if key == "language" and c.isChecked())
        chosen.setFocus()

    def take_scan(self, scan: Scan) -> bool:
        self.raw.show_scan(scan)
        self.sounded.emit((Sound.TICK,))
        return True

    def _on_mat(self) -> None:
        """Write the mat and open it in the system's viewer, which prints it."""
        from PySide6.QtCore import QUrl
        from PySide6.QtGui import QDesktopServices

        from ui.mat_paper import write

        try:
            path = write(self.desk)
        except OSError as error:
            log.warning("the mat was not written: %s", error)
            self.sounded.emit((Sound.STOP,))
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def _on_chip(self, chosen: bool) -> None:
        if chosen:
            self._on_change()

    def _on_change(self) -> None:
        before = self._window.settings
        chosen = {key: value for (key, value), chip in self._chips.items() if chip.isChecked()}
        settings = replace(
            before,
            language=chosen["language"],
            theme=chosen["theme"],
            scale=self.scale.value(),
            volume=self.volume.value(),
            clerk=self.clerk.text().strip() or before.clerk,
        )
        if settings != before:
            self._window.apply(settings)

    def _restyle(self) -> None:
        px = self.theme.px
        self._row.setContentsMargins(px(16), px(16), px(16), px(16))
        self._row.setSpacing(px(GAP))
        self._trial.setSpacing(px(GAP))
        self._form.setContentsMargins(0, 0, px(8), 0)
        self._form.setSpacing(px(4))
