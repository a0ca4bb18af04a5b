"""Layouts, numbers typed with Alt, and what is learned of a scanner."""

import pytest

from posapp.domain.codes import Scan
from posapp.domain.keyboards import ALT, ALT_GR, FUNCTION_KEYS, KEYPAD_DIGITS, LAYOUTS, KeyDecoder
from posapp.domain.keys import BurstDetector, Do, Key
from posapp.domain.profiles import DeviceProfile, Suffix

SHIFT, CTRL, ENTER = 42, 29, 28
_DIGITS = {digit: code for code, digit in KEYPAD_DIGITS.items()}


def pressed(layout: str, text: str) -> str:
    """What a decoder makes of the keys on which a keyboard of that layout has a text."""
    keys = {
        character: (code, level)
        for code, levels in reversed(LAYOUTS[layout].items())
        for level, character in enumerate(levels)
        if character and code not in KEYPAD_DIGITS
    }
    decoder, got = KeyDecoder(layout), ""
    for character in text:
        code, level = keys[character]
        around = [(), (SHIFT,), (ALT_GR,)][level]
        for key in around:
            decoder.press(key, 0)
        got += decoder.press(code, 0)
        for key in (*around, code):
            decoder.release(key)
    return got


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("us", "".join(map(chr, range(32, 127)))),
        ("de", "PK7KX29DRTH äöüßÄÖÜ yz-/_:;@€{[]}\\~|"),
        ("fr", "PK7KX29DRTH éèçà azqwm.;/!~#{[|@]}€"),
        ("ch", "PK7KX29DRTH äöüéè yz-_@#[]{}\\€"),
        ("gb", 'PK7KX29DRTH £"@~#\\|€'),
    ],
)
def test_every_layout_reads_its_own_text(layout: str, text: str) -> None:
    assert pressed(layout, text) == text


def test_the_letters_case_can_be_turned_and_a_dead_key_made_visible() -> None:
    decoder = KeyDecoder(caps=True)
    assert decoder.press(30, 0) == "A"
    german = KeyDecoder("de")
    assert [german.press(code, 0) for code in (41, 57, 57)] == ["^", "", " "]
    assert KeyDecoder("klingon").press(30, 0) == "a"


def test_ctrl_with_a_letter_beyond_ascii_is_the_letter() -> None:
    german = KeyDecoder("de")
    german.press(CTRL, 0)
    assert (german.press(12, 0), german.press(30, 0)) == ("ß", "\x01")


@pytest.mark.parametrize(("typed", "text"), [("065", "A"), ("29", "\x1d"), ("0128", "€"), ("228", "ä")])
def test_a_number_typed_with_alt_is_one_character(typed: str, text: str) -> None:
    decoder = KeyDecoder()
    decoder.press(ALT, 0)
    assert [decoder.press(_DIGITS[int(digit)], 0) for digit in typed] == [""] * len(typed)
    assert decoder.release(ALT) == text
    assert decoder.release(ALT) == ""


def taps(codes: list[int], at: int, gap: int) -> list[Key]:
    return [
        Key(at + gap * number, code, down, "x" if down and code not in (ENTER, 183) else "")
        for number, code in enumerate(codes)
        for down in (True, False)
    ]


def fed(profile: DeviceProfile, keys: list[Key]) -> tuple[list[Scan], list[Key]]:
    detector = BurstDetector(profile=profile)
    scans, came = [], []
    for key in keys:
        outcome = detector.feed(key)
        scans += [outcome.scan] if outcome.scan else []
        came += [*outcome.replay, *([key] if outcome.do is Do.PASS else [])]
    outcome = detector.expire()
    return scans + ([outcome.scan] if outcome.scan else []), came + list(outcome.replay)


ABCDE = [30, 48, 46, 32, 18]


def test_slow_free_text_is_a_scan_only_behind_its_prefix() -> None:
    slow = taps([*ABCDE, ENTER], 1000, 60)
    assert fed(DeviceProfile(gap_ms=90), slow) == ([], slow)
    for prefix, key in (("F13", FUNCTION_KEYS["F13"]), ("`", 41)):
        profile = DeviceProfile(gap_ms=110, prefix=prefix)
        scans, came = fed(profile, taps([key, *ABCDE, ENTER], 1000, 60))
        assert ([scan.text for scan in scans], came) == (["abcde"], [])
        assert fed(profile, slow) == ([], slow)
    scans, came = fed(DeviceProfile(gap_ms=110, prefix="`1"), taps([41, 2, *ABCDE, ENTER], 1000, 60))
    assert ([scan.text for scan in scans], came) == (["abcde"], [])


def test_a_prefix_key_alone_or_before_typing_is_given_back() -> None:
    profile = DeviceProfile(gap_ms=110, prefix="F13")
    alone = taps([183], 1000, 60)
    assert fed(profile, alone) == ([], alone)
    typed = taps([30, 48], 1000, 20)
    scans, came = fed(profile, typed + taps([183, *ABCDE, ENTER], 1030, 50))
    assert ([scan.text for scan in scans], came) == (["abcde"], typed)


def test_a_fast_scanner_learned_to_have_no_suffix_needs_none() -> None:
    keys = taps(ABCDE, 1000, 5)
    assert fed(DeviceProfile(), keys) == ([], keys)
    scans, came = fed(DeviceProfile(suffix=Suffix.NONE), keys)
    assert ([scan.text for scan in scans], came) == (["abcde"], [])


def test_the_hosts_reading_first_where_the_scanner_has_the_hosts_layout() -> None:
    (scan,), _ = fed(DeviceProfile(layout="host"), taps([*ABCDE, ENTER], 1000, 5))
    assert scan.texts == ("xxxxx", "abcde")


def test_profiles_have_bounds_and_give_back_the_separator() -> None:
    for wrong in ({"gap_ms": 0}, {"gap_ms": 91}, {"gap_ms": 151, "prefix": "F13"}):
        with pytest.raises(ValueError, match="gap_ms"):
            DeviceProfile(**wrong)
    profile = DeviceProfile(prefix="~", gs="|")
    assert profile.restore("~]C110A|21B") == "]C110A\x1d21B"
    assert profile.restore("a|b") == "a|b"
    assert DeviceProfile(prefix="F13").restore("F13") == "F13"
