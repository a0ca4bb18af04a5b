"""A scanner as a keyboard of its own: a real X server, a second master, and keys from both at once."""

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import closing

import pytest
from Xlib.display import Display

from drivers import open_scanner
from drivers.x11_scanner import X11Scanner
from drivers.xi2 import MASTER_KEYBOARD, Device, Input
from posapp.domain.codes import Source
from posapp.ports import DeviceState, DownReason
from tests.acceptance.till import Till
from tests.drivers.ears import UP, Ear
from tests.x11 import ENTER, US_KEYS, missing_programs

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")

NAME = "Scanner XTEST keyboard"
HARDWARE = "Xvfb keyboard"


class SecondKeyboard:
    """Keys of a second keyboard, through XTEST: with the server they count as a device's own."""

    def __init__(self, display: str) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._xi = ctypes.CDLL("libXi.so.6")
        self._tst = ctypes.CDLL("libXtst.so.6")
        for library, name in ((self._x, "XOpenDisplay"), (self._xi, "XOpenDevice")):
            getattr(library, name).restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(display.encode()))
        with closing(Display(display)) as asked:
            number = next(device.number for device in Input(asked).devices() if device.name == NAME)
        self._device = ctypes.c_void_p(self._xi.XOpenDevice(self._display, ctypes.c_ulong(number)))

    def type(self, text: str, end: int = ENTER) -> None:
        for character in text:
            code, shifted = US_KEYS[character]
            for key, down in [*[(42, 1)] * shifted, (code, 1), (code, 0), *[(42, 0)] * shifted]:
                self._key(key, down)
        self._key(end, 1)
        self._key(end, 0)
        self._x.XSync(self._display, 0)

    def _key(self, code: int, down: int) -> None:
        self._tst.XTestFakeDeviceKeyEvent(
            self._display, self._device, ctypes.c_uint(code + 8), down, None, 0, ctypes.c_ulong(0)
        )


@pytest.fixture(scope="module")
def till() -> Iterator[Till]:
    with Till("de") as till:
        with closing(Display(till.name)) as display:
            Input(display).create_master("Scanner")
        yield till


def devices(till: Till) -> dict[str, Device]:
    with closing(Display(till.name)) as display:
        return {device.name: device for device in Input(display).devices()}


def has_libraries() -> bool:
    return all(ctypes.util.find_library(name) for name in ("X11", "Xi", "Xtst"))


@pytest.mark.skipif(not has_libraries(), reason="libXi and libXtst are not installed")
def test_typing_and_scanning_key_by_key_are_apart(till: Till) -> None:
    till.focus("field")
    scanner = SecondKeyboard(till.name)
    with Ear(X11Scanner(f"x11:{NAME}", display=till.name)) as ear:
        assert ear.stands() == UP
        for number, letter in enumerate("kunde neu"):
            till.type_code(letter, delay_ms=40, end="")
            scanner.type(f"PK-{number}/z")
        assert [ear.heard() for _ in range(9)] == [f"PK-{number}/z" for number in range(9)]
        scanner.type("x" * 3000)
        scan = ear.scans.get(timeout=10)
        assert (scan.text, scan.source) == ("x" * 3000, Source.XINPUT)
        state = till.state()
        assert (state["text"], state["scans"], state["acts"]) == ("kunde neu", [], [])


def test_the_keyboard_is_parted_and_comes_back(till: Till) -> None:
    core = min(device.number for device in devices(till).values() if device.use == MASTER_KEYBOARD)
    for _ in range(3):
        with Ear(X11Scanner(f"x11:{HARDWARE}", display=till.name)) as ear:
            assert ear.stands() == UP
            during = devices(till)
            assert during[HARDWARE].attachment == during[f"posapp {HARDWARE} keyboard"].number
        after = devices(till)
        # One master is made, once, and stays.
        assert (after[HARDWARE].attachment, len(after)) == (core, len(during))
    # Qt has seen it all and lives.
    assert till.state()["scans"] == []


def test_a_keyboard_that_a_dead_till_left_comes_back_too(till: Till) -> None:
    core = devices(till)[HARDWARE].attachment
    with closing(Display(till.name)) as display:
        left = Input(display)
        if f"posapp {HARDWARE} keyboard" not in devices(till):
            left.create_master(f"posapp {HARDWARE}")
        left.attach(devices(till)[HARDWARE].number, devices(till)[f"posapp {HARDWARE} keyboard"].number)
    with Ear(X11Scanner(f"x11:{HARDWARE}", display=till.name)) as ear:
        assert ear.stands() == UP
    assert devices(till)[HARDWARE].attachment == core


def test_missing_things_are_said(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ear(X11Scanner("x11:nobody", display=till.name)) as ear:
        assert ear.stands() == (DeviceState.DOWN, DownReason.MISSING)
    monkeypatch.delenv("DISPLAY", raising=False)
    with Ear(open_scanner("x11:nobody")) as ear:
        assert ear.stands() == (DeviceState.DOWN, DownReason.UNSUPPORTED)


def test_the_server_goes_away() -> None:
    with Till("us") as own:
        ear = Ear(X11Scanner(f"x11:{HARDWARE}", display=own.name))
        ear.start()
        assert ear.stands() == UP
    assert ear.stands() == (DeviceState.DOWN, DownReason.LOST)
    ear.scanner.stop()
