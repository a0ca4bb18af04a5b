"""One reading by one device, before anyone knows what it means.

Pure: no clock of its own; times are the device's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.gs1 import GS
from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_FRAMING = " \t\r\n"
_CLOCK = 1 << 32


class Source(StrEnum):
    """The kind of device a scan came from."""

    WEDGE = "wedge"
    XINPUT = "xinput"
    EVDEV = "evdev"
    SERIAL = "serial"
    HIDPOS = "hidpos"
    CAMERA = "camera"
    VIRTUAL = "virtual"
    TYPED = "typed"


class Fault(StrEnum):
    """What a device already knows to be wrong with its scan."""

    TOO_LONG = "too_long"
    CONTROL_CHARACTERS = "control_characters"


def elapsed_ms(earlier: int, later: int) -> int:
    """Milliseconds from one device time to another; negative when `later` is the earlier one.

    Device clocks count modulo 2**32 ms: the X11 protocol's server time wraps there, every 49 days.
    """
    return (later - earlier + _CLOCK // 2) % _CLOCK - _CLOCK // 2


def split_aim(text: str) -> tuple[str, str]:
    """Part a text into its AIM symbology identifier (ISO/IEC 15424, ``]C0``) and the rest."""
    aim = text[:3]
    if len(aim) == 3 and aim.isascii() and aim[0] == "]" and aim[1].isalpha() and aim[2].isalnum():
        return aim, text[3:]
    return "", text


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading by one device, before anyone knows what it means.

    `texts` are the candidate readings, best first (a keyboard scanner gives its scan codes read as
    a US keyboard, then what the host's layout made of them), without terminators and AIM id.
    All times are milliseconds modulo 2**32 on the device's own clock: `first_ms` and `last_ms` of
    the first and last character, `at_ms` when the scan was complete.
    """

    device: str
    source: Source
    texts: tuple[str, ...]
    raw: bytes
    at_ms: int
    first_ms: int
    last_ms: int
    aim: str = ""
    fault: Fault | None = None

    @property
    def text(self) -> str:
        """The best reading; empty when the device delivered nothing."""
        return self.texts[0] if self.texts else ""

    @classmethod
    def of(
        cls,
        device: str,
        source: Source,
        texts: Iterable[str],
        *,
        at_ms: int,
        first_ms: int | None = None,
        last_ms: int | None = None,
        raw: bytes | None = None,
        fault: Fault | None = None,
    ) -> Scan:
        """Build a scan from raw readings: strips terminators and AIM id, drops doubles."""
        aim = ""
        clean: list[str] = []
        for text in texts:
            found, rest = split_aim(text.strip(_FRAMING))
            aim = aim or found
            if rest and rest not in clean:
                clean.append(rest)
        if fault is None and clean and not clean[0].replace(GS, "").isprintable():
            fault = Fault.CONTROL_CHARACTERS
        best = clean[0] if clean else ""
        return cls(
            device=device,
            source=source,
            texts=tuple(clean),
            raw=best.encode("utf-8", "replace") if raw is None else raw,
            at_ms=at_ms % _CLOCK,
            first_ms=(at_ms if first_ms is None else first_ms) % _CLOCK,
            last_ms=(at_ms if last_ms is None else last_ms) % _CLOCK,
            aim=aim,
            fault=fault,
        )


class SameCode:
    """Tells that a device read the same code again, within 500 ms of its own time.

    A code left in front of a hands-free scanner stays one scan however long it lies there. Knows no
    wall clock, so a late event loop changes nothing.
    """

    def __init__(self, window_ms: int = 500) -> None:
        self._window_ms = window_ms
        self._seen: dict[str, dict[str, int]] = {}

    def repeats(self, scan: Scan) -> bool:
        """Whether this scan only repeats an earlier one; remembers it either way."""
        recent = {
            text: at_ms
            for text, at_ms in self._seen.get(scan.device, {}).items()
            if 0 <= elapsed_ms(at_ms, scan.at_ms) <= self._window_ms
        }
        again = scan.text in recent
        recent[scan.text] = scan.at_ms
        self._seen[scan.device] = recent
        return again
