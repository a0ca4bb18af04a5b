"""What can be scanned at the counter, and how a scan or a typed text is read.

Hides the alphabet and check character of our own codes and the order in which the meanings of a text
are tried: our own codes, product numbers, GS1 messages, parcel labels, else free text. How a scan came
is `posapp.domain.scans`, what GS1 writes `posapp.domain.gs1`, signed codes `posapp.domain.tokens`.

Our codes are two prefix letters, eight body characters and one check character, printed
``PK 7KX2 9DRT H`` and read in any case, with or without spaces and hyphens. The alphabet has no
0/O, 1/I/L, 5 or Z to be mistaken, and no key that moves between the German, Austrian, Swiss and US
keyboard layouts. The check finds every single wrong character and every exchange of two.

Pure: no clock, no device. `read` never raises.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain import gs1, tokens
from posapp.domain.gs1 import GS, MAX_MESSAGE, Elements, Wrong, gtin14
from posapp.domain.scans import Fault, SameCode, Scan, Source, elapsed_ms, split_aim
from posapp.domain.values import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ALPHABET",
    "BODY_LENGTH",
    "CODE_LENGTH",
    "MAX_TEXT",
    "Elements",
    "Fault",
    "Kind",
    "Prefix",
    "Reading",
    "SameCode",
    "Scan",
    "Source",
    "Unreadable",
    "check_character",
    "display",
    "draw",
    "elapsed_ms",
    "gtin14",
    "is_code",
    "make",
    "normalise",
    "read",
    "split_aim",
]

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


class Prefix(StrEnum):
    """The two letters that say what one of our codes stands for."""

    PICKUP = "PK"
    BIN = "BN"
    BAG = "SB"
    CLAIM_TICKET = "CT"
    BADGE = "CB"
    LOYALTY = "LC"
    COMMAND = "CD"


class Kind(StrEnum):
    """What a scan turned out to be. `FREE` may be an order number or a parcel label: look it up."""

    PICKUP = "pickup"
    BIN = "bin"
    BAG = "bag"
    CLAIM_TICKET = "claim_ticket"
    BADGE = "badge"
    LOYALTY = "loyalty"
    COMMAND = "command"
    TOKEN = "token"
    GTIN = "gtin"
    PARCEL = "parcel"
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
    SEPARATORS_LOST = "separators_lost"
    ADDRESS = "address"
    MESSAGE = "message"
    UNPROVEN = "unproven"


_KINDS = {prefix.value: Kind[prefix.name] for prefix in Prefix}

_RANK = {
    Unreadable.CHECK_DIGIT: 2,
    Unreadable.TORN: 3,
    Unreadable.IMPOSSIBLE_CHARACTER: 4,
    Unreadable.CONTROL_CHARACTERS: 5,
    Unreadable.SEPARATORS_LOST: 4,
    Unreadable.ADDRESS: 4,
    Unreadable.MESSAGE: 5,
    Unreadable.UNPROVEN: 5,
    Unreadable.TOO_LONG: 6,
    Unreadable.EMPTY: 8,
}
_RANK_SURE, _RANK_FREE = 1, 7

_WRONG = {
    Wrong.CHECK_DIGIT: Unreadable.CHECK_DIGIT,
    Wrong.SEPARATORS_LOST: Unreadable.SEPARATORS_LOST,
    Wrong.ADDRESS: Unreadable.ADDRESS,
    Wrong.UNREADABLE: Unreadable.MESSAGE,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scan means.

    `value` is canonical: 11 upper-case characters for our codes, 139 for a signed one until it is
    verified, 14 digits for a GTIN, a parcel's number without spaces, the stripped text for `FREE`, and
    for `UNREADABLE` what may be shown of it (printable, at most 64 long).
    `position` counts from 1 within `value` and is 0 but for an impossible character.
    `texts` are all candidate readings worth looking up as an order number, best first: also a
    GTIN may be a shop's own eight-digit order number. `elements` is the GS1 message it came in, with
    lot and serial; `claims` what a signed code says once it was verified.
    """

    kind: Kind
    value: str
    reason: Unreadable | None = None
    position: int = 0
    texts: tuple[str, ...] = ()
    aim: str = ""
    elements: Elements | None = None
    claims: tokens.Claims | None = None

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


def read(what: Scan | str, expect: Prefix | None = None, domains: frozenset[str] = frozenset()) -> Reading:
    """Say what a scan, or a text typed by the clerk, is.

    Typed text is forgiven Z for 2 and 5 for S. `expect` is for a field that asks for one kind: there
    a customer may read out nine characters without the prefix. Every candidate is tried; one that
    passes a check wins, then the most telling fault, then free text. ``domains`` are the hosts whose
    addresses are ours to take apart; no address is ever opened.
    """
    if isinstance(what, Scan):
        if what.fault is Fault.TOO_LONG:
            return _unreadable(what.text, Unreadable.TOO_LONG, aim=what.aim)
        texts, aim, typed = what.texts, what.aim, what.source is Source.TYPED
    else:
        aim, text = split_aim(what.strip(_FRAMING))
        texts, typed = (text,), True
    readings = [_read_one(text, aim, typed, expect, domains) for text in texts]
    if not readings:
        return _unreadable("", Unreadable.EMPTY, aim=aim)
    best = min(readings, key=_rank)
    candidates = dict.fromkeys(text for text in texts if 0 < len(text) <= MAX_TEXT and text.isprintable())
    return replace(best, texts=tuple(dict.fromkeys((*candidates, *best.texts))), aim=aim)


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


def _read_one(text: str, aim: str, typed: bool, expect: Prefix | None, domains: frozenset[str]) -> Reading:
    text = text.strip(_FRAMING)
    if not text:
        return _unreadable(text, Unreadable.EMPTY)
    if len(text) > MAX_MESSAGE:
        return _unreadable(text, Unreadable.TOO_LONG)
    if not text.replace(GS, "").isprintable():
        return _unreadable(text, Unreadable.CONTROL_CHARACTERS)
    code = normalise(text)
    if tokens.looks_like(code):
        return Reading(Kind.TOKEN, code)
    if len(text) <= MAX_TEXT:
        sure = _read_ours(code, typed, expect) or _read_gtin(text, aim, typed)
        if sure is not None:
            return sure
    return _read_gs1(text, aim, domains) or _read_free(text)


def _read_gtin(text: str, aim: str, typed: bool) -> Reading | None:
    # People type a GTIN in the groups printed below its bars.
    digits = text.replace(" ", "") if typed else text
    gtin = gtin14(digits)
    if gtin is not None:
        return Reading(Kind.GTIN, gtin)
    if gs1.is_misread_gtin(digits, aim, typed):
        return _unreadable(text, Unreadable.CHECK_DIGIT)
    return None


def _read_gs1(text: str, aim: str, domains: frozenset[str]) -> Reading | None:
    found = gs1.read_elements(text, aim, domains)
    if found is None:
        return None
    if isinstance(found, Wrong):
        spoilt = found is Wrong.UNREADABLE and not aim
        return _unreadable(text, Unreadable.CONTROL_CHARACTERS if spoilt else _WRONG[found])
    if found.sscc:
        return _parcel(found.sscc, found)
    if found.gtin:
        return Reading(Kind.GTIN, found.gtin, elements=found)
    return Reading(Kind.FREE, text.replace(GS, " ")[:MAX_TEXT], elements=found)


def _read_free(text: str) -> Reading:
    if len(text) > MAX_TEXT:
        torn = tokens.is_part(normalise(text))
        return _unreadable(text, Unreadable.TORN if torn else Unreadable.TOO_LONG)
    label = gs1.parcel_label(text)
    return _parcel(label) if label else Reading(Kind.FREE, text)


def _parcel(label: str, elements: Elements | None = None) -> Reading:
    """Shops keep a parcel's SSCC with or without the 00 in front."""
    texts = (label, f"00{label}") if label.isdigit() else (label,)
    return Reading(Kind.PARCEL, label, texts=texts, elements=elements)


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
