"""GS1's messages are taken apart where they are whole, and said to be spoilt where they are not."""

import gc
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.codes import Kind, Scan, Source, Unreadable, read
from posapp.domain.gs1 import GS, Elements, Wrong, gtin14, has_check, parcel_label, read_elements, warm_up

GTIN = "4006381333931"
WHOLE = f"010400638133393110AB-123{GS}21XYZ"
LOST = "010400638133393110AB-12321XYZ"
SSCC = "340123451234567895"
OURS = frozenset({"shop.example"})


def scan(text: str) -> Scan:
    return Scan.of("till", Source.SERIAL, [text], at_ms=0)


# --- the table of traps ---


@pytest.mark.parametrize("text", [GTIN, f"]E0{GTIN}", f"0{GTIN}", f"01{'0' + GTIN}"])
def test_a_good_gtin_wins(text: str) -> None:
    reading = read(scan(text))
    assert (reading.kind, reading.value) == (Kind.GTIN, f"0{GTIN}")


def test_six_digits_are_never_a_gtin() -> None:
    assert (read(scan("425261")).kind, read("425261").kind) == (Kind.FREE, Kind.FREE)
    assert gtin14("425261") is None


def test_a_wrong_check_is_unreadable_and_no_message() -> None:
    reading = read(scan("4006381333932"))
    assert (reading.reason, reading.elements) == (Unreadable.CHECK_DIGIT, None)
    assert read(scan("]C1" + "0104006381333932")).reason is Unreadable.CHECK_DIGIT
    assert read(scan("]C100340123451234567890")).reason is Unreadable.CHECK_DIGIT


@pytest.mark.parametrize("text", [WHOLE, f"]C1{WHOLE}", f"]d2{GS}{WHOLE}", f"(01)0{GTIN}(10)AB-123(21)XYZ"])
def test_lot_and_serial_are_parted(text: str) -> None:
    reading = read(scan(text))
    found = reading.elements
    assert found is not None
    assert (reading.kind, reading.value, found.lot, found.serial) == (
        Kind.GTIN,
        f"0{GTIN}",
        "AB-123",
        "XYZ",
    )


def test_a_lost_separator_is_told_and_not_guessed() -> None:
    reading = read(scan(LOST))
    assert (reading.kind, reading.reason) == (Kind.UNREADABLE, Unreadable.SEPARATORS_LOST)
    assert read_elements(f"01{'0' + GTIN}17261231") == Elements((("01", f"0{GTIN}"), ("17", "261231")))


@pytest.mark.parametrize("stand_in", ["|", "+", " "])
def test_another_character_is_no_separator(stand_in: str) -> None:
    assert read(scan(WHOLE.replace(GS, stand_in))).elements is None


def test_only_our_own_addresses_are_taken_apart() -> None:
    link = f"https://shop.example/01/0{GTIN}/10/AB?21=7"
    assert read(scan(link)).reason is Unreadable.ADDRESS
    reading = read(scan(link), domains=OURS)
    assert reading.elements is not None
    assert (reading.kind, reading.elements.lot, reading.elements.serial) == (Kind.GTIN, "AB", "7")
    for foreign in ("https://shop.example.evil/01/0" + GTIN, "http://evil@shop.example/01/0" + GTIN):
        assert read(scan(foreign), domains=OURS).reason is Unreadable.ADDRESS
    assert read(scan("https://shop.example/about"), domains=OURS).reason is Unreadable.ADDRESS
    assert read(scan(f"https://shop.example/01/0{GTIN[:-1]}2"), domains=OURS).reason is Unreadable.CHECK_DIGIT


def test_brackets_only_as_our_labels_have_them() -> None:
    assert read(scan(f"(00){SSCC}")).value == SSCC
    assert read(scan(f"(01)0{GTIN}(99)X")).elements is None
    assert read(scan(f"(01)0{GTIN[:-1]}2")).reason is Unreadable.CHECK_DIGIT


# --- parcels ---


@pytest.mark.parametrize("text", [f"]C100{SSCC}", f"00{SSCC}", SSCC, f"(00) {SSCC}"])
def test_a_parcels_number_is_found_with_and_without_its_identifier(text: str) -> None:
    reading = read(scan(text))
    assert (reading.kind, reading.value) == (Kind.PARCEL, SSCC)
    assert {SSCC, f"00{SSCC}"} <= set(reading.texts)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("RR123456785DE", "RR123456785DE"),
        ("rr 123 456 785 de", "RR123456785DE"),
        ("RR123456786DE", ""),
        ("1Z999AA10123456784", "1Z999AA10123456784"),
        ("1Z999AA10123456785", ""),
        ("JJD01 4600 0000 0012 3456", "JJD014600000000123456"),
        ("340123451234567890", ""),
        ("0" * 18, ""),
        ("W-1001", ""),
    ],
)
def test_carriers_labels(text: str, label: str) -> None:
    assert parcel_label(text) == label


def test_a_message_without_product_or_parcel_is_free_text() -> None:
    reading = read(scan(f"]C110AB-1{GS}21X"))
    assert reading.kind is Kind.FREE
    assert reading.elements is not None
    assert reading.elements.lot == "AB-1"


def test_a_spoilt_message_says_so() -> None:
    assert read(scan("]C10112")).reason is Unreadable.MESSAGE
    assert read_elements(f"{GS}{GS}") in (None, Wrong.UNREADABLE)


# --- everything else ---


@given(st.text(max_size=80), st.sampled_from(["", "]C1", "]d2", "]E0"]), st.booleans())
def test_nothing_raises(text: str, aim: str, ours: bool) -> None:
    found = read_elements(text, aim, OURS if ours else frozenset())
    assert found is None or isinstance(found, Elements | Wrong)


@given(st.text("0123456789()\x1dAB-/:.hтtps", max_size=60))
def test_nothing_raises_near_a_message_either(text: str) -> None:
    for tried in (text, f"01{'0' + GTIN}{text}", f"https://shop.example/{text}", f"(01){text}"):
        read(scan(tried), domains=OURS)
        read(tried)


def test_every_single_wrong_digit_is_found() -> None:
    rng = random.Random(7)
    for _ in range(300):
        body = [rng.randrange(10) for _ in range(17)]
        good = next(text for last in range(10) if has_check(text := "".join(map(str, [*body, last]))))
        for at in range(18):
            for wrong in set("0123456789") - {good[at]}:
                assert not has_check(good[:at] + wrong + good[at + 1 :])


def test_loading_leaves_the_search_for_garbage_as_it_was() -> None:
    for looks in (True, False):
        (gc.enable if looks else gc.disable)()
        try:
            warm_up(0)
            assert gc.isenabled() is looks
        finally:
            gc.enable()
    gc.unfreeze()
