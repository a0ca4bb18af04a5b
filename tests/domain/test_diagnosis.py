"""The doctor's findings, from keys as a scanner of one layout makes them on a host of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.codes import Source
from posapp.domain.diagnosis import Diagnosis, Finding, Found, diagnose
from posapp.domain.keyboards import ENTER, FUNCTION_KEYS, TAB
from posapp.domain.keys import Key
from posapp.domain.profiles import MAX_GAP_WITHOUT_PREFIX_MS, DeviceProfile, Suffix
from posapp.domain.samples import CODE, GS1, GS1_HEAD, GS1_TAIL, LETTERS, SHORT_LETTERS, Heard, Sample
from tests.kit.typist import ALT, KEYPAD, Typist


def found(diagnosis: Diagnosis) -> set[Found]:
    return {finding.found for finding in diagnosis.findings if not finding.plain}


def all_three(scanner: str = "us", host: str = "us", letters: str = LETTERS, caps: bool = False) -> Diagnosis:
    return diagnose(
        [
            Typist(scanner, host, caps=caps).text(text).heard(ENTER)
            for text in (CODE, letters, GS1 if scanner in ("us", "gb") else GS1.replace("\x1d", "."))
        ]
    )


def test_a_good_scanner_has_nothing_to_be_said_of() -> None:
    diagnosis = all_three()
    assert diagnosis.good
    assert found(diagnosis) == set()
    assert diagnosis.profile == DeviceProfile(suffix=Suffix.CR)


def test_nothing_heard_says_nothing() -> None:
    assert diagnose([]) == Diagnosis(DeviceProfile(), (), frozenset())


@pytest.mark.parametrize("letters", [LETTERS, SHORT_LETTERS])
@pytest.mark.parametrize("host", ["de", "fr", "ch", "gb"])
def test_a_us_scanner_on_another_host(host: str, letters: str) -> None:
    diagnosis = all_three("us", host, letters)
    assert Finding(Found.LAYOUTS_DIFFER, "us", host) in diagnosis.findings
    assert diagnosis.profile.layout == "us"
    assert (Found.DEAD_KEYS in found(diagnosis)) == (host != "gb")
    assert diagnosis.good


@pytest.mark.parametrize("scanner", ["de", "ch", "gb"])
def test_a_scanner_set_to_the_hosts_layout_is_fine(scanner: str) -> None:
    diagnosis = all_three(scanner, scanner)
    assert diagnosis.profile.layout == scanner
    assert Found.LAYOUTS_DIFFER not in found(diagnosis)


def test_the_layout_named_is_the_one_that_explains_all_letters() -> None:
    diagnosis = all_three("de", "us")
    assert Finding(Found.LAYOUTS_DIFFER, "de", "us") in diagnosis.findings


def test_caps_lock() -> None:
    diagnosis = all_three("us", "de", caps=True)
    assert {Found.CAPS_LOCK, Found.LAYOUTS_DIFFER} <= found(diagnosis)
    assert not diagnosis.profile.caps


def test_a_scanner_that_turns_the_case() -> None:
    diagnosis = diagnose([Typist().text(LETTERS.swapcase()).heard(ENTER)])
    assert found(diagnosis) == {Found.CASE_TURNED}
    assert diagnosis.profile.caps


def test_a_scanner_that_follows_caps_lock_keeps_its_profile() -> None:
    diagnosis = diagnose([Typist(caps=True).text(LETTERS.swapcase()).heard(ENTER)])
    assert found(diagnosis) == {Found.CAPS_LOCK}
    assert not diagnosis.profile.caps


def test_a_scanner_that_sends_one_case_only() -> None:
    diagnosis = diagnose([Typist().text(LETTERS.lower()).heard(ENTER)])
    assert found(diagnosis) == {Found.CASE_LOST}
    assert not diagnosis.good


@pytest.mark.parametrize(
    ("ends", "suffix", "told"),
    [
        ((), Suffix.NONE, {Found.NO_SUFFIX}),
        ((ENTER,), Suffix.CR, set()),
        ((TAB,), Suffix.TAB, {Found.TAB_SUFFIX}),
        ((ENTER, ENTER), Suffix.TWICE, {Found.TWICE}),
        ((ENTER, 101), Suffix.CR_LF, {Found.CR_LF}),
    ],
)
def test_suffixes(ends: tuple[int, ...], suffix: Suffix, told: set[Found]) -> None:
    diagnosis = diagnose([Typist().text(CODE).heard(*ends)])
    assert diagnosis.profile.suffix is suffix
    assert found(diagnosis) == told


@pytest.mark.parametrize("name", ["F1", "F9", "F13", "F24"])
def test_a_key_as_prefix(name: str) -> None:
    diagnosis = diagnose([Typist().press(FUNCTION_KEYS[name]).text(CODE).heard(ENTER)])
    assert diagnosis.findings[1:] == (Finding(Found.PREFIX_KEY, name),)
    assert diagnosis.profile.prefix == name


def test_characters_as_prefix_before_an_aim_id() -> None:
    diagnosis = diagnose([Typist().text("~]C0" + CODE).heard(ENTER)])
    assert Finding(Found.PREFIX_TEXT, "~") in diagnosis.findings
    assert (diagnosis.profile.prefix, diagnosis.profile.aim) == ("~", True)


def test_characters_behind_the_code_have_to_be_set_up_away() -> None:
    diagnosis = diagnose([Typist().text(CODE + "$$").heard(ENTER)])
    assert Finding(Found.TAIL, "$$") in diagnosis.findings
    assert any(finding.fault for finding in diagnosis.findings)


@pytest.mark.parametrize(
    ("pause", "prefix", "gap", "told"),
    [
        (4, False, 35, set()),
        (30, False, 45, {Found.SLOW}),
        (60, False, MAX_GAP_WITHOUT_PREFIX_MS, {Found.SLOW}),
        (60, True, MAX_GAP_WITHOUT_PREFIX_MS, {Found.SLOW, Found.PREFIX_KEY}),
        (95, True, 143, {Found.SLOW, Found.PREFIX_KEY}),
        (95, False, MAX_GAP_WITHOUT_PREFIX_MS, {Found.TOO_SLOW}),
    ],
)
def test_the_gap_is_learned(pause: int, prefix: bool, gap: int, told: set[Found]) -> None:
    typed = Typist(pause=pause)
    if prefix:
        typed.press(FUNCTION_KEYS["F13"])
    diagnosis = diagnose([typed.text(CODE).heard(ENTER)])
    assert diagnosis.profile.gap_ms == gap
    assert found(diagnosis) == told


def test_a_prefix_that_is_gone_takes_its_long_gap_along() -> None:
    before = DeviceProfile(prefix="F13", gap_ms=150)
    profile = diagnose([Typist().text(CODE).heard(ENTER)], before).profile
    assert (profile.prefix, profile.gap_ms) == ("", 35)


@pytest.mark.parametrize(
    ("sent", "gs", "told"),
    [
        (GS1, "\x1d", set()),
        (f"{GS1_HEAD}|{GS1_TAIL}", "|", {Found.GS_REPLACED}),
        (GS1_HEAD + GS1_TAIL, "", {Found.GS_LOST}),
    ],
)
def test_the_group_separator(sent: str, gs: str, told: set[Found]) -> None:
    diagnosis = diagnose([Typist().text(sent).heard(ENTER)])
    assert diagnosis.profile.gs == gs
    assert found(diagnosis) == told


def test_digits_on_a_keypad_without_num_lock() -> None:
    typed = Typist().text("PK")
    for character in CODE[2:]:
        if character.isdigit():
            typed.press(KEYPAD[int(character)])
        else:
            typed.text(character)
    assert found(diagnose([typed.heard(ENTER)])) == {Found.NUM_LOCK}


def test_characters_by_alt_and_number() -> None:
    typed = Typist()
    for character in CODE:
        typed.keys.append(Key(typed.at % (1 << 32), ALT, True))
        for digit in f"{ord(character):03}":
            typed.press(KEYPAD[int(digit)])
        typed.keys.append(Key(typed.at % (1 << 32), ALT, False))
    diagnosis = diagnose([typed.heard(ENTER)])
    assert found(diagnosis) == {Found.ALT_CODES}
    assert diagnosis.samples == {Sample.CODE}


def test_a_host_that_sends_no_key_codes_is_taken_by_its_text() -> None:
    keys = tuple(Key(at * 4, 2 + at % 8, True, character) for at, character in enumerate(CODE))
    diagnosis = diagnose([Heard("wedge:", Source.WEDGE, keys)])
    assert diagnosis.profile.layout == "host"
    assert diagnosis.samples == {Sample.CODE}


def test_swallowed_characters_are_named() -> None:
    diagnosis = diagnose([Typist().text(LETTERS.replace("`", "").replace("=", "")).heard(ENTER)])
    assert Finding(Found.SWALLOWED, "=`") in diagnosis.findings
    assert not diagnosis.good


def test_another_code_is_none_of_the_three() -> None:
    diagnosis = diagnose([Typist().text("4006381333931").heard(ENTER)])
    assert found(diagnosis) == {Found.UNKNOWN}
    assert diagnosis.samples == frozenset()


@pytest.mark.parametrize(
    ("source", "device", "mode"),
    [(Source.SERIAL, "/dev/ttyACM0", Found.LINE), (Source.HIDPOS, "hidpos:1:2", Found.HID_POS)],
)
def test_a_scanner_on_a_line(source: Source, device: str, mode: Found) -> None:
    raw = [text.encode() for text in (CODE, LETTERS, f"]C1{GS1}")]
    diagnosis = diagnose([Heard(device, source, raw=one) for one in raw])
    assert diagnosis.findings == (Finding(mode, device), Finding(Found.AIM))
    assert diagnosis.good
    assert diagnosis.profile == DeviceProfile(device=device, aim=True)


@pytest.mark.parametrize(
    ("end", "suffix", "told"),
    [
        (b"", Suffix.NONE, [Finding(Found.LINE_NO_END)]),
        (b"\r", Suffix.CR, []),
        (b"\r\n", Suffix.CR_LF, [Finding(Found.LINE_END, "CR LF")]),
        (b"\n", Suffix.ANY, [Finding(Found.LINE_END, "LF")]),
        (b"\t", Suffix.TAB, [Finding(Found.LINE_END, "Tab")]),
        (b"\r\r", Suffix.ANY, [Finding(Found.LINE_END, "0D 0D")]),
        (b"#", Suffix.NONE, [Finding(Found.TAIL, "#"), Finding(Found.LINE_NO_END)]),
        (b"#\r", Suffix.CR, [Finding(Found.TAIL, "#")]),
    ],
)
def test_what_ends_a_code_on_a_line(end: bytes, suffix: Suffix, told: list[Finding]) -> None:
    device = "/dev/ttyACM0"
    raw = [text.encode() + end for text in (CODE, LETTERS, f"]d2{GS1}")]
    diagnosis = diagnose([Heard(device, Source.SERIAL, raw=one, whole=True) for one in raw])
    assert [one for one in diagnosis.findings if not one.plain] == told
    assert (diagnosis.profile.suffix, diagnosis.complete) == (suffix, True)
    assert diagnosis.good is not any(one.found is Found.TAIL for one in told)


def test_a_line_with_start_and_end_of_text() -> None:
    raw = b"\x02" + CODE.encode() + b"\x03"
    diagnosis = diagnose([Heard("/dev/ttyACM0", Source.SERIAL, raw=raw, whole=True)])
    assert Finding(Found.LINE_END, "ETX") in diagnosis.findings
    assert diagnosis.profile.prefix == ""


def test_a_lost_separator_is_found_on_a_line() -> None:
    raw = f"]d2{GS1_HEAD}{GS1_TAIL}\r".encode()
    diagnosis = diagnose([Heard("/dev/ttyACM0", Source.SERIAL, raw=raw, whole=True)])
    assert Found.GS_LOST in found(diagnosis)


@given(
    st.lists(st.builds(Key, st.integers(0, 1 << 32), st.integers(0, 255), st.booleans(), st.text(max_size=2)))
)
def test_any_keys_are_looked_at_without_harm(keys: list[Key]) -> None:
    diagnose([Heard("wedge:", Source.WEDGE, tuple(keys))])


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at_without_harm(raw: bytes) -> None:
    diagnose([Heard("/dev/ttyACM0", Source.SERIAL, raw=raw)])
