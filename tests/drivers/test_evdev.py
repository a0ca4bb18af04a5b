"""A scanner taken from the kernel's input devices: its records, down a pipe as from the device."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.evdev_scanner import DROPPED, KEY, PRESS, RECORD, RELEASE, SYNC, EvdevScanner
from posapp.domain.codes import Source
from posapp.domain.profiles import DeviceProfile, Suffix
from posapp.ports import DeviceState, DownReason
from tests.drivers.ears import LOST, UP, Ear
from tests.x11 import ENTER, US_KEYS

SHIFT = 42


class Pipe:
    """A device of the kernel's: a pipe under a stable name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"evdev:{path}"
        self.plug()

    def plug(self) -> None:
        os.mkfifo(self.path)
        # Both ways, so that opening does not wait for a reader.
        self.end = os.open(self.path, os.O_RDWR)

    def unplug(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.end)

    def event(self, kind: int, code: int, value: int, after_ms: int = 0) -> bytes:
        now = time.monotonic_ns() // 1000 + after_ms * 1000
        return RECORD.pack(now // 1_000_000, now % 1_000_000, kind, code, value)

    def type(self, text: str, end: int | None = ENTER) -> bytes:
        data = b""
        for character in text:
            code, shifted = US_KEYS[character]
            around = [(SHIFT, PRESS)] if shifted else []
            for key, value in [*around, (code, PRESS), (code, 2), (code, RELEASE), *[(SHIFT, 0)] * shifted]:
                data += self.event(KEY, key, value) + self.event(SYNC, 0, 0)
        if end is not None:
            data += self.event(KEY, end, PRESS) + self.event(KEY, end, RELEASE)
        return data

    def send(self, data: bytes) -> None:
        os.write(self.end, data)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    pipe = Pipe(tmp_path / "usb-Maker_Scanner-event-kbd")
    yield pipe
    pipe.unplug()


def scanner(pipe: Pipe, **profile: object) -> EvdevScanner:
    chosen = DeviceProfile(device=pipe.url, **profile)  # type: ignore[arg-type]  # what the test says
    return EvdevScanner(pipe.url, chosen, grab=lambda descriptor: None, retry_s=0.01)


def test_any_text_is_exact_and_carries_its_device(pipe: Pipe) -> None:
    text = "PK1-ZyXw/2:3&4?5=6+7_8#9@Y\"'([]\\`~^*)<>|;"
    with Ear(scanner(pipe)) as ear:
        assert ear.stands() == UP
        data = pipe.type(text)
        for at in range(0, len(data), 100):  # records come in any pieces
            pipe.send(data[at : at + 100])
        scan = ear.scans.get(timeout=10)
        assert (scan.text, scan.device, scan.source) == (text, pipe.url, Source.EVDEV)


def test_without_suffix_a_pause_ends_it(pipe: Pipe) -> None:
    with Ear(scanner(pipe, suffix=Suffix.NONE)) as ear:
        assert ear.stands() == UP
        pipe.send(pipe.type("PK7KX29DRTH", end=None))
        assert ear.heard() == "PK7KX29DRTH"


def test_a_prefix_key_starts_afresh(pipe: Pipe) -> None:
    with Ear(scanner(pipe, prefix="F13")) as ear:
        assert ear.stands() == UP
        pipe.send(pipe.type("half", end=None) + pipe.event(KEY, 183, PRESS) + pipe.type("whole"))
        assert ear.heard() == "whole"


def test_a_german_scanner_on_any_host(pipe: Pipe) -> None:
    with Ear(scanner(pipe, layout="de")) as ear:
        assert ear.stands() == UP
        pipe.send(pipe.type("Yz;/"))
        assert ear.heard() == "Zyö-"


def test_lost_events_drop_what_was_begun(pipe: Pipe) -> None:
    with Ear(scanner(pipe)) as ear:
        assert ear.stands() == UP
        pipe.send(pipe.type("half", end=None) + pipe.event(SYNC, DROPPED, 0) + pipe.event(KEY, 30, PRESS))
        pipe.send(pipe.event(SYNC, 0, 0) + pipe.type("next"))
        assert ear.heard() == "next"


def test_pulled_out_and_put_back(pipe: Pipe) -> None:
    with Ear(scanner(pipe)) as ear:
        assert ear.stands() == UP
        pipe.send(pipe.type("half", end=None))
        pipe.unplug()
        assert ear.stands() == LOST
        pipe.plug()
        assert ear.stands() == UP
        pipe.send(pipe.type("next"))
        assert ear.heard() == "next"
        assert ear.scans.empty()


def test_a_device_that_cannot_be_grabbed_is_not_read(pipe: Pipe, tmp_path: Path) -> None:
    # A pipe is no input device: the kernel refuses.
    with Ear(EvdevScanner(pipe.url)) as ear:
        assert ear.stands() == (DeviceState.DOWN, DownReason.FAILED)
    with Ear(EvdevScanner(f"evdev:{tmp_path}/nothing")) as ear:
        assert ear.stands() == (DeviceState.DOWN, DownReason.MISSING)
