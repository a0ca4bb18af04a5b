"""Copies of the ledger, and the way back from one."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from posapp import paths
from posapp.domain.errors import StorageFault, Unavailable
from posapp.domain.facts import CASE_SETTLED, Answer, Entry
from posapp.storage import copies, files, room
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal, verify
from posapp.storage.mirror import open_writer
from posapp.storage.restore import Restored, restore
from tests.storage.ledgers import KEY, append, journal

PAGE = 4096


def nothing(journal: Journal) -> Iterable[Entry]:
    return ()


def unreachable(journal: Journal) -> Iterable[Entry]:
    raise Unavailable("hub-unreachable")


def filled(folder: Path, before: int = 20, after: int = 20, size: int = 2000) -> list[Entry]:
    """A ledger with a copy in the middle of its life, closed."""
    one = journal(folder)
    one.set_meta(till="t1", token="secret")
    for number in range(before):
        append(one, number, payload={"note": "x" * size})
    copies.make(folder, KEY)
    for number in range(after):
        append(one, before + number, payload={"note": "y" * size})
    entries = list(one.every())
    one.close()
    return entries


def facts(folder: Path) -> list[Entry]:
    one = Journal(folder / paths.LEDGER, KEY)
    try:
        assert verify(one)[1] == ""
        return list(one.every())
    finally:
        one.close()


def spoil(path: Path, pages: Iterable[int]) -> bytes:
    """Change a byte in each of these pages; the file's bytes afterwards."""
    data = bytearray(path.read_bytes())
    for page in pages:
        data[page * PAGE + 77] ^= 0xFF
    path.write_bytes(data)
    return bytes(data)


# -- copies -------------------------------------------------------------------------------------------
def test_a_copy_is_whole_encrypted_and_ours_alone(tmp_path: Path) -> None:
    one = journal(tmp_path)
    append(one, payload={"note": "Anna Miller"})
    made = copies.make(tmp_path, KEY)
    assert copies.check(made, KEY) == 1
    assert b"Anna" not in made.read_bytes()
    assert b"SQLite" not in made.read_bytes()[:16]
    if os.name == "posix":
        assert made.stat().st_mode & 0o777 == 0o600
        assert made.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(StorageFault):
        copies.check(made, bytes(32))
    assert [path.name for path in made.parent.iterdir()] == ["ledger-1.db"], "nothing is left lying about"
    one.close()


def test_three_copies_are_kept_and_a_number_is_never_used_again(tmp_path: Path) -> None:
    one = journal(tmp_path)
    for number in range(5):
        append(one, number)
        copies.make(tmp_path, KEY)
    names = sorted(path.name for path in (tmp_path / copies.FOLDER).iterdir())
    assert names == ["ledger-3.db", "ledger-4.db", "ledger-5.db"]
    assert copies.newest_good(tmp_path, KEY).name == "ledger-5.db"
    spoil(tmp_path / copies.FOLDER / "ledger-5.db", [3])
    assert copies.newest_good(tmp_path, KEY).name == "ledger-4.db"
    one.close()


def test_a_copy_is_made_while_others_write(tmp_path: Path) -> None:
    one = journal(tmp_path)
    ended = threading.Event()
    done = [0]

    def work() -> None:
        while not ended.is_set():
            append(one, done[0])
            done[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            before = done[0]
            assert copies.check(copies.make(tmp_path, KEY), KEY) >= before
    finally:
        ended.set()
        thread.join()
        one.close()


def test_a_damaged_ledger_replaces_no_copy(tmp_path: Path) -> None:
    filled(tmp_path)
    spoil(tmp_path / paths.LEDGER, [9])
    with pytest.raises(StorageFault, match="ledger-damaged"):
        copies.make(tmp_path, KEY)
    assert [path.name for path in (tmp_path / copies.FOLDER).iterdir()] == ["ledger-1.db"]


def test_a_copy_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    one = journal(tmp_path)
    for number in range(200):
        append(one, number, payload={"note": "x" * 3000})
    with pytest.raises(StorageFault, match="copy-stopped"):
        copies.make(tmp_path, KEY, stop=lambda: True)
    assert not list((tmp_path / copies.FOLDER).iterdir())
    one.close()


def test_no_copy_is_made_where_it_would_take_the_last_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(tmp_path).close()
    monkeypatch.setattr(room, "free", lambda folder: room.SHORT_BYTES)
    with pytest.raises(StorageFault, match="room-short"):
        copies.make(tmp_path, KEY)


def test_a_copy_is_due_when_there_is_something_new_and_an_hour_is_over(tmp_path: Path) -> None:
    one = journal(tmp_path)
    assert copies.due(tmp_path, KEY, None), "there is none"
    made = copies.make(tmp_path, KEY)
    append(one)
    assert not copies.due(tmp_path, KEY, None), "the newest one is young"
    assert not copies.due(tmp_path, KEY, time.monotonic())
    assert copies.due(tmp_path, KEY, time.monotonic() - copies.EVERY_S - 1)
    for years in (-10, 10):
        at = time.time() + years * 365 * 86400
        os.utime(made, (at, at))
        assert copies.due(tmp_path, KEY, None), "a clock that was set tells nothing"
    copies.make(tmp_path, KEY)
    assert not copies.due(tmp_path, KEY, time.monotonic() - copies.EVERY_S - 1), "nothing is new"
    one.settle([(1, Answer.ACCEPTED, {})], "now")
    assert copies.due(tmp_path, KEY, time.monotonic() - copies.EVERY_S - 1)
    one.close()


# -- the way back -------------------------------------------------------------------------------------
def test_a_ledger_that_is_well_stays(tmp_path: Path) -> None:
    entries = filled(tmp_path)
    before = (tmp_path / paths.LEDGER).read_bytes()
    with pytest.raises(StorageFault, match="ledger-well"):
        restore(tmp_path, KEY, nothing)
    assert (tmp_path / paths.LEDGER).read_bytes() == before
    assert facts(tmp_path) == entries


def test_without_a_copy_nothing_is_changed(tmp_path: Path) -> None:
    filled(tmp_path)
    shutil.rmtree(tmp_path / copies.FOLDER)
    spoiled = spoil(tmp_path / paths.LEDGER, [5])
    with pytest.raises(StorageFault, match="no-copy"):
        restore(tmp_path, KEY, nothing)
    assert (tmp_path / paths.LEDGER).read_bytes() == spoiled
    assert sorted(path.name for path in tmp_path.iterdir()) == [paths.LEDGER]


def test_what_the_damaged_file_still_has_is_proven_and_taken(tmp_path: Path) -> None:
    """Damage before the copy: everything since is readable, and nothing is lost."""
    entries = filled(tmp_path, before=40)
    spoiled = spoil(tmp_path / paths.LEDGER, range(8, 14))
    done = restore(tmp_path, KEY, unreachable)
    assert (done.facts, done.copied, done.fetched) == (60, 40, None)
    assert facts(tmp_path) == entries
    assert done.aside.read_bytes() == spoiled, "the damaged file was not touched"
    one = Journal(tmp_path / paths.LEDGER, KEY, write=True)
    assert one.meta("token") == "secret"
    assert append(one).seq == 61
    one.close()


def test_a_ledger_that_cannot_be_opened_falls_back_to_the_copy_and_the_hub(tmp_path: Path) -> None:
    entries = filled(tmp_path)
    spoil(tmp_path / paths.LEDGER, [0])
    at_the_hub = [fetched(entry, Answer.ACCEPTED) for entry in entries[20:35]]
    asked: list[int] = []

    def fetch(one: Journal) -> Iterable[Entry]:
        asked.append(one.head()[0])
        return at_the_hub

    done = restore(tmp_path, KEY, fetch)
    assert done == Restored(facts=35, copied=20, saved=0, fetched=15, aside=done.aside)
    assert asked == [20]
    found = facts(tmp_path)
    assert [entry.hash for entry in found] == [entry.hash for entry in entries[:35]]
    assert [entry.answer for entry in found[20:]] == [Answer.ACCEPTED] * 15


def fetched(entry: Entry, answer: Answer, reason: str = "") -> Entry:
    return Entry(
        entry.seq,
        entry.fact,
        entry.payload,
        entry.prev_hash,
        entry.hash,
        answer,
        reason,
        {"reason": reason, "detail": {}},
    )


def test_what_does_not_continue_the_chain_is_not_taken(tmp_path: Path) -> None:
    entries = filled(tmp_path)
    spoil(tmp_path / paths.LEDGER, [0])
    (other := tmp_path / "other").mkdir()
    strange = filled(other)
    gap = [entries[20], entries[22]]
    wrong = [*entries[20:22], fetched(strange[22], Answer.ACCEPTED)]
    for hub, count in ((strange[20:], 20), (gap, 21), (wrong, 22)):
        (folder := tmp_path / str(count)).mkdir()
        shutil.copytree(tmp_path / copies.FOLDER, folder / copies.FOLDER)
        shutil.copyfile(tmp_path / paths.LEDGER, folder / paths.LEDGER)
        assert restore(folder, KEY, lambda one, hub=hub: hub).facts == count  # type: ignore[misc]


def test_cases_come_back_and_settled_ones_stay_settled(tmp_path: Path) -> None:
    one = journal(tmp_path)
    append(one)
    copies.make(tmp_path, KEY)
    refused = append(one, 1)
    open_still = append(one, 2)
    one.settle([(2, Answer.REJECTED, {"reason": "gone"}), (3, Answer.REJECTED, {"reason": "gone"})], "now")
    settling = append(one, 1, kind=CASE_SETTLED, payload={"fact": refused.fact.id, "choice": "left"})
    one.close()
    spoil(tmp_path / paths.LEDGER, [0])
    hub = [
        fetched(refused, Answer.REJECTED, "gone"),
        fetched(open_still, Answer.REJECTED, "gone"),
        fetched(settling, Answer.ACCEPTED),
    ]
    restore(tmp_path, KEY, lambda one: hub)
    one = Journal(tmp_path / paths.LEDGER, KEY)
    assert [(entry.fact.id, entry.reason) for entry, _ in one.cases()] == [(open_still.fact.id, "gone")]
    one.close()


def test_the_mirror_claims_no_fact_that_the_ledger_lost(tmp_path: Path) -> None:
    """Else a fact under its number would not be laid over, and the order would look ready again."""
    filled(tmp_path)
    mirror = open_writer(tmp_path, KEY)
    mirror.note(applied_through="40")
    mirror.close()
    spoil(tmp_path / paths.LEDGER, [0])
    assert restore(tmp_path, KEY, unreachable).facts == 20
    mirror = open_writer(tmp_path, KEY)
    assert mirror.applied_through == 20
    mirror.close()


@pytest.mark.parametrize("seed", range(6))
def test_any_damage_is_noticed_or_harmless_and_mended(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    entries = filled(tmp_path, before=random.randint(1, 30), after=random.randint(0, 30))
    ledger = tmp_path / paths.LEDGER
    pages = ledger.stat().st_size // PAGE
    spoiled = spoil(ledger, random.sample(range(pages), random.randint(1, 4)))
    done = restore(tmp_path, KEY, lambda one: entries[one.head()[0] :])
    assert facts(tmp_path) == entries, "what the file does not give, the hub does"
    assert done.aside.read_bytes() == spoiled


def test_a_ledger_that_vanished_comes_back(tmp_path: Path) -> None:
    entries = filled(tmp_path, after=0)
    (tmp_path / paths.LEDGER).unlink()
    assert restore(tmp_path, KEY, nothing).facts == 20
    assert facts(tmp_path) == entries


def test_what_a_lead_till_granted_since_the_copy_is_not_forgotten(tmp_path: Path) -> None:
    filled(tmp_path, before=40)
    ledger = tmp_path / paths.LEDGER
    for statement in (
        "INSERT INTO claim VALUES ('W-1', 't2', 7, 1, '')",
        "INSERT INTO granted VALUES ('W-2', 8, 2)",
        "INSERT INTO heard VALUES ('t2', 3)",
        "INSERT INTO copy VALUES ('t2', 1, 9, 'a', 'b', x'01')",
        "INSERT INTO copy_held VALUES ('t2', 1, 9, 'b')",
    ):
        connection = files.connect(ledger, KEY, write=True, durable=True)
        connection.execute(statement)
        connection.close()
    # A page of facts: those of custody can still be read.
    spoil(ledger, [30])
    restore(tmp_path, KEY, nothing)
    connection = files.connect(ledger, KEY)
    assert connection.execute("SELECT * FROM claim").fetchall() == [("W-1", "t2", 7, 1, "")]
    assert connection.execute("SELECT order_id, token FROM granted").fetchall() == [("W-2", 8)]
    assert connection.execute("SELECT till FROM heard").fetchall() == [("t2",)]
    # Nor what it keeps for its neighbours.
    assert connection.execute("SELECT * FROM copy").fetchall() == [("t2", 1, 9, "a", "b", b"\x01")]
    assert connection.execute("SELECT * FROM copy_held").fetchall() == [("t2", 1, 9, "b")]
    connection.close()
    with closing(Journal(ledger, KEY)) as one:
        assert not Claims(one).forgotten()


@pytest.mark.parametrize("damage", ["gone", "unreadable"])
def test_a_lead_that_forgot_what_it_granted_grants_nothing_until_the_epoch_is_raised(
    tmp_path: Path, damage: str
) -> None:
    filled(tmp_path)
    ledger = tmp_path / paths.LEDGER
    if damage == "gone":
        ledger.unlink()
    else:
        spoil(ledger, [0])
    restore(tmp_path, KEY, nothing)
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with closing(Journal(ledger, KEY, write=True)) as one:
        claims = Claims(one)
        claims.keep_lease(one.meta("till"), 1, 3600, now, alone=False)
        assert claims.forgotten()
        assert not claims.leads(now)
        claims.begin_anew()
        assert claims.leads(now)
        # The only till of a store has granted nothing to others.
        one.set_meta(claims_forgotten="1")
        claims.keep_lease(one.meta("till"), 1, 3600, now, alone=True)
        assert claims.leads(now)


def test_two_damages_are_set_aside_under_two_names(tmp_path: Path) -> None:
    filled(tmp_path)
    names = []
    for _ in range(2):
        spoil(tmp_path / paths.LEDGER, [0])
        names.append(restore(tmp_path, KEY, nothing).aside)
    assert len({*names}) == 2
    assert all(name.exists() for name in names)


@pytest.mark.parametrize("stop_at", range(5))
def test_cut_anywhere_the_way_back_can_be_gone_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    """With the write-ahead log of the damaged file beside it, as a crash leaves it."""
    one = journal(tmp_path)
    append(one)
    copies.make(tmp_path, KEY)
    append(one, 1)
    log = one.path.with_name(f"{one.path.name}-wal")
    damaged, waiting = bytearray(one.path.read_bytes()), log.read_bytes()
    one.close()
    one.path.write_bytes(bytes(PAGE) + damaged[PAGE:])
    log.write_bytes(waiting)
    calls = [0]

    class Cut(BaseException):
        pass

    def cut(real: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            if calls[0] == stop_at:
                raise Cut
            calls[0] += 1
            real(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", cut(os.rename))
        try:
            restore(tmp_path, KEY, nothing)
        except Cut:
            assert stop_at < 4
    with suppress(StorageFault):  # there is nothing left to do
        restore(tmp_path, KEY, nothing)
    assert [entry.seq for entry in facts(tmp_path)][:1] == [1]
    (kept,) = tmp_path.glob("ledger.damaged-*.db")
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == waiting
    assert not list(tmp_path.glob("restored*"))
