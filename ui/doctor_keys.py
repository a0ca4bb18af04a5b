"""Gathers the keys of one reading for the scanner doctor, before anybody knows how the scanner types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from posapp.domain.keyboards import FUNCTION_KEYS, MODIFIERS, US_LAYOUT
from posapp.domain.values import replace

if TYPE_CHECKING:
    from posapp.domain.keys import Key
    from ui.held_keys import HeldKeys

QUIET_MS = 300
"""Silence that ends a reading: longer than any scanner pauses, Bluetooth included."""
LEAST_KEYS = 6
"""Fewer characters than this were typed by a person, and are given back."""
_MOST_KEYS = 4096
_ESCAPE, _SPACE = 1, 57
_BEGINS = (US_LAYOUT.keys() | MODIFIERS | set(FUNCTION_KEYS.values())) - {_SPACE}


class KeyGatherer(QObject):
    """Promises: every key of a reading is kept from the window, the last Enter or Tab too, however slow
    the scanner is; what was no reading is given back. Escape always passes, and while nothing is gathered
    Tab, Enter, Space and the arrows do, so that the doctor itself is used as ever.

    Signals: `gathered` with a tuple of `Key`, each with the host's text in it.
    """

    gathered = Signal(object)

    def __init__(self, wedge: HeldKeys, parent: QObject) -> None:
        super().__init__(parent)
        self._wedge = wedge
        self._keys: list[Key] = []
        self._texts: list[str] = []
        self._down: set[int] = set()
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._on_quiet)
        # One turn of the loop later: keys that wait already belong to the same reading.
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._end)

    def start(self) -> None:
        """Take the keys from now on."""
        self._wedge.listen(self)

    def stop(self) -> None:
        """Take no more."""
        self._wedge.listen(None)
        self._quiet.stop()
        self._turn.stop()
        self._give_back()
        self._down.clear()

    def wants(self, key: Key) -> bool:
        """Whether `take` would take this press."""
        if key.code == _ESCAPE:
            return False
        return bool(self._keys) or key.code in _BEGINS

    def take(self, key: Key, text: str) -> bool:
        """One press or release, with what the host's layout makes of it; whether it is taken."""
        if not key.down:
            taken = key.code in self._down
            self._down.discard(key.code)
        else:
            taken = self.wants(key)
            if taken:
                self._down.add(key.code)
        if taken and len(self._keys) < _MOST_KEYS:
            self._keys.append(key)
            self._texts.append(text)
        if taken:
            self._turn.stop()
            self._quiet.start()
        return taken

    def _on_quiet(self) -> None:
        self._turn.start()

    def _end(self) -> None:
        characters = sum(key.down and not key.repeat and key.code in US_LAYOUT for key in self._keys)
        if characters < LEAST_KEYS:
            self._give_back()
            return
        keys = tuple(
            replace(key, text=text, origin=None) for key, text in zip(self._keys, self._texts, strict=True)
        )
        self._keys, self._texts = [], []
        self.gathered.emit(keys)

    def _give_back(self) -> None:
        keys, self._keys, self._texts = tuple(self._keys), [], []
        if keys:
            self._wedge.give_back(keys)
