"""What is known of one scanner: how it was set up, and what the set-up screen has learned of it.

Pure values of plain text and numbers, so that settings can hold them as a flat table.
"""

from __future__ import annotations

from enum import StrEnum

from posapp.domain.keyboards import FUNCTION_KEYS
from posapp.domain.values import dataclass

DEFAULT_GAP_MS = 35
"""Longest pause inside a scan until one was learned. Scanners press a key each 2 to 20 ms."""
MAX_GAP_MS = 150
"""Longest gap that can be learned; above 90 ms only with a prefix, for a person's keys wait as long."""
MAX_GAP_WITHOUT_PREFIX_MS = 90
_GS = "\x1d"
# GS1-128, DataBar, GS1 Data Matrix, GS1 QR (ISO/IEC 15424); without an AIM id: SSCC and GTIN.
_ELEMENT_STRINGS = ("]C1", "]e0", "]d2", "]Q3", "00", "01", "02")


class Suffix(StrEnum):
    """What a scanner sends after a code. `ANY`: not learned; every known end counts."""

    ANY = "any"
    NONE = "none"
    CR = "cr"  # Enter, on a keyboard
    CR_LF = "crlf"
    TAB = "tab"
    TWICE = "twice"  # Enter twice


class Dialect(StrEnum):
    """The language in which a scanner takes "good" and "bad"; `NONE`: it is never written to."""

    NONE = ""
    HONEYWELL = "honeywell"
    ZEBRA = "zebra"
    DATALOGIC = "datalogic"


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """One scanner's settings.

    `device` is its address as `drivers.open_scanner` takes it, ``wedge:`` for scanners that type.
    `prefix` is what it sends before each code: the name of a key (``F13``) or characters (``~``).
    `gap_ms` is the longest pause between two of its keys.
    `layout` is the keyboard the scanner believes in (``us``, ``de``, ``fr``, ``ch``, ``gb``), or
    ``host`` to take what the host made of its keys. `caps`: it sends letters in the wrong case.
    `aim`: it sends AIM ids. `gs` is what it sends for the group separator, empty where it loses it.
    """

    device: str = "wedge:"
    prefix: str = ""
    suffix: Suffix = Suffix.ANY
    gap_ms: int = DEFAULT_GAP_MS
    layout: str = "us"
    caps: bool = False
    aim: bool = False
    gs: str = "\x1d"
    dialect: Dialect = Dialect.NONE

    def restore(self, text: str) -> str:
        """A scanner's text without the prefix's characters, with the group separators it had.

        A separator's stand-in is taken back only in element strings: it may be part of another code.
        """
        if self.prefix and self.prefix not in FUNCTION_KEYS:
            text = text.removeprefix(self.prefix)
        if self.gs not in ("", _GS) and text.startswith(_ELEMENT_STRINGS):
            text = text.replace(self.gs, _GS)
        return text

    def __post_init__(self) -> None:
        most = MAX_GAP_MS if self.prefix else MAX_GAP_WITHOUT_PREFIX_MS
        if not 1 <= self.gap_ms <= most:
            raise ValueError("gap_ms")
