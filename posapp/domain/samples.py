"""The three codes of the scanner doctor, and how each is found again in what a scanner made of it.

A scanner may believe in another keyboard than the host, put characters before and after each code, turn
the case, or lose some characters on the way: a sample is recognised all the same. Pure.
"""

from __future__ import annotations

import string
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from posapp.domain.codes import Source, elapsed_ms
from posapp.domain.keyboards import CTRL_TERMINATORS, LAYOUTS, MODIFIERS, TERMINATORS, US_LAYOUT, KeyDecoder
from posapp.domain.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from posapp.domain.keys import Key

CODE = "PK7KX29DRTH"
LETTERS = string.ascii_uppercase + " " + string.ascii_lowercase + string.digits + string.punctuation
"""All 95 printable characters of ASCII, for scanners that read QR codes."""
SHORT_LETTERS = "AQMYZaqmyz10-/:;=+'#@_()[]{}?&*^~"
"""The characters that move between layouts, few enough for a bar code."""
GS1_HEAD, GS1_TAIL = "010400638133393110B7", "21X4"
GS1 = f"{GS1_HEAD}\x1d{GS1_TAIL}"
"""A product, its lot, the group separator, its serial number."""
GS1_MATRIX = (
    "101010101010101010",
    "110110000111110111",
    "100011010101000010",
    "101100000000110111",
    "111100111110101100",
    "100100100000000001",
    "100110000000100110",
    "100100110110011011",
    "111001001001000100",
    "110100111110011101",
    "110001001111001110",
    "100100100111000101",
    "110110011111010100",
    "110111100001110001",
    "110100011011001010",
    "111101100011000001",
    "101000101100100100",
    "111111111111111111",
)
"""The same as a GS1 Data Matrix (ECC 200, 18 x 18, ``1`` for dark, without its quiet zone), as zxing-cpp
writes it. Its separators are function characters, which a scanner has to turn into one it sends.
"""

LINE_ENDS = b"\r\n\t\x02\x03"
"""What may stand around a code on a line."""
_LONGEST_SEPARATOR = 8
_ALIKE = 0.7
"""How much of a sample must be there to be taken for one with holes."""


class Sample(StrEnum):
    """The three codes of the doctor's sheet."""

    CODE = "code"
    LETTERS = "letters"
    GS1 = "gs1"


@dataclass(frozen=True, slots=True)
class Heard:
    """One reading: the keys with the host's text in each, or a line's raw bytes; ``whole`` where all that
    came is in them, the end of the code too.
    """

    device: str
    source: Source
    keys: tuple[Key, ...] = ()
    raw: bytes = b""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading understood: what stands before and after the sample, and how it was decoded."""

    heard: Heard
    sample: Sample
    layout: str
    head: str
    tail: str
    case: str  # "same", "turned" or "lost"
    separator: str = ""
    missing: str = ""


def understand(heard: Heard) -> Reading | None:
    """Which sample a reading is, or none."""
    candidates = list(_texts(heard))
    coded = [one for one in candidates if one[0] != "host"]
    host = [one for one in candidates if one[0] == "host"]
    # Key codes before the host's text: with both Caps Lock on and a scanner that follows it, both fit.
    for wanted, among in (
        (_same, coded),
        (_turned, coded),
        (_same, host),
        (_lost, coded),
        (_turned, host),
        (_lost, host),
    ):
        for layout, text in among:
            for sample, expected in _EXPECTED:
                found = wanted(heard, sample, expected, layout, text)
                if found is not None:
                    return found
    return _nearly(heard, candidates)


def pauses(keys: Sequence[Key]) -> list[int]:
    """Milliseconds between the keys that count, modifiers and repeats left out."""
    times = [key.time_ms for key in keys if key.down and not key.repeat and key.code not in MODIFIERS]
    return [elapsed_ms(first, second) for first, second in pairwise(times)]


def _typed(keys: Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.down and not key.repeat and key.code in US_LAYOUT and not is_end(key)]


def is_end(key: Key) -> bool:
    """Whether a press ends a code."""
    return key.code in TERMINATORS or (key.ctrl and key.code in CTRL_TERMINATORS)


_EXPECTED = (
    (Sample.CODE, CODE),
    (Sample.LETTERS, LETTERS),
    (Sample.LETTERS, SHORT_LETTERS),
    (Sample.GS1, GS1),
)


def _texts(heard: Heard) -> Iterable[tuple[str, str]]:
    """The candidate readings with the layout each was decoded by, the likeliest first."""
    if not heard.keys:
        yield "us", heard.raw.strip(LINE_ENDS).decode("utf-8", "replace")
        return
    seen: set[str] = set()
    for layout in LAYOUTS:
        text = _decoded(heard.keys, layout)
        if text not in seen:
            seen.add(text)
            yield layout, text
    yield "host", "".join(key.text for key in _typed(heard.keys) if key.text.isprintable())


def _decoded(keys: Sequence[Key], layout: str) -> str:
    decoder = KeyDecoder(layout)
    characters = []
    for key in keys:
        if not key.down:
            characters.append(decoder.release(key.code))
        elif not key.repeat:
            characters.append(decoder.press(key.code, key.time_ms))
    return "".join(characters).strip("\r\n\t")


def _parted(sample: Sample, expected: str, text: str) -> tuple[str, str, str] | None:
    """What stands before the sample, after it, and for its group separator."""
    if sample is not Sample.GS1:
        head, found, tail = text.partition(expected)
        return (head, tail, "") if found else None
    head, found, rest = text.partition(expected.partition("\x1d")[0])
    between, ended, tail = rest.partition(expected.partition("\x1d")[2])
    if not found or not ended or len(between) > _LONGEST_SEPARATOR:
        return None
    return head, tail, between


def _matcher(
    case: str, fold: Callable[[str], str], unfold: Callable[[str], str]
) -> Callable[[Heard, Sample, str, str, str], Reading | None]:
    def match(heard: Heard, sample: Sample, expected: str, layout: str, text: str) -> Reading | None:
        parted = _parted(sample, fold(expected), fold(text) if case == "lost" else text)
        if parted is None:
            return None
        return Reading(heard, sample, layout, unfold(parted[0]), unfold(parted[1]), case, unfold(parted[2]))

    return match


def _as_is(text: str) -> str:
    return text


_same = _matcher("same", _as_is, _as_is)
_turned = _matcher("turned", str.swapcase, str.swapcase)
_lost = _matcher("lost", str.lower, _as_is)


def _nearly(heard: Heard, candidates: Sequence[tuple[str, str]]) -> Reading | None:
    """A sample with holes: what the scanner or the host has swallowed is named."""
    from difflib import SequenceMatcher

    best: tuple[float, Reading] | None = None
    for layout, text in candidates:
        for sample, expected in _EXPECTED:
            found = SequenceMatcher(None, expected, text, autojunk=False)
            kept = sum(block.size for block in found.get_matching_blocks())
            ratio = kept / max(len(expected), len(text))
            if ratio < _ALIKE or (best is not None and ratio <= best[0]):
                continue
            missing = "".join(
                expected[first:last] for what, first, last, _, _ in found.get_opcodes() if what != "equal"
            )
            best = ratio, Reading(heard, sample, layout, "", "", "same", missing=missing)
    return best[1] if best else None
