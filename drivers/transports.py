"""The ways to a printer: network, serial line, USB, the system's own print queue. They only send and read.

An address is a URL with options: ``tcp://192.168.1.40:9100?columns=42``. Ways: ``tcp://host[:port]``;
``serial:/dev/serial/by-id/...`` or a bare ``/dev/...`` or ``COM3`` (options ``baud``, 38400 if left, and
``flow``: ``rtscts``, ``dsrdtr`` or ``xonxoff``); ``usb:04b8:0e15``; ``system:Name``, which never answers.

python-escpos has transports of its own. Of those, USB and the Windows spooler are used; its network one
waits up to 60 s for an answer, its serial one for 16 bytes where a status has one, and its print queue
does not tell that the queue refused the job.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

CONNECT_S = 2.0
SEND_S = 5.0
PORT = 9100
_SERIAL_ERRORS = (OSError, TypeError, ValueError)


class Transport(Protocol):
    """An open way to a printer. Every method raises OSError once the way is gone."""

    answers: bool
    """Whether anything can ever be read."""

    def send(self, data: bytes) -> None:
        """Send all; TimeoutError where the printer takes no more for `SEND_S`."""
        ...

    def read(self, seconds: float) -> bytes:
        """What came, at least one byte; empty after so many seconds without any."""
        ...

    def close(self) -> None:
        """Let go. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart."""

    way: str
    place: str
    options: dict[str, str]

    def number(self, name: str, default: int) -> int:
        """An option that is a number. Raises ValueError for one that is none."""
        return int(self.options.get(name, default))


def parse(url: str) -> Address:
    """Take an address apart. Raises ValueError for one that names no known way."""
    whole, _, query = url.partition("?")
    options = dict(parse_qsl(query, strict_parsing=bool(query)))
    if whole.startswith("/") or whole.upper().startswith("COM"):
        whole = f"serial:{whole}"
    way, _, place = whole.partition(":")
    if way in ("tcp", "socket"):
        way, place = "tcp", place.removeprefix("//").rstrip("/")
    if way not in ("tcp", "serial", "usb", "system") or not place:
        raise ValueError(f"not a printer's address: {url!r}")
    if way == "tcp" and not _is_place(place):
        raise ValueError(f"not a host with a port: {url!r}")
    if way == "serial" and not (
        options.get("baud", "1").isdigit() and options.get("flow", "") in ("", "rtscts", "dsrdtr", "xonxoff")
    ):
        raise ValueError(f"unknown option of a serial line: {url!r}")
    if way == "usb" and len(_usb_ids(place)) != 2:
        raise ValueError(f"not a USB device, vendor:product in hexadecimal: {url!r}")
    return Address(way, place, options)


def connect(address: Address) -> Transport:
    """Open the way. Raises OSError where that does not work within `CONNECT_S`."""
    if address.way == "tcp":
        return _Tcp(address.place)
    if address.way == "serial":
        return _Serial(address)
    if address.way == "usb":
        return _Usb(address.place)
    return _Queue(address.place)


class _Tcp:
    answers = True

    def __init__(self, place: str) -> None:
        host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
        self._socket = socket.create_connection((host.strip("[]"), int(port or PORT)), CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        self._socket.settimeout(SEND_S)
        self._socket.sendall(data)

    def read(self, seconds: float) -> bytes:
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(1024)
        except TimeoutError:
            return b""
        if not data:
            raise ConnectionResetError("the printer closed the connection")
        return data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()


class _Serial:
    answers = True

    def __init__(self, address: Address) -> None:
        import serial

        flow = address.options.get("flow", "")
        with _as_os_error():
            self._port: Any = serial.serial_for_url(
                address.place,
                baudrate=address.number("baud", 38400),
                timeout=0,
                write_timeout=SEND_S,
                exclusive=True,
                rtscts=flow == "rtscts",
                dsrdtr=flow == "dsrdtr",
                xonxoff=flow == "xonxoff",
            )

    def send(self, data: bytes) -> None:
        with _as_os_error():
            self._port.write(data)

    def read(self, seconds: float) -> bytes:
        with _as_os_error():
            self._port.timeout = seconds
            data: bytes = self._port.read(1)
            return data + self._port.read(self._port.in_waiting) if data else b""

    def close(self) -> None:
        with contextlib.suppress(*_SERIAL_ERRORS):
            self._port.close()


class _Usb:
    """By python-escpos and pyusb, which is an extra: ``pip install 'posapp[usb]'``. Not tried on a device."""

    answers = True

    def __init__(self, place: str) -> None:
        try:
            from escpos.printer import Usb

            vendor, product = _usb_ids(place)
            self._printer: Any = Usb(vendor, product, timeout=int(SEND_S * 1000))
            self._printer.open()
        except Exception as error:
            # python-escpos and pyusb have errors of their own, none of them an OSError.
            raise OSError(f"no USB printer {place}: {error}") from error

    def send(self, data: bytes) -> None:
        with _as_os_error():
            self._printer._raw(data)

    def read(self, seconds: float) -> bytes:
        try:
            return bytes(self._printer.device.read(self._printer.in_ep, 64, max(1, int(seconds * 1000))))
        except Exception as error:
            if "timed out" in str(error).lower() or "timeout" in str(error).lower():
                return b""
            raise OSError(str(error)) from error

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._printer.close()


class _Queue:
    """The system's print queue: the job is handed on when this is closed, or before by `send`."""

    answers = False

    def __init__(self, name: str) -> None:
        if sys.platform != "win32" and shutil.which("lp") is None:
            raise FileNotFoundError("there is no lp on this machine")
        self._name = name

    def send(self, data: bytes) -> None:
        if sys.platform == "win32":
            self._spool(data)
            return
        command = ["lp", "-d", self._name, "-t", "posapp", "-o", "raw"]
        try:
            done = subprocess.run(command, input=data, capture_output=True, timeout=SEND_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError("lp did not take the job") from error
        if done.returncode:
            raise ConnectionRefusedError(done.stderr.decode(errors="replace").strip() or "lp refused the job")

    def _spool(self, data: bytes) -> None:
        """By python-escpos and pywin32. Not tried: there was no Windows."""
        try:
            from escpos.printer import Win32Raw

            printer: Any = Win32Raw(self._name)
            printer.open(job_name="posapp")
            printer._raw(data)
            printer.close()
        except Exception as error:
            raise OSError(f"no printer {self._name}: {error}") from error

    def read(self, seconds: float) -> bytes:
        return b""

    def close(self) -> None:
        return


@contextlib.contextmanager
def _as_os_error() -> Any:
    """What a port throws that was pulled out in the middle of a call is not always an OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if "timeout" in type(error).__name__.lower():
            raise TimeoutError(str(error)) from error
        raise OSError(str(error)) from error


def _is_place(place: str) -> bool:
    """A name or number, perhaps with a port; one of IPv6 stands in square brackets."""
    host, _, port = place.rpartition(":") if place.count(":") == 1 or "]:" in place else (place, "", "1")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host.replace(":", " ")
    usable = bool(bare) and not set(bare) & set(" /\\@?#[]")
    return usable and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16


def _usb_ids(place: str) -> list[int]:
    try:
        return [int(part, 16) for part in place.split(":")]
    except ValueError:
        return []
