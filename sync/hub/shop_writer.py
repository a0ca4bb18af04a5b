"""The writer: the one way into the shop, one write per order at a time, each exactly once.

Intent leased, shop re-read, already there by ref?, write with the ref, re-read, outcome saved. A
crash between any two steps is resumed by the ref. What the shop will not take is never tried again:
the goods have left, so the record stays, and the fact's answer turns into *rejected*
(``shop-refused``), a case for a person.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, exists, func, select, update

from posapp.domain.errors import Unavailable
from posapp.domain.facts import Answer, parse_timestamp
from sync.hub import decide, effects, records, take_in
from sync.hub.database import Database
from sync.hub.effects import HAND_OVER, HELD, WRITING
from sync.hub.shops import Outcome, Shop, ShopAnswer, ShopOrder
from sync.hub.tables import OPEN, intent
from sync.hub.tables import fact as fact_table

log = logging.getLogger(__name__)

LEASE_MS = 60_000
SLICE = 20
BACK_OFF_MS = (1_000, 2_000, 5_000, 15_000, 60_000, 300_000)
REFUSED = "shop-refused"

_earlier = intent.alias("earlier")
_DUE = (
    select(intent.c.n)
    .where(
        OPEN,
        intent.c.due_ms <= bindparam("now_ms"),
        intent.c.until_ms <= bindparam("now_ms"),
        # One write per order at a time, in the order in which they came.
        ~exists().where(
            and_(
                _earlier.c.order_id == intent.c.order_id,
                _earlier.c.n < intent.c.n,
                _earlier.c.state.in_((HELD, WRITING)),
            )
        ),
    )
    .order_by(intent.c.due_ms)
    .limit(bindparam("count"))
)
_LEASE = (
    update(intent)
    .where(intent.c.n.in_(_DUE.with_for_update(skip_locked=True).scalar_subquery()))
    .values(
        owner=bindparam("me"),
        until_ms=bindparam("until"),
        state=WRITING,
        tries=intent.c.tries + 1,
    )
    .returning(
        intent.c.n,
        intent.c.id,
        intent.c.write,
        intent.c.store,
        intent.c.order_id,
        intent.c.ref,
        intent.c.lines,
        intent.c.tries,
    )
)


@dataclass(frozen=True, slots=True)
class Intent:
    """A write to the shop that is ours for as long as the lease runs."""

    n: int
    id: str
    write: str
    store: str
    order_id: str
    ref: str
    lines: str
    tries: int


def waiting(connection: Connection) -> int:
    """How many writes the shop has not taken yet."""
    query = select(func.count()).select_from(intent).where(OPEN)
    return int(connection.execute(query).scalar_one())


class ShopWriter:
    """Writes what is due. Several may run, in several processes: a lease keeps them apart.

    ``told`` hears of each store whose feed moved, ``written`` of each outcome. ``step`` is called
    between the steps with the name of the one that follows; a test lets it fail there. What the shop
    is asked for one intent must be answered, or given up, within half of `LEASE_MS`.
    """

    def __init__(
        self,
        database: Database,
        shop: Shop,
        now: Callable[[], datetime],
        told: Callable[[str, int], None],
        step: Callable[[str], None] = lambda _: None,
        *,
        written: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._shop = shop
        self._now = now
        self._told = told
        self._step = step
        self._written = written
        self._until_ms = 0
        self._me = secrets.token_hex(8)

    def run_due(self) -> int:
        """Make every write that is due; how many were tried. Raises only for a broken database."""
        done = 0
        while leased := self._lease():
            for found in leased:
                done += 1
                try:
                    if self._kept(found):
                        self._write(found)
                except Unavailable as error:
                    log.warning("shop unavailable intent=%s: %s", found.id, error)
                    self._later(found)
                except Exception:
                    log.exception("shop write failed intent=%s", found.id)
                    self._later(found)
        return done

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _lease(self) -> list[Intent]:
        now_ms = self._now_ms()
        with self._database.read() as connection:
            if connection.execute(_DUE, {"now_ms": now_ms, "count": 1}).first() is None:
                return []
        self._until_ms = now_ms + LEASE_MS
        with self._database.write() as connection:
            rows = connection.execute(
                _LEASE, {"now_ms": now_ms, "count": SLICE, "me": self._me, "until": self._until_ms}
            )
            return sorted((Intent(*row) for row in rows), key=lambda found: found.n)

    def _kept(self, found: Intent) -> bool:
        """Whether the intent is still ours: those before it in the slice may have taken long."""
        now_ms = self._now_ms()
        if self._until_ms - now_ms > LEASE_MS // 2:
            return True
        with self._database.write() as connection:
            renewed = connection.execute(
                update(intent)
                .where(intent.c.n == found.n, intent.c.owner == self._me, intent.c.state == WRITING)
                .values(until_ms=now_ms + LEASE_MS)
            )
        if not renewed.rowcount:
            log.warning("lease lost intent=%s; whoever has it now writes it", found.id)
        return bool(renewed.rowcount)

    def _write(self, found: Intent) -> None:
        self._step("read")
        with self._database.read() as connection:
            row = records.live(
                records.load(connection, take_in.KIND, (found.order_id,)).get(found.order_id, ())
            )
            at = connection.execute(select(fact_table.c.at).where(fact_table.c.id == found.id)).scalar_one()
        if row is None:
            self._save(found, ShopAnswer(Outcome.REJECTED, None, "order-unknown"))
            return
        order = self._shop.get(row.source)
        if order is None:
            answer = ShopAnswer(Outcome.REJECTED, None, "order-unknown")
        elif _is_there(found, order):
            answer = ShopAnswer(Outcome.ALREADY, order)
        else:
            self._step("write")
            if found.write == HAND_OVER:
                answer = self._shop.hand_over(
                    row.source,
                    json.loads(found.lines),
                    ref=found.ref,
                    store=found.store,
                    at=parse_timestamp(at),
                )
            else:
                answer = self._shop.undo_hand_over(row.source, found.ref, ref=found.id)
            self._step("read again")
            again = self._shop.get(row.source)
            if answer.outcome in (Outcome.APPLIED, Outcome.ALREADY) and not (
                again and _is_there(found, again)
            ):
                raise Unavailable("shop-forgot", order=found.order_id)
            answer = ShopAnswer(answer.outcome, again, answer.why)
        self._step("save")
        self._save(found, answer)

    def _save(self, found: Intent, answer: ShopAnswer) -> None:
        taken = answer.outcome in (Outcome.APPLIED, Outcome.ALREADY)
        heads: dict[str, int] = {}
        with self._database.write() as connection:
            mine = connection.execute(
                update(intent)
                .where(intent.c.n == found.n, intent.c.owner == self._me, intent.c.state == WRITING)
                .values(
                    state=effects.DONE if taken else effects.REFUSED,
                    why=answer.why or answer.outcome.value,
                    owner="",
                )
            )
            if not mine.rowcount:
                log.warning("lease lost intent=%s; whoever has it now saves the outcome", found.id)
                return
            row = records.load_one(connection, take_in.KIND, found.order_id)
            if answer.order is not None:
                heads |= take_in.take_in(connection, (answer.order,))
            if not taken:
                detail = records.text_of({"why": answer.why or answer.outcome.value})
                refused = decide.Taken(Answer.REJECTED, 0, REFUSED, detail)
                store = row.store if row else found.store
                heads[store] = decide.answered(connection, store, found.id, refused, self._now_ms())
        for store, head in heads.items():
            self._told(store, head)
        self._written(answer.outcome.value)
        log.info("shop write intent=%s outcome=%s why=%s", found.id, answer.outcome.value, answer.why)

    def _later(self, found: Intent) -> None:
        wait = BACK_OFF_MS[min(found.tries, len(BACK_OFF_MS)) - 1]
        with self._database.write() as connection:
            connection.execute(
                update(intent)
                .where(intent.c.n == found.n, intent.c.owner == self._me)
                .values(due_ms=self._now_ms() + wait, until_ms=0, owner="")
            )


def _is_there(found: Intent, order: ShopOrder) -> bool:
    """Whether the shop has already what the intent wants: known by the ref."""
    mine = next((h for h in order.hand_overs if h.ref == found.ref), None)
    if found.write == HAND_OVER:
        return mine is not None
    return mine is None or mine.cancelled
