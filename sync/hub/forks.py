"""A copied till: two that send different facts under one name. It is a case of its store, with both sides."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from posapp.domain.cases import COPIED, Case, Side, State
from posapp.domain.facts import GENESIS
from posapp.domain.goods import lean
from sync.hub import cases, decide
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till
from sync.wire import FactMessage, FactsRequest

SHORT = 12
"""So many digits of a hash tell two facts apart."""

_AT = select(fact_table).where(
    fact_table.c.till == bindparam("till"),
    fact_table.c.epoch == bindparam("epoch"),
    fact_table.c.seq == bindparam("seq"),
)
_BY_ID = select(fact_table).where(fact_table.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Parting:
    """Where the two part: fact ``seq`` or, unless ``exact``, one before it.

    ``row`` is what the ledger has there, ``sent`` what came; None where there is none, or only its hash was told.
    """

    seq: int
    row: Any = None
    sent: FactMessage | None = None
    sent_hash: str = ""
    exact: bool = True


def parting(connection: Connection, till: Till, request: FactsRequest) -> Parting:
    """Where a push that is a fork parts from the ledger; as `sync.hub.chain.known` looks, but for where and what."""
    first = next(iter(request.facts), None)
    if request.epoch != till.epoch:
        # Not of this life of the till at all.
        return Parting(request.prev_seq + 1, None, first, first.hash if first else "", exact=False)
    mine = {"till": till.id, "epoch": till.epoch}
    if request.prev_seq <= till.last_seq:
        before = connection.execute(_AT, {**mine, "seq": request.prev_seq}).first()
        stands = GENESIS.hex() if request.prev_seq == 0 else before.hash if before else request.prev_hash
        if stands != request.prev_hash:
            return Parting(request.prev_seq, before, None, request.prev_hash, exact=False)
    for message in request.facts:
        for row in (
            connection.execute(_AT, {**mine, "seq": message.seq}).first(),
            connection.execute(_BY_ID, {"id": message.id}).first(),
        ):
            if row is not None and row.hash != message.hash:
                return Parting(message.seq, row, message, message.hash)
    return Parting(request.prev_seq + 1, None, first, first.hash if first else "")


def told(connection: Connection, till: Till, request: FactsRequest, now_ms: int) -> int:
    """Tell the store that two copies of the till say different things; the feed's new head, 0 where a case is open.

    The caller has locked the till. Once a person has settled it and a copy goes on sending, that is the next case.
    """
    ident, again = f"copied-{till.id}-{till.epoch}", 1
    while (known := cases.load(connection, ident, till.store)) is not None:
        if known.state is State.OPEN:
            return 0
        again += 1
        ident = f"copied-{till.id}-{till.epoch}.{again}"
    part = parting(connection, till, request)
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    said = _side(part.sent, till.id) if part.sent is not None else Side("", till.id, "", at)
    others: tuple[Side, ...] = ()
    # Of another store's fact nothing is told here.
    if part.row is not None and part.row.store == till.store:
        others = (_side(part.row, part.row.till),)
    evidence = lean(
        {
            "seq": part.seq,
            "or_before": not part.exact,
            "hash": part.row.hash[:SHORT] if part.row is not None else "",
            "sent_hash": part.sent_hash[:SHORT],
            "last_seq": till.last_seq,
        }
    )
    case = Case(ident, f"till:{till.id}", COPIED, at, said, others, evidence)
    return cases.publish(connection, till.store, case, "copied")


def _side(written: Any, till: str) -> Side:
    """What a fact says, also one that cannot be read whole."""
    with suppress(ValueError, OverflowError):
        return Side.of(
            decide.read_fact(written) or decide.envelope(written, {}), till, subject=written.subject
        )
    return Side(written.kind, till, written.clerk, subject=written.subject)
