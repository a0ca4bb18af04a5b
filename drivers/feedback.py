"""What a scanner is sent so that it beeps "good" or "bad" by itself, for three makers.

From their manuals; no real device was at hand. The scanner's own beep says "read", these say what
came of it.
"""

from __future__ import annotations

from posapp.domain.profiles import Dialect
from posapp.ports import Signal

_ESC = b"\x1b"
_BEEP, _FROM_HOST = 0xE6, 0x04


def ssi(opcode: int, *data: int) -> bytes:
    """A message of Zebra's Simple Serial Interface: length, opcode, source, status, data, checksum."""
    body = bytes([4 + len(data), opcode, _FROM_HOST, 0, *data])
    return body + (-sum(body) & 0xFFFF).to_bytes(2, "big")


_MESSAGES: dict[Dialect, dict[Signal, bytes]] = {
    # "Host ACK": the comma ends each command. The tone alone is the menu's beep.
    Dialect.HONEYWELL: {
        Signal.GOOD: _ESC + b"7,",
        Signal.BAD: _ESC + b"8," + _ESC + b"8,",
        Signal.ATTENTION: b"\x16\x07\r",
    },
    # Beep codes: 0 one short high, 2 three short high, 7 three short low.
    Dialect.ZEBRA: {
        Signal.GOOD: ssi(_BEEP, 0),
        Signal.BAD: ssi(_BEEP, 7),
        Signal.ATTENTION: ssi(_BEEP, 2),
    },
    # B: good read tone; F: not on file, which also stops it until E; BEL: a tone.
    Dialect.DATALOGIC: {Signal.GOOD: b"B", Signal.BAD: b"FE", Signal.ATTENTION: b"\x07"},
}


def message(dialect: Dialect, signal: Signal) -> bytes:
    """The bytes for a signal; none in no dialect."""
    return _MESSAGES.get(dialect, {}).get(signal, b"")
