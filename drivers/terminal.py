"""A card terminal over the network, by ZVT.

An address is ``tcp://host[:port]``, port 20007 if left out, with options: ``password`` (000000), ``config``
(the registration's byte in hexadecimal, 38: intermediate steps are told, the terminal prints its own
receipts and starts no payment by itself), ``currency`` (EUR).

Each call has a connection of its own, as terminals close idle ones after a second or two.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime

from drivers import transports, zvt
from posapp.domain.cards import (
    CardAnswer,
    CardReceipt,
    Ended,
    Step,
)
from posapp.domain.errors import Unavailable
from posapp.domain.money import Money

log = logging.getLogger(__name__)

PORT = 20007
CONNECT_S, ACK_S = 3.0, 5.0
ANSWER_S = 240.0
"""Silence after which nothing more is expected; each message begins it anew."""

_CURRENCIES = {"EUR": 978, "CHF": 756, "GBP": 826, "USD": 840}
_STEPS = {
    **dict.fromkeys((0x0A, 0x2A), Step.CARD),
    **dict.fromkeys((0x01, 0x02), Step.PIN),
    **dict.fromkeys((0x04, 0x0E, 0x17, 0xD2, 0xD3), Step.WAIT),
    **dict.fromkeys((0x0B, *range(0x41, 0x68)), Step.REMOVE),
}
_ABORTED = 0x6C
_DECLINED = 0x05


class _Refused(Exception):
    """The terminal said no to a command."""


class _Stopped(Exception):
    """Nobody waits for this any more."""


class ZvtTerminal:
    """Promises: `pay` sends the order to pay at most once, and calls its end known only by a result with
    its end, or by an abort; a line that breaks, silence and every contradiction are *unknown*. Raises
    ValueError for an address that is none.
    """

    def __init__(self, url: str, *, answer_s: float = ANSWER_S, ack_s: float = ACK_S) -> None:
        address = transports.parse(url)
        if address.way != "tcp":
            raise ValueError(f"a card terminal is reached by tcp://, not by {url!r}")
        host, _, port = address.place.rpartition(":")
        if not (host and port.isdigit()):
            host, port = address.place, str(PORT)
        self._place = (host.strip("[]"), int(port))
        self._currency = address.options.get("currency", "EUR")
        if self._currency not in _CURRENCIES:
            raise ValueError(f"not a currency of a card terminal: {self._currency!r}")
        self._password = zvt.to_bcd(int(address.options.get("password", "000000")), 3)
        self._config = int(address.options.get("config", "38"), 16).to_bytes(1, "big")
        self._answer_s, self._ack_s = answer_s, ack_s
        self._terminal = ""
        self._line: _Line | None = None
        self._cancelled = self._stopped = False

    @property
    def name(self) -> str:
        """Its own number where it told it, else its address."""
        return self._terminal or f"{self._place[0]}:{self._place[1]}"

    def last_receipt(self) -> CardReceipt | None:
        """See the port."""
        found: list[CardReceipt | None] = []

        def take(message: zvt.Message) -> None:
            if message.control == zvt.STATUS:
                found[:] = [self._receipt(message.data)]

        with self._as_unavailable(), self._registered() as line:
            end = line.command(zvt.Message(zvt.REPEAT_RECEIPT, self._password), take)
        usable = end.control == zvt.COMPLETION and found
        return found[-1] if usable else None

    def pay(self, amount: Money, on_step: Callable[[Step], object]) -> CardAnswer:
        """See the port."""
        try:
            return self._paid(amount, on_step)
        finally:
            self._cancelled = False

    def _paid(self, amount: Money, on_step: Callable[[Step], object]) -> CardAnswer:
        if amount.currency != self._currency:
            return CardAnswer(Ended.NOT_BOOKED, why="card-currency")
        results: list[CardReceipt | None] = []

        def take(message: zvt.Message) -> None:
            if message.control == zvt.STATUS:
                results.append(self._receipt(message.data))
            elif message.control == zvt.STEP and message.data:
                on_step(_STEPS.get(message.data[0], Step.LOOK))

        sent = False
        try:
            with self._registered() as line:
                if self._cancelled:
                    return CardAnswer(Ended.NOT_BOOKED, why="card-cancelled")
                sent = True
                end = line.command(self._order(amount), take, cancelled=lambda: self._cancelled)
        except (OSError, zvt.ZvtError, _Refused, _Stopped) as error:
            log.warning("the card payment broke off, %s: %s", "sent" if sent else "not sent", error)
            ended = Ended.UNKNOWN if sent else Ended.NOT_BOOKED
            return CardAnswer(ended, why="card-interrupted" if sent else "terminal-unreachable")
        return self._judged(amount, results, end)

    def _judged(self, amount: Money, results: list[CardReceipt | None], end: zvt.Message) -> CardAnswer:
        result = results[-1] if results else None
        log.info(
            "the card payment ended with %04x %s, %d results", end.control, end.data[:1].hex(), len(results)
        )
        if end.control == zvt.ABORT:
            if result is not None and result.good:
                return CardAnswer(Ended.UNKNOWN, result, "card-unclear")
            code = end.data[0] if end.data else 0
            why = {_ABORTED: "card-cancelled", _DECLINED: "card-declined"}.get(code, "card-failed")
            return CardAnswer(Ended.NOT_BOOKED, result, why)
        if result is None or result.good is None or (result.good and result.amount != amount):
            return CardAnswer(Ended.UNKNOWN, result, "card-unclear")
        if result.good:
            return CardAnswer(Ended.BOOKED, result)
        return CardAnswer(Ended.NOT_BOOKED, result, "card-declined")

    def cancel(self) -> None:
        """See the port."""
        self._cancelled = True
        self._ring()

    def stop(self) -> None:
        """See the port."""
        self._stopped = True
        self._ring()

    def _ring(self) -> None:
        line = self._line
        if line is not None:
            line.ring()

    def _order(self, amount: Money) -> zvt.Message:
        field = bytes((zvt.AMOUNT,)) + zvt.to_bcd(amount.minor, 6)
        return zvt.Message(zvt.AUTHORISE, field + bytes((zvt.CURRENCY,)) + self._currency_code())

    def _currency_code(self) -> bytes:
        return zvt.to_bcd(_CURRENCIES[self._currency], 2)

    @contextlib.contextmanager
    def _registered(self) -> Iterator[_Line]:
        """A connection on which the terminal knows this till. Raises OSError, ZvtError, _Refused, _Stopped."""
        with _Line(self._place, lambda: self._stopped, self._answer_s, self._ack_s) as line:
            self._line = line
            order = self._password + self._config + self._currency_code()
            end = line.command(zvt.Message(zvt.REGISTER, order), lambda message: None)
            if end.control != zvt.COMPLETION:
                raise _Refused(f"registration ended with {end.data[:1].hex()}")
            told = zvt.fields(end.data).get(zvt.TERMINAL, b"")
            self._terminal = told.hex() or self._terminal
            yield line

    @contextlib.contextmanager
    def _as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable("terminal-unreachable") from error
        except (zvt.ZvtError, _Refused, _Stopped) as error:
            log.warning("the card terminal cannot be asked: %s", error)
            raise Unavailable("terminal-busy") from error

    def _receipt(self, data: bytes) -> CardReceipt | None:
        """The receipt that a status tells; None where it has no number of its own."""
        try:
            told = zvt.fields(data)
            number = zvt.from_bcd(told[zvt.RECEIPT]) if zvt.RECEIPT in told else 0
            trace = zvt.from_bcd(told[zvt.TRACE]) if zvt.TRACE in told else 0
            amount = Money(zvt.from_bcd(told[zvt.AMOUNT]), self._currency) if zvt.AMOUNT in told else None
        except zvt.ZvtError as error:
            log.warning("a status of the card terminal cannot be read: %s", error)
            return None
        if told.get(zvt.CURRENCY, self._currency_code()) != self._currency_code():
            amount = None
        if not (number or trace):
            return None
        return CardReceipt(
            number=number,
            trace=trace,
            amount=amount,
            terminal=told.get(zvt.TERMINAL, b"").hex() or self._terminal,
            at=_moment(told),
            good=told[zvt.RESULT] == b"\0" if zvt.RESULT in told else None,
            card=told.get(zvt.CARD, b"").split(b"\0")[0].decode("latin-1").strip(),
        )


def _moment(told: dict[int, bytes]) -> datetime | None:
    """Day and time by the terminal's clock, in the year that is nearest; None where it tells none."""
    now = datetime.now().astimezone()
    text = told.get(zvt.DAY, b"").hex() + told.get(zvt.TIME, b"").hex()
    found = []
    for year in (now.year - 1, now.year, now.year + 1):
        with contextlib.suppress(ValueError):
            found.append(datetime.strptime(f"{year}{text}", "%Y%m%d%H%M%S").astimezone())
    return min(found, key=lambda at: abs(at - now), default=None)


class _Line:
    """One connection. Raises OSError where the line is gone or silent, _Stopped once nobody waits."""

    def __init__(
        self, place: tuple[str, int], stopped: Callable[[], bool], answer_s: float, ack_s: float
    ) -> None:
        self._stopped = stopped
        self._answer_s, self._ack_s = answer_s, ack_s
        self._decoder = zvt.Decoder()
        self._ready: deque[zvt.Message] = deque()
        self._socket = socket.create_connection(place, CONNECT_S)
        # The yes to each message would wait for the next one's: 88 ms each.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A byte wakes whoever waits for the terminal.
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_failure: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        for end in (self._socket, self._ear, self._mouth):
            end.close()

    def ring(self) -> None:
        """Wake whoever waits, from any thread; nothing where nobody does any more."""
        with contextlib.suppress(OSError):
            self._mouth.send(b".")

    def command(
        self,
        order: zvt.Message,
        on_message: Callable[[zvt.Message], object],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> zvt.Message:
        """Send an order; the message that ends it, once every message before was answered and handed on."""
        if self._stopped():
            raise _Stopped
        self._socket.settimeout(CONNECT_S)
        self._socket.sendall(order.to_bytes())
        taken = cancelling = False
        until = time.monotonic() + self._ack_s
        while True:
            if self._stopped():
                raise _Stopped
            if taken and cancelled() and not cancelling:
                cancelling = True
                self._socket.sendall(zvt.Message(zvt.CANCEL).to_bytes())
            message = self._next(until)
            if message is None:
                continue
            until = time.monotonic() + self._answer_s
            if message.control == zvt.ACK:
                taken = True
            elif message.control >> 8 == zvt.REFUSED:
                if not taken and not message.data:
                    raise _Refused(f"{message.control:04x}")
                log.info("passed over: %04x %s", message.control, message.data.hex())
            else:
                self._socket.sendall(zvt.Message(zvt.ACK).to_bytes())
                if message.control in (zvt.COMPLETION, zvt.ABORT):
                    return message
                until += _longer(message)
                on_message(message)

    def _next(self, until: float) -> zvt.Message | None:
        """The next message; None where somebody rang."""
        while not self._ready:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the card terminal is silent")
            readable, _, _ = select.select([self._socket, self._ear], [], [], left)
            if self._ear in readable:
                self._ear.recv(64)
                return None
            if readable:
                data = self._socket.recv(4096)
                if not data:
                    raise ConnectionResetError("the card terminal closed the connection")
                self._ready.extend(self._decoder.feed(data))
        return self._ready.popleft()


def _longer(message: zvt.Message) -> float:
    """Seconds for which a step asks beyond the usual time: its second byte are minutes."""
    if message.control != zvt.STEP or len(message.data) < 2:
        return 0.0
    try:
        return max(0.0, zvt.from_bcd(message.data[1:2]) * 60 - ANSWER_S)
    except zvt.ZvtError:
        return 0.0
