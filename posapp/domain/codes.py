"""What can be scanned at the counter, and how a scan or a typed text is read.

Hides the alphabet and check character of our own codes, GTIN check digits, AIM symbology
identifiers and the order in which the meanings of a text are tried.

Our codes are two prefix letters, eight body characters and one check character, printed
``PK 7KX2 9DRT H`` and read in any case, with or without spaces and hyphens. The alphabet has no
0/O, 1/I/L, 5 or Z to be mistaken, and no key that moves between the German, Austrian, Swiss and US
keyboard layouts. The check finds every single wrong character and every exchange of two.

Pure: no clock, no device, nothing that needs installing. `read` never raises.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALPHABET = "2346789BCDEFGHJKNPRSTVX"
BODY_LENGTH = 8
CODE_LENGTH = 11
MAX_TEXT = 64
"""Longest text, in characters, that can still be an order number or a parcel label."""

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(range(BODY_LENGTH + 1, 1, -1))
_SEPARATORS = " -"
_FRAMING = " \t\r\n"
_NORMAL = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", _SEPARATORS)
_MISREAD = str.maketrans("Z5", "2S")
_TORN_LENGTHS = range(8, 14)
_GTIN_LENGTHS = (8, 12, 13, 14)
_EAN_13 = 13
_CLOCK = 1 << 32


class Prefix(StrEnum):
    """The two letters that say what one of our codes stands for."""

    PICKUP = "PK"
    BIN = "BN"
    BAG = "SB"
    CLAIM_TICKET = "CT"
    BADGE = "CB"
    LOYALTY = "LC"


class Kind(StrEnum):
    """What a scan turned out to be. `FREE` may be an order number or a parcel label: look it up."""

    PICKUP = "pickup"
    BIN = "bin"
    BAG = "bag"
    CLAIM_TICKET = "claim_ticket"
    BADGE = "badge"
    LOYALTY = "loyalty"
    GTIN = "gtin"
    FREE = "free"
    UNREADABLE = "unreadable"


class Unreadable(StrEnum):
    """Why a scan cannot be used."""

    CHECK_DIGIT = "check_digit"
    TORN = "torn"
    IMPOSSIBLE_CHARACTER = "impossible_character"
    CONTROL_CHARACTERS = "control_characters"
    TOO_LONG = "too_long"
    EMPTY = "empty"


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


_KINDS = {prefix.value: Kind[prefix.name] for prefix in Prefix}

_RANK = {
    Unreadable.CHECK_DIGIT: 2,
    Unreadable.TORN: 3,
    Unreadable.IMPOSSIBLE_CHARACTER: 4,
    Unreadable.CONTROL_CHARACTERS: 5,
    Unreadable.TOO_LONG: 6,
    Unreadable.EMPTY: 8,
}
_RANK_SURE, _RANK_FREE = 1, 7


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
        if fault is None and clean and not clean[0].isprintable():
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scan means.

    `value` is canonical: 11 upper-case characters for our codes, 14 digits for a GTIN, the stripped
    text for `FREE`, and for `UNREADABLE` what may be shown of it (printable, at most 64 long).
    `position` counts from 1 within `value` and is 0 but for an impossible character.
    `texts` are all candidate readings worth looking up as an order number, best first: also a
    GTIN may be a shop's own eight-digit order number.
    """

    kind: Kind
    value: str
    reason: Unreadable | None = None
    position: int = 0
    texts: tuple[str, ...] = ()
    aim: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is anything to look up."""
        return self.kind is not Kind.UNREADABLE


def normalise(text: str) -> str:
    """Upper case without spaces and hyphens; only ASCII letters change, so nothing new appears."""
    return text.translate(_NORMAL)


def check_character(body: str) -> str:
    """The check character of an eight-character body: weights 9 to 2, modulo 23."""
    if len(body) != BODY_LENGTH or not _in_alphabet(body):
        raise ValueError(f"not a code body: {body!r}")
    total = sum(weight * _VALUES[character] for weight, character in zip(_WEIGHTS, body, strict=True))
    return ALPHABET[-total % len(ALPHABET)]


def make(prefix: Prefix, body: str) -> str:
    """The whole code, 11 characters, for a body in any case and grouping."""
    body = normalise(body)
    return f"{prefix}{body}{check_character(body)}"


def draw(prefix: Prefix, below: Callable[[int], int] | None = None) -> str:
    """A random code. `below(n)` gives a number from 0 to n-1; the system's random source if left.

    Drawing is not unique: whoever issues codes keeps them under a unique index and redraws.
    """
    if below is None:
        # `secrets` costs milliseconds to import, and a till that only reads never needs it.
        from secrets import randbelow

        below = randbelow
    return make(prefix, "".join(ALPHABET[below(len(ALPHABET))] for _ in range(BODY_LENGTH)))


def is_code(text: str) -> bool:
    """Whether a text, in any case and grouping, is one of our codes with a valid check."""
    return len(text) <= MAX_TEXT and _is_canonical(normalise(text))


def display(code: str) -> str:
    """The printed form of one of our codes: ``PK 7KX2 9DRT H``."""
    code = normalise(code)
    if len(code) != CODE_LENGTH:
        raise ValueError(f"not one of our codes: {code!r}")
    return f"{code[:2]} {code[2:6]} {code[6:10]} {code[10]}"


def gtin14(digits: str) -> str | None:
    """GTIN-8, -12, -13 or -14 as a GTIN-14; None for a wrong check digit (GS1 General Spec. 7.9)."""
    if len(digits) not in _GTIN_LENGTHS or not (digits.isascii() and digits.isdigit()):
        return None
    padded = digits.zfill(14)
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(padded))
    return padded if total % 10 == 0 and padded.strip("0") else None


def read(what: Scan | str, expect: Prefix | None = None) -> Reading:
    """Say what a scan, or a text typed by the clerk, is.

    Typed text is forgiven Z for 2 and 5 for S. `expect` is for a field that asks for one kind: there
    a customer may read out nine characters without the prefix. Every candidate is tried; one that
    passes a check wins, then the most telling fault, then free text.
    """
    if isinstance(what, Scan):
        if what.fault is Fault.TOO_LONG:
            return _unreadable(what.text, Unreadable.TOO_LONG, aim=what.aim)
        texts, aim, typed = what.texts, what.aim, what.source is Source.TYPED
    else:
        aim, text = split_aim(what.strip(_FRAMING))
        texts, typed = (text,), True
    readings = [_read_one(text, aim, typed, expect) for text in texts]
    if not readings:
        return _unreadable("", Unreadable.EMPTY, aim=aim)
    best = min(readings, key=_rank)
    candidates = dict.fromkeys(text for text in texts if 0 < len(text) <= MAX_TEXT and text.isprintable())
    return Reading(best.kind, best.value, best.reason, best.position, tuple(candidates), aim)


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


def _in_alphabet(text: str) -> bool:
    return all(character in _VALUES for character in text)


def _is_canonical(code: str) -> bool:
    return (
        len(code) == CODE_LENGTH
        and code[:2] in _KINDS
        and _in_alphabet(code[2:])
        and check_character(code[2:-1]) == code[-1]
    )


def _rank(reading: Reading) -> int:
    if reading.reason is not None:
        return _RANK[reading.reason]
    return _RANK_FREE if reading.kind is Kind.FREE else _RANK_SURE


def _unreadable(text: str, reason: Unreadable, *, position: int = 0, aim: str = "") -> Reading:
    shown = "".join(character for character in text[:MAX_TEXT] if character.isprintable())
    return Reading(Kind.UNREADABLE, shown, reason, position, aim=aim)


def _read_one(text: str, aim: str, typed: bool, expect: Prefix | None) -> Reading:
    text = text.strip(_FRAMING)
    if not text:
        return _unreadable(text, Unreadable.EMPTY)
    if len(text) > MAX_TEXT:
        return _unreadable(text, Unreadable.TOO_LONG)
    if not text.isprintable():
        return _unreadable(text, Unreadable.CONTROL_CHARACTERS)
    ours = _read_ours(normalise(text), typed, expect)
    if ours is not None:
        return ours
    # People type a GTIN in the groups printed below its bars.
    digits = text.replace(" ", "") if typed else text
    gtin = gtin14(digits)
    if gtin is not None:
        return Reading(Kind.GTIN, gtin)
    if _is_misread_gtin(digits, aim, typed):
        return _unreadable(text, Unreadable.CHECK_DIGIT)
    return Reading(Kind.FREE, text)


def _is_misread_gtin(digits: str, aim: str, typed: bool) -> bool:
    """Whether digits with a wrong check were meant as a GTIN.

    12 and 14 digits are also parcel labels with a check of their own and 8 an order number, so
    without a retail AIM id only a scanned 13 is sure enough.
    """
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in _GTIN_LENGTHS:
        return False
    if aim.startswith("]E"):
        return True
    return len(digits) == _EAN_13 and not aim and not typed


def _read_ours(code: str, typed: bool, expect: Prefix | None) -> Reading | None:
    """Read a normalised text as one of our codes; None when it does not claim to be one."""
    bare = ""
    if typed:
        if expect is not None and len(code) == CODE_LENGTH - 2 and code.isascii():
            whole = expect + code.translate(_MISREAD)
            # Nine characters that begin like a prefix are a torn code, unless their check says otherwise.
            bare = expect.value if _is_canonical(whole) or code[:2] not in _KINDS else ""
        if bare or code[:2] in _KINDS:
            code = bare + code
            code = code[:2] + code[2:].translate(_MISREAD)
    kind = _KINDS.get(code[:2])
    if kind is None:
        return None
    if not _in_alphabet(code[2:]):
        if typed and len(code) == CODE_LENGTH and code.isascii() and code.isalnum():
            at = next(at for at in range(2, CODE_LENGTH) if code[at] not in _VALUES)
            shown = code[len(bare) :]
            position = at - len(bare) + 1
            return _unreadable(shown, Unreadable.IMPOSSIBLE_CHARACTER, position=position)
        return None
    if len(code) == CODE_LENGTH:
        if _is_canonical(code):
            return Reading(kind, code)
        return _unreadable(code, Unreadable.CHECK_DIGIT)
    glued = _is_canonical(code[:CODE_LENGTH]) and code[CODE_LENGTH : CODE_LENGTH + 2] in _KINDS
    if len(code) in _TORN_LENGTHS or glued:
        return _unreadable(code, Unreadable.TORN)
    return None
