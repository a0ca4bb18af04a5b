"""What three known codes tell of a scanner: how it is set up, what is wrong, and its `DeviceProfile`.

Hides how a host's layout, a lock key or a scanner's own setting is told from the readings. Pure; the words
for people are `ui.doctor_words`.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.codes import Source, split_aim
from posapp.domain.keyboards import (
    ALT,
    ALT_GR,
    CTRL_TERMINATORS,
    CTRLS,
    FUNCTION_KEYS,
    KEYPAD_DIGITS,
    LAYOUTS,
    LINE_FEED,
    MODIFIERS,
    SHIFTS,
    TAB,
    US_LAYOUT,
)
from posapp.domain.profiles import (
    DEFAULT_GAP_MS,
    MAX_GAP_MS,
    MAX_GAP_WITHOUT_PREFIX_MS,
    DeviceProfile,
    Suffix,
)
from posapp.domain.samples import LINE_ENDS, Reading, Sample, is_end, pauses, understand
from posapp.domain.values import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posapp.domain.keys import Key
    from posapp.domain.samples import Heard

_GAP_FACTOR = 1.5
_SAYS_LAYOUT = 0.9
_DEAD_SIGNS = {"de": "´`^", "fr": "^¨", "ch": "^`¨´~"}


class Found(StrEnum):
    """What can be found. `what` and `more` of a `Finding` are named here where they are used."""

    KEYBOARD = "keyboard"
    LINE = "line"  # what: the device
    HID_POS = "hid_pos"  # what: the device
    NO_SUFFIX = "no_suffix"
    TAB_SUFFIX = "tab_suffix"
    LINE_NO_END = "line_no_end"
    LINE_END = "line_end"  # what: the end's name
    TWICE = "twice"
    CR_LF = "cr_lf"
    PREFIX_KEY = "prefix_key"  # what: the key's name
    PREFIX_TEXT = "prefix_text"  # what: the characters
    TAIL = "tail"  # what: the characters
    SLOW = "slow"  # what: milliseconds between keys, more: the gap taken
    TOO_SLOW = "too_slow"  # what: milliseconds between keys
    LAYOUTS_DIFFER = "layouts_differ"  # what: the scanner's layout, more: the host's, or empty
    DEAD_KEYS = "dead_keys"  # what: the characters
    CAPS_LOCK = "caps_lock"
    CASE_TURNED = "case_turned"
    CASE_LOST = "case_lost"
    NUM_LOCK = "num_lock"
    ALT_CODES = "alt_codes"
    SWALLOWED = "swallowed"  # what: the characters
    AIM = "aim"
    GS_REPLACED = "gs_replaced"  # what: the stand-in
    GS_LOST = "gs_lost"
    UNKNOWN = "unknown"


FAULTS = frozenset(
    {Found.TAIL, Found.TOO_SLOW, Found.CASE_LOST, Found.SWALLOWED, Found.GS_LOST, Found.UNKNOWN}
)
"""What the scanner itself has to be set up for; with everything else posapp gets along."""
_PLAIN = frozenset({Found.KEYBOARD, Found.LINE, Found.HID_POS, Found.AIM})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, with what it was found on."""

    found: Found
    what: str = ""
    more: str = ""

    @property
    def fault(self) -> bool:
        """Whether something does not work until the scanner is set up differently."""
        return self.found in FAULTS

    @property
    def plain(self) -> bool:
        """Whether it only says how things are."""
        return self.found in _PLAIN


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that the readings so far tell; `samples` are those that were understood."""

    profile: DeviceProfile
    findings: tuple[Finding, ...]
    samples: frozenset[Sample]

    @property
    def complete(self) -> bool:
        """Whether all three codes were understood."""
        return len(self.samples) == len(Sample)

    @property
    def good(self) -> bool:
        """Whether this scanner reads everything exactly with this profile."""
        return self.complete and not any(finding.fault for finding in self.findings)


def diagnose(heard: Sequence[Heard], before: DeviceProfile | None = None) -> Diagnosis:
    """What readings of one device tell. Never raises; no reading gives an empty diagnosis.

    `before` is the profile known so far: what the readings say nothing of is kept.
    """
    device = heard[-1].device if heard else "wedge:"
    profile = before or DeviceProfile(device=device)
    readings = [found for one in heard if (found := understand(one)) is not None]
    findings: list[Finding] = []
    if heard:
        findings.append(_mode(heard[-1]))
    if len(readings) < len(heard):
        findings.append(Finding(Found.UNKNOWN))
    for part in (_prefix, _suffix, _layout, _case, _separator, _gap):
        # The gap comes last: how long one may be hangs on the prefix.
        profile, told = part(readings, profile)
        findings += told
    findings += _locks(readings)
    return Diagnosis(profile, tuple(dict.fromkeys(findings)), frozenset(one.sample for one in readings))


_Told = tuple[DeviceProfile, list[Finding]]


def _mode(heard: Heard) -> Finding:
    if heard.keys:
        return Finding(Found.KEYBOARD)
    return Finding(Found.HID_POS if heard.source is Source.HIDPOS else Found.LINE, heard.device)


def _prefix(readings: list[Reading], profile: DeviceProfile) -> _Told:
    whole = [reading for reading in readings if not reading.missing]
    if not whole:
        return profile, []
    findings = []
    names = {code: name for name, code in FUNCTION_KEYS.items()}
    keys = {names[key.code] for one in whole for key in one.heard.keys[:4] if key.down and key.code in names}
    heads = [_head(reading) for reading in whole]
    prefix = min(keys) if keys else heads[0][0]
    aim = any(aim for _, aim in heads)
    if keys:
        findings.append(Finding(Found.PREFIX_KEY, prefix))
    elif prefix:
        findings.append(Finding(Found.PREFIX_TEXT, prefix))
    tail = next((reading.tail for reading in whole if reading.tail), "")
    if tail:
        findings.append(Finding(Found.TAIL, tail))
    if aim:
        findings.append(Finding(Found.AIM))
    # A long gap may be allowed only for the sake of the old prefix; `_gap` sets it anew.
    gap = min(profile.gap_ms, MAX_GAP_WITHOUT_PREFIX_MS)
    return replace(profile, prefix=prefix, aim=aim, gap_ms=gap), findings


def _head(reading: Reading) -> tuple[str, str]:
    """The prefix and the AIM id before a sample."""
    aim = split_aim(reading.head[-3:])[0]
    return reading.head[: len(reading.head) - len(aim)], aim


_SUFFIXES = {
    Suffix.NONE: Found.NO_SUFFIX,
    Suffix.TAB: Found.TAB_SUFFIX,
    Suffix.TWICE: Found.TWICE,
    Suffix.CR_LF: Found.CR_LF,
}


def _suffix(readings: list[Reading], profile: DeviceProfile) -> _Told:
    """On a line only where the readings are whole; else the framing has taken the end away."""
    whole = [reading.heard for reading in readings if reading.heard.whole]
    if whole:
        return _line_end(whole[-1].raw, profile)
    keyed = [reading.heard.keys for reading in readings if reading.heard.keys]
    if not keyed:
        return profile, []
    ends: list[Key] = []
    for key in keyed[-1]:
        if key.down and is_end(key):
            ends.append(key)
        elif key.down and key.code in US_LAYOUT:
            ends = []
    if not ends:
        suffix = Suffix.NONE
    elif ends[0].code == TAB:
        suffix = Suffix.TAB
    elif len(ends) == 1:
        suffix = Suffix.CR
    else:
        line_feed = ends[1].code == LINE_FEED or ends[1].code == min(CTRL_TERMINATORS)
        suffix = Suffix.CR_LF if line_feed else Suffix.TWICE
    findings = [Finding(_SUFFIXES[suffix])] if suffix in _SUFFIXES else []
    return replace(profile, suffix=suffix), findings


_LINE_ENDS = {
    b"\r": (Suffix.CR, "CR"),
    b"\n": (Suffix.ANY, "LF"),
    b"\r\n": (Suffix.CR_LF, "CR LF"),
    b"\t": (Suffix.TAB, "Tab"),
    b"\x03": (Suffix.ANY, "ETX"),
}


def _line_end(raw: bytes, profile: DeviceProfile) -> _Told:
    """What ends a code on a line: nothing, so that only time does, or one of the ends that framing knows."""
    end = raw[len(raw.rstrip(LINE_ENDS)) :]
    if not end:
        return replace(profile, suffix=Suffix.NONE), [Finding(Found.LINE_NO_END)]
    suffix, name = _LINE_ENDS.get(end, (Suffix.ANY, end.hex(" ").upper()))
    return replace(profile, suffix=suffix), [] if suffix is Suffix.CR else [Finding(Found.LINE_END, name)]


def _layout(readings: list[Reading], profile: DeviceProfile) -> _Told:
    keyed = [reading for reading in readings if reading.heard.keys]
    if not keyed:
        return profile, []
    # The letters say most; a pickup code looks the same in several layouts.
    telling = next((one for one in keyed if one.sample is Sample.LETTERS), keyed[-1])
    profile = replace(profile, layout=telling.layout)
    if telling.layout == "host":
        return profile, []
    presses = [press for reading in keyed for press in _levels(reading.heard.keys)]
    host = _host_layout(presses, telling.layout)
    findings = []
    if host != telling.layout:
        findings.append(Finding(Found.LAYOUTS_DIFFER, telling.layout, host))
    signs = _DEAD_SIGNS.get(host, "")
    table = LAYOUTS[telling.layout]
    dead = {table[key.code][level] for key, level in presses if key.text in signs and key.text}
    if dead:
        findings.append(Finding(Found.DEAD_KEYS, "".join(sorted(dead))))
    return profile, findings


def _levels(keys: Sequence[Key]) -> list[tuple[Key, int]]:
    """The presses that give text, with Shift or without; those with Ctrl, Alt or from the keypad not."""
    down: set[int] = set()
    found = []
    for key in keys:
        if key.code in MODIFIERS:
            (down.add if key.down else down.discard)(key.code)
        elif key.down and not key.repeat and key.code in US_LAYOUT and key.code not in KEYPAD_DIGITS:
            plain = down.isdisjoint(CTRLS | {ALT, ALT_GR}) and not key.ctrl and not key.alt
            if plain:
                found.append((key, int(not down.isdisjoint(SHIFTS))))
    return found


def _host_layout(presses: Sequence[tuple[Key, int]], scanner: str) -> str:
    """The layout that explains the host's text best, the scanner's own first; empty if none does."""
    told = [(key, level) for key, level in presses if key.text]
    if not told:
        return scanner

    def explained(layout: str) -> float:
        table = LAYOUTS[layout]
        return sum(table[key.code][level].lower() == key.text.lower() for key, level in told) / len(told)

    best = max([scanner, *LAYOUTS], key=explained)
    return best if explained(best) >= _SAYS_LAYOUT else ""


def _case(readings: list[Reading], profile: DeviceProfile) -> _Told:
    if not readings:
        return profile, []
    cases = {reading.case for reading in readings}
    if "lost" in cases:
        return replace(profile, caps=False), [Finding(Found.CASE_LOST)]
    if "turned" not in cases:
        return replace(profile, caps=False), []
    # With Caps Lock on some scanners turn the case themselves, so that the host gets it right.
    follows = any(_is_locked(reading.heard.keys, reading.layout) for reading in readings)
    return replace(profile, caps=not follows), [] if follows else [Finding(Found.CASE_TURNED)]


def _is_locked(keys: Sequence[Key], layout: str) -> bool:
    """Whether the host gave letters in the other case than their keys and Shift ask for."""
    letters = [(key, level) for key, level in _levels(keys) if key.text.isalpha() and key.text.isascii()]
    if layout not in LAYOUTS or not letters:
        return False
    turned = sum(key.text.isupper() != bool(level) for key, level in letters)
    return turned > len(letters) / 2


def _locks(readings: list[Reading]) -> list[Finding]:
    findings = []
    if any(_is_locked(reading.heard.keys, reading.layout) for reading in readings):
        findings.append(Finding(Found.CAPS_LOCK))
    keys = [key for reading in readings for key in reading.heard.keys if key.down]
    if any(key.code == ALT for key in keys):
        findings.append(Finding(Found.ALT_CODES))
    elif any(key.code in KEYPAD_DIGITS and not key.text for key in keys):
        findings.append(Finding(Found.NUM_LOCK))
    missing = "".join(dict.fromkeys("".join(reading.missing for reading in readings)))
    if missing:
        findings.append(Finding(Found.SWALLOWED, missing))
    return findings


def _separator(readings: list[Reading], profile: DeviceProfile) -> _Told:
    told = [one for one in readings if one.sample is Sample.GS1 and not one.missing]
    if not told:
        return profile, []
    separator = told[-1].separator
    profile = replace(profile, gs=separator)
    if not separator:
        return profile, [Finding(Found.GS_LOST)]
    return profile, [] if separator == "\x1d" else [Finding(Found.GS_REPLACED, separator)]


def _gap(readings: list[Reading], profile: DeviceProfile) -> _Told:
    """1.5 times the longest pause but one in a hundred, within what a person can be made to wait.

    The longest of each reading is left out: with few keys it would decide alone, and a busy host makes one.
    """
    found = sorted(pause for reading in readings for pause in sorted(pauses(reading.heard.keys))[:-1])
    if not found:
        return profile, []
    slowest = found[math.ceil(len(found) * 0.99) - 1]
    most = MAX_GAP_MS if profile.prefix else MAX_GAP_WITHOUT_PREFIX_MS
    gap = max(DEFAULT_GAP_MS, min(most, math.ceil(slowest * _GAP_FACTOR)))
    profile = replace(profile, gap_ms=gap)
    if slowest >= most:
        return profile, [Finding(Found.TOO_SLOW, str(slowest))]
    return profile, [Finding(Found.SLOW, str(slowest), str(gap))] if gap > DEFAULT_GAP_MS else []
