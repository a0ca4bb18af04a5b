"""Ids are UUIDv7: valid, unique, and in the order in which they were made."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.ids import new_fact_id

milliseconds = st.integers(0, 2**48 - 1)


@given(milliseconds)
def test_an_id_is_a_uuid_of_version_7_with_its_time(ms: int) -> None:
    made = uuid.UUID(new_fact_id(ms))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == ms
    assert str(made) == str(uuid.UUID(str(made)))


@given(milliseconds, milliseconds)
def test_ids_sort_by_their_time(one: int, other: int) -> None:
    if one != other:
        assert (new_fact_id(one) < new_fact_id(other)) == (one < other)


def test_ids_of_one_millisecond_differ() -> None:
    assert len({new_fact_id(1) for _ in range(10_000)}) == 10_000


def test_the_clock_is_the_systems() -> None:
    early, late = (uuid.UUID(new_fact_id()).int >> 80 for _ in range(2))
    assert early <= late
    assert late > 1_700_000_000_000
