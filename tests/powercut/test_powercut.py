"""Power cuts on the ledger, and that the simulator would see it if the ledger did not hold."""

import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage.check import check_folder
from posapp.storage.restore import restore
from tests.powercut import loop
from tests.powercut.disk import Disk, Kind, Loss, found_in, lay_out, whole
from tests.powercut.judge import Lost, compare
from tests.powercut.life import DAMAGED
from tests.powercut.log import (
    Create,
    Intent,
    Log,
    Rename,
    Step,
    Sync,
    SyncFolder,
    Told,
    Unlink,
    Write,
    allowed,
)
from tests.storage.ledgers import KEY, append, journal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="records SQLite's POSIX file system")

LIVES = [1, 3]
"""One whose window and sync take turns, one where both work at once."""


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> list[list[Step]]:
    return list(loop.recorded(tmp_path_factory.mktemp("lives"), LIVES))


def test_a_power_cut_costs_nothing_that_was_told(lives: list[list[Step]]) -> None:
    for seed, steps in zip(LIVES, lives, strict=True):
        tally = loop.cut_life(steps, seed, 60)
        assert (tally.lost, tally.unreadable) == (0, 0), tally
        assert tally.facts > 300, "the lives are too short to say anything"


def test_the_simulator_catches_a_ledger_that_does_not_sync_its_commits(tmp_path: Path) -> None:
    (steps,) = loop.recorded(tmp_path / "lives", [1], normal=True)
    tally = loop.cut_life(steps, 1, 100)
    assert tally.lost > 30, tally


def test_the_simulator_catches_a_disk_that_lies(lives: list[list[Step]]) -> None:
    """A disk that says it has synced and has not: the same lives, without their syncs."""
    steps = [step for step in lives[0] if not isinstance(step, Sync)]
    tally = loop.cut_life(steps, 1, 40)
    assert tally.lost + tally.unreadable > 20, tally


def file_of_ledger(folder: Path) -> int:
    """Another number for another file in its place."""
    path = folder / paths.LEDGER
    return path.stat().st_ino if path.exists() else 0


@pytest.mark.proof
def test_a_power_cut_on_the_way_back_from_damage_costs_nothing(tmp_path: Path) -> None:
    """Afterwards the way can be gone again, and the damaged file is as it was, under either name."""
    (steps,) = loop.recorded(tmp_path / "lives", [1], mended=True)
    damaged = next(n for n, step in enumerate(steps) if isinstance(step, Told) and step.key == DAMAGED)
    evidence = allowed(steps)[DAMAGED]
    disk, random, folder = Disk(), Random(1), tmp_path / "till"
    done = 0
    for number, step in enumerate(steps):
        disk.take(number, step)
        often = number % 5 == 0 or number > len(steps) - 12
        for _ in range(2 if number >= damaged and often else 0):
            loss, kind = random.choice(list(Loss)), random.choice(list(Kind))
            lay_out(folder, disk.after_cut(random, loss, kind), random)
            key = StoredKeys().load(folder)
            before = file_of_ledger(folder)
            with suppress(StorageFault):  # the cut came after the end: the ledger is well
                restore(folder, key, lambda journal: ())
            done += before == file_of_ledger(folder)
            assert check_folder(folder, key) == 5, (number, loss, kind)
            (kept,) = folder.glob("ledger.damaged-*.db")
            assert {sha256(kept.read_bytes()).hexdigest()} == evidence, (number, loss, kind)
    assert done, "no cut came after the till was mended"


def test_everything_that_is_written_is_recorded(lives: list[list[Step]]) -> None:
    for steps in lives:
        kinds = {type(step) for step in steps}
        assert {Create, Rename, Unlink, Write, Sync, SyncFolder, Intent, Told} <= kinds
        assert sum(isinstance(step, Sync) for step in steps) >= sum(
            isinstance(step, Told) and step.key.startswith("fact:") for step in steps
        ), "each commit has a sync of its own"


def test_a_write_that_is_not_recorded_is_noticed(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.steps += [Create("a", 1), Write(1, 0, b"x")]
    (tmp_path / "a").write_bytes(b"x")
    assert whole(log) == found_in(tmp_path)
    (tmp_path / "b").write_bytes(b"y")
    assert whole(log) != found_in(tmp_path)


# -- the simulated disk -------------------------------------------------------------------------------
def after(steps: list[Step], loss: Loss, kind: Kind, seed: int) -> dict[str, bytes | None]:
    disk = Disk()
    for number, step in enumerate(steps):
        disk.take(number, step)
    return disk.after_cut(Random(seed), loss, kind)


def test_synced_bytes_stay_and_others_may_go_in_any_way() -> None:
    steps: list[Step] = [
        Create("a", 1),
        Write(1, 0, b"A" * 1024),
        Sync(1, 2),
        SyncFolder("", 3),
        Write(1, 0, b"B" * 1024),
        Write(1, 1024, b"C" * 512),
    ]
    a, b, c = b"A" * 512, b"B" * 512, b"C" * 512
    expected = {
        Loss.DROP: {a + a},
        Loss.PREFIX: {a + a, b + b, b + b + c},
        Loss.REORDER: {a + a, b + b, b + b + c, a + a + c},
        Loss.TEAR: {x + y + z for x in (a, b) for y in (a, b) for z in (b"", c)},
    }
    for loss, states in expected.items():
        found = {after(steps, loss, Kind.STRICT, seed)["a"] for seed in range(300)}
        assert found == states, loss


def test_a_write_that_began_after_the_sync_is_not_saved_by_it() -> None:
    steps: list[Step] = [Create("a", 1), SyncFolder("", 1), Write(1, 0, b"late"), Sync(1, 2)]
    assert after(steps, Loss.DROP, Kind.STRICT, 1) == {"a": b""}


def test_a_folder_keeps_its_entries_in_order_once_synced() -> None:
    steps: list[Step] = [
        Create("new", 1),
        Write(1, 0, b"x"),
        Sync(1, 2),
        Rename("new", "name", 1),
        Unlink("other"),
    ]
    states = {frozenset(after(steps, Loss.DROP, Kind.STRICT, seed)) for seed in range(100)}
    assert states == {frozenset(), frozenset({"new"}), frozenset({"name"})}
    journaled = {frozenset(after(steps, Loss.DROP, Kind.JOURNALED, seed)) for seed in range(100)}
    assert journaled == {frozenset({"new"}), frozenset({"name"})}, "made with the file's own sync"
    steps.append(SyncFolder("", 5))
    for kind in Kind:
        assert after(steps, Loss.DROP, kind, 1) == {"name": b"x"}


def test_a_synced_folder_makes_a_deletion_stay() -> None:
    """Forgotten, an old log would come back beside a newer file and look like damage."""
    steps: list[Step] = [Create("wal", 1), SyncFolder("", 1), Unlink("wal")]
    assert {len(after(steps, Loss.DROP, Kind.STRICT, seed)) for seed in range(50)} == {0, 1}
    steps.append(SyncFolder("", 3))
    assert all(not after(steps, Loss.DROP, Kind.STRICT, seed) for seed in range(50))


# -- what is held against it --------------------------------------------------------------------------
def test_what_was_told_last_or_begun_since_may_be_found() -> None:
    steps: list[Step] = [
        Intent("meta:a", "1"),
        Told("meta:a", "1"),
        Intent("meta:a", "2"),
        Intent("fact:x", "f"),
    ]
    may = allowed(steps)
    assert may == {"meta:a": {"1", "2"}, "fact:x": {None, "f"}}
    compare({"meta:a": "2", "fact:x": None}, may)
    with pytest.raises(Lost, match="meta:a"):
        compare({"meta:a": None}, may)
    with pytest.raises(Lost, match="nobody did fact:y"):
        compare({"meta:a": "1", "fact:y": "f"}, may)


# -- what it found ------------------------------------------------------------------------------------
def test_a_page_torn_while_the_log_was_folded_in_is_no_damage(tmp_path: Path) -> None:
    """The log has the page, and SQLite reads it there; `posapp verify` said "damaged" once."""
    one = journal(tmp_path)
    append(one)
    one.checkpoint()
    append(one)
    page = 4096
    before, log = one.path.read_bytes(), one.path.with_name(f"{one.path.name}-wal").read_bytes()
    one.close()
    folded = one.path.read_bytes()
    torn = b"".join(
        folded[at : at + page // 2] + before[at + page // 2 : at + page] for at in range(0, len(before), page)
    )
    assert torn not in (before, folded)
    (folder := tmp_path / "cut").mkdir()
    (folder / one.path.name).write_bytes(torn)
    (folder / f"{one.path.name}-wal").write_bytes(log)
    assert check_folder(folder, KEY) == 2


@pytest.mark.proof
def test_the_command_line_says_what_it_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.powercut.loop", "--cuts", "10"],
        cwd=loop.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "10 cuts in 1 lives" in done.stdout
    assert paths.LEDGER not in done.stdout
