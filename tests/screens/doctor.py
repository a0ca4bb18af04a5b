"""The scenes of the scanner doctor: nothing yet, a bad scanner, a good one, and its raw data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posapp.domain.codes import Source
from posapp.domain.diagnosis import Found
from posapp.domain.samples import CODE, GS1, LETTERS, Heard
from tests.kit.typist import Typist
from ui.screens.doctor import DoctorScreen

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

LINE = "/dev/serial/by-id/usb-Honeywell_Scanner_12345678-if00"


def doctor_scenes() -> Iterator[tuple[str, Scene]]:
    """The doctor from opening it to a diagnosis."""
    yield "doctor", lambda s: s.window.go("doctor")
    yield "doctor_bad", _bad
    yield "doctor_half", _half
    yield "doctor_matrix", _matrix
    yield "doctor_good", _good
    yield "doctor_raw", _raw
    yield "doctor_line", _line


def _screen(stage: Stage) -> DoctorScreen:
    screen = stage.window.front
    assert isinstance(screen, DoctorScreen)
    return screen


def _bad(stage: Stage) -> None:
    """Everything at once, and what cannot be helped."""
    screen = _screen(stage)
    for text in (CODE, LETTERS.replace("=", ""), GS1.replace("\x1d", "")):
        keys = Typist("us", "de", pause=60, caps=True).press(183).text(text).keys
        screen.hear(Heard("wedge:", Source.WEDGE, tuple(keys)))
    assert {Found.SWALLOWED, Found.GS_LOST} <= {one.found for one in screen.diagnosis.findings}


def _half(stage: Stage) -> None:
    screen = _screen(stage)
    screen.start_again()
    screen.hear(Typist("us", "de").text(CODE).heard(15))


def _matrix(stage: Stage) -> None:
    """The third code is shown, which is a Data Matrix too."""
    _screen(stage).hear(Typist("us", "de").text(LETTERS).heard(28))


def _good(stage: Stage) -> None:
    screen = _screen(stage)
    screen.start_again()
    for text in (CODE, LETTERS, GS1):
        screen.hear(Typist("us", "de").text(text).heard(28))
    assert screen.diagnosis.good


def _raw(stage: Stage) -> None:
    _screen(stage).show_raw()


def _line(stage: Stage) -> None:
    screen = _screen(stage)
    screen.start_again()
    screen.hear(Heard(LINE, Source.SERIAL, raw=f"]Q1{CODE}".encode(), whole=True))
    screen.hear(Heard(LINE, Source.SERIAL, raw=b"4006381333931", whole=True))
