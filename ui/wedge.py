"""Keeps what a keyboard scanner types away from the widgets, and makes scans of it.

Hides Qt's ways with keys: native scan codes, clones, shortcuts, windows that come and go. The rules are
`posapp.domain.keys`. A key passes the QWindow before any widget sees it; there it is held, and what
turns out to be typing is sent to its window again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QWidget

from posapp.domain.keyboards import ENTER, KEYPAD_ENTER, MODIFIERS, TAB
from posapp.domain.keys import Do, Key
from ui.held_keys import HeldKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.domain.codes import Scan
    from posapp.domain.profiles import DeviceProfile

_X11_OFFSET = 8
# Windows numbers the keys of the main block as evdev does; its extended keys have a bit of their own.
_WINDOWS_EXTENDED = {0x11C: KEYPAD_ENTER, 0x11D: 97, 0x135: 98, 0x138: 100, 0x15B: 125, 0x15C: 126}
_BY_KEY: dict[int, int] = {
    Qt.Key.Key_Return: ENTER,
    Qt.Key.Key_Enter: KEYPAD_ENTER,
    Qt.Key.Key_Tab: TAB,
    Qt.Key.Key_Backtab: TAB,
    Qt.Key.Key_Shift: 42,
    Qt.Key.Key_Control: 29,
    Qt.Key.Key_Alt: 56,
    Qt.Key.Key_AltGr: 100,
    Qt.Key.Key_Meta: 125,
    Qt.Key.Key_CapsLock: 58,
    Qt.Key.Key_NumLock: 69,
}
_ALT = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_KEYS = frozenset({QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride})
_INTERRUPTIONS = frozenset(
    {
        QEvent.Type.MouseButtonPress,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
        QEvent.Type.FocusAboutToChange,
        QEvent.Type.FocusOut,
        QEvent.Type.WindowDeactivate,
        QEvent.Type.Close,
    }
)


class WedgeFilter(HeldKeys):
    """Watches the keys of the program's windows. Make it with `install`.

    Promises: no widget and no shortcut sees a key of a scan; what people type arrives whole, in order, to
    its window, at most the gap late. Never touches a key that has no window, and never the wall clock.

    A shortcut with Ctrl waits for the gap too, and then finds the window's QShortcuts and QActions;
    function keys and Alt act at once.
    """

    def __init__(
        self,
        on_scan: Callable[[Scan], object],
        parent: QObject | None = None,
        profile: DeviceProfile | None = None,
    ) -> None:
        super().__init__(on_scan, parent, profile, replay=self._replay)
        self._decode = codes_of(QGuiApplication.platformName())
        self._replaying = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hold, swallow or pass the keys of windows; Qt calls this."""
        kind = event.type()
        if kind in _KEYS:
            if self._replaying:
                # The first to see a replayed key is this filter; whatever it sets off comes later.
                self._replaying = False
            elif isinstance(watched, QWindow):
                return self._take(watched, cast("QKeyEvent", event))
        elif kind in _INTERRUPTIONS and isinstance(watched, QWindow):
            self._act(self._detector.interrupt())
        return super().eventFilter(watched, event)

    def _take(self, window: QWindow, event: QKeyEvent) -> bool:
        override = event.type() is QEvent.Type.ShortcutOverride
        key = self._key(event, window, override)
        if override:
            # Comes before the press. Accepted, it keeps the key from being a shortcut.
            if self._detector.wants(key) or (self._observer is not None and self._observer.wants(key)):
                event.accept()
                return True
            if key.code not in MODIFIERS:
                self._act(self._detector.expire())
            return False
        return self._feed(key) is not Do.PASS

    def _key(self, event: QKeyEvent, window: QWindow, override: bool) -> Key:
        modifiers = event.modifiers()
        at_ms = event.timestamp()
        if at_ms == 0 and event.nativeScanCode() == 0:
            # A synthetic event has no time; now is as good. (A real one has 0 when the clock wraps.)
            at_ms = time.monotonic_ns() // 1_000_000 % (1 << 32)
        return Key(
            time_ms=at_ms,
            code=self._decode(event),
            down=event.type() is not QEvent.Type.KeyRelease,
            text=event.text(),
            ctrl=bool(modifiers & Qt.KeyboardModifier.ControlModifier),
            alt=bool(modifiers & _ALT),
            repeat=event.isAutoRepeat(),
            origin=None if override else (window, _copy(event)),
        )

    def _replay(self, keys: tuple[Key, ...]) -> None:
        for key in keys:
            window, event = cast("tuple[QWindow, QKeyEvent]", key.origin)
            if not (key.down and key.ctrl and self._fires_shortcut(window, event)):
                self._send(window, event)

    def _send(self, window: QWindow, event: QKeyEvent) -> None:
        self._replaying = True
        try:
            QCoreApplication.sendEvent(window, event)
        except RuntimeError:
            pass  # the window is gone, and what was typed into it with it
        finally:
            self._replaying = False

    def _fires_shortcut(self, window: QWindow, event: QKeyEvent) -> bool:
        """Do for a key given back what Qt does before a press: a sent event skips its shortcuts."""
        override = QKeyEvent(
            QEvent.Type.ShortcutOverride, event.key(), event.modifiers(), event.text(), event.isAutoRepeat()
        )
        override.ignore()
        self._send(window, override)
        root = QApplication.activeWindow()
        if override.isAccepted() or root is None:
            return False
        sequence = QKeySequence(event.keyCombination())
        for shortcut in root.findChildren(QShortcut):
            bound = shortcut.keys()
            if shortcut.isEnabled() and sequence in bound and _reaches(shortcut):
                shortcut.activated.emit()
                return True
        for action in root.findChildren(QAction):
            if action.isEnabled() and sequence in action.shortcuts():
                action.trigger()
                return True
        return False


def install(
    window: QWidget, on_scan: Callable[[Scan], object], profile: DeviceProfile | None = None
) -> HeldKeys:
    """Watch a top-level widget, shown or not, and every window that gets the keyboard after it.

    On X11 the keys are taken before Qt reads them (`ui.native_keys`), elsewhere at the window. What is
    returned belongs to `window` and lives as long as it.
    """
    wedge: HeldKeys
    if QGuiApplication.platformName() == "xcb":
        from ui.native_keys import NativeWedge

        wedge = NativeWedge(on_scan, window, profile)
    else:
        wedge = WedgeFilter(on_scan, window, profile)
    # The handle is made when the widget is first shown, and again when its window flags change.
    window.installEventFilter(wedge)
    wedge.watch(window.windowHandle())
    application = cast("QGuiApplication", QGuiApplication.instance())
    application.focusWindowChanged.connect(wedge.watch_focused)
    return wedge


def _copy(event: QKeyEvent) -> QKeyEvent:
    """The same key again. Not `clone`: PySide6 never frees what that gives."""
    again = QKeyEvent(
        event.type(),
        event.key(),
        event.modifiers(),
        event.nativeScanCode(),
        event.nativeVirtualKey(),
        event.nativeModifiers(),
        event.text(),
        event.isAutoRepeat(),
        event.count(),
    )
    again.setTimestamp(event.timestamp())
    return again


def _reaches(shortcut: QShortcut) -> bool:
    """Whether a shortcut counts where the focus is."""
    owner = shortcut.parent()
    if not isinstance(owner, QWidget) or not owner.isVisible():
        return False
    focus = QApplication.focusWidget()
    match shortcut.context():
        case Qt.ShortcutContext.WidgetShortcut:
            return focus is owner
        case Qt.ShortcutContext.WidgetWithChildrenShortcut:
            return focus is owner or (focus is not None and owner.isAncestorOf(focus))
    return True


def codes_of(platform: str) -> Callable[[QKeyEvent], int]:
    """How to get a key's evdev code on a platform of Qt; a negative number where there is none.

    Xkb key codes are evdev's plus 8, on X11 and Wayland alike; macOS has no scan codes.
    """

    def unknown(event: QKeyEvent) -> int:
        key = event.key()
        return _BY_KEY.get(key) or -key - 1

    def windows(event: QKeyEvent) -> int:
        code = event.nativeScanCode()
        return _WINDOWS_EXTENDED.get(code, code) or unknown(event)

    def xkb(event: QKeyEvent) -> int:
        code = event.nativeScanCode()
        return code - _X11_OFFSET if code > _X11_OFFSET else unknown(event)

    return {"windows": windows, "cocoa": unknown}.get(platform, xkb)
