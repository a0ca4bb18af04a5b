"""A keyboard scanner never reaches a widget, and a person always does: the rules of Qt's events.

The same on a real X server, with real keys: test_wedge_x11.py.
"""

from typing import cast

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent, QShortcut, QWindow
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from posapp.domain.codes import Scan
from posapp.domain.keyboards import US_LAYOUT
from posapp.domain.profiles import DEFAULT_GAP_MS as GAP_MS
from ui.wedge import codes_of, install

CODE = "PK7KX29DRTH"
OTHER = "PK4GN7P2TXV"
PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
CODES = {
    character: code
    for code, pair in US_LAYOUT.items()
    if code < 55 or code == 57
    for character in pair
    if character
}


class Till:
    """A window with a field and a default button, and a keyboard that sends its keys to the QWindow."""

    def __init__(self, qtbot: QtBot) -> None:
        self.bot = qtbot
        self.window = QWidget()
        self.field = QLineEdit()
        self.button = QPushButton("hand over")
        self.button.setAutoDefault(True)
        layout = QVBoxLayout(self.window)
        layout.addWidget(self.field)
        layout.addWidget(self.button)
        self.clicks = 0
        self.button.clicked.connect(self._on_click)
        self.field.returnPressed.connect(self._on_click)
        self.scans: list[Scan] = []
        self.wedge = install(self.window, self.scans.append)
        self.now = 2**32 - 40
        self.handle_of: QWidget = self.window
        qtbot.addWidget(self.window)
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)
        self.field.setFocus()

    def _on_click(self) -> None:
        self.clicks += 1

    @property
    def handle(self) -> QWindow:
        return self.handle_of.windowHandle()

    def send(self, kind: QEvent.Type, key: int, text: str, code: int, modifiers: Qt.KeyboardModifier) -> bool:
        event = QKeyEvent(kind, key, modifiers, code + 8 if code else 0, 0, 0, text)
        event.setTimestamp(self.now % 2**32)
        return QCoreApplication.sendEvent(self.handle, event) and event.isAccepted()

    def tap(
        self, key: int, text: str, code: int, after: int = 0, modifiers: Qt.KeyboardModifier = NONE
    ) -> None:
        self.now += after
        self.send(PRESS, key, text, code, modifiers)
        self.send(RELEASE, key, text, code, modifiers)

    def type(self, text: str, gap: int = 8, host: dict[int, str] | None = None, codes: bool = True) -> None:
        for character in text:
            shifted = character.isupper()
            if shifted:
                self.send(PRESS, Qt.Key.Key_Shift, "", 42 if codes else 0, NONE)
            code = CODES[character] if codes else 0
            self.tap(ord(character.upper()), character.translate(host or {}), code, gap)
            if shifted:
                self.send(RELEASE, Qt.Key.Key_Shift, "", 42 if codes else 0, NONE)

    def enter(self, after: int = 8, codes: bool = True) -> None:
        self.tap(Qt.Key.Key_Return, "\r", 28 if codes else 0, after)

    def scanned(self, *codes: str) -> None:
        self.bot.waitUntil(lambda: len(self.scans) >= len(codes))
        assert tuple(scan.text for scan in self.scans) == codes


@pytest.fixture
def till(qtbot: QtBot) -> Till:
    return Till(qtbot)


@pytest.mark.parametrize("focus", ["field", "button"])
def test_a_scan_reaches_no_widget(till: Till, focus: str) -> None:
    cast("QWidget", getattr(till, focus)).setFocus()
    till.type(CODE)
    for after in (8, 20, 60):
        till.enter(after)
    till.scanned(CODE)
    assert (till.field.text(), till.clicks) == ("", 0)
    till.enter(after=200)
    assert till.clicks == 1


def test_a_scan_is_delivered_outside_of_the_key_that_ended_it(till: Till) -> None:
    till.type(CODE)
    till.enter()
    assert till.scans == []
    till.scanned(CODE)


def test_a_scan_carries_both_readings_and_the_servers_times(till: Till) -> None:
    till.type("order-4711y", host={ord("-"): "ß", ord("y"): "z"})
    till.enter()
    till.scanned("order-4711y")
    scan = till.scans[0]
    assert scan.texts == ("order-4711y", "orderß4711z")
    assert (scan.first_ms, scan.last_ms, scan.at_ms) == (2**32 - 32, 48, 56)


def test_typing_comes_through_in_order_and_soon(till: Till) -> None:
    till.type("hello World", gap=120)
    till.bot.waitUntil(lambda: till.field.text() == "hello World")
    till.type("ab", gap=GAP_MS)
    till.enter(after=120)
    assert (till.field.text(), till.clicks, till.scans) == ("hello Worldab", 1, [])


def test_a_key_glued_to_a_scan_is_given_back(till: Till) -> None:
    till.type("ab", gap=120)
    till.now += 20
    till.type(CODE)
    till.enter()
    till.scanned(CODE)
    assert till.field.text() == "ab"


def test_a_scan_without_suffix_and_two_without_pause(till: Till) -> None:
    till.type(CODE)
    till.enter()
    till.type(OTHER)
    till.scanned(CODE, OTHER)
    assert till.field.text() == ""


def test_keys_without_scan_codes_count_by_their_text(till: Till) -> None:
    till.now = 1000
    till.type(CODE, codes=False)
    till.enter(codes=False)
    till.scanned(CODE)
    assert (till.field.text(), till.clicks) == ("", 0)


def test_keys_without_any_time_are_typed_now(till: Till) -> None:
    till.now = 2**32
    for character in "abc":
        till.tap(ord(character.upper()), character, 0)
    till.bot.waitUntil(lambda: till.field.text() == "abc")


def test_a_pressed_pointer_or_a_lost_window_gives_typing_back_at_once(till: Till) -> None:
    at = QPointF(1, 1)
    left = Qt.MouseButton.LeftButton
    mouse = QMouseEvent(QEvent.Type.MouseButtonPress, at, at, left, left, NONE)
    for event, text in ((mouse, "a"), (QFocusEvent(QEvent.Type.FocusOut), "b")):
        till.field.clear()
        till.type(text)
        assert till.field.text() == ""
        QCoreApplication.sendEvent(till.handle, event)
        assert till.field.text() == text
        till.field.setFocus()


def test_moving_the_focus_in_mid_scan_leaks_nothing(till: Till) -> None:
    till.type(CODE[:6])
    till.button.setFocus()
    QCoreApplication.sendEvent(till.handle, QFocusEvent(QEvent.Type.FocusAboutToChange))
    till.type(CODE[6:])
    till.enter()
    till.scanned(CODE)
    assert (till.field.text(), till.clicks) == ("", 0)


def test_another_window_and_a_new_handle_are_watched(till: Till, qtbot: QtBot) -> None:
    other = QLineEdit()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    till.handle_of = other
    till.type(CODE)
    till.enter()
    till.bot.waitUntil(lambda: len(till.scans) == 1)
    assert other.text() == ""
    till.handle_of = till.window
    till.window.setWindowFlags(Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
    till.window.show()
    till.type(OTHER)
    till.enter()
    till.bot.waitUntil(lambda: len(till.scans) == 2)


def test_what_was_typed_into_a_window_that_is_gone_goes_with_it(till: Till) -> None:
    other = QLineEdit()
    other.show()
    other.activateWindow()
    till.bot.waitUntil(other.isActiveWindow)
    till.handle_of = other
    till.type("a")
    shiboken6.delete(other)
    till.handle_of = till.window
    till.window.activateWindow()
    till.bot.waitUntil(till.window.isActiveWindow)
    till.type("b")
    till.bot.waitUntil(lambda: till.field.text() == "b")


# --- shortcuts, which Qt asks for before each press ---


def asks(till: Till, key: int, text: str, code: int, modifiers: Qt.KeyboardModifier = NONE) -> bool:
    """Whether somebody claims a key, so that it is no shortcut."""
    return till.send(QEvent.Type.ShortcutOverride, key, text, code, modifiers)


def test_no_key_of_a_scan_is_a_shortcut(till: Till) -> None:
    till.button.setFocus()
    assert asks(till, ord("P"), "p", 25)
    assert asks(till, ord("P"), "\x10", 25, CTRL)
    assert not asks(till, Qt.Key.Key_Return, "\r", 28)
    till.type(CODE)
    assert not asks(till, Qt.Key.Key_Shift, "", 42)
    assert asks(till, Qt.Key.Key_Return, "\r", 28)
    till.enter()
    assert asks(till, Qt.Key.Key_Return, "\r", 28)
    till.scanned(CODE)


def test_a_function_key_gives_back_what_is_held_and_acts(till: Till) -> None:
    till.type("a")
    assert not asks(till, Qt.Key.Key_F2, "", 60)
    assert till.field.text() == "a"


@pytest.mark.parametrize("kind", ["shortcut", "action", "child", "widget"])
def test_a_shortcut_by_hand_acts_after_the_gap(till: Till, kind: str) -> None:
    fired: list[str] = []
    keys = QKeySequence("Ctrl+P")
    if kind == "action":
        action = QAction(till.window, shortcut=keys)
        action.triggered.connect(lambda: fired.append(kind))
        till.window.addAction(action)
    else:
        owner = till.button if kind == "widget" else till.window
        shortcut = QShortcut(keys, owner)
        shortcut.activated.connect(lambda: fired.append(kind))
        if kind == "child":
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if kind == "widget":
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            till.button.setFocus()
    till.tap(Qt.Key.Key_P, "\x10", 25, modifiers=CTRL)
    assert fired == []
    till.bot.waitUntil(lambda: fired == [kind])


def test_a_shortcut_elsewhere_or_of_the_field_itself_does_not(till: Till) -> None:
    fired: list[str] = []
    for keys, owner in (("Ctrl+P", till.button), ("Ctrl+A", till.window)):
        shortcut = QShortcut(QKeySequence(keys), owner)
        shortcut.activated.connect(lambda: fired.append("shortcut"))
        if owner is till.button:
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
    till.field.setText("all of it")
    till.tap(Qt.Key.Key_P, "\x10", 25, modifiers=CTRL)
    till.tap(Qt.Key.Key_A, "\x01", 30, after=200, modifiers=CTRL)
    till.bot.waitUntil(lambda: till.field.selectedText() == "all of it")
    assert fired == []


def test_a_held_ctrl_turns_no_scan_into_shortcuts(till: Till) -> None:
    fired: list[str] = []
    shortcut = QShortcut(QKeySequence("Ctrl+P"), till.window)
    shortcut.activated.connect(lambda: fired.append("print"))
    till.send(PRESS, Qt.Key.Key_Control, "", 29, NONE)
    till.now += 500
    for character in CODE:
        till.tap(ord(character), chr(ord(character) & 31), CODES[character], 8, CTRL)
    till.enter()
    till.scanned(CODE.lower())
    assert fired == []


@pytest.mark.parametrize(
    ("platform", "native", "code"),
    [
        ("xcb", 36, 28),
        ("wayland", 36, 28),
        ("windows", 28, 28),
        ("windows", 0x11C, 96),
        ("windows", 0x148, 0x148),  # the arrow is no keypad 8
        ("windows", 0, 28),
        ("cocoa", 1, 28),
    ],
)
def test_key_codes_by_platform(platform: str, native: int, code: int) -> None:
    event = QKeyEvent(PRESS, Qt.Key.Key_Return, NONE, native, 0, 0, "\r")
    assert codes_of(platform)(event) == code
