"""Records and their feed: what every till of a store is told, in one gapless order.

A record's ``seq`` is its place in its store's feed. The store's head is raised as the last lock of
the writing transaction, so whoever sees head n sees everything up to n. A change moves the record
to a new place; a record that leaves the store stays behind without a body.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from posapp.domain.facts import canonical, subject
from sync.hub.hot import Hot
from sync.hub.tables import fact, handle, record, store_head

FEED_BYTES = 4 << 20
"""A page ends after the row that passes this."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it stands in one store; ``body`` is None where it is gone from there.

    ``source`` is what the shop calls it, empty where the shop does not know of it.
    """

    kind: str
    id: str
    store: str
    rev: int
    seq: int
    source: str
    body: str | None

    def value(self) -> dict[str, Any]:
        """The body, parsed."""
        found: dict[str, Any] = json.loads(self.body or "{}")
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """A record's next content, ``exists`` where the store has a row of it already."""

    kind: str
    id: str
    store: str
    rev: int
    source: str
    body: str | None
    exists: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a store's feed, and the head it was read under."""

    rows: Sequence[Row]
    next: int
    head: int


def text_of(body: Mapping[str, Any]) -> str:
    """The one text of a body, so that equal bodies are equal texts."""
    return canonical(body).decode()


# -- reading --------------------------------------------------------------------------------------
_COLUMNS = (
    record.c.kind,
    record.c.id,
    record.c.store,
    record.c.rev,
    record.c.seq,
    record.c.source,
    record.c.body,
)
_LOAD = (
    select(*_COLUMNS)
    .where(record.c.kind == bindparam("kind"), record.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(record.c.id, record.c.store)
)
_LOAD_LOCKED = _LOAD.with_for_update()
# A statement of its own for the hottest read: a list, even of one, is written out anew each time.
_LOCK_ONE = Hot(
    select(*_COLUMNS)
    .where(record.c.kind == bindparam("kind"), record.c.id == bindparam("id"))
    .order_by(record.c.store)
    .with_for_update()
)
_HEAD = Hot(select(store_head.c.head).where(store_head.c.store == bindparam("store")))
_PAGE = Hot(
    select(*_COLUMNS)
    .where(record.c.store == bindparam("store"), record.c.seq > bindparam("after"))
    .order_by(record.c.seq)
    .limit(bindparam("count"))
)
# Asked five times a second, of thousands of stores: one text is read in less time than so many rows.
_HEADS = {
    "postgresql": Hot(text("SELECT json_object_agg(store, head) FROM store_head")),
    "sqlite": Hot(text("SELECT json_group_object(store, head) FROM store_head")),
}
_READ_THROUGH = text("SET LOCAL enable_seqscan = on")


def load(
    connection: Connection, kind: str, ids: Iterable[str], *, lock: bool = False
) -> dict[str, list[Row]]:
    """Every store's row of these records; ``lock`` keeps them until the transaction ends."""
    query = _LOAD_LOCKED if lock else _LOAD
    rows: dict[str, list[Row]] = {}
    for found in connection.execute(query, {"kind": kind, "ids": list(ids)}):
        row = Row(*found)
        rows.setdefault(row.id, []).append(row)
    return rows


def live(rows: Iterable[Row]) -> Row | None:
    """The row of the store that has the record now."""
    return next((row for row in rows if row.body is not None), None)


def load_one(connection: Connection, kind: str, ident: str) -> Row | None:
    """The record where it is now, locked. None where nobody has it."""
    rows = [Row(*found) for found in _LOCK_ONE.rows(connection, kind=kind, id=ident)]
    if rows and live(rows) is None:
        # It moved to another store while the lock was waited for: look once more.
        rows = [Row(*found) for found in _LOCK_ONE.rows(connection, kind=kind, id=ident)]
    return live(rows)


def head(connection: Connection, store: str) -> int:
    """The head of a store's feed."""
    return int(_HEAD.value(connection, store=store) or 0)


def heads(connection: Connection) -> dict[str, int]:
    """The head of every store's feed."""
    kind = connection.dialect.name
    if kind == "postgresql":
        # By the index each of them would be looked up, through all that it was before.
        connection.execute(_READ_THROUGH)
    found: dict[str, int] = json.loads(_HEADS[kind].value(connection) or "{}")
    return found


def page(connection: Connection, store: str, after: int, limit: int, top: int | None = None) -> Page:
    """The records that changed after ``after``, oldest change first; ``top`` is the head where it is known."""
    if top is None:
        top = head(connection, store)
    if after >= top:
        return Page((), after, top)
    rows = [Row(*found) for found in _PAGE.rows(connection, store=store, after=after, count=limit)]
    size = 0
    for position, row in enumerate(rows, start=1):
        size += len(row.body or "")
        if size > FEED_BYTES:
            return Page(rows[:position], row.seq, top)
    return Page(rows, rows[-1].seq if len(rows) == limit else top, top)


# -- writing --------------------------------------------------------------------------------------
_RAISE = Hot(
    update(store_head)
    .where(store_head.c.store == bindparam("of"))
    .values(head=store_head.c.head + bindparam("by"))
    .returning(store_head.c.head)
)
_CHANGE = Hot(
    update(record)
    .where(record.c.kind == bindparam("k"), record.c.id == bindparam("i"), record.c.store == bindparam("s"))
    .values(rev=bindparam("rev"), seq=bindparam("seq"), source=bindparam("source"), body=bindparam("body"))
)
_FOLLOW = Hot(update(fact).where(fact.c.subject == bindparam("of")).values(feed_seq=bindparam("to")))
_INSERT = Hot(insert(record))


def raise_head(connection: Connection, store: str, by: int = 1) -> int:
    """Raise the head: the last lock that a transaction takes, and what wakes held polls."""
    found = _RAISE.value(connection, of=store, by=by)
    if found is None:
        connection.execute(insert(store_head), {"store": store, "head": by})
        return by
    return int(found)


def publish(connection: Connection, changes: Sequence[Change]) -> dict[str, int]:
    """Write these records and give each its place in its store's feed; the new heads.

    Everything else the transaction locks must be locked before. Stores are taken in the order of
    their codes, so that two transactions never wait for each other.
    """
    tops: dict[str, int] = {}
    for store in sorted({change.store for change in changes}):
        mine = [change for change in changes if change.store == store]
        tops[store] = raise_head(connection, store, len(mine))
        first = tops[store] - len(mine) + 1
        fresh = [
            {
                "kind": change.kind,
                "id": change.id,
                "store": store,
                "rev": change.rev,
                "seq": seq,
                "source": change.source,
                "body": change.body,
            }
            for seq, change in enumerate(mine, start=first)
            if not change.exists
        ]
        moved = [
            {
                "k": change.kind,
                "i": change.id,
                "s": store,
                "rev": change.rev,
                "seq": seq,
                "source": change.source,
                "body": change.body,
            }
            for seq, change in enumerate(mine, start=first)
            if change.exists
        ]
        if fresh:
            _INSERT.many(connection, fresh)
        if moved:
            _CHANGE.many(connection, moved)
            # What a fact did is known to a till once the till has its record's newest place.
            follow = [{"of": subject(str(row["k"]), str(row["i"])), "to": row["seq"]} for row in moved]
            _FOLLOW.many(connection, follow)
    return tops


# -- how records are found ------------------------------------------------------------------------
_BY_TOKEN = (
    select(handle.c.kind, handle.c.id)
    .where(handle.c.token.in_(bindparam("tokens", expanding=True)))
    .distinct()
)
_ADD_TOKEN = Hot(
    text("INSERT INTO handle(token, kind, id) VALUES (:token, :kind, :id) ON CONFLICT DO NOTHING")
)


def by_token(connection: Connection, tokens: Iterable[str]) -> list[tuple[str, str]]:
    """Kind and id of the records that one of these tokens opens."""
    return [
        (kind, ident)
        for kind, ident in connection.execute(_BY_TOKEN, {"tokens": list(dict.fromkeys(tokens))})
    ]


def add_tokens(connection: Connection, kind: str, ident: str, tokens: Iterable[str]) -> None:
    """Make the record found by these tokens too; a token once given is never taken away."""
    for token in sorted(set(tokens) - {""}):
        _ADD_TOKEN.changed(connection, token=token, kind=kind, id=ident)
