"""The scanner made of key events is one: exact keys, real Shift, its own pace, on any host layout."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.pace import Pace
from tests.x11 import XDisplay, end, missing_programs

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")

# A window that tells what reached it: the scan codes and times at the window, the text in the field.
LISTENER = """
import json
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QApplication, QLineEdit

class Watch(QObject):
    def eventFilter(self, target, event):
        if event.type() == QEvent.Type.KeyPress and isinstance(target, QWindow):
            keys.append((event.nativeScanCode() - 8, event.timestamp()))
        return False

def tell():
    print(json.dumps({"text": field.text(), "keys": keys}), flush=True)
    field.clear()
    keys.clear()

keys = []
application = QApplication([])
watch = Watch()
application.installEventFilter(watch)
field = QLineEdit()
field.setWindowTitle("listener")
field.returnPressed.connect(tell)
field.show()
application.exec()
"""
TEXT = "PK1-ZyXw/2:3&4?5=6+7_8#9@Y\"'([]\\`~^*)<>|;"


class Listener:
    """The window's own account of each line that it was sent."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def listening(display: XDisplay) -> Iterator[Listener]:
    command = [sys.executable, "-c", LISTENER]
    with subprocess.Popen(command, env=display.env, stdout=subprocess.PIPE) as process:
        try:
            display.wait_for_window("listener")
            yield Listener(process)
        finally:
            end(process)


def test_a_scan_arrives_whole_on_a_host_of_the_same_layout() -> None:
    with XDisplay() as display, listening(display) as listener:
        display.type_code(TEXT, delay_ms=0)
        assert listener.heard()["text"] == TEXT


def test_a_german_host_reads_other_characters_from_the_same_keys() -> None:
    with XDisplay(layout="de") as display, listening(display) as listener:
        display.type_code("PK-7Y")
        heard = listener.heard()
        assert heard["text"] == "PKß7Z"
        assert [code for code, _ in heard["keys"] if code != 42] == [25, 37, 12, 8, 21, 28]


def test_the_server_keeps_the_pace() -> None:
    with XDisplay() as display, listening(display) as listener:
        display.type_code("12345678", delay_ms=20)
        times = [time for _, time in listener.heard()["keys"]]
        assert 8 * 20 <= times[-1] - times[0] < 8 * 60


def test_another_pace_than_asked_for_is_noticed() -> None:
    with XDisplay() as display:
        display.type_code("1", end="")
        display.pace.rest()
        display.type_code("2", delay_ms=1, end="")
        assert Pace.worst_ms() < 50
        display.type_code("3", end="")
        with pytest.raises(TimeoutError):
            display.wait_for_window("nobody", timeout=0.1)
        display.type_code("4", delay_ms=1)
        assert 90 <= Pace.worst_ms() < 5000
        Pace.forget()
        assert Pace.worst_ms() == 0


def test_keys_left_held_are_let_go() -> None:
    with XDisplay() as display, listening(display) as listener:
        display._key(42, down=True)
        display.press("CapsLock")
        Pace.forget()
        display.type_code("abc")
        assert listener.heard()["text"] == "abc"


def test_keys_pressed_together_and_alone() -> None:
    with XDisplay() as display, listening(display) as listener:
        display.type_code("abc", end="")
        display.press("Ctrl", "a")
        display.press("x")
        display.press("Enter")
        assert listener.heard()["text"] == "x"


def test_two_screens_get_along() -> None:
    with XDisplay() as one, XDisplay() as other:
        assert one.name != other.name
