"""A scanner of one layout that types on a host of another: the keys, and what the host makes of them."""

from __future__ import annotations

from posapp.domain.codes import Source
from posapp.domain.keyboards import KEYPAD_DIGITS, LAYOUTS
from posapp.domain.keys import Key
from posapp.domain.samples import Heard

SHIFT, CTRL, ALT, ALT_GR = 42, 29, 56, 100
KEYPAD = {digit: code for code, digit in KEYPAD_DIGITS.items()}


class Typist:
    """What a scanner types, and what the host makes of it."""

    def __init__(self, scanner: str = "us", host: str = "us", pause: int = 4, caps: bool = False) -> None:
        self.places = {
            character: (code, level)
            for code, levels in reversed(LAYOUTS[scanner].items())
            for level, character in enumerate(levels)
            if character and code not in KEYPAD_DIGITS
        }
        self.host, self.pause, self.caps = LAYOUTS[host], pause, caps
        self.at = 4_294_967_000
        self.keys: list[Key] = []

    def press(self, code: int, text: str = "", ctrl: bool = False) -> Typist:
        self.at += self.pause
        time = self.at % (1 << 32)
        self.keys.append(Key(time, code, True, text, ctrl=ctrl))
        self.keys.append(Key(time, code, False))
        return self

    def text(self, text: str) -> Typist:
        for character in text:
            if character == "\x1d":
                self.keys.append(Key(self.at % (1 << 32), CTRL, True))
                self.press(self.places["]"][0], ctrl=True)
                self.keys.append(Key(self.at % (1 << 32), CTRL, False))
                continue
            code, level = self.places[character]
            modifier = (0, SHIFT, ALT_GR)[level]
            if level:
                self.keys.append(Key(self.at % (1 << 32), modifier, True))
            seen = self.host[code][level]
            self.press(code, seen.swapcase() if self.caps and seen.isascii() else seen)
            if level:
                self.keys.append(Key(self.at % (1 << 32), modifier, False))
        return self

    def heard(self, *ends: int) -> Heard:
        for end in ends:
            self.press(end)
        return Heard("wedge:", Source.WEDGE, tuple(self.keys))
