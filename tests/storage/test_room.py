"""Room on the disk: the levels, and the reserve that is given up."""

from pathlib import Path

import pytest

from posapp.domain.errors import StorageFault
from posapp.storage import room
from posapp.storage.room import Room
from tests.storage.ledgers import books, deciding

GIB, MIB = 1 << 30, 1 << 20


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (2 * GIB, Room.ENOUGH),
        (GIB, Room.ENOUGH),
        (GIB - 1, Room.LOW),
        (256 * MIB, Room.LOW),
        (256 * MIB - 1, Room.SHORT),
        (64 * MIB, Room.SHORT),
        (64 * MIB - 1, Room.TIGHT),
        (0, Room.TIGHT),
    ],
)
def test_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, expected: Room) -> None:
    monkeypatch.setattr(room, "free", lambda folder: left)
    assert room.look(tmp_path) is expected
    assert room.tight(tmp_path) is (expected is Room.TIGHT)
    if expected in (Room.SHORT, Room.TIGHT):
        with pytest.raises(StorageFault, match="room-short"):
            room.need(tmp_path, 0)


def test_the_reserve_takes_room_gives_it_back_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not room.give_up(tmp_path), "there is none yet"
    assert room.hold(tmp_path, MIB)
    reserve = tmp_path / room.RESERVE
    assert reserve.stat().st_blocks * 512 >= MIB, "the room is really taken"
    assert room.look(tmp_path) is Room.ENOUGH
    assert room.give_up(tmp_path)
    assert not room.give_up(tmp_path)
    assert reserve.stat().st_blocks == 0
    assert room.look(tmp_path) is Room.TIGHT, "though the disk has room again"
    with monkeypatch.context() as patch:
        patch.setattr(room, "free", lambda folder: GIB)
        assert not room.hold(tmp_path, MIB), "not until there is room beside it"
    assert room.hold(tmp_path, MIB)
    assert room.look(tmp_path) is Room.ENOUGH


def test_with_no_room_nothing_new_is_begun_and_what_was_begun_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = books(tmp_path)
    opened = {"object": "Bike", "customer": "Anna Miller", "bag": "", "store": "s1"}
    monkeypatch.setattr(room, "free", lambda folder: 10 * MIB)
    with pytest.raises(StorageFault, match="room-tight"):
        one.commit("ticket", "T-1", deciding("TicketOpened", "ticket:T-1", opened))
    assert one.journal.head()[0] == 0
    monkeypatch.setattr(room, "free", lambda folder: GIB)
    one.close()
