"""Tells a scanner that types from a person that types, and reads what it typed.

Hides the US keyboard table, the tracking of Shift and Ctrl, and the rules of hold and replay: every
printable key is held for a moment; keys that come at a scanner's pace and end in Enter, keypad Enter
or Tab are one `Scan`, everything else is given back in its order.

Pure: times are milliseconds modulo 2**32 as the keyboard's own events carry them, never a wall clock,
so a late event loop changes nothing. Key codes are Linux evdev codes (input-event-codes.h), which are
also PC set-1 scan codes in the main block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from posapp.domain.codes import MAX_TEXT, Fault, Scan, Source, elapsed_ms, is_code, split_aim

GAP_MS = 35
"""Longest pause inside a scan. Scanners press a key each 2 to 20 ms, auto-repeat starts at 40 ms."""
SWALLOW_MS = 100
"""How long after a scan further terminators (CR LF, Enter twice) still belong to it."""
MIN_KEYS = 4
"""Fewer keys than this are never a scan."""
MAX_KEYS = 8192
"""More keys than this are no code but a fault; what is kept is bounded by it."""
MAX_GLUED = 3
"""How many keys of a person can stand directly before a scan, at less than the gap."""

ENTER, TAB, KEYPAD_ENTER, LINE_FEED = 28, 15, 96, 101
TERMINATORS = frozenset({ENTER, TAB, KEYPAD_ENTER, LINE_FEED})
# Ctrl+J and Ctrl+M: how some scanners send LF and CR.
CTRL_TERMINATORS = frozenset({36, 50})
SHIFTS = frozenset({42, 54})
CTRLS = frozenset({29, 97})
# Alt, Meta and the three locks: they give no character, and some scanners toggle a lock around a code.
MODIFIERS = SHIFTS | CTRLS | {56, 100, 125, 126, 58, 69, 70}


def _rows(*rows: tuple[int, str, str]) -> dict[int, tuple[str, str]]:
    return {
        first + at: (plain, shifted)
        for first, plains, shifteds in rows
        for at, (plain, shifted) in enumerate(zip(plains, shifteds, strict=True))
    }


US_LAYOUT = _rows(
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    # The keypad, whatever NumLock says.
    (55, "*", "*"),
    (71, "789-456+1230.", "789-456+1230."),
    (86, "<", ">"),
    (98, "/", "/"),
)
"""Character by evdev code, plain and with Shift."""


class Do(StrEnum):
    """What becomes of the key event just fed."""

    PASS = "pass"
    HOLD = "hold"
    SWALLOW = "swallow"


@dataclass(frozen=True, slots=True)
class Key:
    """One press or release. A `code` of 0 or less is unknown and only its `text` counts.

    `text` is what the host's layout made of it. `ctrl` and `alt` (also Meta) are as the host sees them,
    `repeat` is the host's word for auto-repeat. `origin` is the caller's own event, handed back.
    """

    time_ms: int
    code: int
    down: bool
    text: str = ""
    ctrl: bool = False
    alt: bool = False
    repeat: bool = False
    origin: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do, in this order: give `replay` back, report `scan`, then `do` with the key just fed."""

    do: Do = Do.PASS
    replay: tuple[Key, ...] = ()
    scan: Scan | None = None


class KeyDecoder:
    """Reads key codes as a US keyboard would, whatever layout, Caps Lock and NumLock the host has.

    Shift and Ctrl count by their own presses and releases only, and only from shortly before a scan:
    what the clerk leans on is not the scanner's.
    """

    def __init__(self) -> None:
        self._since: dict[int, int] = {}

    def press(self, code: int, time_ms: int) -> str:
        """The character of a key, a control character with Ctrl, or nothing."""
        if code in SHIFTS or code in CTRLS:
            self._since[code] = time_ms
            return ""
        pair = US_LAYOUT.get(code)
        if pair is None:
            return ""
        character = pair[not SHIFTS.isdisjoint(self._since)]
        if self.ctrl and "@" <= character.upper() <= "_":
            return chr(ord(character.upper()) & 0x1F)
        return character

    @property
    def ctrl(self) -> bool:
        """Whether Ctrl is down."""
        return not CTRLS.isdisjoint(self._since)

    def release(self, code: int) -> None:
        """A key went up."""
        self._since.pop(code, None)

    def begin(self, time_ms: int, gap_ms: int) -> None:
        """Forget modifiers pressed more than `gap_ms` before: they are a person's."""
        self._since = {
            code: since for code, since in self._since.items() if 0 <= elapsed_ms(since, time_ms) <= gap_ms
        }


class BurstDetector:
    """Hold and replay. Feed every press and release; when the gap has passed without one, `expire`.

    Promises: what a person types comes back whole and in order, at most `gap_ms` after the last key; a
    scan is reported once and none of its keys is given back. Bounded by `MAX_KEYS`. Ctrl with a key is
    held like any key, so that a clerk leaning on Ctrl fires no shortcut with a scan; Alt alone passes.
    One keyboard stream, one thread.
    """

    def __init__(self, device: str = "keyboard", source: Source = Source.WEDGE, gap_ms: int = GAP_MS) -> None:
        self.gap_ms = gap_ms
        self._device = device
        self._source = source
        self._decoder = KeyDecoder()
        self._held: list[Key] = []
        self._typed: list[tuple[Key, str]] = []  # the held presses that give a character, decoded
        self._last_ms = 0
        self._overflow = False
        self._scanned_ms: int | None = None
        self._eaten: set[int] = set()  # keys whose press went into a scan: their release does too
        self._down: set[int] = set()

    @property
    def holding(self) -> bool:
        """Whether keys are held, so that `expire` is due `gap_ms` after the last of them."""
        return bool(self._typed)

    def wants(self, key: Key) -> bool:
        """Whether this press would be held or swallowed: then no shortcut may fire on it."""
        near = self._is_near(key)
        if self._ends(key):
            return (near and self._is_scan()) or self._just_scanned(key)
        return not self._is_repeat(key) and self._is_typing(key, near)

    def feed(self, key: Key) -> Outcome:
        """Take the next key event of the keyboard."""
        before = NOTHING if self._is_near(key) else self.expire()
        after = self._press(key) if key.down else self._release(key)
        # After an expiry nothing is held, so the key itself gives neither a replay nor a scan.
        return after if before is NOTHING else Outcome(after.do, before.replay, before.scan)

    def expire(self) -> Outcome:
        """The gap has passed: a whole code of ours is a scan without suffix, all else was typed."""
        if self._overflow or self._code_at() is not None:
            return self._finish(self._last_ms, Do.PASS)
        return self._give_back(Do.PASS)

    def interrupt(self) -> Outcome:
        """The pointer was pressed or the window changed: give back what a person may have typed.

        Keys at a scanner's pace stay held, or the rest of a scan would press what just got the focus;
        `expire` gives them back if they were none.
        """
        self._down.clear()
        if not self._typed or self._is_scan() or self._just_scanned(self._typed[-1][0]):
            return NOTHING
        return self._give_back(Do.PASS)

    def _press(self, key: Key) -> Outcome:
        repeat = self._is_repeat(key)
        self._eaten.discard(key.code)
        if self._ends(key):
            return self._terminate(key)
        if key.code in MODIFIERS:
            self._decoder.press(key.code, key.time_ms)
            return self._hold(key) if self._typed else NOTHING
        self._down.add(key.code)
        if not self._is_typing(key, bool(self._typed)) or (repeat and not self._overflow):
            return self._give_back(Do.PASS)
        if not self._typed:
            self._decoder.begin(key.time_ms, self.gap_ms)
        self._last_ms = key.time_ms
        character = self._decoder.press(key.code, key.time_ms) or key.text
        if not self._overflow:
            self._typed.append((key, character))
        return self._hold(key)

    def _release(self, key: Key) -> Outcome:
        self._down.discard(key.code)
        self._decoder.release(key.code)
        if key.code in self._eaten:
            self._eaten.discard(key.code)
            return Outcome(Do.SWALLOW)
        return self._hold(key) if self._held else NOTHING

    def _terminate(self, key: Key) -> Outcome:
        if self._is_scan():
            outcome = self._finish(key.time_ms, Do.SWALLOW)
        elif self._just_scanned(key):
            outcome = self._give_back(Do.SWALLOW)
        else:
            return self._give_back(Do.PASS)
        self._eaten.add(key.code)
        return outcome

    def _hold(self, key: Key) -> Outcome:
        if self._overflow:
            self._eaten.add(key.code)
            return Outcome(Do.SWALLOW)
        self._held.append(key)
        if len(self._typed) >= MAX_KEYS or len(self._held) >= 8 * MAX_KEYS:
            self._overflow = True
            self._eat(0)
            self._held = []
        return Outcome(Do.HOLD)

    def _give_back(self, do: Do) -> Outcome:
        replay = tuple(self._held)
        if not self._overflow:
            self._held, self._typed = [], []
        return Outcome(do, replay) if replay or do is not Do.PASS else NOTHING

    def _finish(self, at_ms: int, do: Do) -> Outcome:
        """Report what is held as a scan, and give back a person's keys that stand before it."""
        cut = self._scan_starts()
        kept = self._typed[cut:]
        replay = self._eat(cut)
        scan = Scan.of(
            self._device,
            self._source,
            _texts(kept),
            at_ms=at_ms,
            first_ms=kept[0][0].time_ms,
            last_ms=self._last_ms,
            fault=Fault.TOO_LONG if self._overflow else None,
        )
        self._held, self._typed, self._overflow = [], [], False
        self._scanned_ms = at_ms
        return Outcome(do, replay, scan)

    def _eat(self, cut: int) -> tuple[Key, ...]:
        """Keep the keys of a scan from the people's; those from before the character at `cut`.

        A release that lies within the scan goes where its press went; so does one that comes later.
        """
        before = self._typed[cut - 1][0] if cut else None
        # By identity: two presses in one millisecond can be equal.
        starts = next((at for at, key in enumerate(self._held, start=1) if key is before), 0)
        replay = self._held[:starts]
        pressed: set[int] = set()
        for key in self._held[starts:]:
            if key.down:
                pressed.add(key.code)
            elif key.code in pressed:
                pressed.discard(key.code)
            else:
                replay.append(key)
        self._eaten |= pressed
        return tuple(replay)

    def _scan_starts(self) -> int:
        """The first character that is the scanner's: a code of ours or an AIM id starts there."""
        whole = self._code_at()
        if whole is not None or self._overflow:
            return whole or 0
        for at in range(1, MAX_GLUED + 1):
            if split_aim("".join(character for _, character in self._typed[at : at + 3]))[0]:
                return at
        return 0

    def _code_at(self) -> int | None:
        """Where one of our codes, whole and with a valid check, starts and fills the rest."""
        if self._overflow or len(self._typed) > MAX_TEXT:
            return None
        for at in range(min(MAX_GLUED + 1, len(self._typed))):
            for text in _texts(self._typed[at:]):
                code = split_aim(text)[1]
                # A space or hyphen before a code is a person's, though codes may hold them.
                if is_code(code) and code[0].isalpha():
                    return at
        return None

    def _ends(self, key: Key) -> bool:
        return key.code in TERMINATORS or (
            key.code in CTRL_TERMINATORS
            and self._decoder.ctrl
            and (bool(self._typed) or self._just_scanned(key))
        )

    def _is_near(self, key: Key) -> bool:
        return bool(self._typed) and abs(elapsed_ms(self._last_ms, key.time_ms)) <= self.gap_ms

    def _is_scan(self) -> bool:
        """Enough keys, and not one key held down: auto-repeat may be as fast as a scanner."""
        return self._overflow or (
            len(self._typed) >= MIN_KEYS
            and len({(key.code, character) for key, character in self._typed}) > 1
        )

    def _is_repeat(self, key: Key) -> bool:
        return key.repeat or key.code in self._down

    def _just_scanned(self, key: Key) -> bool:
        return self._scanned_ms is not None and 0 <= elapsed_ms(self._scanned_ms, key.time_ms) <= SWALLOW_MS

    @staticmethod
    def _is_typing(key: Key, within: bool) -> bool:
        """Whether the key gives a character; with Alt only a scan's does."""
        if key.code in MODIFIERS or (key.alt and not within):
            return False
        return key.code in US_LAYOUT or (key.text != "" and key.text.isprintable())


def _texts(typed: list[tuple[Key, str]]) -> tuple[str, ...]:
    """The candidate readings, best first: the scan codes, then what the host's layout made of them."""
    coded = "".join(character for _, character in typed)
    host = "".join(key.text for key, _ in typed)
    # A Ctrl that the clerk holds turns the host's text into control characters.
    return (coded, host) if host.isprintable() or not coded.isprintable() else (coded,)


NOTHING = Outcome()
"""Pass, and nothing else."""
