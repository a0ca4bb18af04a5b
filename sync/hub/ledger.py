"""The ledger: every fact of every till, each taken in a transaction of its own and answered once.

Promises: a repeat changes nothing and gets its stored answer; a gap or a fork is told before
anything is written; a fact that fails holds up its own subject and nothing else; an answer that
changes later (a parked fact was freed, the shop refused) reaches its till as news.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from posapp.domain.facts import Answer
from sync.hub import cases, chain, decide, records, tills
from sync.hub.database import Database, out_of_reach, worth_retrying
from sync.hub.decide import Taken
from sync.hub.hot import Hot
from sync.hub.received import Received, read
from sync.hub.refusals import OutOfStep, Refusal
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till
from sync.wire import MAX_FACTS, FactAnswer, FactMessage, FactsAnswer, FactsRequest, Fork, Gap

log = logging.getLogger(__name__)

ATTEMPTS = 4
MAX_NEWS = 2 * MAX_FACTS

_BY_ID = select(*chain.ANSWER).where(fact_table.c.id == bindparam("id"))
_NEWS = (
    select(*chain.ANSWER)
    .where(fact_table.c.till == bindparam("till"), fact_table.c.news > bindparam("heard"))
    .order_by(fact_table.c.news.desc())
    .limit(MAX_NEWS)
)
_NEWEST = Hot(
    select(func.max(fact_table.c.news)).where(
        fact_table.c.till == bindparam("till"), fact_table.c.news.is_not(None)
    )
)
_RENUMBER = (
    update(fact_table)
    .where(fact_table.c.id == bindparam("of"), fact_table.c.till == bindparam("mine"))
    .values(epoch=bindparam("now"), seq=bindparam("as_seq"))
)
_STORE = Hot(insert(fact_table))


def news(connection: Connection, till: str) -> int:
    """The mark of the till's newest answer that changed after it was given; 0 for none."""
    return int(_NEWEST.value(connection, till=till) or 0)


def _news(connection: Connection, till: str, heard: int) -> tuple[int, dict[str, FactAnswer]]:
    """The mark of the newest changed answer, and those that changed since ``heard``, by the fact's id."""
    newest = news(connection, till)
    if newest <= heard:
        return newest, {}
    rows = connection.execute(_NEWS, {"till": till, "heard": heard})
    return newest, {row.id: _answer(row) for row in rows}


class Ledger:
    """Takes facts. ``now`` is the clock; ``told`` hears of each store whose feed moved, and where to."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], told: Callable[[str, int], None]
    ) -> None:
        self._database = database
        self._now = now
        self._told = told

    def push(self, token: str, request: FactsRequest) -> FactsAnswer:
        """Take a batch. Raises Refusal (401, 422), and OutOfStep for a gap or a fork.

        Everything is checked first, so that a fork takes nothing in; it becomes a case of the store.
        """
        try:
            return self._push(token, request)
        except OutOfStep as stray:
            if isinstance(stray.body, Fork):
                with self._database.write() as connection:
                    till = tills.sender(connection, token)
                    head = cases.copied(connection, till.id, till.store, till.epoch, self._now_ms())
                if head:
                    self._told(till.store, head)
            raise

    def _push(self, token: str, request: FactsRequest) -> FactsAnswer:
        try:
            received = read(request)
        except Refusal:
            with self._database.read() as connection:
                # Who may not send is told that, and not what is wrong with it.
                tills.sender(connection, token)
            raise
        usual = self._next(token, request, received[0]) if len(received) == 1 else None
        if usual is not None:
            return usual
        with self._database.read() as connection:
            till = tills.sender(connection, token)
            known = chain.known(connection, till, request)
        stored = {
            seq: _told(seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)
            for seq, row in known.items()
            if seq <= till.last_seq
        }
        moved: list[int] = []
        try:
            answers = [
                self._complete(
                    till,
                    item.message,
                    stored[item.message.seq]
                    if item.message.seq in stored
                    else self._take(till.id, item, item.message.seq in known, moved),
                )
                for item in received
            ]
        finally:
            if moved:
                # Once for all of them: the store's tills need not come for each.
                self._told(till.store, max(moved))
        with self._database.read() as connection:
            till = tills.sender(connection, token)
            newest, changed = _news(connection, till.id, request.heard)
        left = till.revoked and request.leaving and request.prev_seq == till.last_seq
        if left:
            tills.left(self._database, till.id, self._now())
        sent = [changed.pop(answer.id, answer) for answer in answers]
        return FactsAnswer(
            answers=[*sent, *changed.values()],
            last_seq=till.last_seq,
            last_hash=till.last_hash,
            news=newest,
            revoked=bool(till.revoked),
            left=bool(left),
        )

    def _next(self, token: str, request: FactsRequest, item: Received) -> FactsAnswer | None:
        """The usual push, in one transaction: one fact, that follows the last one the hub has of this till.

        None, and nothing taken, for any other, and where anything goes wrong: the longer way knows what to do.
        """
        message = item.message
        try:
            with self._database.write() as connection:
                now_ms = self._now_ms()
                till = tills.followed(
                    connection,
                    token,
                    request.epoch,
                    request.prev_hash,
                    seq=message.seq,
                    digest=message.hash,
                )
                if till is None:
                    return None
                taken = _decided(connection, till, item, now_ms)
                _STORE.changed(connection, **_row(till, message, taken, now_ms))
                newest, changed = _news(connection, till.id, request.heard)
        except Exception as error:
            if out_of_reach(error):
                raise
            return None
        self._told(till.store, taken.feed_seq)
        answer = _taken(till, message, taken)
        return FactsAnswer(
            answers=[changed.pop(answer.id, answer), *changed.values()],
            last_seq=message.seq,
            last_hash=message.hash,
            news=newest,
        )

    def retry(self) -> None:
        """Take parked facts again that an older hub did not know or a defect stopped; at the start."""
        with self._database.read() as connection:
            unsettled = sorted(decide.unsettled(connection))
        for store, subject in unsettled:
            with self._database.write() as connection:
                records.load_one(connection, *decide.parted(subject))
                decide.rerun(connection, store, subject, self._now_ms())
                for row in cases.untold(connection, store, subject):
                    taken = Taken(Answer(row.answer), 0, row.reason, row.detail)
                    fact = decide.read_fact(row) or decide.envelope(row, {})
                    decide.open_case(connection, row.till, store, fact, taken, now_ms=row.arrived_ms)
                head = records.head(connection, store)
            self._told(store, head)

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _take(self, till: str, item: Received, known: bool, moved: list[int]) -> FactAnswer:
        """``known``: the ledger had the fact when the batch came, under an earlier epoch.

        A place in the feed that it was given is added to ``moved``.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._transact(till, item, _decided, known or attempt > 1, moved)
            except Refusal:
                raise
            except Exception as error:
                if out_of_reach(error):
                    # Not the fact's fault: the till sends it again.
                    raise
                if attempt == ATTEMPTS or not worth_retrying(error):
                    log.exception("fact failed id=%s kind=%s", item.message.id, item.message.kind)
                    break
        return self._transact(till, item, _parked, True, moved)

    def _transact(
        self, ident: str, item: Received, decided: Decider, look: bool, moved: list[int]
    ) -> FactAnswer:
        """One fact, one transaction. Unless told to ``look``, a fact with a new number is taken for a
        new one: where it is not, its unique id ends the transaction and it is tried again.
        """
        message = item.message
        now_ms = self._now_ms()
        with self._database.write() as connection:
            till = None if look else tills.advanced(connection, ident, message.seq, message.hash)
            if till is None:
                till = tills.locked(connection, ident)
                answer = self._known(connection, till, message)
                if answer is not None:
                    return answer
            taken = decided(connection, till, item, now_ms)
            _STORE.changed(connection, **_row(till, message, taken, now_ms))
        moved.append(taken.feed_seq)
        return _taken(till, message, taken)

    def _complete(self, till: Till, message: FactMessage, stands: FactAnswer) -> FactAnswer:
        """The answer that stands; but the content of a fact that was withheld is taken, and judged anew
        with what waits behind it."""
        if message.withheld or stands.reason != decide.WITHHELD:
            return stands
        with self._database.write() as connection:
            records.load_one(connection, *decide.parted(message.subject))
            content = message.model_dump(include={"kind", "schema_v", "subject", "payload", "clerk"})
            connection.execute(
                update(fact_table)
                .where(
                    fact_table.c.id == message.id,
                    fact_table.c.till == till.id,
                    fact_table.c.reason == decide.WITHHELD,
                )
                .values(reason=decide.INTERNAL, detail="{}", **content)
            )
            decide.rerun(connection, till.store, message.subject, self._now_ms())
            row = connection.execute(_BY_ID, {"id": message.id}).one()
            head = records.head(connection, till.store)
        self._told(till.store, head)
        return _told(message.seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)

    def _known(self, connection: Connection, till: Till, message: FactMessage) -> FactAnswer | None:
        """The stored answer of a fact that the ledger has; None, and the till advanced, for the next one.

        Raises OutOfStep for any other.
        """
        known = connection.execute(_BY_ID, {"id": message.id}).first()
        next_one = message.seq > till.last_seq
        if (known.hash != message.hash) if known is not None else not next_one:
            raise OutOfStep(Fork(last_seq=till.last_seq))
        if next_one and not tills.advanced(connection, till.id, message.seq, message.hash):
            raise OutOfStep(Gap(last_seq=till.last_seq, last_hash=till.last_hash))
        if known is None:
            return None
        if next_one:
            # Enrolled again: the till's own facts go on under its new epoch.
            connection.execute(
                _RENUMBER, {"of": message.id, "mine": till.id, "now": till.epoch, "as_seq": message.seq}
            )
        return _answer(known)


def _taken(till: Till, message: FactMessage, taken: Taken) -> FactAnswer:
    log.info(
        "fact id=%s kind=%s till=%s answer=%s reason=%s",
        message.id,
        message.kind,
        till.id,
        taken.answer.value,
        taken.reason,
    )
    return _told(message.seq, message.id, taken.answer, taken.reason, taken.detail)


Decider = Callable[[Connection, Till, Received, int], Taken]


def _decided(connection: Connection, till: Till, item: Received, now_ms: int) -> Taken:
    if item.message.withheld:
        why = records.text_of({"why": item.message.withheld})
        head = records.head(connection, till.store)
        taken = Taken(Answer.PARKED, head, decide.WITHHELD, why)
    else:
        taken = decide.decide(connection, till.id, till.store, item.fact, now_ms)
    if taken.answer is Answer.ACCEPTED and not cases.provisional(item.fact):
        return taken
    return _case(connection, till, item, taken, now_ms)


def _parked(connection: Connection, till: Till, item: Received, now_ms: int) -> Taken:
    taken = Taken(Answer.PARKED, records.head(connection, till.store), decide.INTERNAL)
    return _case(connection, till, item, taken, now_ms)


def _case(connection: Connection, till: Till, item: Received, taken: Taken, now_ms: int) -> Taken:
    fact = item.fact or decide.envelope(item.message, {})
    return decide.open_case(connection, till.id, till.store, fact, taken, now_ms=now_ms)


def _row(till: Till, message: FactMessage, taken: Taken, now_ms: int) -> dict[str, Any]:
    return {
        "till": till.id,
        "epoch": till.epoch,
        "seq": message.seq,
        "id": message.id,
        "hash": message.hash,
        "store": till.store,
        "kind": message.kind,
        "schema_v": message.schema_v,
        "subject": message.subject,
        "payload": message.payload,
        "clerk": message.clerk,
        "at": message.at,
        "arrived_ms": now_ms,
        "answer": taken.answer.value,
        "reason": taken.reason,
        "detail": taken.detail,
        "feed_seq": taken.feed_seq,
        "settled": False,
        "news": None,
    }


def _answer(row: Any) -> FactAnswer:
    return _told(row.seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)


def _told(
    seq: int, ident: str, answer: Answer, reason: str, detail: str, *, replayed: bool = False
) -> FactAnswer:
    return FactAnswer(
        seq=seq,
        id=ident,
        answer=answer.value,  # type: ignore[arg-type]  # the ledger holds no waiting fact
        reason=reason,
        detail=json.loads(detail),
        replayed=replayed,
    )
