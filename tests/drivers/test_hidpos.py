"""HID POS scanners over a packet socket, which keeps the borders of reports as USB does."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import open_scanner
from drivers.framing import MAX_FRAME, STALE_MS
from drivers.hidpos import DATA_BYTES, REPORT_BYTES, HidPosScanner, Reports, numbers
from posapp.domain.codes import Fault, Source
from posapp.domain.profiles import DeviceProfile, Dialect
from posapp.ports import DeviceState, DownReason, Signal
from tests.drivers.ears import LOST, UP, Ear

URL = "hidpos:0c2e:0b81"


class Socket:
    """The host's end of the socket, as a transport."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def read(self, timeout_ms: int) -> bytes:
        self._end.settimeout(timeout_ms / 1000)
        try:
            data = self._end.recv(1024)
        except TimeoutError:
            return b""
        if not data:
            raise OSError("pulled out")
        return data

    def write(self, data: bytes) -> None:
        self._end.send(data)

    def close(self) -> None:
        self._end.close()


class Device:
    """A scanner: whenever the host opens it, a new pair of ends."""

    def __init__(self) -> None:
        self.plugged = True

    def open(self, url: str) -> Socket:
        if not self.plugged:
            raise FileNotFoundError(2, url)
        host, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Socket(host)


def reports(data: bytes, aim: bytes = b"]C0") -> list[bytes]:
    """What a scanner sends for a code."""
    pieces = [data[at : at + DATA_BYTES] for at in range(0, len(data), DATA_BYTES)] or [b""]
    return [
        bytes([2, len(piece)])
        + aim
        + piece.ljust(DATA_BYTES, b"\0")
        + b"j\0"
        + bytes([piece is not pieces[-1]])
        for piece in pieces
    ]


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    with closing(device.end):
        device.plugged = False


@pytest.mark.parametrize("length", [1, 11, 56, 57, 139, 2953])
def test_codes_of_any_length(device: Device, length: int) -> None:
    with Ear(HidPosScanner(URL, transport=device.open)) as ear:
        assert ear.stands() == UP
        text = ("PK7KX29DRTH-" * 250)[:length]
        for report in reports(text.encode()):
            assert len(report) == REPORT_BYTES
            device.end.send(report)
        scan = ear.scans.get(timeout=10)
        assert (scan.text, scan.aim, scan.source, scan.device) == (text, "]C0", Source.HIDPOS, URL)


def test_pulled_out_in_the_middle_of_a_code(device: Device) -> None:
    with Ear(HidPosScanner(URL, transport=device.open, retry_s=0.01)) as ear:
        assert ear.stands() == UP
        device.end.send(reports(b"x" * 60)[0])
        device.plugged = False
        device.end.close()
        assert ear.stands() == LOST
        device.plugged = True
        assert ear.stands() == UP
        device.end.send(b"noise")
        for report in reports(b"next\r"):
            device.end.send(report)
        assert ear.heard() == "next"


def test_it_is_told_good_and_bad_in_its_own_form(device: Device) -> None:
    profile = DeviceProfile(device=URL, dialect=Dialect.HONEYWELL)
    with Ear(HidPosScanner(URL, profile, transport=device.open)) as ear:
        assert ear.stands() == UP
        ear.scanner.signal(Signal.GOOD)
        device.end.settimeout(10)
        assert device.end.recv(64) == b"\xfd\x03\x1b7,"


def test_half_a_code_is_dropped_after_a_second_and_an_endless_one_is_a_fault() -> None:
    parts = Reports()
    first, last = reports(b"a" * 60)
    assert parts.feed(first, 0) is None
    frame = parts.feed(last, STALE_MS + 1)
    assert frame is not None
    assert frame.raw == b"]C0aaaa"
    for _ in range(MAX_FRAME // DATA_BYTES + 10):
        assert parts.feed(first, 5000) is None
    frame = parts.feed(last, 5000)
    assert frame is not None
    assert (frame.fault, len(frame.raw)) == (Fault.TOO_LONG, MAX_FRAME)


@given(st.lists(st.binary(max_size=70)))
def test_no_report_raises(data: list[bytes]) -> None:
    parts = Reports()
    for number, report in enumerate(data):
        parts.feed(report, number)
        parts.feed(b"\x02" + report.ljust(63, b"\1")[:63], number)


def test_addresses_and_a_missing_device() -> None:
    assert numbers("hidpos:0c2e:0B81:S-1") == (0x0C2E, 0x0B81, "S-1")
    for wrong in ("hidpos:", "hidpos:x:y", "hidpos:1", "hidpos:1:2:3:4"):
        with pytest.raises(ValueError, match="not a scanner's address"):
            open_scanner(wrong)
    with Ear(open_scanner("hidpos:ffff:ffff")) as ear:
        state, reason = ear.stands()
        assert state is DeviceState.DOWN
        assert reason in (DownReason.MISSING, DownReason.LIBRARY, DownReason.FAILED)
