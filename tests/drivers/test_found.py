"""What is plugged in and who holds it; and what a scanner is told."""

import os
import queue
import subprocess
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers import open_scanner
from drivers.feedback import message, ssi
from drivers.holders import holder
from drivers.ports_found import Found, ports_found
from drivers.serial_scanner import SerialScanner
from posapp.domain.profiles import DeviceProfile, Dialect
from posapp.ports import DeviceState, DownReason, Signal
from resources import path as resource
from tests.drivers.ears import UP, Ear
from tests.waiting import until


@dataclass
class Port:
    device: str
    description: str
    vid: int | None = None
    pid: int | None = None


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_ports_have_stable_names_and_only_known_makers_are_sure(tmp_path: Path) -> None:
    devices, serial, typed = (tmp_path / name for name in ("dev", "serial", "input"))
    for folder in (devices, serial, typed):
        folder.mkdir()
    for name in ("ttyACM0", "ttyUSB0", "event3"):
        (devices / name).touch()
    (serial / "usb-Honeywell_1900").symlink_to(devices / "ttyACM0")
    (typed / "usb-Datalogic_ADC-event-kbd").symlink_to(devices / "event3")
    (typed / "usb-Mouse-event-mouse").symlink_to(devices / "event3")
    ports = [
        Port(str(devices / "ttyUSB0"), "USB Serial", 0x1A86),
        Port(str(devices / "ttyACM0"), "Xenon", 0x0C2E),
        Port("/dev/ttyS0", "n/a"),
    ]
    assert ports_found(ports, serial, typed) == (
        Found(str(serial / "usb-Honeywell_1900"), "Xenon", "Honeywell", True),
        Found(f"evdev:{typed}/usb-Datalogic_ADC-event-kbd", "usb-Datalogic_ADC", "Datalogic", True),
        Found("/dev/ttyS0", "n/a", "", False),
        Found(str(devices / "ttyUSB0"), "USB Serial", "WCH", False),
    )
    assert ports_found([], tmp_path / "none", tmp_path / "none") == ()
    assert isinstance(ports_found(), tuple)


@pytest.mark.parametrize(
    ("name", "reason"), [("ModemManager", DownReason.MODEM_MANAGER), ("brltty", DownReason.BRLTTY)]
)
def test_a_service_that_holds_the_port_is_named(
    tmp_path: Path, line: tuple[int, str], name: str, reason: DownReason
) -> None:
    service = tmp_path / name
    service.write_text('#!/bin/sh\nread _ < "$1"\n')
    service.chmod(0o755)
    with subprocess.Popen([str(service), line[1]]) as process:
        until(lambda: holder(line[1]) is reason)
        # A lock as another program has it: the port is busy, and now it is known through whom.
        first = SerialScanner(line[1])
        second = SerialScanner(line[1])
        with Ear(first) as holding:
            assert holding.stands() == UP
            with Ear(second) as ear:
                assert ear.stands() == (DeviceState.DOWN, reason)
        process.kill()
    assert holder(line[1]) is None
    assert holder("COM3") is None


@pytest.mark.parametrize("dialect", [dialect for dialect in Dialect if dialect])
@pytest.mark.parametrize("signal", list(Signal))
def test_a_signal_goes_down_the_line_byte_for_byte(
    line: tuple[int, str], dialect: Dialect, signal: Signal
) -> None:
    with Ear(open_scanner(line[1], profile=DeviceProfile(device=line[1], dialect=dialect))) as ear:
        assert ear.stands() == UP
        ear.scanner.signal(signal)
        wanted = message(dialect, signal)
        got = b""
        while len(got) < len(wanted):
            got += os.read(line[0], 64)
        assert got == wanted


def test_a_scanner_without_dialect_or_port_is_never_written_to(line: tuple[int, str]) -> None:
    with Ear(open_scanner(line[1])) as ear:
        assert ear.stands() == UP
        ear.scanner.signal(Signal.GOOD)
        os.write(line[0], b"next\r")
        assert ear.heard() == "next"
    os.set_blocking(line[0], False)
    with pytest.raises(BlockingIOError):
        os.read(line[0], 1)
    ear.scanner.signal(Signal.BAD)


def test_the_messages_of_the_manuals() -> None:
    assert ssi(0xE6, 0) == bytes.fromhex("05e6040000ff11")
    assert ssi(0xE6, 5)[-2:].hex() == "ff0c"
    assert ssi(0xD0) == bytes.fromhex("04d00400ff28")
    assert ssi(0xEA) == bytes.fromhex("04ea0400ff0e")
    assert message(Dialect.HONEYWELL, Signal.GOOD) == b"\x1b7,"
    assert message(Dialect.NONE, Signal.GOOD) == b""


def test_two_scanners_at_once(line: tuple[int, str]) -> None:
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    heard: queue.Queue[tuple[str, str]] = queue.Queue()
    both = [open_scanner(line[1]), open_scanner(os.ttyname(theirs))]
    ready: queue.Queue[object] = queue.Queue()
    for scanner in both:
        scanner.start(lambda scan: heard.put((scan.device, scan.text)), ready.put)
        ready.get(timeout=10)
    wanted = set()
    for number in range(50):
        for end, scanner in zip((line[0], ours), both, strict=True):
            os.write(end, b"%d\r" % number)
            wanted.add((scanner.name, str(number)))
    assert {heard.get(timeout=10) for _ in range(100)} == wanted
    for scanner in both:
        scanner.stop()
    os.close(ours)
    os.close(theirs)


def test_scanners_that_type_have_an_address_too() -> None:
    scanner = open_scanner("wedge:")
    ear = Ear(scanner)
    ear.start()
    assert ear.stands() == UP
    with pytest.raises(RuntimeError, match="already started"):
        ear.start()
    scanner.signal(Signal.GOOD)
    scanner.stop()
    assert (scanner.name, scanner.status.reason) == ("wedge:", DownReason.STOPPED)


def test_the_udev_rule_names_every_maker() -> None:
    from drivers.ports_found import GENERIC, MAKERS

    rule = resource("udev/70-posapp-scanners.rules").read_text("utf-8")
    matched = next(row for row in rule.splitlines() if row.startswith("ATTRS{idVendor}"))
    assert all(f"{vendor:04x}" in matched for vendor in MAKERS)
    assert not any(f"{vendor:04x}" in matched for vendor in GENERIC)
