"""People at a keyboard, as streams of keys: what they do to a till that must not take them for a scanner."""

import random
from collections.abc import Iterator

from posapp.domain.keyboards import KEYPAD_DIGITS, US_LAYOUT
from posapp.domain.keys import BurstDetector, Do, Key, Outcome
from posapp.domain.profiles import DeviceProfile

ENTER, TAB, BACKSPACE, SHIFT = 28, 15, 14, 42
_LETTERS = [*range(16, 26), *range(30, 39), *range(44, 51)]
_PLAIN = [*_LETTERS, *range(2, 12), 26, 39, 40, 57, 57, 12, 13]
_KEYPAD = list(KEYPAD_DIGITS)
_DIGITS = {digit: code for code, digit in KEYPAD_DIGITS.items()}


class Person:
    """One way to type, drawn anew for each burst: steady, rolling, as fast as keys repeat, on the keypad."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.way = chance.choices(
            ["steady", "rolling", "fast", "keypad", "held", "number"], [5, 4, 2, 2, 1, 1]
        )[0]
        self._rolled = 0

    def burst(self, now: int) -> list[Key]:
        """Up to 24 keys and mostly Enter, as presses and releases in the order of their times."""
        chance = self._chance
        codes = self._codes()
        end = chance.choice([ENTER, ENTER, ENTER, TAB, BACKSPACE, None])
        events: list[tuple[int, int, Key]] = []
        up: dict[int, int] = {}
        for code in [*codes, *([end] if end else [])]:
            now += self._gap(last=code in (ENTER, TAB))
            now = max(now, up.get(code, 0) + 1)
            up[code] = now + chance.randint(20, 110)
            text = "x" if code in US_LAYOUT else ""
            shifted = self.way in ("steady", "rolling") and chance.random() < 0.1
            if shifted:
                events.append((now - 1, len(events), Key((now - 1) % 2**32, SHIFT, True)))
            events.append((now, len(events), Key(now % 2**32, code, True, text)))
            events.append((up[code], len(events), Key(up[code] % 2**32, code, False)))
            if shifted:
                events.append((up[code] + 1, len(events), Key((up[code] + 1) % 2**32, SHIFT, False)))
        if self.way == "held":
            events = list(self._held(now + 200))
        return [key for _, _, key in sorted(events)]

    def _codes(self) -> list[int]:
        chance = self._chance
        if self.way == "number":
            digits = [chance.randrange(10) for _ in range(chance.choice([7, 11, 12]))]
            total = sum(digit * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
            return [_DIGITS[digit] for digit in [*digits, -total % 10]]
        keys = _KEYPAD if self.way == "keypad" else _PLAIN
        return [chance.choice(keys) for _ in range(chance.randint(1, 24))]

    def _gap(self, last: bool) -> int:
        chance = self._chance
        if self.way == "fast":
            return chance.randint(25, 45)
        if self.way == "rolling" and not last and self._rolled < 2 and chance.random() < 0.3:
            self._rolled += 1
            return chance.randint(4, 30)
        self._rolled = 0
        return max(40, round(chance.lognormvariate(4.9, 0.45)))

    def _held(self, now: int) -> Iterator[tuple[int, int, Key]]:
        code = self._chance.choice(_LETTERS)
        for repeat in range(self._chance.randint(5, 40)):
            at = now + (500 + 30 * repeat if repeat else 0)
            yield at, repeat, Key(at % 2**32, code, True, "x")
        yield at + 20, 99, Key((at + 20) % 2**32, code, False)
        yield at + 50, 100, Key((at + 50) % 2**32, ENTER, True, "\r")


class Field:
    """What reaches the widget behind a detector whose timer is on time."""

    def __init__(self, profile: DeviceProfile) -> None:
        self.detector = BurstDetector("till", profile=profile)
        self.scans = 0
        self.came: list[Key] = []

    def type(self, keys: list[Key]) -> bool:
        """Type a burst and wait: whether all of it came, in order, and nothing was taken for a scan."""
        self.came, before = [], self.scans
        due: int | None = None
        for key in keys:
            if due is not None and (key.time_ms - due) % 2**32 < 2**31:
                self._take(self.detector.expire())
                due = None
            outcome = self.detector.feed(key)
            self._take(outcome)
            if outcome.do is Do.PASS:
                self.came.append(key)
            if key.down:
                due = (key.time_ms + self.detector.gap_ms) % 2**32 if self.detector.holding else None
        self._take(self.detector.expire())
        return self.scans == before and self.came == keys

    def _take(self, outcome: Outcome) -> None:
        self.came += outcome.replay
        self.scans += outcome.scan is not None
