"""What both ways of taking keys share: the detector with its timer, the windows watched, the scans told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QWidget

from posapp.domain.keys import BurstDetector, Do, Key, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan
    from posapp.domain.profiles import DeviceProfile

DEVICE = "keyboard"
"""What the scans of scanners that type carry as their device."""


class Observer(Protocol):
    """Who takes the keys for itself, before anybody asks whether they are a scan's."""

    def wants(self, key: Key) -> bool:
        """Whether `take` would take this press."""
        ...

    def take(self, key: Key, text: str) -> bool:
        """A key with the text of the host's layout; whether it is taken from the window."""
        ...


class HeldKeys(QObject):
    """Promises: `on_scan` gets each scan once, on the main thread, in a turn of the loop of its own.

    ``replay`` gives keys that were no scan back to their window, in their order; ``host`` tells what the
    host's layout makes of a key.
    """

    _scanned = Signal(object)

    def __init__(
        self,
        on_scan: Callable[[Scan], object],
        parent: QObject | None,
        profile: DeviceProfile | None,
        *,
        replay: Callable[[tuple[Key, ...]], None],
        host: Callable[[Key], str] = lambda key: key.text,
    ) -> None:
        super().__init__(parent)
        self._on_scan = on_scan
        self._to_window = replay
        self._host = host
        self._observer: Observer | None = None
        self._detector = BurstDetector(DEVICE, profile=profile, host=host)
        self._gap = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._gap.timeout.connect(self._on_gap)
        # After the gap, one turn of the loop: keys that already wait belong to what is held, even if the
        # loop was busy so long that the timer comes before them.
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._on_turn)
        # Queued, so that a scan never runs inside the delivery of the key that ended it.
        self._scanned.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def holding(self) -> bool:
        """Whether keys are held that may become a scan."""
        return self._detector.holding

    def adopt(self, profile: DeviceProfile) -> None:
        """Go by another profile from the next key on; what is held now is given back."""
        self._act(self._detector.expire())
        self._detector = BurstDetector(DEVICE, profile=profile, host=self._host)

    def listen(self, observer: Observer | None) -> None:
        """Show every key to an observer first, until None takes its place."""
        self._act(self._detector.expire())
        self._observer = observer

    def give_back(self, keys: tuple[Key, ...]) -> None:
        """Let the window have keys that the observer took, in their order."""
        self._to_window(keys)

    def watch(self, window: QWindow | None) -> None:
        """Take the keys of one more window; harmless twice."""
        if window is not None:
            window.installEventFilter(self)

    def watch_focused(self, window: QWindow | None) -> None:
        """A window got the keyboard: take its keys too, as long as the till's own window is open."""
        own = self.parent()
        if isinstance(own, QWidget) and own.isVisible():
            self.watch(window)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch a widget's window when it gets one; Qt calls this."""
        kind = event.type()
        if kind in (QEvent.Type.Show, QEvent.Type.WinIdChange) and isinstance(watched, QWidget):
            self.watch(watched.windowHandle())
        return False

    def _feed(self, key: Key) -> Do:
        if self._observer is not None and self._observer.take(key, self._host(key) if key.down else ""):
            return Do.SWALLOW
        outcome = self._detector.feed(key)
        self._act(outcome)
        if self._detector.holding:
            if key.down:
                self._turn.stop()
                self._gap.start(self._detector.gap_ms)
        else:
            self._gap.stop()
            self._turn.stop()
        return outcome.do

    def _act(self, outcome: Outcome) -> None:
        if outcome.replay:
            self._to_window(outcome.replay)
        if outcome.scan is not None:
            self._scanned.emit(outcome.scan)

    def _on_gap(self) -> None:
        self._turn.start()

    def _on_turn(self) -> None:
        self._act(self._detector.expire())

    def _deliver(self, scan: Scan) -> None:
        self._on_scan(scan)
