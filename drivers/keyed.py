"""Reads the keys of a keyboard that is a scanner's alone: no person types on it, so nothing is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.framing import IDLE_MS, Framer, scan_of
from posapp.domain.keyboards import (
    CTRL_TERMINATORS,
    FUNCTION_KEYS,
    TAB,
    TERMINATORS,
    KeyDecoder,
)
from posapp.domain.profiles import DeviceProfile, Suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posapp.domain.codes import Scan, Source

_UNKNOWN_IDLE_MS = 500
"""The pause that ends a scan where nobody knows yet whether a suffix follows."""


class KeyedReader:
    """Keys in, scans out. Every key is the scanner's; a frame ends as on a serial line.

    Times are milliseconds of one clock, which `tick` must share. Bounded as the `Framer` is.
    """

    def __init__(self, device: str, source: Source, profile: DeviceProfile) -> None:
        self._device = device
        self._source = source
        self._profile = profile
        self._prefix_key = FUNCTION_KEYS.get(profile.prefix)
        self._decoder = KeyDecoder(profile.layout, caps=profile.caps)
        self._framer = Framer(
            suffix=profile.suffix not in (Suffix.NONE, Suffix.ANY),
            idle_ms=max(IDLE_MS, 2 * profile.gap_ms) if profile.suffix is Suffix.NONE else _UNKNOWN_IDLE_MS,
        )

    def feed(self, code: int, down: bool, now_ms: int) -> Iterator[Scan]:
        """Take a press or release of a key, by its evdev code."""
        text = self._pressed(code, now_ms) if down else self._decoder.release(code)
        return self._framed(text.encode(), now_ms)

    def tick(self, now_ms: int) -> Iterator[Scan]:
        """Look at the time, while no key comes."""
        return self._framed(b"", now_ms)

    def reset(self) -> None:
        """Keys were lost: drop what was begun, and whatever was held down."""
        self._framer.reset()
        self._decoder = KeyDecoder(self._profile.layout, caps=self._profile.caps)

    def _pressed(self, code: int, now_ms: int) -> str:
        if code in TERMINATORS:
            return "\t" if code == TAB else "\r"
        if code in CTRL_TERMINATORS and self._decoder.ctrl:
            return "\r"
        if code == self._prefix_key:
            self._framer.reset()
            return ""
        return self._decoder.press(code, now_ms)

    def _framed(self, data: bytes, now_ms: int) -> Iterator[Scan]:
        for frame in self._framer.feed(data, now_ms):
            yield scan_of(self._device, self._source, frame, self._profile)
