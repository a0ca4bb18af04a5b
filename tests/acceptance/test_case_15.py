"""Case 15: the camera reads a dark telephone with glare, noise holds nobody up, and it may be pulled.

The frames are drawn; everything behind them is the till's own: the decoder's thread, the bridge, the window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from pytestqt.qtbot import QtBot

from drivers.camera import CameraScanner
from posapp import texts
from posapp.domain.codes import Scan, Source
from posapp.domain.keyboards import US_LAYOUT
from posapp.ports import DeviceState, DownReason
from posapp.settings import Settings
from tests.kit.camera_frames import code_image, counter_frame, noise_frame
from tests.kit.counter import open_counter
from ui.bridge import Bridge
from ui.window import TillWindow

pytest.importorskip("zxingcpp", reason="the extra `camera` is not installed")

CODE, OTHER = "PK7KX29DRTH", "PK4GN7P2TXV"
FRAME_MS = 33
MOST_STALL_MS = 50.0
ROUNDS = 5
_KEYS = {character: code for code, levels in reversed(US_LAYOUT.items()) for character in levels if character}


class Lane:
    """The window with a camera, its scans, and how long its event loop stood still."""

    def __init__(self, window: TillWindow, bot: QtBot) -> None:
        self.window, self.bot = window, bot
        self.scans: list[Scan] = []
        window.bridge.code_scanned.connect(self.scans.append)
        self.camera = CameraScanner()
        self.camera.start(window.bridge.code_scanned.emit, window.bridge.device_changed.emit)
        self.stall_ms = 0.0
        self._beat = QTimer(window, interval=1, timerType=Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._on_beat)

    def watch(self) -> None:
        """Measure from now on."""
        self.stall_ms = 0.0
        self._last, self._waited = time.monotonic(), _waited_s()
        self._beat.start()

    def type_code(self, text: str) -> None:
        """A scanner that types."""
        handle, at = self.window.windowHandle(), time.monotonic_ns() // 1_000_000 % (1 << 32)
        for character in text + "\r":
            code = 28 if character == "\r" else _KEYS[character]
            key = Qt.Key.Key_Return if character == "\r" else Qt.Key(ord(character))
            at += 4
            for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, code + 8, 0, 0, character)
                event.setTimestamp(at)
                QCoreApplication.sendEvent(handle, event)

    def _on_beat(self) -> None:
        # Time in which the system ran others is nobody's stall.
        now, waited = time.monotonic(), _waited_s()
        held = (now - self._last) - (waited - self._waited)
        self.stall_ms = max(self.stall_ms, held * 1000)
        self._last, self._waited = now, waited


def _waited_s() -> float:
    """How long this thread was ready to run and another had the processor (Linux's schedstat)."""
    try:
        with Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").open() as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


@pytest.fixture
def lane(tmp_path: Path, qtbot: QtBot) -> Iterator[Lane]:
    texts.use("en")
    with open_counter(tmp_path) as counter:
        window = TillWindow(counter.desk, Bridge(), Settings(language="en"), lambda _settings: None)
        qtbot.addWidget(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        made = Lane(window, qtbot)
        yield made
        made.camera.stop()
        window.close()


@pytest.mark.parametrize("seed", range(5))
def test_case_15_a_dark_telephone_with_glare_is_read_within_a_second(lane: Lane, seed: int) -> None:
    code = code_image(CODE, module=4, dark=True)
    # A second of a camera: the spot of light and the hand move from frame to frame.
    frames = [counter_frame(code, seed * 100 + at) for at in range(1000 // FRAME_MS)]
    begun = time.monotonic()
    feed = QTimer(lane.window, interval=FRAME_MS)
    feed.timeout.connect(lambda: frames and lane.camera.offer(frames.pop(0)))
    feed.start()
    lane.bot.waitUntil(lambda: bool(lane.scans), timeout=5000)
    took = time.monotonic() - begun
    feed.stop()
    assert took < 1.0
    assert (lane.scans[0].text, lane.scans[0].source, lane.scans[0].aim) == (CODE, Source.CAMERA, "]Q1")


def test_case_15_noise_holds_the_window_up_at_no_time(lane: Lane) -> None:
    noise = noise_frame(1280, 720)
    stalls = []
    for _round in range(ROUNDS):
        lane.watch()
        offered, dropped = 0, lane.camera.dropped
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            lane.camera.offer(noise)
            offered += 1
            lane.bot.wait(5)
        stalls.append(lane.stall_ms)
        assert lane.camera.dropped > dropped
        assert lane.camera.dropped - dropped < offered
    # The best of the rounds: what the decoder did would be in all of them.
    assert min(stalls) <= MOST_STALL_MS
    assert lane.scans == []


def test_case_15_a_camera_pulled_is_down_and_the_keyboard_still_scans(lane: Lane) -> None:
    lane.camera.offer(counter_frame(code_image(CODE), 1, glare=False))
    lane.bot.waitUntil(lambda: bool(lane.scans), timeout=5000)
    assert lane.camera.status.state is DeviceState.UP
    lane.camera.lost()
    status = lane.camera.status
    assert (status.state, status.reason) == (DeviceState.DOWN, DownReason.LOST)
    lane.bot.waitUntil(lambda: lane.window.status.devices.get("camera:") == status, timeout=5000)
    lane.type_code(OTHER)
    lane.bot.waitUntil(lambda: len(lane.scans) > 1, timeout=5000)
    assert [scan.text.upper() for scan in lane.scans] == [CODE, OTHER]
    assert lane.window.home.field.text() == ""
    # Plugged in again, it reads again.
    lane.camera.offer(counter_frame(code_image(OTHER), 2, glare=False))
    lane.bot.waitUntil(lambda: len(lane.scans) > 2, timeout=5000)
    assert lane.camera.status.state is DeviceState.UP
