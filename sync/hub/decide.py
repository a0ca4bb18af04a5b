"""What becomes of one fact: the same fold as at the till, over what everybody knows.

Order of effect is per subject: behind a fact that was not taken, later facts about the same subject
wait (*parked*) until a person settles the case.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from posapp.domain.errors import Refused
from posapp.domain.facts import CASE_SETTLED, Answer, Fact, parse_timestamp
from posapp.domain.ids import FactId
from posapp.domain.subjects import fold, read_body
from sync.hub import cases, custody, effects, records
from sync.hub.hot import Hot
from sync.hub.records import Change
from sync.hub.tables import UNSETTLED
from sync.hub.tables import fact as fact_table
from sync.wire import FactMessage

log = logging.getLogger(__name__)

BEHIND = "behind-rejected"
CUSTODY_MOVED = "custody-moved"
INTERNAL = "internal"
NOTHING_TO_SETTLE = "nothing-to-settle"
OTHER_STORE = "other-store"
UNKNOWN_KIND = "unknown-kind"
UNREADABLE = "unreadable"
WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Taken:
    """A fact's answer, and the place in the feed from which on its effect is known."""

    answer: Answer
    feed_seq: int
    reason: str = ""
    detail: str = "{}"


_CASES = Hot(
    select(fact_table.c.id)
    # What another store did to this subject was turned down, and holds nobody up here.
    .where(fact_table.c.subject == bindparam("subject"), fact_table.c.store == bindparam("of"), UNSETTLED)
    .order_by(fact_table.c.arrived_ms, fact_table.c.till, fact_table.c.seq)
)
_FULL = (
    fact_table.c.till,
    fact_table.c.id,
    fact_table.c.store,
    fact_table.c.kind,
    fact_table.c.schema_v,
    fact_table.c.subject,
    fact_table.c.payload,
    fact_table.c.clerk,
    fact_table.c.at,
    fact_table.c.answer,
    fact_table.c.reason,
)
_ONE = select(*_FULL).where(fact_table.c.id == bindparam("id"))
_PARKED = (
    select(*_FULL)
    .where(
        fact_table.c.subject == bindparam("subject"),
        fact_table.c.store == bindparam("of"),
        UNSETTLED,
        fact_table.c.answer == Answer.PARKED.value,
    )
    .order_by(fact_table.c.arrived_ms, fact_table.c.till, fact_table.c.seq)
)
_ANSWERED = (
    update(fact_table)
    .where(fact_table.c.id == bindparam("of"))
    .values(
        answer=bindparam("answer"),
        reason=bindparam("reason"),
        detail=bindparam("detail"),
        feed_seq=bindparam("feed_seq"),
        news=bindparam("feed_seq"),
    )
)


def decide(connection: Connection, till: str, store: str, fact: Fact | None, now_ms: int) -> Taken:
    """Take a fact that is not in the ledger yet; ``fact`` is None where its payload is no object."""
    if fact is None:
        return Taken(Answer.PARKED, records.head(connection, store), UNREADABLE)
    if fact.kind == CASE_SETTLED:
        return _settle(connection, till, store, fact, now_ms)
    return _fold(connection, till, store, fact, now_ms)


def _fold(
    connection: Connection, till: str, store: str, fact: Fact, now_ms: int, *, parked: bool = False
) -> Taken:
    """``parked``: the fact is in the ledger, and the first unsettled one about its subject."""
    row = records.load_one(connection, fact.subject_kind, fact.subject_id)

    def unchanged(answer: Answer, reason: str = "", detail: str = "{}") -> Taken:
        return Taken(answer, records.head(connection, store), reason, detail)

    if row is not None and row.store != store:
        return unchanged(Answer.REJECTED, OTHER_STORE)
    case = _CASES.value(connection, subject=fact.subject, of=store)
    if case is not None and not parked:
        return unchanged(Answer.PARKED, BEHIND)
    if custody.is_old(connection, store, fact.payload):
        return unchanged(Answer.REJECTED, CUSTODY_MOVED)
    try:
        done = folded(row, fact, till, store)
    except Refused as error:
        return unchanged(Answer.REJECTED, error.reason, records.text_of(error.details))
    except KeyError as error:
        if error.args[:1] in ((fact.kind,), (fact.subject_kind,)):
            return unchanged(Answer.PARKED, UNKNOWN_KIND)
        raise
    effects.register(connection, fact, store, now_ms)
    if done.change is None:
        return unchanged(Answer.ACCEPTED)
    records.add_tokens(connection, fact.subject_kind, fact.subject_id, done.tokens)
    return Taken(Answer.ACCEPTED, records.publish(connection, (done.change,))[store])


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fact makes of its record: None where it stays as it is; ``tokens`` it is found by from now on, too."""

    change: Change | None
    tokens: frozenset[str] = frozenset()


def folded(row: records.Row | None, fact: Fact, till: str, store: str) -> Folded:
    """The fact laid over the record of its subject. Raises Refused where a rule says no, KeyError for an unknown kind."""
    before = read_body(row.kind, row.value()) if row else None
    after = fold(before, fact, till)
    body = records.text_of(after.to_body())
    if row is not None and row.body == body:
        return Folded(None)
    known = set(before.index().tokens) if before else set()
    change = Change(
        fact.subject_kind,
        fact.subject_id,
        store,
        row.rev + 1 if row else 1,
        row.source if row else "",
        body,
        row is not None,
    )
    return Folded(change, frozenset(after.index().tokens) - known - {""})


def parted(subject: str) -> tuple[str, str]:
    """Kind and id of a subject's name."""
    kind, _, ident = subject.partition(":")
    return kind, ident


def unsettled(connection: Connection) -> set[tuple[str, str]]:
    """Store and subject of every fact that was not taken and that nobody has settled."""
    query = select(fact_table.c.store, fact_table.c.subject).where(UNSETTLED)
    return {(store, subject) for store, subject in connection.execute(query)}


# -- cases ----------------------------------------------------------------------------------------
def _settle(connection: Connection, till: str, store: str, fact: Fact, now_ms: int) -> Taken:
    # The record's lock keeps facts about the subject apart, as it does for every other kind.
    records.load_one(connection, fact.subject_kind, fact.subject_id)
    case = connection.execute(_ONE, {"id": str(fact.payload.get("fact", ""))}).first()
    told = cases.settled(connection, fact, till, store)
    if case is not None and case.subject == fact.subject and case.store == store:
        connection.execute(update(fact_table).where(fact_table.c.id == case.id).values(settled=True))
        rerun(connection, store, fact.subject, now_ms)
    elif not told:
        return Taken(Answer.REJECTED, records.head(connection, store), NOTHING_TO_SETTLE)
    return Taken(Answer.ACCEPTED, records.head(connection, store))


def rerun(connection: Connection, store: str, subject: str, now_ms: int) -> None:
    """Take the parked facts about a subject again, in their order, until one is not taken.

    Each stands alone: one that fails stays parked and is logged. Changed answers are news.
    """
    case = {"subject": subject, "of": store}
    for row in connection.execute(_PARKED, case).all():
        first = _CASES.value(connection, **case)
        if first != row.id:
            return
        fact = read_fact(row)
        if fact is None:
            return
        try:
            with connection.begin_nested():
                taken = _fold(connection, row.till, store, fact, now_ms, parked=True)
                if (taken.answer, taken.reason) == (row.answer, row.reason):
                    return
                answered(connection, store, row.id, taken, now_ms)
        except Exception:
            log.exception("parked fact failed again id=%s kind=%s", row.id, row.kind)
            return


def answered(connection: Connection, store: str, fact_id: str, taken: Taken, now_ms: int) -> int:
    """Change the answer of a fact in the ledger; its till is told, and its store of the case.

    Returns the feed's new head.
    """
    row = connection.execute(_ONE, {"id": fact_id}).one()
    fact = read_fact(row) or envelope(row, {})
    if taken.answer is not Answer.ACCEPTED or cases.provisional(fact):
        open_case(connection, row.till, store, fact, taken, now_ms=now_ms)
    else:
        cases.taken(connection, fact_id, store)
    mark = records.raise_head(connection, store)
    connection.execute(
        _ANSWERED,
        {
            "of": fact_id,
            "answer": taken.answer.value,
            "reason": taken.reason,
            "detail": taken.detail,
            "feed_seq": mark,
        },
    )
    return mark


def open_case(
    connection: Connection, till: str, store: str, fact: Fact, taken: Taken, *, now_ms: int
) -> Taken:
    """Tell the store of a case; what was taken, with the place in the feed where the case stands."""
    head = cases.opened(
        connection,
        fact,
        till,
        store,
        answer=taken.answer,
        reason=taken.reason,
        detail=taken.detail,
        now_ms=now_ms,
    )
    return replace(taken, feed_seq=head)


def read_fact(written: FactMessage | Row[*tuple[Any, ...]]) -> Fact | None:
    """The fact of a message or of a row; None where its payload is no JSON object.

    Raises ValueError for an impossible time.
    """
    try:
        body = json.loads(written.payload)
    except (ValueError, RecursionError):
        return None
    return envelope(written, body) if isinstance(body, dict) else None


def envelope(written: FactMessage | Row[*tuple[Any, ...]], payload: dict[str, Any]) -> Fact:
    """The fact with this payload. Raises ValueError for an impossible time."""
    return Fact(
        id=FactId(written.id),
        kind=written.kind,
        subject=written.subject,
        payload=payload,
        clerk=written.clerk,
        at=parse_timestamp(written.at),
        schema_v=written.schema_v,
    )
