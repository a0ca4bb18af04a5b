"""Cases 10 and 11 as far as scanners go: separators, and serial lines that are pulled, stolen and flooded."""

import os
import threading
from pathlib import Path

import pytest

from drivers import open_scanner
from posapp.domain.codes import Fault
from posapp.domain.profiles import DeviceProfile
from posapp.ports import DeviceState, DownReason
from tests.acceptance.till import CODE, CTRL, Till
from tests.drivers.ears import LOST, UP, Ear
from tests.drivers.test_serial import Port
from tests.x11 import ENTER, missing_programs

GS1 = "]C1010400638133393110AB-123\x1d21XYZ"


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path / "usb-scanner")


def test_case_10_a_separator_down_a_serial_line(port: Port, tmp_path: Path) -> None:
    port.plug()
    with Ear(open_scanner(str(tmp_path / "usb-scanner"))) as ear:
        assert ear.stands() == UP
        port.send(GS1.encode() + b"\r")
        scan = ear.scans.get(timeout=10)
        assert (scan.aim, scan.text) == ("]C1", GS1[3:])
    with Ear(open_scanner(str(tmp_path / "usb-scanner"), profile=DeviceProfile(gs="|"))) as ear:
        assert ear.stands() == UP
        port.send(GS1.replace("\x1d", "|").encode() + b"\ra|b\r")
        assert [ear.heard(), ear.heard()] == [GS1[3:], "a|b"]
    port.unplug()


@pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")
def test_case_10_a_separator_typed_as_ctrl_and_bracket() -> None:
    with Till("de") as till:
        before, after = GS1.split("\x1d")
        till.type_code(before, delay_ms=3, end="")
        till.key(CTRL, down=True)
        till.tap(27, after_ms=3)
        till.key(CTRL, down=False)
        till.type_code(after, delay_ms=3, end="")
        till.tap(ENTER, after_ms=3)
        state = till.state()
        assert (state["scans"], state["text"], state["acts"]) == ([GS1[3:]], "", [])


def test_case_11_pulled_in_mid_frame_twenty_times(port: Port, tmp_path: Path) -> None:
    port.plug()
    with Ear(open_scanner(str(tmp_path / "usb-scanner"))) as ear:
        assert ear.stands() == UP
        threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
        for number in range(20):
            port.send(CODE.encode()[:5])
            port.unplug()
            assert ear.stands() == LOST
            port.plug()
            assert ear.stands() == UP
            port.send(f"{number}\r".encode())
            assert ear.heard() == f"{number}"
        # A thread of an earlier test may have ended meanwhile; of this one, none may be left.
        assert threading.active_count() <= threads
        assert len(os.listdir("/proc/self/fd")) <= files
        assert ear.scans.empty()
    port.unplug()


def test_case_11_a_second_program_and_a_megabyte_of_garbage(port: Port, tmp_path: Path) -> None:
    port.plug()
    with Ear(open_scanner(str(tmp_path / "usb-scanner"))) as ear:
        assert ear.stands() == UP
        with Ear(open_scanner(str(tmp_path / "usb-scanner"))) as second:
            assert second.stands() == (DeviceState.DOWN, DownReason.BUSY)
        port.send(os.urandom(1 << 20).translate(None, b"\r\n\t\x02\x03") + f"\r{CODE}\r".encode())
        assert ear.scans.get(timeout=30).fault is Fault.TOO_LONG
        assert ear.heard() == CODE
    port.unplug()
