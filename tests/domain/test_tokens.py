"""A signed code proves an order to whoever has the public key, and nobody else can make one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.domain.codes import Kind, Unreadable, read
from posapp.domain.tokens import (
    ALPHABET,
    TOKEN_LENGTH,
    Claims,
    Doubt,
    looks_like,
    public_key,
    sign,
    store_mark,
    verify,
)

KEY, NEXT, FOREIGN = bytes(32), bytes([1]) * 32, bytes([2]) * 32
CLAIMS = Claims("W-1001", store_mark("B01"), datetime(2026, 12, 1, tzinfo=UTC), 3)
PUBLIC = (public_key(KEY), public_key(NEXT))
TOKEN = sign(KEY, CLAIMS)


def test_a_token_says_what_was_signed() -> None:
    assert len(TOKEN) == TOKEN_LENGTH
    assert verify(TOKEN, PUBLIC) == CLAIMS
    assert verify(sign(NEXT, CLAIMS), PUBLIC) == CLAIMS
    assert read(TOKEN[:-1]).reason is Unreadable.TORN
    assert (read(TOKEN.lower()).kind, read(TOKEN).value) == (Kind.TOKEN, TOKEN)


def test_nobody_else_can_make_one() -> None:
    assert verify(sign(FOREIGN, CLAIMS), PUBLIC) is Doubt.FORGED
    assert verify(TOKEN, ()) is Doubt.NO_KEYS
    assert verify(TOKEN, (b"short",)) is Doubt.FORGED
    assert verify("PS", PUBLIC) is Doubt.FORGED
    assert verify("PS" + "X" * 137, PUBLIC) is Doubt.FORGED


def test_every_single_wrong_character_is_found() -> None:
    for at in range(2, TOKEN_LENGTH):
        wrong = "2" if TOKEN[at] != "2" else "3"
        assert verify(TOKEN[:at] + wrong + TOKEN[at + 1 :], PUBLIC) is Doubt.FORGED


def test_a_later_version_is_told_from_a_forgery() -> None:
    assert verify(sign(KEY, replace(CLAIMS, version=2)), PUBLIC) is Doubt.TOO_NEW


@settings(max_examples=40)
@given(st.text("ABCXYZ0189-_/", min_size=1, max_size=12), st.integers(0, 65535), st.integers(0, 2**32 - 1))
def test_any_number_that_fits_comes_back(order: str, store: int, until: int) -> None:
    claims = Claims(order, store, datetime.fromtimestamp(until, UTC))
    token = sign(KEY, claims)
    assert looks_like(token)
    assert set(token[2:]) <= set(ALPHABET)
    assert verify(token, PUBLIC) == claims


@pytest.mark.parametrize("order", ["", "X" * 13, "Ü1", "A B"])
def test_a_number_that_does_not_fit_is_refused(order: str) -> None:
    with pytest.raises(ValueError, match="order number"):
        sign(KEY, replace(CLAIMS, order=order))
