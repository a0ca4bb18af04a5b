"""Tells a scanner that types from a person that types, and reads what it typed.

Hides the rules of hold and replay: every printable key is held for a moment; keys that come at a
scanner's pace and end in Enter, keypad Enter or Tab are one `Scan`, everything else is given back in
its order.

Pure: times are milliseconds modulo 2**32 as the keyboard's own events carry them, never a wall clock,
so a late event loop changes nothing. What a key means is `posapp.domain.keyboards`.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from posapp.domain.codes import MAX_TEXT, Fault, Scan, Source, elapsed_ms, gtin14, is_code, split_aim
from posapp.domain.keyboards import (
    CTRL_TERMINATORS,
    FUNCTION_KEYS,
    KEYPAD_DIGITS,
    MODIFIERS,
    TERMINATORS,
    US_LAYOUT,
    KeyDecoder,
)
from posapp.domain.profiles import DEFAULT_GAP_MS, DeviceProfile, Suffix
from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

FAST_MS = 24
"""Mean time per key, up to the end, below which no person types: any text is a scan. Above it only a
text that proves itself (one of our codes, a GTIN, an AIM id) or one behind the scanner's prefix is."""
SWALLOW_MS = 100
"""How long after a scan further terminators (CR LF, Enter twice) still belong to it."""
MIN_KEYS = 4
"""Fewer keys than this are never a scan."""
MAX_KEYS = 8192
"""More keys than this are no code but a fault; what is kept is bounded by it."""
MAX_GLUED = 3
"""How many keys of a person can stand directly before a scan, at less than the gap."""
_AIM_LENGTH = 3
_APART_MS = 10
_GTIN_LENGTHS = range(12, 15)  # eight digits are too easily typed


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
    origin: object = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do, in this order: give `replay` back, report `scan`, then `do` with the key just fed."""

    do: Do = Do.PASS
    replay: tuple[Key, ...] = ()
    scan: Scan | None = None


class BurstDetector:
    """Hold and replay. Feed every press and release; when the gap has passed without one, `expire`.

    Promises: what a person types comes back whole and in order, at most `gap_ms` after the last key; a
    scan is reported once and none of its keys is given back. Bounded by `MAX_KEYS`. Ctrl with a key is
    held like any key, so that a clerk leaning on Ctrl fires no shortcut with a scan; Alt passes but in a
    scan and with digits on the keypad. `host` tells what the host's layout makes of a key; it is asked
    only where that may count. One keyboard stream, one thread.
    """

    def __init__(
        self,
        device: str = "keyboard",
        source: Source = Source.WEDGE,
        profile: DeviceProfile | None = None,
        host: Callable[[Key], str] = lambda key: key.text,
    ) -> None:
        self._device = device
        self._source = source
        self._profile = profile = profile or DeviceProfile()
        self._host = host
        self._prefix_key = FUNCTION_KEYS.get(profile.prefix)
        self._prefix = "" if self._prefix_key else profile.prefix
        self._swallow_ms = max(SWALLOW_MS, 2 * profile.gap_ms)
        self._decoder = KeyDecoder(profile.layout, caps=profile.caps)
        self._held: list[Key] = []
        self._typed: list[tuple[Key, str]] = []  # the held presses that count as text, decoded
        self._announced = False  # the prefix key came
        self._last_ms = 0
        self._overflow = False
        self._scanned_ms: int | None = None
        self._eaten: set[int] = set()  # keys whose press went into a scan: their release does too
        self._down: set[int] = set()

    @property
    def holding(self) -> bool:
        """Whether keys are held, so that `expire` is due `gap_ms` after the last of them."""
        return bool(self._typed)

    @property
    def gap_ms(self) -> int:
        """The longest pause after the key fed last; a prefix allows more for what comes behind it."""
        most = self._profile.gap_ms
        if self._announced or not self._profile.prefix or most <= DEFAULT_GAP_MS:
            return most
        whole, begun = self._prefix_at()
        return most if begun or whole is not None else DEFAULT_GAP_MS

    def wants(self, key: Key) -> bool:
        """Whether this press would be held or swallowed: then no shortcut may fire on it."""
        near = self._is_near(key)
        if self._ends(key):
            return (near and self._is_scan(key.time_ms)) or self._just_scanned(key)
        return not self._is_repeat(key) and (key.code == self._prefix_key or self._is_typing(key, near))

    def feed(self, key: Key) -> Outcome:
        """Take the next key event of the keyboard."""
        before = NOTHING if self._is_near(key) else self.expire()
        after = self._press(key) if key.down else self._release(key)
        # After an expiry nothing is held, so the key itself gives neither a replay nor a scan.
        return after if before is NOTHING else Outcome(after.do, before.replay, before.scan)

    def expire(self) -> Outcome:
        """The gap has passed: a scan without suffix if it proves to be one, all else was typed."""
        if self._overflow or self._ended_without_suffix():
            return self._finish(self._last_ms, Do.PASS)
        return self._give_back(Do.PASS)

    def interrupt(self) -> Outcome:
        """The pointer was pressed or the window changed: give back what a person may have typed.

        Keys at a scanner's pace stay held, or the rest of a scan would press what just got the focus;
        `expire` gives them back if they were none.
        """
        self.forget_down()
        if not self._typed or self._is_burst() or self._just_scanned(self._typed[-1][0]):
            return NOTHING
        return self._give_back(Do.PASS)

    def forget_down(self) -> None:
        """The keyboard goes elsewhere: releases may not come any more."""
        self._down.clear()

    def _press(self, key: Key) -> Outcome:
        repeat = self._is_repeat(key)
        self._eaten.discard(key.code)
        if self._ends(key):
            return self._terminate(key)
        if key.code in MODIFIERS:
            self._decoder.press(key.code, key.time_ms)
            return self._hold(key) if self._typed else NOTHING
        self._down.add(key.code)
        if key.code == self._prefix_key and not repeat and not self._overflow:
            return self._announce(key)
        if not self._is_typing(key, bool(self._typed)) or (repeat and not self._overflow):
            return self._give_back(Do.PASS) if self._overflow else self.expire()
        if not self._typed:
            self._decoder.begin(key.time_ms, self._profile.gap_ms)
        self._last_ms = key.time_ms
        numbered = self._decoder.alt and key.code in KEYPAD_DIGITS
        character = self._decoder.press(key.code, key.time_ms)
        if not self._overflow:
            self._typed.append((key, character or ("" if numbered else self._host(key))))
        return self._hold(key)

    def _announce(self, key: Key) -> Outcome:
        """The prefix key: whatever was held ends here, and the scanner begins."""
        before = self.expire()
        self._decoder.begin(key.time_ms, 0)
        self._announced, self._last_ms = True, key.time_ms
        self._typed.append((key, ""))
        self._held.append(key)
        return Outcome(Do.HOLD, before.replay, before.scan)

    def _release(self, key: Key) -> Outcome:
        self._down.discard(key.code)
        character = self._decoder.release(key.code)
        if character and self._typed and not self._overflow:
            self._typed[-1] = (self._typed[-1][0], character)
        if key.code in self._eaten:
            self._eaten.discard(key.code)
            return Outcome(Do.SWALLOW)
        return self._hold(key) if self._held else NOTHING

    def _terminate(self, key: Key) -> Outcome:
        if self._is_scan(key.time_ms):
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
            self._held, self._typed, self._announced = [], [], False
        return Outcome(do, replay) if replay or do is not Do.PASS else NOTHING

    def _finish(self, at_ms: int, do: Do) -> Outcome:
        """Report what is held as a scan, and give back a person's keys that stand before it."""
        cut, text_from = self._scan_starts()
        kept = self._typed[text_from:] or self._typed[-1:]
        replay = self._eat(cut)
        scan = Scan.of(
            self._device,
            self._source,
            map(self._profile.restore, self._texts(kept)),
            at_ms=at_ms,
            first_ms=kept[0][0].time_ms,
            last_ms=self._last_ms,
            fault=Fault.TOO_LONG if self._overflow else None,
        )
        self._held, self._typed, self._overflow, self._announced = [], [], False, False
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

    def _scan_starts(self) -> tuple[int, int]:
        """The first key that is the scanner's, and the first that is text."""
        if self._overflow:
            return 0, 0
        if self._announced:
            return 0, 1
        whole = self._prefix_at()[0]
        if whole is not None:
            return whole, whole + len(self._prefix)
        proven = self._proven_at() or 0
        return proven, proven

    def _prefix_at(self) -> tuple[int | None, bool]:
        """Where the characters of the prefix stand, behind a few glued keys at most; or whether the
        last keys may be their beginning."""
        if not self._prefix or not self._typed:
            return None, False
        room = MAX_GLUED + len(self._prefix)
        text = [character for _, character in self._typed[: room + 1]]
        for at in range(min(MAX_GLUED + 1, len(text))):
            if "".join(text[at : at + len(self._prefix)]) == self._prefix:
                return at, True
        joined = "".join(text)
        begun = any(joined.endswith(self._prefix[:length]) for length in range(1, len(self._prefix)))
        return None, begun and len(text) <= room

    def _proven_at(self) -> int | None:
        """Where a text starts that fills the rest and proves to be a scanner's."""
        if self._overflow or len(self._typed) < MIN_KEYS:
            return None
        for at in range(min(MAX_GLUED + 1, len(self._typed))):
            glued = self._typed[at - 1][1] if at else ""
            apart = not at or self._is_apart(at)
            if any(_proves(text, glued, apart) for text in self._texts(self._typed[at:])):
                return at
        return None

    def _is_apart(self, at: int) -> bool:
        """Whether the pause before a key is far longer than any after it: two hands."""
        times = [key.time_ms for key, _ in self._typed[at - 1 :]]
        pause, *rest = (elapsed_ms(*pair) for pair in pairwise(times))
        return pause >= max(_APART_MS, 2 * max(rest, default=0))

    def _ended_without_suffix(self) -> bool:
        if not self._typed:
            return False
        if self._announced or self._proven_at() is not None:
            return len(self._typed) > 1
        return self._profile.suffix is Suffix.NONE and self._is_scan(self._last_ms)

    def _ends(self, key: Key) -> bool:
        return key.code in TERMINATORS or (
            key.code in CTRL_TERMINATORS
            and self._decoder.ctrl
            and (bool(self._typed) or self._just_scanned(key))
        )

    def _is_near(self, key: Key) -> bool:
        return bool(self._typed) and abs(elapsed_ms(self._last_ms, key.time_ms)) <= self.gap_ms

    def _is_burst(self) -> bool:
        """Enough keys, and not one key held down: auto-repeat may be as fast as a scanner."""
        if self._overflow or (self._announced and len(self._typed) > 1):
            return True
        return (
            len(self._typed) >= MIN_KEYS
            and len({(key.code, character) for key, character in self._typed}) > 1
        )

    def _is_scan(self, at_ms: int) -> bool:
        """Whether what is held and ends at `at_ms` is a scan: too fast for a person, or proven."""
        if not self._is_burst():
            return False
        if self._overflow or self._announced or self._prefix_at()[0] is not None:
            return True
        took = elapsed_ms(self._typed[0][0].time_ms, at_ms)
        return took <= FAST_MS * len(self._typed) or self._proven_at() is not None

    def _is_repeat(self, key: Key) -> bool:
        return key.repeat or key.code in self._down

    def _just_scanned(self, key: Key) -> bool:
        return (
            self._scanned_ms is not None
            and 0 <= elapsed_ms(self._scanned_ms, key.time_ms) <= self._swallow_ms
        )

    def _is_typing(self, key: Key, within: bool) -> bool:
        """Whether the key gives a character; with Alt only a scan's does, and a digit of its number."""
        if key.code in MODIFIERS:
            return False
        if key.alt and not within and not (self._decoder.alt and key.code in KEYPAD_DIGITS):
            return False
        return key.code in US_LAYOUT or (key.text != "" and key.text.isprintable())

    def _texts(self, typed: list[tuple[Key, str]]) -> tuple[str, ...]:
        """The candidate readings, best first: the scan codes, then what the host's layout made of them."""
        coded = "".join(character for _, character in typed)
        if any(not character and key.code in KEYPAD_DIGITS for key, character in typed):
            return (coded,)
        host = "".join(self._host(key) for key, _ in typed)
        # A Ctrl that the clerk holds turns the host's text into control characters.
        if coded.isprintable() and not host.isprintable():
            return (coded,)
        return (host, coded) if self._profile.layout == "host" else (coded, host)


def _proves(text: str, glued: str, apart: bool) -> bool:
    """Whether a text, with `glued` before it, can only be a scanner's.

    An AIM id alone may also be three characters inside a longer code: it begins a text that stands apart.
    """
    aim, code = split_aim(text)
    if aim and apart and len(text) > _AIM_LENGTH:
        return True
    if len(code) > MAX_TEXT:
        return False
    # A space or hyphen before a code is a person's, though codes may hold them.
    if is_code(code) and code[0].isalpha():
        return True
    return len(code) in _GTIN_LENGTHS and not glued.isdigit() and gtin14(code) is not None


NOTHING = Outcome()
"""Pass, and nothing else."""
