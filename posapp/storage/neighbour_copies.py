"""Copies of unsent facts between neighbours: what this till keeps for others, and what others keep of it.

A copy is a box that only the hub can open. It is of one fact, which number, hash and the hash before it
name; so it is known on which chain it lies without its being read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any

from posapp.domain.facts import GENESIS, Answer, Entry
from posapp.domain.values import dataclass
from posapp.storage import room
from posapp.storage.journal import Journal

MOST_ROWS = 20_000
MOST_BYTES = 32 << 20
"""So much is kept for one neighbour: weeks without a line."""
AT_ONCE = 500
"""So many rows are changed in one transaction: the window writes to the same file."""
_THROUGH, _BARE = "copied_through", "copied_bare"


@dataclass(frozen=True, slots=True)
class Place:
    """A fact's place on a till's chain; ``hash`` in hex. Number 0 is before the first fact."""

    epoch: int
    seq: int
    hash: str


NOWHERE = Place(0, 0, "")


@dataclass(frozen=True, slots=True)
class Kept:
    """One sealed copy; the key of its row is everything but the box."""

    till: str
    epoch: int
    seq: int
    prev_hash: str
    hash: str
    box: bytes

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What makes it another one than all others."""
        return self.till, self.epoch, self.seq, self.hash


class NeighbourCopies:
    """The copies that this till keeps. Any thread; one object a process.

    Promises: what `keep` returned is on the disk; a copy is never overwritten, and it goes only once its
    own till, or the hub, has said that the hub has the fact. Raises StorageFault.
    """

    def __init__(self, journal: Journal, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._journal = journal
        self._most = (most_rows, most_bytes)
        self._lock = threading.RLock()
        self._used: dict[str, tuple[int, int]] = {}

    def keep(self, till: str, copies: Sequence[Kept]) -> Place:
        """Keep what ``till`` gave, as far as it is one unbroken piece of a chain and there is room.

        Returns `held` as it is then. All are kept as this till's, whatever they say themselves.
        """
        with self._lock, self._journal.transaction() as execute:
            rows, size = self._used_by(execute, till)
            short = room.look(self._journal.path.parent) in (room.Room.SHORT, room.Room.TIGHT)
            last: Kept | None = None
            for one in copies:
                if last is not None and not _follows(one, last):
                    break
                known = execute(
                    "SELECT 1 FROM copy WHERE till = ? AND epoch = ? AND seq = ? AND hash = ?",
                    (till, one.epoch, one.seq, one.hash),
                )
                if not known:
                    rows, size = rows + 1, size + len(one.box)
                    if short or rows > self._most[0] or size > self._most[1]:
                        break
                    execute(
                        "INSERT INTO copy(till, epoch, seq, prev_hash, hash, box) VALUES (?,?,?,?,?,?)",
                        (till, one.epoch, one.seq, one.prev_hash, one.hash, one.box),
                    )
                last = one
            # Counted anew at the next time: this one may yet be rolled back.
            self._used.pop(till, None)
            if last is None:
                return self._held(execute, till)
            execute(
                "INSERT INTO copy_held(till, epoch, seq, hash) VALUES (?,?,?,?) ON CONFLICT(till) DO UPDATE "
                "SET epoch = excluded.epoch, seq = excluded.seq, hash = excluded.hash",
                (till, last.epoch, last.seq, last.hash),
            )
            return Place(last.epoch, last.seq, last.hash)

    def held(self, till: str) -> Place:
        """Up to where this till's facts were brought here last: each of them is here, or at the hub."""
        with self._lock, self._journal.transaction() as execute:
            return self._held(execute, till)

    def forget_through(self, till: str, through: Place) -> int:
        """Drop what the hub has by the till's own word: the chain that ends there, and no other; how many.

        A till that was restored uses its numbers again, and does not know what it has lost: that stays.
        """
        if not through.seq:
            return 0
        chain: list[tuple[str, int, int, str]] = []
        at = through
        with self._lock:
            while True:
                with self._journal.transaction() as execute:
                    for _ in range(AT_ONCE):
                        found = execute(
                            "SELECT prev_hash FROM copy WHERE till = ? AND epoch = ? AND seq = ? AND hash = ?",
                            (till, at.epoch, at.seq, at.hash),
                        )
                        if not found:
                            break
                        chain.append((till, at.epoch, at.seq, at.hash))
                        at = Place(at.epoch, at.seq - 1, found[0][0])
                if not found:
                    break
            # The oldest first: cut in between, the rest is still found from its end.
            chain.reverse()
            self.delete(chain)
        return len(chain)

    def page(self, after: tuple[str, int, int, str] | None, limit: int) -> list[Kept]:
        """Copies in the order of tills and numbers, behind the one with this key."""
        with self._lock, self._journal.transaction() as execute:
            rows = execute(
                "SELECT till, epoch, seq, prev_hash, hash, box FROM copy "
                "WHERE (till, epoch, seq, hash) > (?,?,?,?) ORDER BY till, epoch, seq, hash LIMIT ?",
                (*(after or ("", 0, 0, "")), limit),
            )
        return [
            Kept(till, epoch, seq, prev_hash, digest, bytes(box))
            for till, epoch, seq, prev_hash, digest, box in rows
        ]

    def delete(self, keys: Collection[tuple[str, int, int, str]]) -> None:
        """Drop these: the hub has the facts."""
        wanted = list(keys)
        with self._lock:
            for first in range(0, len(wanted), AT_ONCE):
                with self._journal.transaction() as execute:
                    for key in wanted[first : first + AT_ONCE]:
                        execute("DELETE FROM copy WHERE till = ? AND epoch = ? AND seq = ? AND hash = ?", key)
            self._used.clear()

    def _used_by(self, execute: Callable[..., list[Any]], till: str) -> tuple[int, int]:
        if till not in self._used:
            (row,) = execute(
                "SELECT count(*), coalesce(sum(length(box)), 0) FROM copy WHERE till = ?", (till,)
            )
            self._used[till] = (int(row[0]), int(row[1]))
        return self._used[till]

    @staticmethod
    def _held(execute: Callable[..., list[Any]], till: str) -> Place:
        rows = execute("SELECT epoch, seq, hash FROM copy_held WHERE till = ?", (till,))
        return Place(*rows[0]) if rows else NOWHERE


def _follows(one: Kept, last: Kept) -> bool:
    return (one.epoch, one.seq, one.prev_hash) == (last.epoch, last.seq + 1, last.hash)


# -- this till's own facts at its neighbours ------------------------------------------------------
def hash_at(journal: Journal, seq: int) -> str:
    """The hash (hex) of this journal's fact ``seq``, "" where there is none."""
    if seq == 0:
        return GENESIS.hex()
    found = journal.after(seq - 1, 1)
    return found[0].hash.hex() if found and found[0].seq == seq else ""


def copied_through(journal: Journal) -> int:
    """The number up to which a neighbour holds this till's facts, or held them while they were unsent."""
    seq, _, digest = journal.meta(_THROUGH).partition(" ")
    # A till that was put back to a copy of its ledger may remember what is not its own any more.
    return int(seq) if seq and hash_at(journal, int(seq)) == digest else 0


def note_copied(journal: Journal, seq: int, bare: Collection[int] = ()) -> None:
    """A neighbour holds the facts up to ``seq``, those numbered in ``bare`` without their content.

    Raises ValueError where this journal has no such fact.
    """
    digest = hash_at(journal, seq)
    if not digest:
        raise ValueError(f"no fact {seq}")
    known = {int(one) for one in journal.meta(_BARE).split()}
    journal.set_meta(
        **{_THROUGH: f"{seq} {digest}", _BARE: " ".join(str(one) for one in sorted(known | set(bare)))}
    )


def copied(journal: Journal, entry: Entry) -> bool:
    """Whether a fact that the hub has not answered survives the loss of this till: a neighbour has it."""
    if entry.answer is not Answer.WAITING or entry.seq > copied_through(journal):
        return False
    return str(entry.seq) not in journal.meta(_BARE).split()
