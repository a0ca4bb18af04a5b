"""The devices on the counter, real and virtual, behind the protocols of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posapp.domain.profiles import DeviceProfile
    from posapp.ports import Scanner


def open_scanner(url: str, baud: int = 9600, profile: DeviceProfile | None = None) -> Scanner:
    """The scanner at a URL, not yet started; `baud` counts on a real serial line only.

    ``wedge:`` stands for all scanners that type into the window, which reads them itself;
    ``/dev/...`` or ``COM3`` (with ``serial:`` in front if liked), ``loop://`` and ``socket://host:port``
    are serial; ``x11:NAME`` and ``evdev:/dev/input/by-id/...`` are keyboards taken for ourselves;
    ``camera:`` reads the frames it is given;
    ``hidpos:VID:PID[:SERIAL]`` is HID POS; ``virtual:name`` is one without hardware. Raises ValueError
    for anything else.
    """
    if url == "wedge:":
        from drivers.virtual import WindowScanner

        return WindowScanner()
    if url == "camera:":
        from drivers.camera import CameraScanner

        return CameraScanner()
    if url.startswith("virtual:"):
        from drivers.virtual import VirtualScanner

        return VirtualScanner(url)
    if url.startswith("x11:") and url != "x11:":
        from drivers.x11_scanner import X11Scanner

        return X11Scanner(url, profile)
    if url.startswith("evdev:/"):
        from drivers.evdev_scanner import EvdevScanner

        return EvdevScanner(url, profile)
    if url.startswith("hidpos:"):
        from drivers.hidpos import HidPosScanner, numbers

        try:
            numbers(url)
        except ValueError:
            raise ValueError(f"not a scanner's address: {url!r}") from None
        return HidPosScanner(url, profile)
    from drivers.serial_scanner import SerialScanner

    port = url.removeprefix("serial:")
    scheme, separator, _ = port.partition("://")
    if (separator and scheme in ("loop", "socket")) or port.startswith("/") or port.upper().startswith("COM"):
        return SerialScanner(port, baud, profile)
    raise ValueError(f"not a scanner's address: {url!r}")
