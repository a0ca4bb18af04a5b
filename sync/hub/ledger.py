"""The ledger: every fact of every till, each taken in a transaction of its own and answered once.

Promises: a repeat changes nothing and gets its stored answer; a gap or a fork is told before
anything is written; a fact that fails holds up its own subject and nothing else; an answer that
changes later (a parked fact was freed, the shop refused) reaches its till as news.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from posapp.domain.facts import Answer
from sync.hub import cases, chain, decide, forks, news, records, taking, tills, together
from sync.hub.database import Database, out_of_reach, worth_retrying
from sync.hub.decide import Taken
from sync.hub.feed import Moved
from sync.hub.hot import Hot
from sync.hub.received import Received, read
from sync.hub.refusals import OutOfStep, Refusal
from sync.hub.tables import fact as fact_table
from sync.hub.tills import Till
from sync.hub.together import Ask, Done, Push, usual
from sync.wire import FactAnswer, FactMessage, FactsAnswer, FactsRequest, Fork, Gap

log = logging.getLogger(__name__)

ATTEMPTS = 4
AT_ONCE = 25
"""So many facts of a batch in one transaction: other tills of the store wait for it."""

_BY_ID = select(*chain.ANSWER).where(fact_table.c.id == bindparam("id"))
_RENUMBER = (
    update(fact_table)
    .where(fact_table.c.id == bindparam("of"), fact_table.c.till == bindparam("mine"))
    .values(epoch=bindparam("now"), seq=bindparam("as_seq"))
)
_STORE = Hot(insert(fact_table))


class _Apart(Exception):
    """A batch that is to be taken one by one."""


class Ledger:
    """Takes facts. ``now`` is the clock; ``told`` hears of each store whose feed moved, where to, and by what."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], told: Callable[[str, int, Moved | None], None]
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
                    till = tills.locked(connection, tills.sender(connection, token).id)
                    head = forks.told(connection, till, request, self._now_ms())
                if head:
                    self._told(till.store, head, None)
            raise

    def push_all(self, asks: Sequence[Ask]) -> list[FactsAnswer | Exception]:
        """`push` for each of these, which came at the same time; what it would raise stands in its place."""
        try:
            taken = self._together(usual(asks))
        except Exception as error:
            if out_of_reach(error):
                return [error] * len(asks)
            # Whoever of them it was: each shows it by itself, or is taken.
            log.info("pushes are not taken together: %s", type(error).__name__)
            taken = {}
        told: list[FactsAnswer | Exception] = []
        for place, ask in enumerate(asks):
            try:
                if place in taken:
                    told.append(ask.context.run(self._answered, taken[place], ask.request))
                else:
                    told.append(ask.context.run(self.push, ask.token, ask.request))
            except Exception as error:
                told.append(error)
        return told

    def _together(self, pushes: dict[int, Push]) -> dict[int, Done]:
        """What became of those that were taken, by their place."""
        if len(pushes) < 2:
            return {}
        moved: dict[str, Moved] = {}
        with self._database.write() as connection:
            done = together.take(connection, pushes, self._now_ms(), moved)
        heads: dict[str, int] = {}
        for one in done.values():
            heads[one.till.store] = max(one.taken.feed_seq, heads.get(one.till.store, 0))
        for store, head in heads.items():
            self._told(store, head, moved.get(store))
        return done

    def _answered(self, done: Done, request: FactsRequest) -> FactsAnswer:
        """The answer to a push that was taken with others."""
        changed: dict[str, FactAnswer] = {}
        (message,) = request.facts
        if done.newest > request.heard:
            with self._database.read() as connection:
                _, changed = news.since(connection, done.till.id, request.heard)
        answer = taking.taken(done.till, message, done.taken)
        return FactsAnswer(
            answers=[changed.pop(answer.id, answer), *changed.values()],
            last_seq=message.seq,
            last_hash=message.hash,
            news=done.newest,
        )

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
            seq: taking.told(seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)
            for seq, row in known.items()
            if seq <= till.last_seq
        }
        moved: list[int] = []
        try:
            first = [item for item in received if item.message.seq in stored]
            rest = [item for item in received if item.message.seq not in stored]
            answers = [self._complete(till, item.message, stored[item.message.seq]) for item in first]
            taken = self._take_all(till.id, rest, known, moved)
            answers += [self._complete(till, item.message, taken[item.message.seq]) for item in rest]
        finally:
            if moved:
                # Once for all of them: the store's tills need not come for each.
                self._told(till.store, max(moved), None)
        with self._database.read() as connection:
            till = tills.sender(connection, token)
            newest, changed = news.since(connection, till.id, request.heard)
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
                taken = taking.decided(connection, till, item, now_ms)
                _STORE.changed(connection, **taking.row(till, message, taken, now_ms))
                newest, changed = news.since(connection, till.id, request.heard)
        except Exception as error:
            if out_of_reach(error):
                raise
            return None
        self._told(till.store, taken.feed_seq, None)
        answer = taking.taken(till, message, taken)
        return FactsAnswer(
            answers=[changed.pop(answer.id, answer), *changed.values()],
            last_seq=message.seq,
            last_hash=message.hash,
            news=newest,
        )

    def take(self, token: str, request: FactsRequest) -> FactsAnswer:
        """As `push`, of facts that a neighbour brings: where they do not fit, that is no copied till."""
        return self._push(token, request)

    def rescue(self, ident: str, item: Received, epoch: int) -> bool:
        """Take a fact that a neighbour kept and that its till does not have any more, or not yet.

        It stands under the negative of its ``epoch``, beside the till's own chain, which stays where it is.
        Should the till itself send it, it moves there. False where another fact stands in its place.
        """
        decided: taking.Decider = taking.decided
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._database.write() as connection:
                    till, now_ms = tills.locked(connection, ident), self._now_ms()
                    if connection.execute(_BY_ID, {"id": item.message.id}).first() is not None:
                        return True
                    if chain.stands(connection, ident, -epoch, item.message.seq):
                        return False
                    taken = decided(connection, till, item, now_ms)
                    _STORE.changed(
                        connection, **taking.row(till, item.message, taken, now_ms) | {"epoch": -epoch}
                    )
                self._told(till.store, taken.feed_seq, None)
                taking.taken(till, item.message, taken)
                return True
            except Exception as error:
                if out_of_reach(error) or attempt == ATTEMPTS or decided is taking.parked:
                    raise
                if not worth_retrying(error):
                    log.exception("fact failed id=%s kind=%s", item.message.id, item.message.kind)
                    decided = taking.parked
        raise AssertionError("the last attempt returns or raises")

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
            self._told(store, head, None)

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _take_all(
        self, till: str, items: Sequence[Received], known: Collection[int], moved: list[int]
    ) -> dict[int, FactAnswer]:
        """Take what the ledger does not have of a batch, some in one transaction; one by one where that fails."""
        answers: dict[int, FactAnswer] = {}
        for first in range(0, len(items), AT_ONCE):
            some = items[first : first + AT_ONCE]
            done = self._at_once(till, some, moved) if all(i.message.seq not in known for i in some) else {}
            answers |= done or {
                i.message.seq: self._take(till, i, i.message.seq in known, moved) for i in some
            }
        return answers

    def _at_once(self, ident: str, items: Sequence[Received], moved: list[int]) -> dict[int, FactAnswer]:
        """A part of a batch in one transaction; nothing where anything speaks against it."""
        if len(items) < 2:
            return {}
        done: list[tuple[Till, FactMessage, Taken]] = []
        try:
            with self._database.write() as connection:
                now_ms = self._now_ms()
                for item in items:
                    till = tills.advanced(connection, ident, item.message.seq, item.message.hash)
                    if till is None:
                        raise _Apart
                    if not done:
                        # All of them before the store's head, which the first fact takes.
                        together.keep(connection, (i.fact for i in items if i.fact is not None))
                    taken = taking.decided(connection, till, item, now_ms)
                    _STORE.changed(connection, **taking.row(till, item.message, taken, now_ms))
                    done.append((till, item.message, taken))
        except Exception as error:
            if out_of_reach(error):
                raise
            log.info("a batch is not taken at once: %s", type(error).__name__)
            return {}
        moved.append(max(taken.feed_seq for _, _, taken in done))
        return {message.seq: taking.taken(till, message, taken) for till, message, taken in done}

    def _take(self, till: str, item: Received, known: bool, moved: list[int]) -> FactAnswer:
        """``known``: the ledger had the fact when the batch came, under an earlier epoch.

        A place in the feed that it was given is added to ``moved``.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._transact(till, item, taking.decided, known or attempt > 1, moved)
            except Refusal:
                raise
            except Exception as error:
                if out_of_reach(error):
                    # Not the fact's fault: the till sends it again.
                    raise
                if attempt == ATTEMPTS or not worth_retrying(error):
                    log.exception("fact failed id=%s kind=%s", item.message.id, item.message.kind)
                    break
        return self._transact(till, item, taking.parked, True, moved)

    def _transact(
        self, ident: str, item: Received, decided: taking.Decider, look: bool, moved: list[int]
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
            _STORE.changed(connection, **taking.row(till, message, taken, now_ms))
        moved.append(taken.feed_seq)
        return taking.taken(till, message, taken)

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
        self._told(till.store, head, None)
        return taking.told(message.seq, row.id, Answer(row.answer), row.reason, row.detail, replayed=True)

    def _known(self, connection: Connection, till: Till, message: FactMessage) -> FactAnswer | None:
        """The stored answer of a fact that the ledger has; None, and the till advanced, for the next one.

        Raises OutOfStep for any other.
        """
        known = connection.execute(_BY_ID, {"id": message.id}).first()
        next_one = message.seq > till.last_seq
        if (known.hash != message.hash) if known is not None else not next_one:
            raise OutOfStep(Fork(last_seq=till.last_seq, revoked=till.revoked))
        if next_one and not tills.advanced(connection, till.id, message.seq, message.hash):
            raise OutOfStep(Gap(last_seq=till.last_seq, last_hash=till.last_hash))
        if known is None:
            return None
        if next_one:
            # Enrolled again: the till's own facts go on under its new epoch.
            connection.execute(
                _RENUMBER, {"of": message.id, "mine": till.id, "now": till.epoch, "as_seq": message.seq}
            )
        return taking.answer(known)
