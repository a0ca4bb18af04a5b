"""The camera's reading: its five formats, dark screens, pictures, and a system without zxing-cpp."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from drivers import open_scanner
from drivers.camera import CameraScanner, decode
from posapp.domain.codes import Fault, Scan, Source
from posapp.domain.frames import Frame
from posapp.ports import DeviceState, DownReason, ScannerStatus, Signal
from tests.waiting import until

zxingcpp: Any = pytest.importorskip("zxingcpp", reason="the extra `camera` is not installed")

CODE = "PK7KX29DRTH"
BLANK = Frame(64, 48, b"\xff" * 64 * 48)


def drawn(kind: str, text: str, *, dark: bool = False, gs1: bool = False) -> Frame:
    """A code as zxing-cpp writes it, on white or as a dark screen shows it."""
    options = {"gs1": True} if gs1 else {}
    barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
    image = memoryview(barcode.to_image(scale=4, add_quiet_zones=True))
    assert image.shape is not None
    height, width = image.shape[:2]
    pixels = image.tobytes()
    pixels = bytes(255 - value for value in pixels) if dark else pixels
    return Frame(width, height, pixels)


@pytest.fixture
def camera() -> Iterator[CameraScanner]:
    made = open_scanner("camera:")
    assert isinstance(made, CameraScanner)
    yield made
    made.stop()


class Ears:
    """What the camera told."""

    def __init__(self, camera: CameraScanner) -> None:
        self.scans: list[Scan] = []
        self.states: list[ScannerStatus] = []
        camera.start(self.scans.append, self.states.append)


@pytest.mark.parametrize(
    ("kind", "text", "dark"),
    [
        ("QRCode", CODE, False),
        ("QRCode", CODE, True),
        ("DataMatrix", CODE, False),
        ("DataMatrix", CODE, True),
        # zxing-cpp does not look for light bars on dark.
        ("Code128", CODE, False),
        ("PDF417", CODE, False),
        ("EAN13", "4006381333931", False),
        ("EAN8", "96385074", False),
    ],
)
def test_the_formats_that_a_counter_sees(kind: str, text: str, dark: bool) -> None:
    assert [found for found, _aim in decode(drawn(kind, text, dark=dark))] == [text]


@pytest.mark.parametrize("kind", ["Aztec", "Code39", "Code93", "ITF"])
def test_other_formats_are_not_even_looked_for(kind: str) -> None:
    text = "123456" if kind == "ITF" else "PK7KX29"
    assert decode(drawn(kind, text)) == []


def test_a_gs1_code_comes_as_it_is_and_not_as_people_write_it() -> None:
    frame = drawn("DataMatrix", "(01)04006381333931(10)B7(21)X4", gs1=True)
    assert decode(frame) == [("010400638133393110B7\x1d21X4", "]d2")]


def test_a_scan_is_told_with_its_device_bytes_and_kind(camera: CameraScanner) -> None:
    ears = Ears(camera)
    camera.offer(drawn("QRCode", CODE))
    scan = until(lambda: ears.scans)[0]
    assert (scan.device, scan.source, scan.text, scan.raw) == ("camera:", Source.CAMERA, CODE, CODE.encode())
    assert scan.aim == "]Q1"
    assert scan.fault is not Fault.TOO_LONG
    assert ears.states == [
        ScannerStatus("camera:", DeviceState.DOWN, DownReason.MISSING),
        ScannerStatus("camera:", DeviceState.UP),
    ]


def test_a_frame_that_comes_while_one_is_read_is_dropped(camera: CameraScanner) -> None:
    ears = Ears(camera)
    begun, go_on = threading.Event(), threading.Event()

    def load() -> Frame:
        begun.set()
        go_on.wait(10)
        return BLANK

    camera.read(load)
    assert begun.wait(10)
    assert not camera.free
    assert not camera.offer(drawn("QRCode", CODE))
    assert camera.dropped == 1
    go_on.set()
    until(lambda: camera.free)
    assert camera.offer(drawn("QRCode", CODE))
    until(lambda: ears.scans)


def test_pictures_are_read_in_their_order_and_told_of(camera: CameraScanner) -> None:
    ears = Ears(camera)
    told: list[bool | None] = []
    camera.read(lambda: BLANK, told.append)
    camera.read(lambda: None, told.append)
    camera.read(lambda: drawn("QRCode", CODE), told.append)
    until(lambda: len(told) == 3)
    assert told == [False, False, True]
    assert [scan.text for scan in ears.scans] == [CODE]


def test_a_picture_that_breaks_off_makes_nobody_blind(
    camera: CameraScanner, caplog: pytest.LogCaptureFixture
) -> None:
    ears = Ears(camera)
    told: list[bool | None] = []

    def load() -> Frame:
        raise OSError("a torn file")

    camera.read(load, told.append)
    camera.read(lambda: drawn("QRCode", CODE), told.append)
    until(lambda: ears.scans)
    assert told[0] is False
    assert "was not read" in caplog.text


def test_without_its_library_it_is_down_and_says_why(
    camera: CameraScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "zxingcpp":
            raise ImportError(name)
        return whole(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    Ears(camera)
    told: list[bool | None] = []
    camera.read(lambda: BLANK, told.append)
    until(lambda: told)
    assert told == [None]
    assert camera.status.reason is DownReason.LIBRARY


def test_after_stop_nothing_is_taken_or_told(camera: CameraScanner) -> None:
    ears = Ears(camera)
    with pytest.raises(RuntimeError):
        camera.start(ears.scans.append, ears.states.append)
    camera.signal(Signal.GOOD)
    camera.stop()
    camera.stop()
    camera.lost()
    assert not camera.offer(drawn("QRCode", CODE))
    assert camera.status.reason is DownReason.STOPPED
    assert ears.scans == []


@pytest.mark.parametrize(("width", "height", "count"), [(0, 1, 0), (2, 2, 3), (1, -1, 0)])
def test_a_frame_has_a_value_for_each_of_its_pixels(width: int, height: int, count: int) -> None:
    with pytest.raises(ValueError, match="pixels"):
        Frame(width, height, bytes(count))
