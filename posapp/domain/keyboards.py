"""What the keys of a keyboard scanner mean: the layouts it may believe in, and its modifiers.

Key codes are Linux evdev codes (input-event-codes.h), which are also PC set-1 scan codes in the main
block. Pure; times are milliseconds modulo 2**32.
"""

from __future__ import annotations

from posapp.domain.codes import elapsed_ms

ENTER, TAB, KEYPAD_ENTER, LINE_FEED = 28, 15, 96, 101
TERMINATORS = frozenset({ENTER, TAB, KEYPAD_ENTER, LINE_FEED})
# Ctrl+J and Ctrl+M: how some scanners send LF and CR.
CTRL_TERMINATORS = frozenset({36, 50})
SHIFTS = frozenset({42, 54})
CTRLS = frozenset({29, 97})
ALT, ALT_GR = 56, 100
# Alt, Meta and the three locks: they give no character, and some scanners toggle a lock around a code.
MODIFIERS = SHIFTS | CTRLS | {ALT, ALT_GR, 125, 126, 58, 69, 70}
KEYPAD_DIGITS = {71: 7, 72: 8, 73: 9, 75: 4, 76: 5, 77: 6, 79: 1, 80: 2, 81: 3, 82: 0}
FUNCTION_KEYS = {
    f"F{number}": code for number, code in enumerate([*range(59, 69), 87, 88, *range(183, 195)], start=1)
}
"""The evdev code of F1 to F24: what a scanner may press before a code to announce itself."""

Layout = dict[int, tuple[str, str, str]]
"""Character by evdev code: plain, with Shift, with AltGr; empty where the level gives none."""

# The keypad, whatever NumLock says, and the space bar; no layout moves them.
_FIXED = ((55, "*", "*"), (57, " ", " "), (71, "789-456+1230.", "789-456+1230."), (98, "/", "/"))


def _layout(*rows: tuple[int, str, str], alt_gr: dict[int, str] | None = None) -> Layout:
    third = alt_gr or {}
    return {
        first + at: (plain, shifted, third.get(first + at, ""))
        for first, plains, shifteds in (*rows, *_FIXED)
        for at, (plain, shifted) in enumerate(zip(plains, shifteds, strict=True))
    }


US_LAYOUT = _layout(
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (86, "<", ">"),
)
# The makers' tables of these follow Windows, so AltGr does too; dead keys stand for their own sign.
LAYOUTS: dict[str, Layout] = {
    "us": US_LAYOUT,
    "de": _layout(
        (2, "1234567890ß´", '!"§$%&/()=?`'),
        (16, "qwertzuiopü+", "QWERTZUIOPÜ*"),
        (30, "asdfghjklöä^", "ASDFGHJKLÖÄ°"),
        (43, "#yxcvbnm,.-", "'YXCVBNM;:_"),
        (86, "<", ">"),
        alt_gr={3: "²", 4: "³", 8: "{", 9: "[", 10: "]", 11: "}", 12: "\\", 16: "@", 18: "€", 27: "~"}
        | {50: "µ", 86: "|"},
    ),
    "fr": _layout(
        (2, "&é\"'(-è_çà)=", "1234567890°+"),
        (16, "azertyuiop^$", "AZERTYUIOP¨£"),
        (30, "qsdfghjklmù²", "QSDFGHJKLM%~"),
        (43, "*wxcvbn,;:!", "µWXCVBN?./§"),
        (86, "<", ">"),
        alt_gr={3: "~", 4: "#", 5: "{", 6: "[", 7: "|", 8: "`", 9: "\\", 10: "^", 11: "@", 12: "]"}
        | {13: "}", 18: "€", 27: "¤"},
    ),
    "ch": _layout(
        (2, "1234567890'^", '+"*ç%&/()=?`'),
        (16, "qwertzuiopü¨", "QWERTZUIOPè!"),
        (30, "asdfghjklöä§", "ASDFGHJKLéà°"),
        (43, "$yxcvbnm,.-", "£YXCVBNM;:_"),
        (86, "<", ">"),
        alt_gr={2: "¦", 3: "@", 4: "#", 7: "¬", 8: "|", 9: "¢", 12: "´", 13: "~", 18: "€", 26: "["}
        | {27: "]", 40: "{", 43: "}", 86: "\\"},
    ),
    "gb": _layout(
        (2, "1234567890-=", '!"£$%^&*()_+'),
        (16, "qwertyuiop[]", "QWERTYUIOP{}"),
        (30, "asdfghjkl;'`", "ASDFGHJKL:@¬"),
        (43, "#zxcvbnm,./", "~ZXCVBNM<>?"),
        (86, "\\", "|"),
        alt_gr={5: "€", 41: "¦"},
    ),
}
_DEAD = {"us": "", "de": "´`^", "fr": "^¨", "ch": "^`¨´~", "gb": ""}
_ALT_CODES = "cp1252"


class KeyDecoder:
    """Reads key codes as the keyboard of `layout`, whatever layout, Caps Lock and NumLock the host has.

    Modifiers count by their own presses and releases only, and only from shortly before a scan: what the
    clerk leans on is not the scanner's. Digits on the keypad with Alt held give one character when Alt is
    released (0 to 255, Windows-1252). `caps` turns the case of letters.
    """

    def __init__(self, layout: str = "us", *, caps: bool = False) -> None:
        self._table = LAYOUTS.get(layout, US_LAYOUT)
        self._dead = _DEAD.get(layout, "")
        self._caps = caps
        self._since: dict[int, int] = {}
        self._number: int | None = None
        self._was_dead = False

    @property
    def ctrl(self) -> bool:
        """Whether Ctrl is down."""
        return not CTRLS.isdisjoint(self._since)

    @property
    def alt(self) -> bool:
        """Whether Alt is down."""
        return ALT in self._since

    def press(self, code: int, time_ms: int) -> str:
        """The character of a key, a control character with Ctrl, or nothing."""
        if code in SHIFTS or code in CTRLS or code in (ALT, ALT_GR):
            self._since[code] = time_ms
            if code == ALT:
                self._number = None
            return ""
        if self.alt and code in KEYPAD_DIGITS:
            self._number = (self._number or 0) % 100 * 10 + KEYPAD_DIGITS[code]
            return ""
        levels = self._table.get(code)
        if levels is None:
            return ""
        character = levels[2 if ALT_GR in self._since else not SHIFTS.isdisjoint(self._since)]
        if self.ctrl and character.isascii() and "@" <= character.upper() <= "_":
            return chr(ord(character.upper()) & 0x1F)
        # A space after a dead key only makes it appear.
        dead, self._was_dead = self._was_dead, character != "" and character in self._dead
        if dead and character == " ":
            return ""
        return character.swapcase() if self._caps and character.isascii() else character

    def release(self, code: int) -> str:
        """A key went up: nothing, or with Alt the character whose number was typed."""
        self._since.pop(code, None)
        if code != ALT or self._number is None:
            return ""
        number, self._number = self._number, None
        return bytes([number % 256]).decode(_ALT_CODES, "replace") if number > 127 else chr(number)

    def begin(self, time_ms: int, gap_ms: int) -> None:
        """Forget modifiers pressed more than `gap_ms` before: they are a person's."""
        self._since = {
            code: since for code, since in self._since.items() if 0 <= elapsed_ms(since, time_ms) <= gap_ms
        }
        self._was_dead = False
