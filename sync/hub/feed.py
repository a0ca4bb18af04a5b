"""Pages of stores' feeds, as the asking tills are sent them; many asks are answered in one look."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, text

from sync.hub import keys, records, tills
from sync.hub.database import Database
from sync.hub.hot import Hot
from sync.hub.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Ask:
    """What the till with this token wants to know: what changed after ``after``."""

    token: str
    after: int
    limit: int


FRESH_S = 20.0
"""So long a till is told on from what a push has moved; then the database is asked again."""


class Slice(records.Page):
    """A part of a store's feed, written out once for all who wait for it."""

    @cached_property
    def changes(self) -> str:
        """The rows as JSON; bodies are passed on without being parsed."""
        return ",".join(
            f'{{"seq":{row.seq},"kind":{json.dumps(row.kind)},"id":{json.dumps(row.id)},'
            f'"rev":{row.rev},"body":{row.body or "null"}}}'
            for row in self.rows
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """All that a store's feed got in one transaction; ``pushed`` are the numbers of the facts behind it, by their
    tills."""

    slice: Slice
    pushed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Told:
    """What a till was told beside the changes, with the page that ended at ``cursor``: ``rest`` as JSON, what is the
    same until something else moves the feed. ``at`` is when the database was asked (`time.monotonic`)."""

    cursor: int
    applied_through: int
    rest: str
    at: float

    def then(self, till: str, moved: Moved, limit: int) -> Page | None:
        """The till's next page, where that is ``moved`` and nothing else; None where the database is to be asked.

        What would end the till, or change what it is told, moves the feed as well, and so comes between.
        """
        part = moved.slice
        follows = self.cursor == part.head - len(part.rows)
        if not follows or len(part.rows) > limit or time.monotonic() - self.at > FRESH_S:
            return None
        own = moved.pushed.get(till)
        applied = own if own == self.applied_through + 1 else self.applied_through
        return Page(part, Told(part.head, applied, self.rest, self.at))


@dataclass(frozen=True, slots=True)
class Page:
    """`sync.wire.FeedPage`, with bodies still as the text they are stored as."""

    slice: Slice
    told: Told

    @property
    def rows(self) -> Sequence[records.Row]:
        """What changed."""
        return self.slice.rows

    @property
    def next(self) -> int:
        """The cursor to ask on with."""
        return self.slice.next

    @property
    def head(self) -> int:
        """The feed's end."""
        return self.slice.head

    def as_json(self, clock: str) -> bytes:
        """The page's bytes."""
        return (
            f'{{"changes":[{self.slice.changes}],"next":{self.next},"head":{self.head},'
            f'"applied_through":{self.told.applied_through},"clock":"{clock}",{self.told.rest}}}'
        ).encode()


# A list of any length in one parameter: so the statement stays one and the same.
_LISTS = {
    "postgresql": "json_array_elements_text(CAST(:asked AS json)) WITH ORDINALITY AS a(value, at)",
    "sqlite": "(SELECT value, key + 1 AS at FROM json_each(:asked)) AS a",
}
_TILLS = {
    kind: Hot(
        text(
            "SELECT a.at, t.id, t.store, t.epoch, t.last_seq, t.last_hash, t.revoked, h.head,"
            " (SELECT max(f.news) FROM fact f"
            # Of its present life only, as `sync.hub.news`.
            " WHERE f.till = t.id AND f.news IS NOT NULL AND f.epoch = t.epoch)"
            f" FROM {asked} JOIN till t ON t.token_hash = a.value"
            " LEFT JOIN store_head h ON h.store = t.store"
        )
    )
    for kind, asked in _LISTS.items()
}
_FIELDS = {
    "postgresql": "CAST(CAST(a.value AS json) ->> {} AS {})",
    "sqlite": "CAST(json_extract(a.value, '$[{}]') AS {})",
}
# A fact counts once its record's newest place is inside: one that moved on beyond what the till has read
# was perhaps never seen with the fact in it.
_NOT_YET = {
    kind: Hot(
        text(
            "SELECT a.at, (SELECT min(f.seq) FROM fact f"
            f" WHERE f.till = {_FIELDS[kind].format(0, 'text')}"
            f" AND f.epoch = {_FIELDS[kind].format(1, 'bigint')}"
            f" AND f.feed_seq > {_FIELDS[kind].format(2, 'bigint')}) FROM {asked}"
        )
    )
    for kind, asked in _LISTS.items()
}


def page(database: Database, token: str, after: int, limit: int) -> Page:
    """`pages` for one ask. Raises Refusal."""
    (found,) = pages(database, (Ask(token, after, limit),))
    if isinstance(found, Refusal):
        raise found
    return found


def pages(database: Database, asks: Sequence[Ask]) -> list[Page | Refusal]:
    """What changed in each till's store, all from one view of the database.

    A Refusal stands for whom there is no page: 401, 403, and 410 for a cursor the feed never reached, which
    is another hub's or from before its backup was restored. ``applied_through`` is the last fact of the
    till such that it, and all before it, are known to who has the page.
    """
    found: list[Page | Refusal | None] = [None] * len(asks)
    began = time.monotonic()
    with database.read() as connection:
        kind = connection.dialect.name
        hashes = json.dumps([tills.token_hash(ask.token) for ask in asks])
        slices: dict[tuple[str, int, int], Slice] = {}
        known: list[tuple[int, tills.Till, Slice, int]] = []
        for at, *columns, head, news in _TILLS[kind].rows(connection, asked=hashes):
            ask, till = asks[at - 1], tills.Till(*columns)
            if till.revoked:
                found[at - 1] = tills.revoked()
                continue
            if ask.after > (head or 0):
                found[at - 1] = Refusal(
                    410, "cursor-unknown", "The feed never got there. Begin again from 0."
                )
                continue
            part = (till.store, ask.after, ask.limit)
            if part not in slices:
                slices[part] = _slice(connection, *part, head or 0)
            known.append((at - 1, till, slices[part], news or 0))
        if not known:
            return [tills.unknown() if one is None else one for one in found]
        asked = json.dumps([json.dumps([till.id, till.epoch, part.next]) for _, till, part, _ in known])
        not_yet = dict(_NOT_YET[kind].rows(connection, asked=asked))
        generation, pins = keys.told(connection)
    hub = f'"generation":{json.dumps(generation)},"pins":{json.dumps(pins)}'
    for n, (place, till, shared, news) in enumerate(known, start=1):
        first = not_yet[n]
        applied = till.last_seq if first is None else first - 1
        rest = f'{hub},"news":{news}'
        found[place] = Page(shared, Told(shared.next, applied, rest, began))
    return [tills.unknown() if one is None else one for one in found]


def _slice(connection: Connection, store: str, after: int, limit: int, head: int) -> Slice:
    part = records.page(connection, store, after, limit, head)
    return Slice(part.rows, part.next, part.head)
