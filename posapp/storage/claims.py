"""Claims in the ledger: what this till granted as the lead, and what was granted to it.

Times are milliseconds of a clock that counts through a suspend. After a start of the machine every
claim is taken for fresh, since nobody knows how long it was off.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from posapp.domain import custody
from posapp.domain.custody import Claim, Held
from posapp.domain.facts import parse_timestamp, timestamp
from posapp.domain.values import dataclass
from posapp.storage.journal import Journal

_SAME_START_MS = 120_000
"""Two readings of when the machine was started may differ by so much; no machine starts as quickly."""


FORKED = "forked"
"""Kept with the journal: the till's epoch in which the hub has called this journal another one than the till's."""
FORGOTTEN = "claims_forgotten"
"""Kept with the journal: "1" where a restored ledger may lack claims that were granted."""


def uptime_ms() -> int:
    """Milliseconds of a clock that never goes back and, where the system has one, counts while it sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return (time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)) // 1_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """Who grants in this store, as the hub told last.

    ``till`` is the lead, empty where the store has none. ``epoch`` is the store's.
    It runs out unless it is renewed: at ``until_ms`` of `uptime_ms` in the run ``boot`` of the machine, in any
    other one at ``until``. ``alone``: this till is the only one here, or its hub is from before there was
    custody (``till`` is empty then); it needs to ask nobody.
    """

    till: str
    epoch: int
    until: datetime
    until_ms: int
    boot: str
    alone: bool


class Claims:
    """Promises: what a method did is durable when it returns, and inside `Journal.append` it is part
    of that transaction. Raises StorageFault.
    """

    def __init__(
        self,
        journal: Journal,
        uptime: Callable[[], int] = uptime_ms,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._uptime = uptime
        self._wall = wall

    # -- the lease --------------------------------------------------------------------------------
    def lease(self) -> Lease | None:
        """The lease as the hub told it; None while it never did."""
        return self._lease()[0]

    def keep_lease(self, lead: str, epoch: int, seconds: int, now: datetime, *, alone: bool) -> None:
        """Keep what the hub told."""
        left = max(0, seconds - custody.MARGIN_S)
        self._journal.set_meta(
            lead=lead,
            store_epoch=str(epoch),
            lease_until=timestamp(now + timedelta(seconds=left)),
            lease_until_ms=str(self._uptime() + left * 1000),
            lease_boot=self._journal.boot,
            alone="1" if alone else "",
        )

    def leads(self, now: datetime) -> bool:
        """Whether this till grants."""
        lease, me = self._lease()
        if lease is None or self.forked():
            return False
        if lease.alone:
            return lease.till in (me, "")
        return lease.till == me and self._good(lease, now) and not self.forgotten()

    def _good(self, lease: Lease, now: datetime) -> bool:
        if lease.boot == self._journal.boot:
            return self._uptime() < lease.until_ms
        # The machine was started since, so only the wall clock knows; set back, it would say more than was lent.
        return timedelta(0) < lease.until - now <= timedelta(seconds=custody.LEASE_S)

    def forked(self) -> bool:
        """Whether another machine goes on under this till's number: this one then grants nothing and is
        granted nothing, until an operator has decided which of them is the till.
        """
        found = self._journal.metas(FORKED, "epoch")
        return found.get(FORKED, "") == found.get("epoch", "1")

    def forgotten(self) -> bool:
        """Whether this till may have granted what it does not know of: it grants nothing until the hub
        has raised the store's epoch, which takes the worth from every claim of before.
        """
        return self._journal.meta(FORGOTTEN) == "1"

    def begin_anew(self) -> None:
        """The hub has raised the epoch."""
        self._journal.set_meta(**{FORGOTTEN: ""})

    def _lease(self) -> tuple[Lease | None, str]:
        found = self._journal.metas(
            "till", "lead", "store_epoch", "lease_until", "lease_until_ms", "lease_boot", "alone"
        )
        until = found.get("lease_until")
        if not until:
            return None, ""
        lease = Lease(
            found.get("lead", ""),
            int(found.get("store_epoch", "0")),
            parse_timestamp(until),
            int(found.get("lease_until_ms", "0")),
            found.get("lease_boot", ""),
            found.get("alone") == "1",
        )
        return lease, found.get("till", "")

    # -- as the lead ------------------------------------------------------------------------------
    def grant(
        self, order: str, till: str, *, known: Collection[str], done: Collection[str] = ()
    ) -> Claim | Held:
        """Grant the order by the rule; call it only where `leads`."""
        with self._book() as book:
            return custody.grant(book, order, till, now_ms=self._uptime(), known=known, done=done)

    def handed_over(self, order: str, till: str, ref: str) -> None:
        """A till handed the order over."""
        with self._book() as book:
            custody.handed_over(book, order, till, ref)

    def take(self, order: str, *, known: Collection[str]) -> int | Held:
        """Grant the order to this till itself, inside the transaction that hands it over; its token.

        The only till of a store writes nothing down: there is nobody whom it would have to refuse.
        """
        lease, me = self._lease()
        if lease is not None and lease.alone:
            return custody.token(lease.epoch, 0)
        given = self.grant(order, me, known=known)
        return given if isinstance(given, Held) else given.token

    def holder(self, order: str, *, known: Collection[str]) -> Held | None:
        """Whom this till, as the lead, would have to refuse the order for."""
        lease, me = self._lease()
        if lease is not None and lease.alone:
            return None
        with self._book() as book:
            found = custody.grant(_Unwritten(book), order, me, now_ms=self._uptime(), known=known)
        return found if isinstance(found, Held) else None

    def given_back(self, order: str, till: str) -> None:
        """The holder needs the order no more."""
        with self._book() as book:
            custody.given_back(book, order, till)

    def heard(self, till: str, at_ms: int | None = None) -> None:
        """A till has told everything that it did by ``at_ms`` on the machine's clock, or by now."""
        with self._book() as book:
            book.hear(till, self._uptime() if at_ms is None else at_ms)

    # -- as a till that asks ----------------------------------------------------------------------
    def keep_granted(self, order: str, token: int, seconds: int) -> None:
        """The grantor said yes: the claim is good for ``seconds`` from now, less a margin."""
        until = self._uptime() + max(0, seconds - custody.MARGIN_S) * 1000
        with self._book() as book:
            book.execute(
                "INSERT INTO granted(order_id, token, until_ms) VALUES (?,?,?) ON CONFLICT(order_id) "
                "DO UPDATE SET token = excluded.token, until_ms = excluded.until_ms",
                (order, token, until),
            )

    def granted(self, order: str) -> int:
        """The token under which this till may hand the order over now; 0 for none."""
        if self.forked():
            return 0
        with self._book() as book:
            row = book.execute(
                "SELECT token FROM granted WHERE order_id = ? AND until_ms > ?", (order, self._uptime())
            )
        return int(row[0][0]) if row else 0

    def give_up(self, order: str) -> bool:
        """Use a claim no more, before its grantor is told so; whether there was one."""
        with self._book() as book:
            return bool(book.execute("DELETE FROM granted WHERE order_id = ? RETURNING token", (order,)))

    @contextmanager
    def _book(self) -> Iterator[_Book]:
        with self._journal.transaction() as execute:
            book = _Book(execute, self._journal)
            book.begin(self._uptime(), int(self._wall() * 1000))
            yield book


class _Book:
    """The ledger's tables as the rule wants them; lives as long as one transaction."""

    def __init__(self, execute: Callable[..., list[Any]], journal: Journal) -> None:
        self.execute = execute
        self._journal = journal

    def begin(self, now_ms: int, wall_ms: int) -> None:
        """After a start of the machine: what was granted may still be used for as long as it was good.

        Whether it was started is seen by the time it says it has been up. A wall clock that was set
        looks the same, and does no harm: claims only last longer, and this till asks again for its own.
        """
        started = wall_ms - now_ms
        before = self._journal.meta("claims_started_ms")
        if before and abs(started - int(before)) < _SAME_START_MS:
            return
        self.execute("UPDATE claim SET until_ms = ? WHERE until_ms > 0", (now_ms + custody.CLAIM_S * 1000,))
        self.execute("DELETE FROM heard", ())
        # The holder's own side: nobody knows how long the machine was off.
        self.execute("DELETE FROM granted", ())
        self._put("claims_started_ms", str(started))

    def claim(self, order: str) -> Claim | None:
        rows = self.execute("SELECT till, token, until_ms, handed FROM claim WHERE order_id = ?", (order,))
        if not rows:
            return None
        till, token, until_ms, handed = rows[0]
        return Claim(order, till, token, until_ms, tuple(json.loads(handed)))

    def keep(self, claim: Claim) -> None:
        self.execute(
            "INSERT INTO claim(order_id, till, token, until_ms, handed) VALUES (?,?,?,?,?) "
            "ON CONFLICT(order_id) DO UPDATE SET till = excluded.till, token = excluded.token, "
            "until_ms = excluded.until_ms, handed = excluded.handed",
            (claim.order, claim.till, claim.token, claim.until_ms, json.dumps(claim.handed)),
        )

    def next_token(self) -> int:
        epoch = int(self._journal.meta("store_epoch") or 0)
        number = int(self._journal.meta("claim_number") or 0) + 1
        self._put("claim_number", str(number))
        return custody.token(epoch, number)

    def _put(self, key: str, value: str) -> None:
        self.execute(
            "INSERT INTO meta(key, value) VALUES (?,?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def heard_ms(self, till: str) -> int:
        rows = self.execute("SELECT at_ms FROM heard WHERE till = ?", (till,))
        return int(rows[0][0]) if rows else -1

    def hear(self, till: str, now_ms: int) -> None:
        self.execute(
            "INSERT INTO heard(till, at_ms) VALUES (?,?) ON CONFLICT(till) DO UPDATE SET "
            "at_ms = max(at_ms, excluded.at_ms)",
            (till, now_ms),
        )


class _Unwritten:
    """A book that is only looked into."""

    def __init__(self, book: _Book) -> None:
        self.claim = book.claim
        self.heard_ms = book.heard_ms

    def keep(self, claim: Claim) -> None:
        pass

    def next_token(self) -> int:
        return 0
