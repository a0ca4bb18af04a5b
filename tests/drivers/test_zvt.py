"""The bytes of ZVT: what the terminal sends is read however it comes, and rubbish is told as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.zvt import (
    ACK,
    AMOUNT,
    CARD,
    LONGEST,
    RECEIPT,
    RESULT,
    STATUS,
    TLV,
    TRACE,
    Decoder,
    Message,
    ZvtError,
    fields,
    from_bcd,
    to_bcd,
)

messages = st.builds(Message, st.integers(0, 0xFFFF), st.binary(max_size=600))


@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 700), max_size=12))
def test_messages_come_out_whole_however_they_are_torn_and_glued(
    sent: list[Message], cuts: list[int]
) -> None:
    wire = b"".join(message.to_bytes() for message in sent)
    decoder = Decoder()
    read: list[Message] = []
    for cut in cuts:
        read += decoder.feed(wire[:cut])
        wire = wire[cut:]
    read += decoder.feed(wire)
    assert read == sent
    assert decoder.held == 0


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_any_bytes_are_taken_without_an_error_and_without_growing(chunks: list[bytes]) -> None:
    decoder = Decoder()
    for chunk in chunks:
        for message in decoder.feed(chunk):
            assert len(message.data) <= LONGEST
        assert decoder.held <= LONGEST + 5


def test_a_megabyte_of_garbage_leaves_at_most_one_message_behind() -> None:
    decoder = Decoder()
    read = 0
    for _ in range(1024):
        read += sum(5 + len(message.data) for message in decoder.feed(b"\xff" * 1024))
    assert decoder.held <= LONGEST + 5
    assert read + decoder.held == 1024 * 1024


@pytest.mark.parametrize(
    ("count", "head"), [(0, "00"), (254, "fe"), (255, "ffff00"), (256, "ff0001"), (1648, "ff7006")]
)
def test_from_255_bytes_on_a_length_has_three(count: int, head: str) -> None:
    wire = Message(STATUS, bytes(count)).to_bytes()
    assert wire[2 : len(wire) - count].hex() == head
    assert next(Decoder().feed(wire)) == Message(STATUS, bytes(count))


def test_a_message_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        Message(STATUS, bytes(65536)).to_bytes()


def test_a_yes_and_what_follows_it_come_in_one_read() -> None:
    wire = bytes.fromhex("800000 04ff010a 060f00")
    assert [m.control for m in Decoder().feed(wire)] == [ACK, 0x04FF, 0x060F]


def test_a_status_is_read_field_by_field() -> None:
    data = bytes.fromhex(
        "2700 04000000001999 490978 0b000123 0c101530 0d1122 870042 2912345678"
        "22f0f5 6725ee4e1f 8bf0f4 56495341 06820003 1f0001 8a05"
    )
    found = fields(data)
    assert found[AMOUNT].hex() == "000000001999"
    assert (from_bcd(found[AMOUNT]), from_bcd(found[TRACE]), from_bcd(found[RECEIPT])) == (1999, 123, 42)
    assert (found[RESULT], found[CARD], found[TLV], found[0x8A]) == (b"\0", b"VISA", b"\x1f\0\1", b"\5")


def test_a_makers_own_field_at_the_end_hides_nothing_before_it() -> None:
    assert fields(bytes.fromhex("2700 870042 a3 0102030405")) == {RESULT: b"\0", RECEIPT: b"\0\x42"}


@pytest.mark.parametrize(
    "torn",
    ["04 0000", "87 00", "8b f0", "8b f0f5 5649", "8b fafa", "06", "06 81", "06 820003 1f", "06 83000001"],
)
def test_a_field_that_is_cut_is_told(torn: str) -> None:
    with pytest.raises(ZvtError):
        fields(bytes.fromhex(torn))


@given(st.binary(max_size=400))
def test_any_data_are_fields_or_a_told_error(data: bytes) -> None:
    try:
        found = fields(data)
    except ZvtError:
        return
    assert sum(map(len, found.values())) <= len(data)


@given(st.integers(0, 10**12 - 1))
def test_amounts_keep_every_digit(amount: int) -> None:
    assert from_bcd(to_bcd(amount, 6)) == amount


@given(st.binary(min_size=1, max_size=6))
def test_what_is_no_number_is_told(data: bytes) -> None:
    try:
        number = from_bcd(data)
    except ZvtError:
        assert any(nibble > 9 for byte in data for nibble in (byte >> 4, byte & 15))
    else:
        assert to_bcd(number, len(data)) == data


@pytest.mark.parametrize("number", [-1, 100])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        to_bcd(number, 1)
