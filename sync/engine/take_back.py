"""A restored journal's facts, taken back from the hub."""

from __future__ import annotations

import json

from posapp.domain.facts import Answer, Entry, Fact, parse_timestamp
from posapp.domain.ids import FactId
from posapp.storage.journal import Journal
from sync import wire
from sync.engine.client import Trouble
from sync.engine.enrol import connected


def facts_after(journal: Journal) -> list[Entry]:
    """The facts behind this journal's last one, as its hub has them. Raises Trouble, NotEnrolled.

    Whoever takes them checks that they continue the chain.
    """
    entries: list[Entry] = []
    seq, prev_hash = journal.head()
    (hub,) = connected(journal, keep=False)
    try:
        while True:
            page = hub.facts(seq)
            for known in page.facts:
                entry = _entry(known, prev_hash)
                entries.append(entry)
                seq, prev_hash = entry.seq, entry.hash
            if not page.facts or seq >= page.last_seq:
                return entries
    finally:
        hub.close()


def _entry(known: wire.KnownFact, prev_hash: bytes) -> Entry:
    try:
        payload = json.loads(known.payload)
        at = parse_timestamp(known.at)
    except ValueError:
        raise Trouble("hub-strange", reachable=True, why="a fact that cannot be read") from None
    return Entry(
        seq=known.seq,
        fact=Fact(
            FactId(known.id), known.kind, known.subject, payload, known.clerk, at, schema_v=known.schema_v
        ),
        payload=known.payload.encode(),
        prev_hash=prev_hash,
        hash=bytes.fromhex(known.hash),
        answer=Answer(known.answer),
        reason=known.reason,
        detail={"reason": known.reason, "detail": known.detail},
    )
