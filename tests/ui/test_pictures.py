"""A picture pasted or dropped at home is read, text is pasted as ever, and frames come from a camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QObject, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from posapp import texts
from posapp.domain.frames import Frame
from posapp.settings import Settings
from tests.kit.camera_frames import code_image
from tests.kit.counter import open_counter
from ui.bridge import Bridge
from ui.camera import Camera, open_camera
from ui.pictures import MOST_SIDE, Load, Pictures, frame_of, picture_in
from ui.window import TillWindow

CTRL = Qt.KeyboardModifier.ControlModifier


class Home:
    """The window at home, with what is given to be read."""

    def __init__(self, window: TillWindow) -> None:
        self.window = window
        self.loads: list[Load] = []
        self.pictures = Pictures(window, self.loads.append)

    def paste(self) -> None:
        """Ctrl+V in home's field."""
        self.window.home.field.setFocus()
        QTest.keyClick(self.window.home.field, Qt.Key.Key_V, CTRL)


@pytest.fixture
def home(tmp_path: Path, qtbot: QtBot) -> Iterator[Home]:
    texts.use("en")
    with open_counter(tmp_path) as counter:
        window = TillWindow(counter.desk, Bridge(), Settings(language="en"), lambda _settings: None)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitExposed(window)
        yield Home(window)
        QGuiApplication.clipboard().clear()
        window.close()


def test_a_picture_in_the_clipboard_is_read(home: Home) -> None:
    QGuiApplication.clipboard().setImage(code_image("PK7KX29DRTH"))
    home.paste()
    home.pictures.button.click()
    assert len(home.loads) == 2
    frame = home.loads[0]()
    assert frame is not None
    assert (frame.width, frame.height) == (132, 132)
    assert home.window.home.field.text() == ""


def test_text_is_pasted_as_ever(home: Home) -> None:
    QGuiApplication.clipboard().setText("W-1001")
    home.paste()
    assert home.window.home.field.text() == "W-1001"
    assert home.loads == []


def test_the_button_says_when_there_is_no_picture(home: Home) -> None:
    QGuiApplication.clipboard().clear()
    home.pictures.button.click()
    assert "no picture to read" in home.pictures.label.text()
    assert home.loads == []


@pytest.mark.parametrize(
    ("answer", "said"), [(True, ""), (False, "No code was found"), (None, "without its camera part")]
)
def test_what_became_of_it_is_said(home: Home, answer: bool | None, said: str) -> None:
    home.window.bridge.picture_read.emit(answer)
    assert said in home.pictures.label.text()
    assert bool(home.pictures.label.text()) == bool(said)


def test_its_words_follow_the_language(home: Home) -> None:
    home.window.bridge.picture_read.emit(False)
    texts.use("de")
    home.window.retranslate()
    texts.use("en")
    assert home.pictures.label.text() == "Im Bild wurde kein Code gefunden."
    assert home.pictures.button.text().startswith("Bild lesen")


def test_a_picture_file_is_loaded_smaller_and_others_are_no_pictures(tmp_path: Path) -> None:
    large = QImage(5000, 3000, QImage.Format.Format_RGB32)
    large.fill(Qt.GlobalColor.white)
    large.save(str(tmp_path / "large.png"))
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes((tmp_path / "large.png").read_bytes()[:60])

    def dropped(name: str) -> Load | None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        return picture_in(data)

    load = dropped("large.png")
    assert load is not None
    assert load() == Frame(MOST_SIDE, 1200, b"\xff" * MOST_SIDE * 1200)
    assert dropped("note.txt") is None
    assert dropped("missing.png") is None
    torn = dropped("torn.png")
    assert torn is None or torn() is None


def test_rows_are_without_gaps_whatever_the_width() -> None:
    image = QImage(3, 2, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    assert frame_of(image) == Frame(3, 2, b"\xff" * 6)


class _Input:
    """A camera of the system, or none."""

    def __init__(self, there: bool) -> None:
        self.there = there

    def isNull(self) -> bool:
        return not self.there

    def videoFormats(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(
                resolution=lambda wide=wide, high=high: QSize(wide, high),
                maxFrameRate=lambda pace=pace: pace,
            )
            for wide, high, pace in ((1920, 1080, 30), (640, 480, 15), (640, 480, 30), (320, 240, 60))
        ]


class _Device(QObject):
    errorOccurred = Signal(object)

    def __init__(self, _input: object, parent: QObject) -> None:
        super().__init__(parent)
        self.running = False

    def setCameraFormat(self, chosen: SimpleNamespace) -> None:
        self.format = chosen

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


class _Sink(QObject):
    videoFrameChanged = Signal(object)


class _Devices(QObject):
    videoInputsChanged = Signal()
    there = True

    @classmethod
    def defaultVideoInput(cls) -> _Input:
        return _Input(cls.there)


class _Session(QObject):
    def setVideoSink(self, sink: _Sink) -> None:
        self.sink = sink

    def setCamera(self, camera: _Device) -> None:
        self.camera = camera


def test_frames_of_a_camera_are_offered_only_while_they_would_be_read(qtbot: QtBot) -> None:
    media: Any = SimpleNamespace(
        QMediaCaptureSession=_Session, QVideoSink=_Sink, QMediaDevices=_Devices, QCamera=_Device
    )
    owner = QObject()
    offered: list[Frame] = []
    lost: list[bool] = []
    free = True
    camera = Camera(offered.append, lambda: free, lambda: lost.append(True), media, owner)
    image = code_image("PK7KX29DRTH")
    frame = SimpleNamespace(isValid=lambda: True, toImage=lambda: image)
    chosen = camera.findChildren(_Device)[0].format
    assert (chosen.resolution(), chosen.maxFrameRate()) == (QSize(640, 480), 30)
    sink, devices = camera.findChildren(_Sink)[0], camera.findChildren(_Devices)[0]
    sink.videoFrameChanged.emit(frame)
    free = False
    sink.videoFrameChanged.emit(frame)
    assert [(one.width, one.height) for one in offered] == [(480, 480)]
    assert lost == []
    _Devices.there = False
    devices.videoInputsChanged.emit()
    assert lost == [True]
    _Devices.there = True
    devices.videoInputsChanged.emit()
    camera.findChildren(_Device)[-1].errorOccurred.emit("gone")
    assert lost == [True, True]
    camera.close()


def test_without_qts_multimedia_part_there_is_no_camera() -> None:
    try:
        import PySide6.QtMultimedia  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        assert open_camera(lambda _frame: None, lambda: True, lambda: None) is None
    else:
        pytest.skip("PySide6-Addons is installed: its camera is tried in test_camera_multimedia.py")
