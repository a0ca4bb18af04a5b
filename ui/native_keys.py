"""Takes the keys of a keyboard scanner on X11 before Qt and its input methods see them.

Qt gives dead keys to the input method first, and ibus gives keys back late and out of order, so at the
window a scan may have holes. The X server's own events have none: here every key press and release is
taken from Qt, and what turns out to be typing is sent to its window once more through the X server. Qt
then treats it like any key, with its Shift, its dead keys, its shortcuts and its input method.

Hides the wire form of X11's key events, libxcb, and the order in which things are given back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QAbstractNativeEventFilter, QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtGui import QMouseEvent, QWindow
from shiboken6 import VoidPtr

from posapp.domain.keys import Do, Key
from ui.held_keys import HeldKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan
    from posapp.domain.profiles import DeviceProfile
    from ui.xcb import Server

_PRESS, _RELEASE, _FOCUS_OUT = 2, 3, 10
_SENT = 0x80  # an event that a program sent, not a keyboard
_CTRL, _ALT, _META = 0x04, 0x08, 0x40
_EVDEV = 8
_EVENT_BYTES = 32
_LOST_MS = 250
"""After this a key given back will not come any more: its window is gone."""
_MOST_POINTER_EVENTS = 64
_POINTER = frozenset(
    {
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseButtonDblClick,
        QEvent.Type.MouseMove,
    }
)


class NativeWedge(HeldKeys):
    """Watches all keys of this program on an X server. Make it with `ui.wedge.install`.

    Promises: no widget, shortcut or input method sees a key of a scan; what people type arrives as if
    typed a moment later, whole and in order. A click that falls among held keys waits until they are
    settled, so it comes neither before what was typed before it nor into the middle of a scan.
    """

    def __init__(
        self,
        on_scan: Callable[[Scan], object],
        parent: QObject | None = None,
        profile: DeviceProfile | None = None,
    ) -> None:
        super().__init__(on_scan, parent, profile, replay=self._replay, host=self._host_text)
        self._server_kept: Server | None = None
        self._out: deque[bytes] = deque()  # to be given back, in order
        self._awaited = False  # the key sent last has not come back yet
        self._pointer: deque[tuple[QWindow, QMouseEvent]] = deque()
        self._resending = False
        # A turn later, so that what Qt made of a key has been delivered before it reads the next: it
        # hands composed text to the widget at once, but keys only after a batch.
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._go_on)
        self._lost = QTimer(self, singleShot=True, interval=_LOST_MS)
        self._lost.timeout.connect(self._go_on)
        self._filter = _Filter(self._observe)
        application = cast("QCoreApplication", QCoreApplication.instance())
        application.installNativeEventFilter(self._filter)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hold the pointer's events while keys are not settled; Qt calls this."""
        if event.type() in _POINTER and isinstance(watched, QWindow) and not self._resending:
            return self._keep_pointer(watched, cast("QMouseEvent", event))
        return super().eventFilter(watched, event)

    def _observe(self, address: int) -> bool:
        """One event of the X server; whether to keep it from Qt."""
        event = _bytes_at(address)
        kind = event[0]
        if kind in (_PRESS, _RELEASE):
            return self._take(event)
        if kind in (_PRESS | _SENT, _RELEASE | _SENT):
            if self._awaited:
                self._next.start()
        elif kind == _FOCUS_OUT:
            self._detector.forget_down()
        return False

    def _take(self, event: bytes) -> bool:
        state = _state(event)
        do = self._feed(
            Key(
                time_ms=int.from_bytes(event[4:8], "little"),
                code=event[1] - _EVDEV,
                down=event[0] == _PRESS,
                ctrl=bool(state & _CTRL),
                alt=bool(state & (_ALT | _META)),
                origin=event,
            )
        )
        if do is Do.PASS and (self._out or self._awaited):
            self._out.append(event)
            return True
        if not self._detector.holding:
            self._next.start()
        return do is not Do.PASS

    def _replay(self, keys: tuple[Key, ...]) -> None:
        self._out.extend(cast("bytes", key.origin) for key in keys)
        if not self._awaited:
            self._go_on()

    def _go_on(self) -> None:
        """Give back the next key, or when there is none and none may come, what the pointer did."""
        self._lost.stop()
        self._awaited = bool(self._out)
        if self._out:
            self._server.send(self._out.popleft())
            self._lost.start()
        elif not self._detector.holding:
            self._release_pointer()

    def _keep_pointer(self, window: QWindow, event: QMouseEvent) -> bool:
        if not (self._out or self._awaited or self._pointer or self._detector.holding):
            return False
        moves = event.type() is QEvent.Type.MouseMove
        if moves and self._pointer and self._pointer[-1][1].type() is QEvent.Type.MouseMove:
            self._pointer.pop()
        if len(self._pointer) < _MOST_POINTER_EVENTS:
            self._pointer.append((window, _copy(event)))
        return True

    def _release_pointer(self) -> None:
        self._resending = True
        try:
            while self._pointer:
                window, event = self._pointer.popleft()
                try:
                    QCoreApplication.sendEvent(window, event)
                except RuntimeError:
                    continue  # its window is gone
        finally:
            self._resending = False

    def _on_turn(self) -> None:
        super()._on_turn()
        self._next.start()

    @property
    def _server(self) -> Server:
        # At the first key: the window's start does not wait for it.
        if self._server_kept is None:
            from ui.xcb import Server

            self._server_kept = Server()
        return self._server_kept

    def _host_text(self, key: Key) -> str:
        event = cast("bytes", key.origin)
        return self._server.text(event[1], _state(event))


class _Filter(QAbstractNativeEventFilter):
    def __init__(self, observe: Callable[[int], bool]) -> None:
        super().__init__()
        self._observe = observe

    def nativeEventFilter(self, kind: object, message: object) -> tuple[bool, int]:
        return self._observe(int(message)), 0  # type: ignore[call-overload]  # shiboken's own pointer type


def _bytes_at(address: int) -> bytes:
    # shiboken6's stub knows neither the size nor that it is a buffer.
    memory: Any = VoidPtr
    return bytes(memory(address, _EVENT_BYTES, False))


def _state(event: bytes) -> int:
    """Modifiers, and the layout's number in bits 13 and 14."""
    return int.from_bytes(event[28:30], "little")


def _copy(event: QMouseEvent) -> QMouseEvent:
    again = QMouseEvent(
        event.type(),
        event.position(),
        event.scenePosition(),
        event.globalPosition(),
        event.button(),
        event.buttons(),
        event.modifiers(),
    )
    again.setTimestamp(event.timestamp())
    return again
