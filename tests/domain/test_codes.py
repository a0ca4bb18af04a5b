"""Our codes' check finds what people and scanners get wrong, and `read` gives every text one meaning."""

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.codes import (
    ALPHABET,
    BODY_LENGTH,
    CODE_LENGTH,
    MAX_TEXT,
    Fault,
    Kind,
    Prefix,
    Reading,
    SameCode,
    Scan,
    Source,
    Unreadable,
    check_character,
    display,
    draw,
    elapsed_ms,
    gtin14,
    is_code,
    make,
    normalise,
    read,
    split_aim,
)

GOOD = ["PK7KX29DRTH", "PK222222222", "PKBCDFGHJKT", "PKXXXXXXXXV", "PK4GN7P2TXV", "PK9F3KX7RB7"]
bodies = st.text(ALPHABET, min_size=BODY_LENGTH, max_size=BODY_LENGTH)
codes = st.builds(make, st.sampled_from(Prefix), bodies)


def scan(*texts: str, at_ms: int = 0, device: str = "till", fault: Fault | None = None) -> Scan:
    return Scan.of(device, Source.WEDGE, texts, at_ms=at_ms, fault=fault)


def reason(what: Scan | str) -> Unreadable | None:
    return read(what).reason


# --- the check character ---


@pytest.mark.parametrize("code", GOOD)
def test_the_published_codes_are_good(code: str) -> None:
    assert is_code(code)
    assert make(Prefix.PICKUP, code[2:-1]) == code
    assert read(scan(code)) == Reading(Kind.PICKUP, code, texts=(code,))


@pytest.mark.parametrize("code", ["PK7KX29DRTX", "PK7XK29DRTH", "PK7KX29DRT", "", "PK", "XX7KX29DRTH"])
def test_wrong_swapped_and_short_codes_are_not(code: str) -> None:
    assert not is_code(code)


def test_every_single_wrong_character_is_found() -> None:
    rng = random.Random(1)
    for _ in range(300):
        code = draw(Prefix.PICKUP, rng.randrange)
        for at in range(2, CODE_LENGTH):
            for wrong in set(ALPHABET) - {code[at]}:
                assert not is_code(code[:at] + wrong + code[at + 1 :])


def test_every_exchange_of_two_characters_at_any_distance_is_found() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        code = draw(Prefix.BAG, rng.randrange)
        for one in range(2, CODE_LENGTH):
            for other in range(one + 1, CODE_LENGTH):
                if code[one] != code[other]:
                    swapped = list(code)
                    swapped[one], swapped[other] = code[other], code[one]
                    assert not is_code("".join(swapped))


def test_every_twin_and_jump_twin_error_is_found() -> None:
    rng = random.Random(3)
    for _ in range(500):
        code = draw(Prefix.BIN, rng.randrange)
        for at in range(2, CODE_LENGTH - 1):
            for step in (1, 2):
                if at + step < CODE_LENGTH and code[at] == code[at + step]:
                    for wrong in set(ALPHABET) - {code[at]}:
                        twin = list(code)
                        twin[at] = twin[at + step] = wrong
                        assert not is_code("".join(twin))


@given(codes, st.sampled_from(["{}", " {}\r\n", "]C0{}", "]Q1{}\r"]), st.booleans())
def test_a_code_is_read_in_any_dress(code: str, dress: str, lower: bool) -> None:
    for form in (code, display(code), "-".join(code)):
        text = dress.format(form.lower() if lower else form)
        reading = read(scan(text))
        assert (reading.value, reading.kind.name) == (code, Prefix(code[:2]).name)
        assert read(text).value == code


@given(bodies)
def test_the_body_alone_makes_the_check(body: str) -> None:
    assert {make(prefix, body)[-1] for prefix in Prefix} == {check_character(body)}


@pytest.mark.parametrize("body", ["", "7KX29DR", "7KX29DRTT", "7KX29DR0", "7kx29drt"])
def test_only_a_body_has_a_check(body: str) -> None:
    with pytest.raises(ValueError, match="not a code body"):
        check_character(body)


def test_the_printed_form() -> None:
    assert display("pk7kx29drth") == "PK 7KX2 9DRT H"
    with pytest.raises(ValueError, match="not one of our codes"):
        display("PK7KX2")


def test_drawn_codes_are_good_and_differ() -> None:
    drawn = {draw(prefix) for prefix in Prefix for _ in range(50)}
    assert len(drawn) == 50 * len(Prefix)
    assert all(is_code(code) for code in drawn)


def test_only_ascii_letters_become_upper_case() -> None:
    assert normalise("pk ſßıﬁ-x") == "PKſßıﬁX"
    assert reason("PK7KX29DRTſ") is None
    assert read(scan("PK٣KX29DRTH")).kind is Kind.FREE


# --- typed by a person ---


@pytest.mark.parametrize("text", ["PKZZZZZZZZZ", "pk 2222 2z22 z", "PK-2222-2222-2"])
def test_typed_z_means_2(text: str) -> None:
    assert read(text).value == "PK222222222"


def test_typed_5_means_s_but_scanned_it_does_not() -> None:
    code = make(Prefix.BAG, "SSSS2222")
    typed = code[:2] + code[2:].replace("S", "5")
    assert read(typed).value == code
    assert read(scan(typed)).kind is Kind.FREE


@pytest.mark.parametrize("wrong", "01AILMOQUWY")
@pytest.mark.parametrize("at", range(2, CODE_LENGTH))
def test_an_impossible_character_is_named_with_its_place(at: int, wrong: str) -> None:
    text = "PK7KX29DRTH"
    reading = read(text[:at] + wrong + text[at + 1 :])
    assert reading.reason is Unreadable.IMPOSSIBLE_CHARACTER
    assert (reading.position, reading.value[reading.position - 1]) == (at + 1, wrong)


def test_a_field_for_one_kind_takes_nine_characters() -> None:
    assert read("7kx2 9drt h", Prefix.PICKUP).value == "PK7KX29DRTH"
    assert read("7KX29DRTH", Prefix.BIN) == Reading(Kind.BIN, "BN7KX29DRTH", texts=("7KX29DRTH",))
    assert read("7KX29DRTH").kind is Kind.FREE
    assert read(scan("7KX29DRTH"), Prefix.PICKUP).kind is Kind.FREE
    assert read("7KX29DRTX", Prefix.PICKUP).reason is Unreadable.CHECK_DIGIT
    wrong = read("7KX2 9DRTO", Prefix.PICKUP)
    assert (wrong.reason, wrong.position) == (Unreadable.IMPOSSIBLE_CHARACTER, 9)
    assert read("PK7KX29DR", Prefix.PICKUP).reason is Unreadable.TORN


# --- torn, wrong, hostile ---


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PK7KX29DRTX", Unreadable.CHECK_DIGIT),
        ("PK7XK29DRTH", Unreadable.CHECK_DIGIT),
        ("BN7KX29DRTX", Unreadable.CHECK_DIGIT),
        ("PK7KX29DRT", Unreadable.TORN),
        ("PK7KX29D", Unreadable.TORN),
        ("PK7KX29DRTHH", Unreadable.TORN),
        ("PKPK7KX29DRTH", Unreadable.TORN),
        ("PK7KX29DRTHPK222222222", Unreadable.TORN),
        ("PK7KX29\x00DRTH", Unreadable.CONTROL_CHARACTERS),
        ("PK7KX29\x1dDRTH", Unreadable.CONTROL_CHARACTERS),
        ("PK7KX29DRTH\x1b[A", Unreadable.CONTROL_CHARACTERS),
        ("order\u202e4711", Unreadable.CONTROL_CHARACTERS),
        ("x" * 65, Unreadable.TOO_LONG),
        ("", Unreadable.EMPTY),
        (" \r\n\t", Unreadable.EMPTY),
        ("]C0", Unreadable.EMPTY),
        ("4006381333932", Unreadable.CHECK_DIGIT),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: Unreadable) -> None:
    reading = read(scan(text))
    assert (reading.kind, reading.reason) == (Kind.UNREADABLE, why)
    assert not reading.readable
    assert reading.value.isprintable()
    assert len(reading.value) <= MAX_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "#1001",
        "DE-2024-000123",
        "PK-10023",
        "PK7KX2",
        "CT100012345678",
        "425261",
        "12345678",
        "x" * 64,
        "Straße 5",
    ],
)
def test_other_text_is_free(text: str) -> None:
    assert read(scan(text)) == Reading(Kind.FREE, text, texts=(text,))
    assert read(f"  {text}\r\n").value == text


def test_a_scan_its_device_found_too_long_stays_so() -> None:
    assert reason(scan("PK7KX29DRTH", fault=Fault.TOO_LONG)) is Unreadable.TOO_LONG
    assert scan("PK\x00").fault is Fault.CONTROL_CHARACTERS


@given(st.text(max_size=200), st.sampled_from([None, *Prefix]))
def test_no_text_raises(text: str, expect: Prefix | None) -> None:
    for reading in (read(text, expect), read(scan(text), expect)):
        assert (reading.kind is Kind.UNREADABLE) == (reading.reason is not None)


@pytest.mark.parametrize("unit", ["P", "PK7KX29DRTH", "\x00", "ß", " ", "-", "9", "]C0", "\ud800"])
def test_eight_kibibytes_of_anything_cost_little(unit: str) -> None:
    text = (unit * 8192)[:8192]
    what = scan(text)
    read(what)
    began = time.process_time_ns()
    for _ in range(10):
        assert read(what).kind is Kind.UNREADABLE
        assert read(text).kind is Kind.UNREADABLE
    assert (time.process_time_ns() - began) / 20 < 5_000_000


# --- several candidates ---


def test_the_candidate_that_passes_its_check_wins() -> None:
    assert read(scan('PK!kX"(DRTH', "PK7KX29DRTH")).value == "PK7KX29DRTH"
    assert read(scan("PK7KX29DRTH", "PKèKXé(DRTH")).value == "PK7KX29DRTH"
    assert read(scan("4006381333931", "'àà-")).kind is Kind.GTIN


def test_a_telling_fault_wins_over_free_text_and_both_can_be_looked_up() -> None:
    reading = read(scan("PK7KX29DRTX", "free"))
    assert reading.reason is Unreadable.CHECK_DIGIT
    assert reading.texts == ("PK7KX29DRTX", "free")
    assert read(scan("DEß4711", "DE-4711")).texts == ("DEß4711", "DE-4711")


def test_a_scan_is_cleaned_of_terminators_doubles_and_aim_id() -> None:
    cleaned = scan("]C0PK7KX29DRTH\r\n", "PK7KX29DRTH", "")
    assert (cleaned.texts, cleaned.aim, cleaned.text) == (("PK7KX29DRTH",), "]C0", "PK7KX29DRTH")
    assert cleaned.raw == b"PK7KX29DRTH"
    assert scan().text == ""
    assert reason(scan()) is Unreadable.EMPTY


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("]C0x", ("]C0", "x")),
        ("]d2", ("]d2", "")),
        ("]]]", ("", "]]]")),
        ("]C", ("", "]C")),
        ("]Cß1", ("", "]Cß1")),
    ],
)
def test_aim_ids(text: str, parts: tuple[str, str]) -> None:
    assert split_aim(text) == parts


# --- GTIN ---


@pytest.mark.parametrize(
    ("digits", "whole"),
    [
        ("4006381333931", "04006381333931"),
        ("042100005264", "00042100005264"),
        ("96385074", "00000096385074"),
        ("10400638133393", None),
        ("14006381333938", "14006381333938"),
        ("00000000", None),
        ("425261", None),
        ("４006381333931", None),
    ],
)
def test_gtin(digits: str, whole: str | None) -> None:
    assert gtin14(digits) == whole


@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text(string.digits, min_size=n, max_size=n)))
def test_exactly_one_check_digit_fits(body: str) -> None:
    fitting = [digit for digit in string.digits if gtin14(body + digit)]
    assert len(fitting) == (1 if body.strip("0") else 0)


def test_a_wrong_gtin_is_unreadable_where_it_must_be_one() -> None:
    assert reason(scan("]E4" + "96385075")) is Unreadable.CHECK_DIGIT
    assert read(scan("96385075")).kind is Kind.FREE
    assert read(scan("]C0" + "4006381333932")).kind is Kind.FREE
    assert read("4006381333932").kind is Kind.FREE
    assert read("4 006381 333931").value == "04006381333931"
    assert read(scan("4 006381 333931")).kind is Kind.FREE


# --- the same code again ---


def test_the_same_code_within_half_a_second_is_one_scan() -> None:
    same = SameCode()
    times = {0: False, 300: True, 801: False, 1301: True, 1802: False}
    assert {at: same.repeats(scan("A", at_ms=at)) for at in times} == times


def test_another_code_or_another_device_is_another_scan() -> None:
    same = SameCode()
    assert [same.repeats(scan(text)) for text in ("A", "B", "A")] == [False, False, True]
    assert not same.repeats(scan("A", device="other"))


def test_half_a_second_across_the_wrap_of_the_clock() -> None:
    same = SameCode()
    assert not same.repeats(scan("A", at_ms=2**32 - 100))
    assert same.repeats(scan("A", at_ms=2**32 + 100))
    assert not same.repeats(scan("A", at_ms=700))


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_elapsed_time_is_signed_and_wraps(start: int, step: int) -> None:
    assert elapsed_ms(start, (start + step) % 2**32) == step
