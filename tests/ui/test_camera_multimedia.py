"""The camera with Qt's own multimedia part: no device, and frames as cameras give them, decoded to scans.

Runs where PySide6-Addons is installed, of the same version as PySide6-Essentials (docs/scanners.md says
how); posapp itself does not need it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from drivers.camera import CameraScanner
from posapp.domain.codes import Scan
from posapp.ports import DeviceState, DownReason, ScannerStatus
from tests.kit.camera_frames import code_image
from ui.camera import Camera, open_camera

media: Any = pytest.importorskip("PySide6.QtMultimedia", reason="PySide6-Addons is not installed")
pytest.importorskip("zxingcpp", reason="the extra `camera` is not installed")

# Where there is no graphics Qt turns the frames into images by itself, and says so.
pytestmark = pytest.mark.qt_log_ignore("No RHI backend", extend=True)

CODE = "PK7KX29DRTH"
GREY = 0x80


class Till:
    """A scanner that a real `Camera` gives its frames to."""

    def __init__(self) -> None:
        self.scanner = CameraScanner()
        self.scans: list[Scan] = []
        self.states: list[ScannerStatus] = []
        self.threads: set[threading.Thread] = set()
        self.scanner.start(self.scans.append, self.states.append)
        camera = open_camera(
            self._offer,
            lambda: self.scanner.free,
            lambda: self.scanner.lost(DownReason.MISSING),
        )
        assert isinstance(camera, Camera)
        self.camera = camera

    def _offer(self, frame: Any) -> None:
        self.threads.add(threading.current_thread())
        self.scanner.offer(frame)


@pytest.fixture
def till(qapp: object) -> Iterator[Till]:
    if media.QMediaDevices.videoInputs():
        pytest.skip("a camera is connected: its frames would come in between")
    made = Till()
    yield made
    made.camera.close()
    made.scanner.stop()


def grey_rows(size: tuple[int, int]) -> list[bytes]:
    """A telephone with a pickup code before the camera, row by row."""
    image = QImage(*size, QImage.Format.Format_RGB32)
    image.fill(QColor("#6b7684"))
    code = code_image(CODE, module=size[1] // 100)
    painter = QPainter(image)
    painter.drawImage((size[0] - code.width()) // 2, (size[1] - code.height()) // 2, code)
    painter.end()
    grey = image.convertToFormat(QImage.Format.Format_Grayscale8)
    step, pixels = grey.bytesPerLine(), bytes(grey.constBits())
    return [pixels[y * step : y * step + size[0]] for y in range(size[1])]


def video_frame(kind: str, size: tuple[int, int]) -> Any:
    """A frame of a camera's own pixel format with these rows, without colour."""
    rows = grey_rows(size)
    pixel_format = getattr(media.QVideoFrameFormat.PixelFormat, f"Format_{kind}")
    frame = media.QVideoFrame(media.QVideoFrameFormat(QSize(*size), pixel_format))
    assert frame.map(media.QVideoFrame.MapMode.WriteOnly)
    for plane in range(frame.planeCount()):
        memory = memoryview(frame.bits(plane))
        step = frame.bytesPerLine(plane)
        if plane:
            memory[:] = bytes([GREY]) * len(memory)
            continue
        for y, row in enumerate(rows):
            if kind == "YUYV":
                packed = bytearray([GREY]) * (2 * len(row))
                packed[0::2] = row
            elif kind.endswith("8888"):
                packed = bytearray(b"\xff") * (4 * len(row))
                for at in range(3):
                    packed[at::4] = row
            else:
                packed = bytearray(row)
            memory[y * step : y * step + len(packed)] = packed
    frame.unmap()
    return frame


def test_without_a_device_the_camera_is_missing_and_everything_else_goes_on(till: Till) -> None:
    assert [(one.state, one.reason) for one in till.states] == [(DeviceState.DOWN, DownReason.MISSING)]


@pytest.mark.parametrize("size", [(640, 480), (1280, 720)])
@pytest.mark.parametrize("kind", ["NV12", "YUYV", "YUV420P", "BGRA8888"])
def test_a_frame_of_any_usual_format_becomes_a_scan(
    till: Till, qtbot: QtBot, kind: str, size: tuple[int, int]
) -> None:
    frame = video_frame(kind, size)
    # Qt gives frames from a thread of its own; they are taken on the window's.
    giver = threading.Thread(target=till.camera._sink.setVideoFrame, args=(frame,))
    giver.start()
    giver.join()
    qtbot.waitUntil(lambda: bool(till.scans), timeout=10_000)
    assert [scan.text for scan in till.scans] == [CODE]
    assert till.threads == {threading.main_thread()}
    assert till.scanner.status.state is DeviceState.UP
