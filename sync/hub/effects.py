"""Which facts the shop is told of, and the outbox in which a write waits until it may be made.

`EFFECTS` is the whole table: a kind that is not in it has no effect in the shop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from posapp.domain.facts import Fact
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER
from sync.hub import records
from sync.hub.hot import Hot
from sync.hub.tables import intent, store

HAND_OVER = "hand_over"
UNDO = "undo"

HOLD_MARGIN_MS = 1_500
"""Held a little longer than the till lets the clerk undo: the last press has a way to go."""

HELD, WRITING, DONE, CANCELLED, REFUSED = "held", "writing", "done", "cancelled", "refused"


_UNDO_SECONDS = Hot(select(store.c.undo_seconds).where(store.c.code == bindparam("code")))
_INTEND = Hot(insert(intent).values({c.name: bindparam(c.name) for c in intent.c if c.name != "n"}))


@dataclass(frozen=True, slots=True)
class Write:
    """What the shop is to be told: ``ref`` is the hand-over it is about."""

    write: str
    ref: str
    lines: dict[str, int]
    held: bool


EFFECTS: dict[str, Callable[[Fact], Write]] = {
    HANDED_OVER: lambda fact: Write(HAND_OVER, fact.id, dict(fact.payload["lines"]), held=True),
    HAND_OVER_UNDONE: lambda fact: Write(UNDO, str(fact.payload["hand_over"]), {}, held=False),
}


def register(connection: Connection, fact: Fact, code_of_store: str, now_ms: int) -> None:
    """Put what the shop must hear of an accepted fact into the outbox, in the fact's transaction.

    A hand-over is held for the store's undo time. An undo that comes within it takes the waiting
    write back, and the shop never hears of either.
    """
    wanted = wanted_by(fact)
    if wanted is None:
        return
    if wanted.write == UNDO:
        taken_back = connection.execute(
            update(intent).where(intent.c.id == wanted.ref, intent.c.state == HELD).values(state=CANCELLED)
        )
        if taken_back.rowcount:
            return
    hold_s = int(_UNDO_SECONDS.value(connection, code=code_of_store)) if wanted.held else 0
    _INTEND.changed(connection, **row_of(wanted, fact, code_of_store, hold_s, now_ms=now_ms))


def wanted_by(fact: Fact) -> Write | None:
    """What the shop is to hear of it."""
    effect = EFFECTS.get(fact.kind)
    return effect(fact) if effect else None


def row_of(
    wanted: Write, fact: Fact, code_of_store: str, hold_s: int, *, now_ms: int
) -> dict[str, str | int]:
    """Its row in the outbox."""
    return {
        "id": fact.id,
        "write": wanted.write,
        "store": code_of_store,
        "order_id": fact.subject_id,
        "ref": wanted.ref,
        "lines": records.text_of(wanted.lines),
        "state": HELD if wanted.held else WRITING,
        "due_ms": now_ms + (hold_s * 1000 + HOLD_MARGIN_MS if hold_s else 0),
        "owner": "",
        "until_ms": 0,
        "tries": 0,
        "why": "",
    }
