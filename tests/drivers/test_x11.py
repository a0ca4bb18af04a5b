"""A scanner as a keyboard of its own: a real X server, a second master, and keys from both at once."""

import ctypes
import ctypes.util
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from Xlib.display import Display

from drivers import open_scanner
from drivers.x11_scanner import X11Scanner
from drivers.xi2 import MASTER_KEYBOARD, Device, Input
from posapp.domain.codes import Source
from posapp.ports import DeviceState, DownReason
from tests.acceptance.till import Till
from tests.drivers.ears import LOST, UP, Ear
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


class Cut:
    """An X server's connections on loopback, each cut when its client has spoken so often; 0: not at all."""

    def __init__(self, display: str) -> None:
        self._behind = f"/tmp/.X11-unix/X{display.removeprefix(':')}"
        self._listening = self._listen()
        self.name = f"127.0.0.1:{self._listening.getsockname()[1] - 6000}"
        self.after = 0
        self.spoken = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    @staticmethod
    def _listen() -> socket.socket:
        for port in range(6100, 6900):
            with suppress(OSError):
                return socket.create_server(("127.0.0.1", port))
        raise OSError("no port for an X server is free")

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._behind)
                with client, server, suppress(ConnectionError):
                    self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        self.spoken = 0
        while True:
            for readable in select.select([client, server], [], [])[0]:
                data = readable.recv(1 << 16)
                self.spoken += readable is client
                if not data or (self.after and self.spoken >= self.after):
                    return
                (server if readable is client else client).sendall(data)


def test_the_server_goes_away_at_any_word(till: Till) -> None:
    with closing(Cut(till.name)) as cut:
        scanner = X11Scanner(f"x11:{HARDWARE}", display=cut.name, retry_s=0.01)
        for _ in range(2):  # the first makes a master, the others find it
            with Ear(scanner) as ear:
                assert ear.stands() == UP
                opening = cut.spoken
        assert opening > 10
        for cut.after in range(1, opening):
            with Ear(scanner) as ear:
                assert ear.stands()[0] is DeviceState.DOWN
        # What it opens with, and then what it asks when devices change.
        cut.after = opening + 1
        with Ear(scanner) as ear:
            assert ear.stands() == UP
            with closing(Display(till.name)) as display:
                Input(display).create_master("Another")
            assert ear.stands() == LOST
            cut.after = 0
            assert ear.stands() == UP


def test_the_server_goes_away() -> None:
    with Till("us") as own:
        ear = Ear(X11Scanner(f"x11:{HARDWARE}", display=own.name))
        ear.start()
        assert ear.stands() == UP
    assert ear.stands() == LOST
    ear.scanner.stop()
