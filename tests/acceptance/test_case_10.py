"""Case 10: GS1 with GS, down a serial line and typed as Ctrl+], and with GS lost.

Lot and serial are parted; the message that lost its separator is refused with a reason, not guessed.
"""

from pathlib import Path

import pytest

from drivers import open_scanner
from posapp.domain.codes import Kind, Scan, Source, Unreadable, read
from posapp.domain.pickup import Verdict
from posapp.domain.profiles import DeviceProfile
from tests.acceptance.till import CTRL, Till
from tests.drivers.ears import UP, Ear
from tests.drivers.test_serial import Port
from tests.kit.counter import open_counter
from tests.x11 import ENTER, missing_programs

BEFORE, AFTER = "010400638133393110AB-123", "21XYZ"
WHOLE = f"{BEFORE}\x1d{AFTER}"
LOST = BEFORE + AFTER
BRACKET = 27


def parted(scan: Scan) -> None:
    reading = read(scan)
    assert (reading.kind, reading.value) == (Kind.GTIN, "04006381333931")
    assert reading.elements is not None
    assert (reading.elements.lot, reading.elements.serial) == ("AB-123", "XYZ")


def refused(scan: Scan) -> None:
    reading = read(scan)
    assert (reading.kind, reading.reason) == (Kind.UNREADABLE, Unreadable.SEPARATORS_LOST)
    assert reading.elements is None


@pytest.mark.parametrize("aim", ["", "]C1", "]d2"])
@pytest.mark.parametrize("stand_in", ["\x1d", "|"])
def test_case_10_down_a_serial_line(tmp_path: Path, aim: str, stand_in: str) -> None:
    port = Port(tmp_path / "usb-scanner")
    port.plug()
    with Ear(open_scanner(str(tmp_path / "usb-scanner"), profile=DeviceProfile(gs=stand_in))) as ear:
        assert ear.stands() == UP
        port.send(f"{aim}{WHOLE.replace(chr(29), stand_in)}\r{LOST}\r".encode())
        parted(ear.scans.get(timeout=10))
        refused(ear.scans.get(timeout=10))
    port.unplug()


def test_case_10_the_clerk_is_told_what_is_wrong(tmp_path: Path) -> None:
    port = Port(tmp_path / "usb-scanner")
    port.plug()
    with open_counter(tmp_path) as counter, Ear(open_scanner(str(tmp_path / "usb-scanner"))) as ear:
        assert ear.stands() == UP
        port.send(f"{WHOLE}\r{LOST}\r".encode())
        results = [counter.desk.scanning.scan(ear.scans.get(timeout=10)) for _ in range(2)]
        verdicts = [result.verdict for result in results if result is not None]
        assert verdicts == [Verdict.NOT_AN_ORDER, Verdict.UNREADABLE]
    port.unplug()


@pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {missing_programs()}")
@pytest.mark.parametrize("layout", ["de", "fr"])
def test_case_10_typed_as_ctrl_and_bracket(layout: str) -> None:
    with Till(layout) as till:
        till.type_code(BEFORE, delay_ms=3, end="")
        till.key(CTRL, down=True)
        till.tap(BRACKET, after_ms=3)
        till.key(CTRL, down=False)
        till.type_code(AFTER, delay_ms=3, end="")
        till.tap(ENTER, after_ms=3)
        state = till.state()
        assert (state["scans"], state["text"], state["acts"]) == ([WHOLE], "", [])
        parted(Scan.of("wedge", Source.WEDGE, state["scans"], at_ms=0))
        till.focus("field")
        till.type_code(LOST, delay_ms=3)
        state = till.state()
        assert (state["scans"], state["text"], state["acts"]) == ([LOST], "", [])
        refused(Scan.of("wedge", Source.WEDGE, state["scans"], at_ms=0))
