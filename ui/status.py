"""What the window tells all the time: store, clerk, line, waiting cases, and whether it can be heard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from posapp.texts import _
from ui import line
from ui.bridge import Bridge, DeviceState, Fetching, LineState
from ui.screens.strip import Strip
from ui.topbar import TopBar
from ui.view import Sound, Tone

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from posapp.counter.desk import Desk
    from posapp.settings import Settings
    from ui.mishap import Mishap
    from ui.pay_strip import PayDesk
    from ui.print_strip import PrintStrip
    from ui.rail import Rail
    from ui.sound import Sounds
    from ui.theme import Theme

AFTER_PAINT_MS = 2
"""What was posted, painting too, comes before any timer; nobody hears so short a delay."""

LONG_MS = 1500
"""Acts that are sent within so short a time are not worth a word."""


class Status(QObject):
    """Keeps top bar, line bar and the rail's badge true, and plays the sounds.

    It is told by the bridge; a timer only asks whether what waited then still does. Silent until `start_sounds`.
    """

    def __init__(
        self, desk: Desk, bridge: Bridge, rail: Rail, theme: Theme, *, settings: Settings, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self._bridge = bridge
        self._rail = rail
        self._settings = settings
        self._line: LineState | None = None
        self._fetching: Fetching | None = None
        self._long = self._moving = False
        self._soon = QTimer(self, singleShot=True, interval=LONG_MS)
        self._soon.timeout.connect(self._on_long)
        self.sounds: Sounds | None = None
        self.devices: dict[str, object] = {}
        self.printing: PrintStrip | None = None
        self.paying: PayDesk | None = None
        self.mishap: Mishap | None = None
        self.topbar = TopBar(theme, parent)
        self.topbar.sound_pressed.connect(self._on_mute)
        self.bar = Strip(theme, Tone.AMBER, "wifi-off", parent)
        bridge.line_changed.connect(self._on_line)
        bridge.fetching.connect(self._on_fetching)
        bridge.device_changed.connect(self._on_device)

    def start_sounds(self) -> None:
        """Begin to be heard; the device is opened by the first sound."""
        from ui.sound import Sounds

        def tell(available: bool) -> None:
            self._bridge.device_changed.emit(DeviceState("sound", "up" if available else "down"))

        volume = self._settings.volume / 100
        self.sounds = Sounds(volume=volume, muted=not volume, on_available=tell, beep=QApplication.beep)
        self._show_sound()

    def play(self, sounds: tuple[Sound, ...]) -> None:
        """Be heard, unless muted."""
        if self.sounds is not None and sounds:
            # Another thread makes it, or looks in vain for a device: not while the card is painted.
            QTimer.singleShot(AFTER_PAINT_MS, self, partial(self.sounds.play, *sounds))

    def close(self) -> None:
        """Ask nobody any more, and end the sounds' thread."""
        self._soon.stop()
        if self.sounds is not None:
            self.sounds.close()

    def apply(self, settings: Settings) -> None:
        """Take over another volume and clerk."""
        self._settings = settings
        if self.sounds is not None:
            self.sounds.set_volume(settings.volume / 100)
            self.sounds.muted = not settings.volume

    def retranslate(self) -> None:
        """Set every text again."""
        self.topbar.retranslate()
        self._show_sound()
        if self.printing is not None:
            self.printing.retranslate()
        if self.paying is not None:
            self.paying.refresh()
        if self.mishap is not None:
            self.mishap.retranslate()
        self.refresh()

    def refresh(self) -> None:
        """Tell how the line stands, what waits for it, and how many cases are open."""
        till = self._desk.till
        # The hub tells the store's name after the first start, and it may change.
        self.topbar.show_people(till.store_name, self._settings.clerk)
        self.topbar.window().setWindowTitle(_("posapp – {store}").format(store=till.store_name))
        standing = till.standing()
        words = line.words(
            self._line,
            standing,
            till.now(),
            fetching=self._fetching,
            sending=self._takes_long(standing.waiting),
        )
        self.topbar.show_line(words)
        self.bar.say(words.bar, tone=words.tone, icon=words.icon, quiet=words.moves and self._moving)
        self._moving = words.moves
        guessing = self._desk.scanning.guessing.since is not None
        self._rail.show_badge("attention", self._desk.attention.count() + guessing)

    def _takes_long(self, waiting: int) -> bool:
        """Whether what waits has done so for a while, or was told of already when the line came back."""
        if self._line is None or not self._line.online:
            self._long = True
        elif not waiting:
            self._long = False
            self._soon.stop()
        elif not self._long and not self._soon.isActive():
            self._soon.start()
        return self._long

    def _on_long(self) -> None:
        self._long = True
        self.refresh()

    def _on_fetching(self, state: Fetching | None) -> None:
        self._fetching = state
        self.refresh()

    def _on_line(self, state: LineState) -> None:
        self._line = state
        if not state.online:
            # Told anew once it goes on; by another process perhaps, which begins to count anew.
            self._fetching = None
        self.refresh()

    def _on_device(self, state: object) -> None:
        self.devices[str(getattr(state, "name", ""))] = state
        self._show_sound()

    def _on_mute(self) -> None:
        if self.sounds is not None:
            self.sounds.muted = not self.sounds.muted
        self._show_sound()

    def _show_sound(self) -> None:
        on = self._settings.volume > 0 and not (self.sounds and self.sounds.muted)
        self.topbar.show_sound(on=on, available=self.sounds.available if self.sounds else None)
