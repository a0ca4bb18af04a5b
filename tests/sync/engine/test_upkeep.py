"""What the sync process does beside sync: copies of the ledger, the reserve, the room."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import copies, room
from sync.engine.line import Line
from sync.engine.upkeep import Upkeep
from tests.storage.ledgers import KEY, append, journal

GIB, MIB = 1 << 30, 1 << 20


class Keeping:
    """An upkeep whose disk has as much room as the test says."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[dict[str, Any]] = []
        self.left = 10 * GIB
        self.ended = threading.Event()
        self.journal = journal(folder)
        self.folder = folder
        self.upkeep = Upkeep(folder, KEY, Line(self.told.append), self.ended)
        monkeypatch.setattr(room, "free", lambda folder: self.left)

    def look(self) -> list[str]:
        """The reasons told by one look."""
        self.told.clear()
        self.upkeep.look()
        return [message["line"]["reason"] for message in self.told]

    def copies(self) -> int:
        return len(list((self.folder / copies.FOLDER).glob("ledger-*.db")))


@pytest.fixture
def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeping]:
    one = Keeping(tmp_path, monkeypatch)
    yield one
    one.journal.close()


def test_a_copy_each_hour_in_which_something_was_done(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(keeping.journal)
    assert keeping.look() == []
    assert keeping.copies() == 1
    append(keeping.journal)
    keeping.look()
    assert keeping.copies() == 1, "the hour is not over"
    later = time.monotonic() + copies.EVERY_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    keeping.look()
    assert keeping.copies() == 2
    much_later = later + copies.EVERY_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: much_later)
    keeping.look()
    assert keeping.copies() == 2, "nothing was done"


def test_the_room_is_told_once_and_the_reserve_given_up_and_taken_again(keeping: Keeping) -> None:
    reserve = keeping.folder / room.RESERVE
    keeping.look()
    assert reserve.stat().st_size == room.RESERVE_BYTES
    for left, told in (
        (900 * MIB, ["room-low"]),
        (900 * MIB, []),
        (200 * MIB, ["room-short"]),
        (50 * MIB, ["room-tight"]),
    ):
        keeping.left = left
        assert keeping.look() == told
        assert (reserve.stat().st_size == 0) == (left < 64 * MIB)
    keeping.left = 200 * MIB
    assert keeping.look() == [], "what the reserve freed is not room again"
    keeping.left = 10 * GIB
    assert keeping.look() == [""]
    assert reserve.stat().st_size == room.RESERVE_BYTES


def test_without_room_there_is_no_copy_and_sync_goes_on(keeping: Keeping) -> None:
    append(keeping.journal)
    keeping.left = 200 * MIB
    keeping.look()
    assert keeping.copies() == 0
    keeping.left = 10 * GIB
    keeping.look()
    assert keeping.copies() == 1


def test_a_process_that_ends_waits_for_no_copy(keeping: Keeping) -> None:
    for number in range(50):
        append(keeping.journal, number)
    keeping.ended.set()
    keeping.look()
    assert keeping.copies() == 0


def test_damage_that_a_copy_finds_is_told(keeping: Keeping) -> None:
    for number in range(50):
        append(keeping.journal, number, payload={"note": "x" * 2000})
    keeping.journal.close()
    path = keeping.folder / paths.LEDGER
    _spoil(path)
    with pytest.raises(StorageFault, match="ledger-damaged"):
        keeping.upkeep.look()


@pytest.mark.parametrize("started_anew", [True, False])
def test_a_ledger_that_is_damaged_while_nothing_is_done_is_told(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, *, started_anew: bool
) -> None:
    for _ in range(200):
        append(keeping.journal)
    keeping.look()
    keeping.journal.close()
    _spoil(keeping.journal.path)
    keeping.upkeep.look()
    if started_anew:
        keeping.upkeep = Upkeep(keeping.folder, KEY, Line(keeping.told.append), keeping.ended)
    else:
        later = time.monotonic() + copies.EVERY_S + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(StorageFault, match="ledger-damaged"):
        keeping.upkeep.look()
    assert keeping.copies() == 1


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20 * 4096 + 5] ^= 0xFF
    path.write_bytes(data)
