"""The terminal: its own record of what it booked, kept over connections, and the places to break it.

Written from the protocol, not from the driver: it shares no line with what it tests.
"""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

YES = bytes.fromhex("800000")
TERMINAL = "68005523"
EURO = bytes.fromhex("490978")


class Cut(StrEnum):
    """Where the line breaks in a payment."""

    ORDER = "order"  # the order came; nothing was booked or said
    TAKEN = "taken"  # it said yes to the order; nothing was booked
    BOOKED = "booked"  # it booked; no word of it went out
    TORN = "torn"  # half of the result went out
    RESULT = "result"  # the result went out, its end did not


@dataclass(frozen=True)
class Booking:
    """What the terminal did: the amount in cents, its own numbers, and whether money was moved."""

    amount: int
    receipt: int
    trace: int
    at: datetime
    good: bool = True


class _Gone(Exception):
    """The line is cut, or the till hung up."""


@dataclass
class TerminalPeer:
    """Use as a context manager. ``orders`` are all messages of tills but the plain yes, in order.

    ``cut`` breaks the line in the next payment and pulls the plug (`plug` puts it back). ``code`` ends
    payments with an abort, ``result`` with a result of that number. ``hold`` keeps a payment waiting for
    its card until it is let go by `present` or given up by the till. ``mute``: an order is read and
    never answered. ``chunk`` sends so many bytes at a time; else a yes and what follows go out in one.
    """

    cut: Cut | None = None
    code: int | None = None
    result: int = 0
    hold: bool = False
    mute: str = ""
    busy: bool = False
    tells_last: bool = True
    approves: int | None = None
    chunk: int = 0
    steps: tuple[int, ...] = (0x0A, 0x01, 0x04)
    extra: bytes = b""
    clock: timedelta = timedelta(0)
    record: list[Booking] = field(default_factory=list)
    orders: list[bytes] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._port = 0
        self._server: socket.socket | None = None
        self._card = threading.Event()
        self._given_up = False
        self._numbers = (41, 122)
        self.waiting = False
        """Whether a payment has waited for its card; from there on the terminal goes on without a till."""

    def __enter__(self) -> "TerminalPeer":
        self.plug()
        return self

    def __exit__(self, *_failure: object) -> None:
        self.pull()
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it listens; the same after the plug was pulled."""
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def plugged(self) -> bool:
        """Whether it can be reached."""
        return self._server is not None

    def count(self, control: str) -> int:
        """How many orders of this kind came, over all connections: ``0601`` asks for money."""
        return sum(order.startswith(bytes.fromhex(control)) for order in self.orders)

    def plug(self) -> None:
        """Listen."""
        self._server = server = socket.create_server(("127.0.0.1", self._port))
        self._port = server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=[server], daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Break the line and refuse every other one."""
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()

    def present(self) -> None:
        """The customer shows a card."""
        self._card.set()

    # -- the wire -------------------------------------------------------------------------------------
    def _serve(self, server: socket.socket) -> None:
        while self._server is server:
            try:
                line, _ = server.accept()
            except OSError:
                return
            self.connections += 1
            with line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.suppress(_Gone, OSError):
                    while True:
                        self._obey(line, self._read(line))
                if self._server is not server:
                    # A reset, as from a cable that is no more: not a polite end.
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    def _read(self, line: socket.socket) -> bytes:
        head = self._exactly(line, 3)
        if head[2] == 0xFF:
            more = self._exactly(line, 2)
            return head + more + self._exactly(line, more[0] + 256 * more[1])
        return head + self._exactly(line, head[2])

    def _exactly(self, line: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not self._plugged_until(line):
                raise _Gone
            piece = line.recv(count - len(data))
            if not piece:
                raise _Gone
            data += piece
        return data

    def _plugged_until(self, line: socket.socket) -> bool:
        """True once something can be read; False where the plug was pulled before."""
        while self.plugged:
            if select.select([line], [], [], 0.02)[0]:
                return True
        return False

    def _send(self, line: socket.socket, data: bytes) -> None:
        if self.chunk:
            for at in range(0, len(data), self.chunk):
                line.sendall(data[at : at + self.chunk])
        else:
            line.sendall(data)

    def _say(self, line: socket.socket, message: bytes, before: bytes = b"") -> None:
        """Send a message and take the till's yes to it."""
        self._send(line, before + message)
        answer = self._read(line)
        while answer != YES:
            self.orders.append(answer)
            if answer[:2] != b"\x06\xb0":
                self.faults.append(f"{answer.hex()} instead of a yes to {message.hex()}")
                return
            self._given_up = True
            self._send(line, YES)
            answer = self._read(line)

    # -- what it does ---------------------------------------------------------------------------------
    def _obey(self, line: socket.socket, order: bytes) -> None:
        self.orders.append(order)
        kind = order[:2].hex()
        if kind == self.mute:
            self._read(line)
            return
        if self.busy:
            self._send(line, bytes.fromhex("849c00"))
        elif kind == "0600":
            told = bytes.fromhex("1900") + b"\x29" + bytes.fromhex(TERMINAL) + EURO
            self._say(line, _message("060f", told), YES)
        elif kind == "0620":
            self._last(line)
        elif kind == "0601":
            self._pay(line, int(order[4:10].hex()))
        elif kind == "06b0":
            self._send(line, YES)
        else:
            self._send(line, bytes.fromhex("848300"))

    def _last(self, line: socket.socket) -> None:
        if not self.record:
            self._say(line, _message("061e", b"\x9c"), YES)
        elif self.tells_last:
            self._say(line, _message("040f", self._told(self.record[-1])), YES)
            self._say(line, _message("060f"))
        else:
            self._say(line, _message("060f"), YES)

    def _pay(self, line: socket.socket, amount: int) -> None:
        cut, self.cut = self.cut, None
        self._given_up = False
        if cut is Cut.ORDER:
            self._break()
        yes = YES
        for step in self.steps:
            self._say(line, _message("04ff", bytes((step, 1))), yes)
            yes = b""
        if yes:
            self._send(line, yes)
        if cut is Cut.TAKEN:
            self._break()
        if self.hold and not self._waits(line):
            self._say(line, _message("061e", b"\x6c"))
            return
        if self.code is not None:
            self._say(line, _message("061e", bytes((self.code,))))
            return
        good = self.result == 0
        booking = self.book(amount if self.approves is None else self.approves, good=good)
        if cut is Cut.BOOKED:
            self._break()
        told = _message("040f", self._told(booking))
        if cut is Cut.TORN:
            self._send(line, told[: len(told) // 2])
            self._break()
        self._say(line, told)
        if cut is Cut.RESULT:
            self._break()
        self._say(line, _message("060f"))

    def book(self, amount: int, *, good: bool = True) -> Booking:
        """Do it: also by another till, or by hand at the terminal."""
        receipt, trace = self._numbers = (self._numbers[0] % 9999 + 1, self._numbers[1] % 999999 + 1)
        booking = Booking(amount, receipt, trace, datetime.now() + self.clock, good)
        self.record.append(booking)
        return booking

    def _waits(self, line: socket.socket) -> bool:
        """Whether a card came before the till gave up. A till that hangs up has not given up."""
        alone = False
        self.waiting = True
        while not self._card.wait(0.02):
            if self._given_up:
                return False
            if not self.plugged:
                raise _Gone
            if not alone and select.select([line], [], [], 0)[0]:
                try:
                    order = self._read(line)
                except (_Gone, OSError):
                    alone = True
                    continue
                self.orders.append(order)
                self._send(line, YES)
                self._given_up = order[:2] == b"\x06\xb0"
        return True

    def _break(self) -> None:
        self.pull()
        raise _Gone

    def _told(self, booking: Booking) -> bytes:
        result = 0 if booking.good else self.result or 0x6F
        return (
            bytes((0x27, result))
            + b"\x04" + bytes.fromhex(f"{booking.amount:012d}")
            + EURO
            + b"\x0b" + bytes.fromhex(f"{booking.trace:06d}")
            + b"\x0c" + bytes.fromhex(f"{booking.at:%H%M%S}")
            + b"\x0d" + bytes.fromhex(f"{booking.at:%m%d}")
            + b"\x87" + bytes.fromhex(f"{booking.receipt:04d}")
            + b"\x29" + bytes.fromhex(TERMINAL)
            + b"\x22\xf0\xf8" + bytes.fromhex("67eeeeeeeeee1234")
            + b"\x8b\xf0\xf8girocard"
            + b"\x06\x81\x04\x1f\x10\x01\x00"
            + self.extra
        )  # fmt: skip


def _message(control: str, data: bytes = b"") -> bytes:
    count = len(data)
    length = bytes((count,)) if count < 255 else b"\xff" + count.to_bytes(2, "little")
    return bytes.fromhex(control) + length + data


@contextlib.contextmanager
def terminal(**how: object) -> Iterator[TerminalPeer]:
    """A terminal with one payment of yesterday on its record."""
    with TerminalPeer(**how) as peer:  # type: ignore[arg-type]  # the fields by name
        peer.book(1250)
        peer.record[-1] = Booking(1250, *peer._numbers, datetime.now() - timedelta(days=1))
        yield peer
