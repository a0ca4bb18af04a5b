"""The scenes of the page of the devices: what is plugged in, what a check found, and a long wrong address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posapp.domain.devices import Check, Checked, Choice, Device
from ui.bridge import DeviceState
from ui.screens.devices import DevicesScreen

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

CABLE = "serial:/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
SCANNER = "/dev/serial/by-id/usb-Honeywell_Scanner_12345678-if00"


def device_scenes() -> Iterator[tuple[str, Scene]]:
    """From an empty till to one where everything is told."""
    yield "devices", lambda s: s.window.go("devices")
    yield "devices_found", _found
    yield "devices_wrong", _wrong
    yield "devices_below", _below


def _screen(stage: Stage) -> DevicesScreen:
    screen = stage.window.front
    assert isinstance(screen, DevicesScreen)
    return screen


def _found(stage: Stage) -> None:
    choices = [
        Choice(one, CABLE, "FT232R USB UART") for one in (Device.PRINTER, Device.LABELS, Device.DISPLAY)
    ]
    choices += [
        Choice(Device.PRINTER, "usb:04b8:0e15", "EPSON TM-T20II"),
        Choice(Device.PRINTER, "system:Bondrucker", "Bondrucker"),
        Choice(
            Device.LABELS,
            "usb:04f9:2042?kind=brother",
            "Brother Industries, Ltd QL-700 Label Printer P-touch",
        ),
        Choice(Device.SCANNERS, SCANNER, "Honeywell 1470g"),
    ]
    stage.bridge.devices_found.emit(tuple(choices))


def _tell(stage: Stage, device: Device, address: str, check: Check, reason: str = "") -> None:
    _screen(stage).rows[device].field.setText(address)
    stage.bridge.device_checked.emit(Checked(device, address, check, reason))


def _wrong(stage: Stage) -> None:
    _tell(stage, Device.PRINTER, "192.168.1.40", Check.WRONG)
    _tell(stage, Device.LABELS, "tcp://192.168.1.41?kind=zpl", Check.FAILED, "printer-paper-out")
    _tell(stage, Device.DISPLAY, CABLE, Check.SENT)


def _below(stage: Stage) -> None:
    """The lower end of the page, as the keyboard brings it into view."""
    screen = _screen(stage)
    _tell(stage, Device.TERMINAL, "tcp://192.168.1.50:20007", Check.WORKS)
    _tell(stage, Device.SCANNERS, SCANNER, Check.FITS)
    _tell(stage, Device.SCANNERS, f"{SCANNER}, scanner", Check.WRONG)
    stage.bridge.device_changed.emit(DeviceState(SCANNER, "down", "modem_manager"))
    screen.rows[Device.SCANNERS].field.setFocus()
    screen.show_whole(Device.SCANNERS)
