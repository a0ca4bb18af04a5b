"""The digest of a store's records (`sync.digest`), and what a till's own says beside it."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, bindparam, text

from sync import digest, wire
from sync.hub import keys, tills
from sync.hub.database import Database
from sync.hub.hot import Hot

log = logging.getLogger(__name__)

# The head is read in the same statement, so that it is the head of just these records.
_FROM = (
    "FROM store_head h LEFT JOIN record r ON r.store = h.store AND r.body IS NOT NULL WHERE h.store = :store"
)
_NAMES = Hot(text(f"SELECT h.head, r.kind, r.id, r.rev {_FROM}"))
# The database adds up by itself: a large store has a hundred thousand records.
_SUMS = Hot(
    text(
        "SELECT h.head, r.kind, count(*), bit_xor(CAST(CAST('x' || substr(encode(sha256(convert_to("
        "r.kind || :mark || r.id || :mark || r.rev, 'UTF8')), 'hex'), 1, 16) AS bit(64)) AS bigint)) "
        f"{_FROM} GROUP BY h.head, r.kind"
    ).bindparams(bindparam("mark", digest.SEPARATOR))
)
_MASK = (1 << 64) - 1


def read(connection: Connection, store: str) -> tuple[int, dict[str, wire.KindDigest]]:
    """The head of a store's feed, and the digest of what its tills hold who have read so far."""
    if connection.dialect.name == "postgresql":
        rows = _SUMS.rows(connection, store=store)
        return _head(rows), {
            kind: wire.KindDigest(count=count, sum=f"{int(found) & _MASK:016x}")
            for _, kind, count, found in rows
            if kind is not None
        }
    rows = _NAMES.rows(connection, store=store)
    return _head(rows), digest.of((kind, ident, rev) for _, kind, ident, rev in rows if kind is not None)


def compared(database: Database, till: tills.Till, after: int, mine: str) -> tuple[wire.FeedDigest, str]:
    """The digest of the till's store, and how the till's own stands to it: ``equal``, ``unequal``, or ``other``
    where it says nothing, or is of another place in the feed. What is unequal is in the log."""
    with database.read() as connection:
        head, kinds = read(connection, till.store)
        generation = keys.get(connection, keys.GENERATION)
    found = wire.FeedDigest(head=head, generation=generation, kinds=kinds)
    if not mine or after != head:
        return found, "other"
    if mine == digest.brief(kinds):
        return found, "equal"
    log.warning("till %s: its mirror is not what it was told up to %d", till.id, head)
    return found, "unequal"


def _head(rows: list[tuple[Any, ...]]) -> int:
    return int(rows[0][0]) if rows else 0
