"""What is plugged in that may serve as printer, display or scanner, and whether an address is one at all.

Nothing is opened. May take a second or two, for the system's print queues are asked: not for the thread
of a window.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from drivers import open_scanner
from drivers.ports_found import MAKERS, PortInfo, ports_found, stable_names
from posapp.domain.devices import Choice, Device

log = logging.getLogger(__name__)

_QUEUES_S = 2.0
_PRINTER_CLASS = 7
"""USB's device class of printers."""


def fits(device: Device, address: str) -> bool:
    """Whether this can be the address of such a device; of several scanners, by commas, each."""
    if device is Device.SCANNERS:
        makers = [(open_scanner, part.strip()) for part in address.split(",") if part.strip()]
    else:
        makers = [(_opener(device), address)]
    try:
        for make, one in makers:
            make(one)
    except ValueError as error:
        log.info("%s: %s", device, error)
        return False
    return True


def _opener(device: Device) -> Any:
    if device is Device.PRINTER:
        from drivers.receipt_printer import EscPosPrinter

        return EscPosPrinter
    if device is Device.LABELS:
        from drivers.label_printer import open_label_printer

        return open_label_printer
    if device is Device.DISPLAY:
        from drivers.display import LineDisplay

        return LineDisplay
    from drivers.terminal import ZvtTerminal

    return ZvtTerminal


def choices(
    ports: Sequence[PortInfo] | None = None,
    serial_links: Path = Path("/dev/serial/by-id"),
    input_links: Path = Path("/dev/input/by-id"),
    usb: Iterable[tuple[int, int, str]] | None = None,
    queues: Iterable[str] | None = None,
) -> tuple[Choice, ...]:
    """Everything that may be chosen; what the system does not tell is left out."""
    if ports is None:
        from serial.tools.list_ports import comports

        ports = comports()
    found = [
        Choice(Device.SCANNERS, one.url, one.title) for one in ports_found(ports, serial_links, input_links)
    ]
    stable = stable_names(serial_links)
    for port in ports:
        # A scanner's maker makes no printers; any other chip may be in anything.
        if (port.vid or 0) not in MAKERS:
            address = f"serial:{stable.get(str(Path(port.device).resolve()), port.device)}"
            found += [
                Choice(device, address, port.description)
                for device in (Device.PRINTER, Device.LABELS, Device.DISPLAY)
            ]
    for vendor, product, title in _usb_printers() if usb is None else usb:
        found += _printers(f"usb:{vendor:04x}:{product:04x}", title)
    for queue in _queues() if queues is None else queues:
        found += _printers(f"system:{queue}", queue)
    return tuple(found)


def _printers(address: str, title: str) -> tuple[Choice, ...]:
    """A printer for slips and for labels; makers of label printers are known by name."""
    name = title.lower()
    if "brother" in name or "ql-" in name:
        return (Choice(Device.LABELS, f"{address}?kind=brother", title),)
    if "zebra" in name or "zpl" in name or "ztc" in name:
        return (Choice(Device.LABELS, f"{address}?kind=zpl", title),)
    return Choice(Device.PRINTER, address, title), Choice(Device.LABELS, f"{address}?kind=escpos", title)


def _usb_printers() -> list[tuple[int, int, str]]:
    """Vendor, product and name of USB printers, by pyusb, which is an extra. Not tried on a device."""
    try:
        core: Any = import_module("usb.core")
    except ImportError:
        return []
    found = []
    try:
        for device in core.find(find_all=True) or ():
            interfaces = [one for config in device for one in config]
            if any(one.bInterfaceClass == _PRINTER_CLASS for one in interfaces):
                found.append((device.idVendor, device.idProduct, _usb_name(device)))
    except Exception as error:
        # pyusb has errors of its own, and one for each of its backends.
        log.info("USB cannot be looked through: %s", error)
    return found


def _usb_name(device: Any) -> str:
    try:
        names = [name for name in (device.manufacturer, device.product) if name]
    except Exception:
        names = []  # reading its name takes the right to open it
    return " ".join(names) or f"USB {device.idVendor:04x}:{device.idProduct:04x}"


def _queues() -> list[str]:
    if sys.platform == "win32":
        return _windows_queues()
    if shutil.which("lpstat") is None:
        return []
    try:
        told = subprocess.run(
            ["lpstat", "-e"], capture_output=True, text=True, timeout=_QUEUES_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        log.info("the print queues are not told: %s", error)
        return []
    return told.split()


def _windows_queues() -> list[str]:
    """By pywin32. Not tried: there was no Windows."""
    try:
        win32print: Any = import_module("win32print")
    except ImportError:
        return []
    local_and_connected = 2 | 4
    return [str(one[2]) for one in win32print.EnumPrinters(local_and_connected)]
