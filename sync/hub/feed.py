"""A page of a store's feed, as the asking till is sent it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sync.hub import keys, ledger, records, tills
from sync.hub.database import Database
from sync.hub.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Page:
    """`sync.wire.FeedPage`, with bodies still as the text they are stored as."""

    rows: tuple[records.Row, ...]
    next: int
    head: int
    applied_through: int
    generation: str
    news: int

    def as_json(self, clock: str) -> bytes:
        """The page's bytes; bodies are passed on without being parsed."""
        changes = ",".join(
            f'{{"seq":{row.seq},"kind":{json.dumps(row.kind)},"id":{json.dumps(row.id)},'
            f'"rev":{row.rev},"body":{row.body or "null"}}}'
            for row in self.rows
        )
        return (
            f'{{"changes":[{changes}],"next":{self.next},"head":{self.head},'
            f'"applied_through":{self.applied_through},"generation":{json.dumps(self.generation)},'
            f'"clock":{json.dumps(clock)},"news":{self.news}}}'
        ).encode()


def page(database: Database, token: str, after: int, limit: int) -> Page:
    """What changed in the till's store after ``after``, all from one view of the database.

    Raises Refusal: 401, and 410 for a cursor the feed never reached, which is another hub's or from
    before its backup was restored.
    """
    with database.read() as connection:
        till = tills.known_by(connection, token)
        found = records.page(connection, till.store, after, limit)
        if after > found.head:
            raise Refusal(410, "cursor-unknown", "The feed never got there. Begin again from 0.")
        return Page(
            rows=tuple(found.rows),
            next=found.next,
            head=found.head,
            applied_through=ledger.applied_through(connection, till, found.next),
            generation=keys.get(connection, keys.GENERATION),
            news=ledger.news(connection, till.id),
        )
