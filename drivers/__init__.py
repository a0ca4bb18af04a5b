"""The devices on the counter, real and virtual, behind the protocols of the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posapp.ports import Scanner


def open_scanner(url: str, baud: int = 9600) -> Scanner:
    """The scanner at a URL, not yet started; `baud` counts on a real serial line only.

    ``/dev/...`` or ``COM3`` (with ``serial:`` in front if liked), ``loop://`` and ``socket://host:port``
    are serial, ``virtual:name`` is one without hardware. Raises ValueError for anything else.
    """
    if url.startswith("virtual:"):
        from drivers.virtual import VirtualScanner

        return VirtualScanner(url)
    from drivers.serial_scanner import SerialScanner

    port = url.removeprefix("serial:")
    scheme, separator, _ = port.partition("://")
    if (separator and scheme in ("loop", "socket")) or port.startswith("/") or port.upper().startswith("COM"):
        return SerialScanner(port, baud)
    raise ValueError(f"not a scanner's address: {url!r}")
