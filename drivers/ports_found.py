"""Which scanners seem to be plugged in, under names that stay the same from one day to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

# USB vendor numbers of makers of scanners, from public code and the USB id list.
MAKERS = {
    0x0C2E: "Honeywell",
    0x0536: "Honeywell",
    0x067E: "Honeywell",
    0x05E0: "Zebra",
    0x05F9: "Datalogic",
    0x1EAB: "Newland",
    0x1FBB: "Cino",
    0x065A: "Opticon",
    0x0488: "Netum",
}
# Chips that any device may have, a scale or a modem too.
GENERIC = {0x1A86: "WCH", 0x10C4: "CP210x", 0x067B: "Prolific", 0x0403: "FTDI"}
_SERIAL = Path("/dev/serial/by-id")
_INPUT = Path("/dev/input/by-id")


class PortInfo(Protocol):
    """What is used of pyserial's list of ports."""

    device: str
    description: str
    vid: int | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A device that may be a scanner: `url` for `drivers.open_scanner`, and what it calls itself.

    Only one whose maker makes scanners is `sure`; all others wait for a person to choose them.
    """

    url: str
    title: str
    maker: str
    sure: bool


def ports_found(
    ports: Iterable[PortInfo] | None = None, serial_links: Path = _SERIAL, input_links: Path = _INPUT
) -> tuple[Found, ...]:
    """Serial ports and keyboards that could be scanners, sure ones first. Opens nothing."""
    if ports is None:
        from serial.tools.list_ports import comports

        ports = comports()
    stable = stable_names(serial_links)
    found = []
    for port in ports:
        maker = MAKERS.get(port.vid or 0, "")
        url = stable.get(str(Path(port.device).resolve()), port.device)
        found.append(Found(url, port.description, maker or GENERIC.get(port.vid or 0, ""), bool(maker)))
    for link in sorted(input_links.glob("*-event-kbd")) if input_links.is_dir() else ():
        maker = next((maker for maker in set(MAKERS.values()) if maker.lower() in link.name.lower()), "")
        found.append(Found(f"evdev:{link}", link.name.removesuffix("-event-kbd"), maker, bool(maker)))
    return tuple(sorted(found, key=lambda device: (not device.sure, device.url)))


def stable_names(links: Path) -> dict[str, str]:
    """Ports by the device that they are today, under the names they always have."""
    if not links.is_dir():
        return {}
    return {str(link.resolve()): str(link) for link in sorted(links.iterdir())}
