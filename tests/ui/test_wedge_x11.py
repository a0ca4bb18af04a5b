"""A keyboard scanner on a real X server with a German layout: real keys into a real window, unseen by it.

The window is a process of its own. It answers on its standard output: at once to a command on its standard
input, and to the key F9 once every key before it has been dealt with, so nothing has to be waited out.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.x11 import XDisplay, end, missing_programs

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")

CODE = "PK7KX29DRTH"
OTHER = "PK4GN7P2TXV"
CHILD = """
import json, sys
from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget
from posapp.domain.codes import read
from ui.wedge import install

class Window(QWidget):
    def __init__(self):
        super().__init__(windowTitle="till")
        self.field, self.button, self.list = QLineEdit(), QPushButton("ok", autoDefault=True), QComboBox()
        self.list.addItems(["-", "pickup", "kiosk", "2", "4", "7"])
        layout = QVBoxLayout(self)
        for widget in (self.field, self.button, self.list):
            layout.addWidget(widget)
        self.button.clicked.connect(lambda: self.acted("click"))
        self.field.returnPressed.connect(lambda: self.acted("return"))
        for keys in ("F2", "Ctrl+P", "Return"):
            QShortcut(QKeySequence(keys), self).activated.connect(lambda keys=keys: self.acted(keys))
        self.clear()
        self.wedge = install(self, lambda scan: self.scans.append(scan))

    def acted(self, what):
        self.acts.append(what)

    def clear(self):
        self.scans, self.acts = [], []
        self.field.clear()
        self.list.setCurrentIndex(0)

    def say(self):
        print(json.dumps({
            "scans": [read(scan).value for scan in self.scans],
            "texts": [scan.texts for scan in self.scans],
            "span": [scan.last_ms - scan.first_ms for scan in self.scans],
            "text": self.field.text(),
            "acts": self.acts,
            "list": [self.list.currentIndex(), self.list.view().isVisible()],
        }), flush=True)

    def eventFilter(self, target, event):
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_F9 and isinstance(target, QWindow):
            # A timer of nothing waits for the scans that are on their way.
            QTimer.singleShot(0, self.say)
        return False

    def obey(self):
        what = sys.stdin.readline().strip()
        if what == "block":
            print("1", flush=True)
            sys.stdin.readline()
            return
        self.clear()
        self.list.hidePopup()
        if what == "list":
            self.list.setFocus()
            self.list.showPopup()
        elif what:
            getattr(self, what).setFocus()
        QTimer.singleShot(0, self.say)

application = QApplication([])
window = Window()
application.installEventFilter(window)
window.show()
notifier = QSocketNotifier(0, QSocketNotifier.Type.Read)
notifier.activated.connect(window.obey)
application.exec()
"""


class Counter:
    """The window, its keyboard, and what it says of itself."""

    def __init__(self, display: XDisplay, process: "subprocess.Popen[bytes]") -> None:
        self.display = display
        self._process = process

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        found = json.loads(self._process.stdout.readline())
        self.display.pace.rest()
        return found

    def focus(self, what: str) -> None:
        """Starts afresh, with the focus there."""
        self.say(what)
        self.answer()

    def state(self) -> dict[str, Any]:
        """How it stands after all keys so far."""
        self.display.press("F9")
        found: dict[str, Any] = self.answer()
        return found


@pytest.fixture(scope="module")
def german() -> Iterator[Counter]:
    with XDisplay(layout="de") as display:
        command = [sys.executable, "-c", CHILD]
        with subprocess.Popen(command, env=display.env, stdin=-1, stdout=-1) as process:
            try:
                display.wait_for_window("till")
                yield Counter(display, process)
            finally:
                end(process)


@pytest.fixture
def counter(german: Counter) -> Counter:
    german.focus("field")
    return german


@pytest.mark.parametrize("suffix", ["\r", "\r\n", "\r\r", "\t", "\t\r"])
@pytest.mark.parametrize("focus", ["field", "button", "list"])
def test_nothing_of_a_scan_reaches_a_widget(counter: Counter, focus: str, suffix: str) -> None:
    counter.focus(focus)
    counter.display.type_code(CODE, delay_ms=8, end=suffix)
    state = counter.state()
    assert state["scans"] == [CODE]
    assert (state["text"], state["acts"], state["list"]) == ("", [], [0, focus == "list"])


@pytest.mark.parametrize("delay_ms", [0, 2, 10])
def test_two_scans_without_a_pause(counter: Counter, delay_ms: int) -> None:
    counter.display.type_code(CODE, delay_ms=delay_ms)
    counter.display.type_code(OTHER, delay_ms=delay_ms)
    state = counter.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE, OTHER], "", [])


def test_a_us_scanner_is_exact_on_a_german_host(counter: Counter) -> None:
    counter.focus("button")
    text = "DE-1/Zy:2_7&8#Z"
    counter.display.type_code(text)
    assert counter.state()["texts"] == [[text, "DEß1-YzÖ2?7/8§Y"]]


def test_the_hosts_text_follows_a_new_layout_at_once(counter: Counter) -> None:
    text, told = "DE-1/Zy", []
    try:
        for layout in ("de", "fr", "us", "de"):
            counter.display.set_layout(layout)
            counter.focus("field")
            counter.display.type_code(text)
            told += counter.state()["texts"]
    finally:
        counter.display.set_layout("de")
    german, french = [text, "DEß1-Yz"], [text, "DE)&!Wy"]
    assert told == [german, french, [text], german]


def test_a_person_and_then_a_scan(counter: Counter) -> None:
    counter.display.type_code("ab", delay_ms=120, end="")
    # The first key 20 ms after the person's, then at a pace that leaves a busy machine some room.
    counter.display.type_code(CODE[:1], delay_ms=20, end="")
    counter.display.type_code(CODE[1:], delay_ms=8)
    state = counter.state()
    assert (state["scans"], state["text"]) == ([CODE], "ab")


def test_a_person_alone(counter: Counter) -> None:
    # The keys of a US y, ; and [ on this host.
    counter.display.type_code("Hello y;[ 4711", delay_ms=60)
    state = counter.state()
    assert (state["scans"], state["text"], state["acts"]) == ([], "Hello zöü 4711", ["Return"])
    counter.display.press("Ctrl", "p")
    counter.display.press("F2")
    assert counter.state()["acts"] == ["Return", "Ctrl+P", "F2"]


def test_the_loop_blocked_for_two_seconds(counter: Counter) -> None:
    counter.say("block")
    assert counter.answer() == 1
    counter.display.type_code("hallo welt ab", delay_ms=120, end="")
    counter.display.type_code(CODE, delay_ms=50, end="")
    counter.display.type_code(" ", delay_ms=120, end="")
    counter.display.type_code(OTHER, delay_ms=10)
    counter.say("")
    state = counter.state()
    assert (state["scans"], state["text"]) == ([OTHER], f"hallo welt ab{CODE} ")
    assert 100 <= state["span"][0] < 200


def test_the_loop_blocked_in_the_middle_of_a_scan(counter: Counter) -> None:
    # Whatever of the scan has arrived before, the rest comes while nobody looks.
    counter.say("block")
    counter.display.type_code(CODE, delay_ms=10)
    assert counter.answer() == 1
    counter.say("")
    state = counter.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE], "", [])


def test_caps_lock_and_keys_that_a_clerk_leans_on(counter: Counter) -> None:
    counter.display.press("CapsLock")
    counter.display.type_code(CODE)
    counter.display.press("CapsLock")
    state = counter.state()
    assert (state["scans"], state["text"], state["acts"]) == ([CODE], "", [])
