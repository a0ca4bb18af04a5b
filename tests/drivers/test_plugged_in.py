"""What is plugged in, and what is an address of a device and what is not."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.plugged_in import choices, fits
from posapp.domain.devices import Choice, Device


@dataclass
class Port:
    device: str
    description: str
    vid: int | None = None
    pid: int | None = None


@pytest.mark.parametrize(
    ("device", "address"),
    [
        (Device.PRINTER, "tcp://192.168.1.40:9100?columns=42"),
        (Device.PRINTER, "tcp://bondrucker.local"),
        (Device.PRINTER, "tcp://[fe80::1]:9100"),
        (Device.PRINTER, "serial:/dev/ttyUSB0?baud=19200&flow=rtscts"),
        (Device.PRINTER, "usb:04b8:0e15"),
        (Device.PRINTER, "system:Bon"),
        (Device.LABELS, "tcp://10.0.0.2?kind=brother&roll=62"),
        (Device.DISPLAY, "/dev/ttyS0?dialect=cd5220"),
        (Device.TERMINAL, "tcp://10.0.0.3"),
        (Device.SCANNERS, "/dev/serial/by-id/a, evdev:/dev/input/by-id/b-event-kbd,camera:"),
    ],
)
def test_addresses(device: Device, address: str) -> None:
    assert fits(device, address)


@pytest.mark.parametrize(
    ("device", "address"),
    [
        (Device.PRINTER, "192.168.1.40"),
        (Device.PRINTER, "tcp://192.168.1.40:91OO"),
        (Device.PRINTER, "tcp://192.168.1.40:99999"),
        (Device.PRINTER, "tcp://fe80::1:9100"),
        (Device.PRINTER, "tcp://my printer"),
        (Device.PRINTER, "tcp://"),
        (Device.PRINTER, "tcp://host?columns=wide"),
        (Device.PRINTER, "tcp://host?status=perhaps"),
        (Device.PRINTER, "serial:/dev/ttyUSB0?baud=fast"),
        (Device.PRINTER, "serial:/dev/ttyUSB0?flow=water"),
        (Device.PRINTER, "usb:epson"),
        (Device.LABELS, "tcp://host?kind=laser"),
        (Device.LABELS, "tcp://host?kind=brother&roll=63"),
        (Device.DISPLAY, "serial:/dev/ttyS0?dialect=klingon"),
        (Device.TERMINAL, "serial:/dev/ttyS0"),
        (Device.TERMINAL, "tcp://host?currency=XYZ"),
        (Device.SCANNERS, "/dev/ttyACM0, scanner"),
    ],
)
def test_what_is_none(device: Device, address: str) -> None:
    assert not fits(device, address)


def test_what_is_plugged_in(tmp_path: Path) -> None:
    links = tmp_path / "by-id"
    links.mkdir()
    tty = tmp_path / "ttyUSB0"
    tty.touch()
    (links / "usb-FTDI_Cable-if00").symlink_to(tty)
    ports = [Port(str(tty), "FTDI Cable", 0x0403, 0x6001), Port("/dev/ttyACM0", "Honeywell 1470g", 0x0C2E, 1)]
    found = choices(
        ports,
        serial_links=links,
        input_links=tmp_path / "none",
        usb=[(0x04B8, 0x0E15, "EPSON TM-T20II"), (0x04F9, 0x2042, "Brother QL-700")],
        queues=["Bon", "Zebra_GK420d"],
    )
    cable = f"serial:{links}/usb-FTDI_Cable-if00"
    assert found == (
        Choice(Device.SCANNERS, "/dev/ttyACM0", "Honeywell 1470g"),
        Choice(Device.SCANNERS, f"{links}/usb-FTDI_Cable-if00", "FTDI Cable"),
        Choice(Device.PRINTER, cable, "FTDI Cable"),
        Choice(Device.LABELS, cable, "FTDI Cable"),
        Choice(Device.DISPLAY, cable, "FTDI Cable"),
        Choice(Device.PRINTER, "usb:04b8:0e15", "EPSON TM-T20II"),
        Choice(Device.LABELS, "usb:04b8:0e15?kind=escpos", "EPSON TM-T20II"),
        Choice(Device.LABELS, "usb:04f9:2042?kind=brother", "Brother QL-700"),
        Choice(Device.PRINTER, "system:Bon", "Bon"),
        Choice(Device.LABELS, "system:Bon?kind=escpos", "Bon"),
        Choice(Device.LABELS, "system:Zebra_GK420d?kind=zpl", "Zebra_GK420d"),
    )
    assert all(fits(one.device, one.address) for one in found)


def test_the_systems_own_print_queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lpstat"
    program.write_text('#!/bin/sh\n[ "$1" = -e ] && printf "Bon\\nEtiketten\\n"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = choices([], serial_links=tmp_path, input_links=tmp_path, usb=[])
    assert [one.address for one in found if one.device is Device.PRINTER] == [
        "system:Bon",
        "system:Etiketten",
    ]
    program.write_text("#!/bin/sh\nexit 1\n")
    assert choices([], serial_links=tmp_path, input_links=tmp_path, usb=[]) == ()
