"""The bytes of ZVT, the protocol of card terminals in the German-speaking countries (PA00P015, 13.x).

A message is a control field of two bytes, a length (one byte, or ``FF`` and two more, the lower first) and
data; data are fields, each with a number that says how long it is. Pure: nothing here sends. There was no
kept library for it in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

REGISTER, AUTHORISE, REPEAT_RECEIPT, CANCEL = 0x0600, 0x0601, 0x0620, 0x06B0
STATUS, STEP = 0x040F, 0x04FF
COMPLETION, ABORT = 0x060F, 0x061E
ACK, REFUSED = 0x8000, 0x84
"""The terminal's yes to a command, and the first byte of its no."""

AMOUNT, TLV, TRACE, TIME, DAY, RESULT, TERMINAL, CURRENCY = 0x04, 0x06, 0x0B, 0x0C, 0x0D, 0x27, 0x29, 0x49
RECEIPT, CARD = 0x87, 0x8B

LONGEST = 65535
_LONG = 0xFF
_FIXED = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x05, 0x19, 0x27, 0x72, 0x73, 0x74, 0x75, 0x8A, 0x8C, 0xA0), 1),
    **dict.fromkeys((0xD0, 0xD2, 0xD3, 0xE0, 0xE9, 0xEA, 0xF0, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD), 1),
    **dict.fromkeys((0x0D, 0x0E, 0x17, 0x3A, 0x49, 0x87), 2),
    **dict.fromkeys((0x0B, 0x0C, 0x37, 0x3D, 0x88, 0xAA), 3),
    **dict.fromkeys((0x29, 0x70, 0x71), 4),
    **{0x04: 6, 0x2A: 15, 0x3B: 8, 0xBA: 5, 0xEB: 8},
}
_COUNTED = {
    **dict.fromkeys((0x22, 0x23, 0x2D, 0x8B, 0xA7, 0xD1), 2),
    **dict.fromkeys(range(0xE1, 0xE9), 2),
    **dict.fromkeys(range(0xF1, 0xF9), 2),
    **dict.fromkeys((0x24, 0x2E, 0x3C, 0x60, 0x92, 0x9A, 0xAF), 3),
}
"""Fields that begin with so many digits of a length, each in the lower half of a byte ``F0`` to ``F9``."""


class ZvtError(Exception):
    """Bytes that are no ZVT: torn, or a digit that is none."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its control field, and its data."""

    control: int
    data: bytes = b""

    def to_bytes(self) -> bytes:
        """As it goes over the wire. Raises ValueError where the data are too long."""
        count = len(self.data)
        if count > LONGEST:
            raise ValueError(count)
        length = bytes((count,)) if count < _LONG else bytes((_LONG,)) + count.to_bytes(2, "little")
        return self.control.to_bytes(2, "big") + length + self.data


class Decoder:
    """Cuts a stream into messages, however the network tears or glues them. Keeps at most one message
    that is not whole yet; every byte string is some beginning of messages, so nothing is an error here.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now."""
        self._rest += data
        while (message := self._take()) is not None:
            yield message

    @property
    def held(self) -> int:
        """How many bytes wait for the rest of their message."""
        return len(self._rest)

    def _take(self) -> Message | None:
        rest = self._rest
        if len(rest) < 3:
            return None
        start, count = 3, rest[2]
        if count == _LONG:
            if len(rest) < 5:
                return None
            start, count = 5, int.from_bytes(rest[3:5], "little")
        if len(rest) < start + count:
            return None
        message = Message(int.from_bytes(rest[:2], "big"), bytes(rest[start : start + count]))
        del rest[: start + count]
        return message


def fields(data: bytes) -> dict[int, bytes]:
    """The fields of a message by number; of one that comes twice the last. Raises ZvtError where one is cut.

    What stands behind a field nobody knows cannot be read, as only its number would tell its length:
    terminals of some makers add fields of their own, at the end.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        number = data[at]
        at += 1
        if number in _FIXED:
            count = _FIXED[number]
        elif number in _COUNTED:
            digits = data[at : at + _COUNTED[number]]
            at += _COUNTED[number]
            count = _count(digits, _COUNTED[number])
        elif number == TLV:
            count, at = _tlv_length(data, at)
        else:
            return found
        if at + count > len(data):
            raise ZvtError(f"field {number:02x} is cut")
        found[number] = data[at : at + count]
        at += count
    return found


def _count(digits: bytes, places: int) -> int:
    if len(digits) < places:
        raise ZvtError("a length is cut")
    count = 0
    for digit in digits:
        if digit & 0x0F > 9:
            raise ZvtError(f"{digit:02x} is no digit of a length")
        count = count * 10 + (digit & 0x0F)
    return count


def _tlv_length(data: bytes, at: int) -> tuple[int, int]:
    """The length there and where what it counts begins; below 0x80 itself, else ``81`` or ``82`` and bytes."""
    if at >= len(data):
        raise ZvtError("a length is cut")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    more = first & 0x7F
    if more not in (1, 2) or at + 1 + more > len(data):
        raise ZvtError("a length is cut")
    return int.from_bytes(data[at + 1 : at + 1 + more], "big"), at + 1 + more


def to_bcd(number: int, size: int) -> bytes:
    """A number as digits, two in a byte. Raises ValueError for one that is negative or does not fit."""
    text = str(number).zfill(size * 2)
    if number < 0 or len(text) > size * 2:
        raise ValueError(f"{number} does not fit into {size} bytes")
    return bytes.fromhex(text)


def from_bcd(data: bytes) -> int:
    """The number of these digits. Raises ZvtError where there is another sign among them."""
    text = data.hex()
    if not text.isdecimal():
        raise ZvtError(f"{text} is no number")
    return int(text)
