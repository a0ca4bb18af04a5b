"""A receipt printer that speaks ESC/POS, with the drawer that hangs on it: ask, send, ask again.

That all bytes were taken does not mean that they were printed: a printer without paper takes them and
prints them after the next roll. So its state is asked before (then nothing was sent yet) and after, and
`GS r`, which a printer answers in its turn, tells that the slip was worked off.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.receipt_bytes import CUT, HANDED_OVER, KICK, START, encode
from drivers.transports import Address, Transport, connect, parse
from posapp.domain.slips import Outcome, PrinterState, Slip, Trouble
from posapp.ports import Printed

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""How long an answer may take. Real printers are silent where they are offline."""
FINISH_S = 15.0
"""How long a slip may print while the printer says that all is well."""

_OFFLINE, _DRAWER = 0x08, 0x04
_COVER, _PAPER_END, _ERROR = 0x04, 0x20, 0x40
_ROLL_OUT, _ROLL_LOW = 0x60, 0x0C


class Talk:
    """Questions and answers on an open way. A printer answers in one byte, whose fixed bits tell of what
    kind it is: so a state that was pushed unasked, or a late answer, is not taken for another one.
    """

    def __init__(self, way: Transport) -> None:
        self.way = way
        self._skip = 0
        self._now: list[int] = []
        self._turn: list[int] = []

    def state_now(self, kind: int) -> int | None:
        """``DLE EOT kind``, answered at once; None where nothing comes in time."""
        self._now.clear()
        self.way.send(b"\x10\x04" + bytes([kind]))
        return self._wait(self._now, ANSWER_S)

    def in_turn(self, seconds: float) -> int | None:
        """The answer to a `GS r` sent before."""
        return self._wait(self._turn, seconds)

    def forget(self) -> None:
        """Drop answers to what was asked before."""
        self._turn.clear()

    def _wait(self, found: list[int], seconds: float) -> int | None:
        until = time.monotonic() + seconds
        while not found:
            left = until - time.monotonic()
            if left <= 0:
                return None
            for byte in self.way.read(left):
                self._take(byte)
        return found.pop(0)

    def _take(self, byte: int) -> None:
        if self._skip:
            self._skip -= 1
        elif byte & 0x93 == 0x12:
            self._now.append(byte)
        elif byte & 0x93 == 0x10:
            # A state pushed unasked has three more bytes.
            self._skip = 3
        elif byte & 0x90 == 0:
            self._turn.append(byte)


class EscPosPrinter:
    """Promises: bytes are sent once; whatever happens becomes an `Outcome`, never an exception; a slip of
    which nothing was sent is *refused*, one of which anything was sent and whose end is not known is
    *unsure*. Prohibition: nothing is sent again from here. Only one thread may call it.

    Options of the address: ``columns`` (48), ``dots`` (12 a column), ``drawer`` (pin 2 or 5),
    ``open`` (the sensor's level that means open, 1), ``status=none`` for a printer that never answers
    and ``status=now`` for one that knows `DLE EOT` but not `GS r`.
    """

    def __init__(self, url: str) -> None:
        self._address: Address = parse(url)
        self.name = url.partition("?")[0]
        self._columns = self._address.number("columns", 48)
        self._dots = self._address.number("dots", 0)
        self._pin = self._address.number("drawer", 2)
        self._open_level = self._address.number("open", 1)
        self._status = self._address.options.get("status", "full")
        self._torn = 0
        if self._pin not in KICK or self._status not in ("full", "now", "none"):
            raise ValueError(f"unknown option in {url!r}")

    def state(self) -> PrinterState:
        """How it stands now."""
        try:
            with self._talk() as talk:
                return self._ask(talk)
        except OSError as error:
            log.info("%s cannot be reached: %s", self.name, error)
            return PrinterState(self.name, Trouble.UNREACHABLE)

    def print_slip(self, slip: Slip, sending: Callable[[], None]) -> Printed:
        """Print one slip; ``sending`` is called right before its first byte leaves."""
        try:
            data = encode(slip, self._columns, self._dots)
        except ValueError as error:
            log.error("%s: slip %s cannot be printed here: %s", self.name, slip.paper, error)
            return Printed(Outcome.REFUSED, Trouble.UNFIT)
        return self.send(data, sending)

    def send(self, data: bytes, sending: Callable[[], None]) -> Printed:
        """Print what is in the printer's own language already."""
        sent = False
        try:
            with self._talk() as talk:
                before = self._ask(talk)
                if before.trouble is not None:
                    return Printed(Outcome.REFUSED, before.trouble, before.paper_low)
                sending()
                sent = True
                if self._torn:
                    # The printer may still wait for the rest of a command that the cut left half sent.
                    # Zeros complete it and are passed over else; then the torn piece is cut off.
                    talk.way.send(bytes(self._torn) + START + CUT)
                    self._torn = 0
                talk.way.send(data)
                return self._follow(talk)
        except OSError as error:
            if sent:
                self._torn = len(data)
            log.warning("%s: %s: %s", self.name, "lost in the middle" if sent else "not reached", error)
            if sent and not isinstance(error, ConnectionRefusedError):
                return Printed(Outcome.UNSURE, Trouble.LOST)
            return Printed(Outcome.REFUSED, Trouble.UNREACHABLE)

    def kick(self) -> Trouble | None:
        """Open the drawer; None where the printer took the order.

        A printer that is offline would open it later, all by itself: so it is not asked to.
        """
        try:
            with self._talk() as talk:
                before = self._ask(talk)
                if before.trouble is None:
                    talk.way.send(START + KICK[self._pin])
                return before.trouble
        except OSError:
            return Trouble.UNREACHABLE

    def drawer_open(self) -> bool | None:
        """What the drawer's sensor says; None where nothing can be known."""
        try:
            with self._talk() as talk:
                if not talk.way.answers or self._status == "none":
                    return None
                state = talk.state_now(1)
                if state is None:
                    return None
                return bool(state & _DRAWER) == bool(self._open_level)
        except OSError:
            return None

    @contextmanager
    def _talk(self) -> Iterator[Talk]:
        # Opened for each job: many printers serve one connection only and drop it when it is idle.
        way = connect(self._address)
        try:
            yield Talk(way)
        finally:
            way.close()

    def _ask(self, talk: Talk) -> PrinterState:
        if not talk.way.answers or self._status == "none":
            return PrinterState(self.name)
        answers = []
        for kind in (1, 2, 4):
            answer = talk.state_now(kind)
            if answer is None:
                return PrinterState(self.name, Trouble.SILENT)
            answers.append(answer)
        online, cause, roll = answers
        low = False
        trouble: Trouble | None = None
        if cause & _COVER:
            trouble = Trouble.COVER_OPEN
        elif cause & _PAPER_END or roll & _ROLL_OUT:
            trouble = Trouble.PAPER_OUT
        elif cause & _ERROR:
            trouble = Trouble.FAULT
        elif online & _OFFLINE:
            trouble = Trouble.OFFLINE
        else:
            low = bool(roll & _ROLL_LOW)
        return PrinterState(self.name, trouble, low)

    def _follow(self, talk: Talk) -> Printed:
        """What became of a slip that was sent."""
        if not talk.way.answers or self._status == "none":
            return Printed(Outcome.SENT)
        finished = self._status == "now"
        if not finished:
            talk.forget()
            talk.way.send(HANDED_OVER)
            until = time.monotonic() + FINISH_S
            while not finished and time.monotonic() < until:
                finished = talk.in_turn(0.2) is not None
                if not finished:
                    after = self._ask(talk)
                    if after.trouble is not None:
                        return Printed(Outcome.UNSURE, after.trouble)
        after = self._ask(talk)
        if after.trouble is not None or not finished:
            return Printed(Outcome.UNSURE, after.trouble or Trouble.SILENT, after.paper_low)
        return Printed(Outcome.PRINTED, paper_low=after.paper_low)
