"""A fact has one byte form, one time form and one place in its chain."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.facts import (
    GENESIS,
    Fact,
    canonical,
    chain_hash,
    parse_timestamp,
    subject,
    timestamp,
)
from posapp.domain.ids import FactId
from tests.kit.things import facts_of, handed, payloads, texts


def hash_of(fact: Fact, *, prev: bytes = GENESIS, seq: int = 1) -> bytes:
    return chain_hash(prev, seq, fact, canonical(fact.payload))


# --- canonical bytes ---


def test_the_byte_form_is_json_with_sorted_keys_and_no_spaces() -> None:
    assert canonical({"b": [1, None], "a": {"z": "Müller", "y": True}}) == (
        '{"a":{"y":true,"z":"Müller"},"b":[1,null]}'.encode()
    )


@given(payloads)
def test_the_byte_form_says_the_same_whatever_the_order_of_keys(payload: dict[str, Any]) -> None:
    written = canonical(payload)
    assert json.loads(written) == payload
    assert canonical(dict(reversed(payload.items()))) == written
    assert canonical(json.loads(written)) == written


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"n": number})


# --- times ---


def test_a_time_is_kept_in_utc_with_microseconds() -> None:
    berlin = timezone(timedelta(hours=1))
    assert timestamp(datetime(2026, 11, 21, 14, 20, tzinfo=berlin)) == "2026-11-21T13:20:00.000000Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_as_it_was(at: datetime) -> None:
    written = timestamp(at)
    assert len(written) == len("2026-11-21T13:20:00.000000Z")
    assert parse_timestamp(written) == at


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_written_times_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (timestamp(one) < timestamp(other)) == (one < other)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-21T13:20:00", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_timestamp(text)


def test_a_time_without_a_zone_is_never_kept() -> None:
    with pytest.raises(ValueError, match="aware"):
        timestamp(datetime(2026, 11, 21))


# --- the chain ---


def test_the_chain_is_the_published_one() -> None:
    """A new version that hashes otherwise would call every old ledger forged."""
    fact = replace(handed(), id=FactId("0199-x"), at=datetime(2026, 11, 21, tzinfo=UTC))
    assert hash_of(fact).hex() == "ca15909724eb27e40c2a34351a67e2132f62943f34af5973e2cf6119c80955bd"


@given(facts_of(payloads), st.data())
def test_any_changed_part_changes_the_hash(fact: Fact, data: st.DataObject) -> None:
    changes: dict[str, Any] = {
        "id": fact.id + "x",
        "kind": fact.kind + "x",
        "subject": fact.subject + "x",
        "payload": {**fact.payload, "more": 1, "": "x"},
        "clerk": fact.clerk + "x",
        "at": fact.at + timedelta(microseconds=1 if fact.at.year < 9999 else -1),
        "schema_v": fact.schema_v + 1,
    }
    part = data.draw(st.sampled_from(sorted(changes)))
    other = replace(fact, **{part: changes[part]})
    assert hash_of(other) != hash_of(fact)
    assert hash_of(fact, seq=2) != hash_of(fact)
    assert hash_of(fact, prev=bytes(31) + b"\x01") != hash_of(fact)


@given(facts_of(payloads), texts.filter(bool))
def test_no_part_can_borrow_from_its_neighbour(fact: Fact, moved: str) -> None:
    one = replace(fact, kind=fact.kind + moved)
    other = replace(fact, subject=moved + fact.subject)
    assert hash_of(one) != hash_of(other)


# --- subjects ---


def test_a_subject_has_a_kind_and_a_name_of_its_own() -> None:
    fact = replace(handed(), subject=subject("order", "W:1/2"))
    assert (fact.subject_kind, fact.subject_id) == ("order", "W:1/2")
