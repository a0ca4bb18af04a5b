"""What is kept for neighbours: never overwritten, bounded, and dropped only along the chain that was named."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posapp.domain.facts import GENESIS, Answer
from posapp.storage import room
from posapp.storage.journal import Journal
from posapp.storage.neighbour_copies import (
    NOWHERE,
    Kept,
    NeighbourCopies,
    Place,
    copied,
    copied_through,
    note_copied,
)
from tests.storage.ledgers import KEY, append, journal, ledger

TILL = "s1-2"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Journal]:
    one = journal(tmp_path)
    yield one
    one.close()


def made(prev: Kept | None, word: str, epoch: int = 1, box: bytes = b"box") -> Kept:
    """A copy of the fact that follows ``prev``."""
    seq, before = (prev.seq + 1, prev.hash) if prev else (1, GENESIS.hex())
    digest = hashlib.sha256(f"{before} {word}".encode()).hexdigest()
    return Kept(TILL, epoch, seq, before, digest, box)


def chain(count: int, word: str = "a", after: Kept | None = None) -> list[Kept]:
    found: list[Kept] = []
    for _ in range(count):
        after = made(after, word)
        found.append(after)
    return found


def place(one: Kept) -> Place:
    return Place(one.epoch, one.seq, one.hash)


def test_what_is_held_is_what_was_kept_last_and_stays_so_when_the_hub_has_it(own: Journal) -> None:
    kept = NeighbourCopies(own)
    facts = chain(3)
    assert kept.held(TILL) == NOWHERE
    assert kept.keep(TILL, facts) == place(facts[2])
    assert kept.keep(TILL, facts[:2]) == place(facts[1])
    assert [one.seq for one in kept.page(None, 10)] == [1, 2, 3]
    kept.delete([one.key for one in facts])
    assert kept.page(None, 10) == []
    assert NeighbourCopies(own).held(TILL) == place(facts[1])
    assert kept.held("s1-3") == NOWHERE


def test_a_piece_that_is_broken_is_kept_up_to_the_break(own: Journal) -> None:
    kept = NeighbourCopies(own)
    facts = chain(4)
    assert kept.keep(TILL, [facts[0], facts[1], facts[3]]) == place(facts[1])
    assert kept.keep(TILL, [facts[2], made(facts[0], "b")]) == place(facts[2])


def test_pages_go_over_all_tills(own: Journal) -> None:
    kept = NeighbourCopies(own)
    facts = chain(5)
    for till in ("s1-1", TILL):
        kept.keep(till, facts)
    found: list[Kept] = []
    while page := kept.page(found[-1].key if found else None, 3):
        found += page
    assert [(one.till, one.seq) for one in found] == [(t, n) for t in ("s1-1", TILL) for n in range(1, 6)]


def test_it_is_bounded_in_rows_and_bytes(own: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = chain(5)
    kept = NeighbourCopies(own, most_rows=3)
    assert kept.keep(TILL, facts) == place(facts[2])
    # What is here already is held, whatever the room.
    assert kept.keep(TILL, facts[1:3]) == place(facts[2])
    assert kept.keep("s1-3", facts).seq == 3
    kept.delete([facts[0].key])
    assert kept.keep(TILL, facts[3:]) == place(facts[3])
    small = NeighbourCopies(own, most_bytes=7)
    assert small.keep("s1-4", facts).seq == 2
    monkeypatch.setattr(room, "look", lambda _: room.Room.SHORT)
    assert kept.keep("s1-5", facts) == NOWHERE


def test_a_till_put_back_to_a_copy_loses_nothing_that_it_does_not_know(own: Journal) -> None:
    kept = NeighbourCopies(own)
    old = chain(5)
    kept.keep(TILL, old)
    branch = chain(3, "b", old[1])
    assert kept.keep(TILL, branch) == place(branch[2])
    # It says that the hub has all it knows of: its own branch.
    assert kept.forget_through(TILL, place(branch[2])) == 5
    assert {one.hash for one in kept.page(None, 10)} == {one.hash for one in old[2:]}
    assert kept.forget_through(TILL, Place(1, 5, branch[2].hash)) == 0
    assert kept.forget_through(TILL, Place(2, 5, old[4].hash)) == 0


STEP = st.one_of(
    st.tuples(st.just("keep"), st.integers(0, 30), st.integers(1, 4), st.sampled_from("abc")),
    st.tuples(st.just("forget"), st.integers(0, 30), st.integers(1, 4), st.sampled_from("abc")),
    st.tuples(st.just("again"), st.integers(0, 30), st.integers(1, 4), st.sampled_from("abc")),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEP, max_size=30))
def test_only_the_ancestors_of_what_was_named_are_dropped(steps: list[tuple[str, int, int, str]]) -> None:
    """Over random branches, against a plain tree."""
    with TemporaryDirectory() as folder:
        own = Journal(ledger(Path(folder)), KEY, write=True)
        kept = NeighbourCopies(own)
        nodes: list[Kept] = []
        parents: dict[str, Kept | None] = {}
        here: set[str] = set()
        for what, which, count, word in steps:
            at = nodes[which % len(nodes)] if nodes else None
            if what == "keep":
                piece = chain(count, word, at)
                for one, before in zip(piece, [at, *piece], strict=False):
                    if one.hash not in parents:
                        parents[one.hash] = before
                        nodes.append(one)
                assert kept.keep(TILL, piece) == place(piece[-1])
                here |= {one.hash for one in piece}
            elif at is not None and what == "again":
                kept.keep(TILL, [at])
                here.add(at.hash)
            elif at is not None:
                kept.forget_through(TILL, place(at))
                gone: Kept | None = at
                while gone is not None and gone.hash in here:
                    here.discard(gone.hash)
                    gone = parents[gone.hash]
            assert {one.hash for one in kept.page(None, 1000)} == here
        own.close()


# -- this till's own -------------------------------------------------------------------------------
def test_a_fact_is_copied_while_it_waits_and_its_chain_is_this_one(own: Journal) -> None:
    one, two = append(own, 1), append(own, 2)
    assert not copied(own, one)
    with pytest.raises(ValueError, match="no fact 3"):
        note_copied(own, 3)
    note_copied(own, 1)
    assert copied(own, one)
    assert not copied(own, two)
    note_copied(own, 2, bare={2})
    assert not copied(own, two)
    own.settle([(1, Answer.REJECTED, {})], "2026-01-02T03:04:05.000000Z")
    # The hub has it and does not take it: that is a case, and no tick.
    assert not copied(own, own.after(0, 1)[0])


def test_what_a_ledger_put_back_remembers_of_what_it_lost_counts_nothing(own: Journal) -> None:
    append(own, 1)
    own.set_meta(copied_through=f"1 {'0' * 64}")
    assert copied_through(own) == 0
    own.set_meta(copied_through=f"2 {'0' * 64}")
    assert copied_through(own) == 0
