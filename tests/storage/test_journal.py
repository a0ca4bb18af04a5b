"""The journal: what was written stays as it was written, and whoever changes it is found."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlcipher3 import dbapi2

from posapp import paths
from posapp.domain.errors import Refused
from posapp.domain.facts import GENESIS, Answer
from posapp.storage import files
from posapp.storage.journal import Journal, verify
from tests.storage.ledgers import KEY, append, fact, journal, ledger

COLUMNS = (
    "seq",
    "id",
    "kind",
    "schema_v",
    "subject",
    "payload",
    "clerk",
    "at",
    "mono_ms",
    "boot_id",
    "prev_hash",
    "hash",
)


def test_facts_are_chained_and_read_back_as_they_were(tmp_path: Path) -> None:
    one = journal(tmp_path)
    first = append(one, payload={"b": 1, "a": "ü\u0000\u2028", "n": None})
    second = append(one)
    assert (first.seq, first.prev_hash) == (1, GENESIS)
    assert (second.seq, second.prev_hash) == (2, first.hash)
    assert list(one.every()) == [first, second]
    assert one.head() == (2, second.hash)
    assert one.fact(first.fact.id) == first
    assert one.latest(1) == [second]
    one.close()


def test_what_a_decision_raises_leaves_no_fact(tmp_path: Path) -> None:
    one = journal(tmp_path)

    def refuse() -> tuple[object, tuple[str, ...]]:
        raise Refused("order-cancelled")

    with pytest.raises(Refused):
        one.append(refuse)  # type: ignore[arg-type]  # it never returns
    assert one.head() == (0, GENESIS)
    assert append(one).seq == 1
    one.close()


def test_an_id_is_used_once(tmp_path: Path) -> None:
    one = journal(tmp_path)
    first = append(one)
    with pytest.raises(Exception, match="disk-failed"):
        append(one, id=first.fact.id)
    assert one.head()[0] == 1
    one.close()


@pytest.mark.parametrize("column", COLUMNS)
def test_no_column_of_a_fact_can_be_changed(tmp_path: Path, column: str) -> None:
    one = journal(tmp_path)
    append(one)
    connection = files.connect(one.path, KEY, write=True)
    with pytest.raises(dbapi2.DatabaseError, match="never changed"):
        connection.execute(f"UPDATE fact SET {column} = {column}")
    connection.close()
    one.close()


def test_no_fact_can_be_deleted_or_put_in_anothers_place(tmp_path: Path) -> None:
    one = journal(tmp_path)
    first = append(one)
    connection = files.connect(one.path, KEY, write=True)
    for statement in (
        "DELETE FROM fact",
        "INSERT OR REPLACE INTO fact SELECT seq, id, kind, schema_v, subject, payload, 'ben', at,"
        " mono_ms, boot_id, prev_hash, hash, answer, answer_body, answered_at FROM fact",
    ):
        with pytest.raises(dbapi2.DatabaseError, match="never deleted"):
            connection.execute(statement)
    connection.close()
    assert list(one.every()) == [first]
    one.close()


TAMPER = {
    "id": "'another'",
    "kind": "kind || 'x'",
    "schema_v": "schema_v + 1",
    "subject": "subject || 'x'",
    "payload": "CAST(payload || ' ' AS BLOB)",
    "payload, as text": "payload || ' '",
    "payload, as nothing": "x''",
    "clerk": "clerk || 'x'",
    "at": "'2020-01-01T00:00:00.000000Z'",
    "prev_hash": "zeroblob(32)",
    "hash": "zeroblob(32)",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of twelve facts."""
    folder = tmp_path_factory.mktemp("original")
    one = journal(folder)
    for number in range(12):
        append(one, number)
    one.close()
    return folder / paths.LEDGER


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seq=st.integers(1, 12), what=st.sampled_from([*TAMPER, "removed", "swapped", "inserted"]))
def test_every_tampering_is_found_where_it_is(
    tmp_path_factory: pytest.TempPathFactory, original: Path, seq: int, what: str
) -> None:
    """By somebody who has the key and takes the triggers away first."""
    path = tmp_path_factory.mktemp("tampered") / paths.LEDGER
    path.write_bytes(original.read_bytes())
    connection = files.connect(path, KEY, write=True)
    connection.execute("DROP TRIGGER fact_stays")
    connection.execute("DROP TRIGGER fact_fixed")
    if what in TAMPER:
        connection.execute(f"UPDATE fact SET {what.partition(',')[0]} = {TAMPER[what]} WHERE seq = ?", (seq,))
        # Fact 1 has nothing before it, so this is what it says already.
        same = what == "prev_hash" and seq == 1
    elif what == "removed":
        connection.execute("DELETE FROM fact WHERE seq = ?", (seq,))
        # Cutting off the end is found by the hub, which knows the head.
        same = seq == 12
    elif what == "swapped":
        other = seq % 12 + 1
        for old, new in ((seq, 100), (other, seq), (100, other)):
            connection.execute("UPDATE fact SET seq = ? WHERE seq = ?", (new, old))
        same = False
    else:
        connection.execute(
            "INSERT INTO fact SELECT 13, 'x', kind, schema_v, subject, payload, clerk, at, mono_ms, boot_id,"
            " prev_hash, hash, NULL, NULL, NULL FROM fact WHERE seq = ?",
            (seq,),
        )
        same = False
    connection.close()
    one = Journal(path, KEY)
    good, fault = verify(one)
    one.close()
    if same:
        assert fault == ""
    else:
        assert fault != ""
        assert good < 13


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)),
        max_size=8,
    )
)
def test_any_text_and_payload_verifies(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, dict[str, int]]]
) -> None:
    one = journal(tmp_path_factory.mktemp("till"))
    for clerk, payload in rows:
        append(one, clerk=clerk, payload=payload)
    assert verify(one) == (len(rows), "")
    assert [entry.fact.payload for entry in one.every()] == [payload for _, payload in rows]
    one.close()


# -- what the hub said ------------------------------------------------------------------------------
def test_answers_are_kept_and_a_no_opens_a_case(tmp_path: Path) -> None:
    one = journal(tmp_path)
    for number in range(4):
        append(one, number)
    assert (one.unanswered(), one.waiting()[0]) == (0, 4)
    answers = [
        (1, Answer.ACCEPTED, {}),
        (2, Answer.REJECTED, {"reason": "conflict", "by": "t2"}),
        (3, Answer.PARKED, {"reason": "behind-rejected"}),
    ]
    for _ in range(2):
        one.settle(answers, "2026-01-01T00:00:00.000000Z")
    assert (one.unanswered(), one.waiting()[0]) == (3, 1)
    cases = [entry for entry, _ in one.cases()]
    assert [(case.seq, case.reason) for case in cases] == [(2, "conflict"), (3, "behind-rejected")]
    assert cases[0].detail == {"reason": "conflict", "by": "t2"}
    one.settle([(3, Answer.ACCEPTED, {})], "2026-01-02T00:00:00.000000Z")
    assert [entry.seq for entry, _ in one.cases()] == [2]
    assert verify(one) == (4, "")
    one.close()


def test_a_case_that_was_settled_is_not_opened_again_by_a_repeat(tmp_path: Path) -> None:
    one = journal(tmp_path)
    rejected = append(one)
    one.settle([(1, Answer.REJECTED, {})], "now")
    settling = fact(1)

    def settle() -> tuple[object, tuple[str, ...]]:
        assert one.close_case(rejected.fact.id, settling.id)
        return settling, ()

    one.append(settle)  # type: ignore[arg-type]  # a fact, told as an object
    one.settle([(1, Answer.REJECTED, {})], "later")
    assert one.cases() == []
    assert not one.close_case(rejected.fact.id, settling.id)
    one.close()


def test_values_are_kept_all_or_none(tmp_path: Path) -> None:
    one = Journal(ledger(tmp_path), KEY, write=True)
    one.set_meta(till="t1", token="x")
    one.set_meta(token="y")
    assert (one.meta("till"), one.meta("token"), one.meta("nothing")) == ("t1", "y", "")
    one.close()


def test_a_change_by_another_shows_in_the_version(tmp_path: Path) -> None:
    one = journal(tmp_path)
    other = Journal(one.path, KEY)
    before = other.version()
    assert other.version() == before
    append(one)
    assert other.version() != before
    one.checkpoint()
    other.close()
    one.close()
