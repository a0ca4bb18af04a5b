"""The poller: what changed in the shop comes into the records, and what might have been missed.

One process polls at a time, by a lease in the database. The shop's cursor is saved with the orders
it stands behind. Once an hour every open order is read again: no shop's "changed since" is to be
trusted alone.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from posapp.domain.errors import Unavailable
from sync.hub import keys
from sync.hub.database import Database
from sync.hub.shops import Shop, ShopOrder
from sync.hub.tables import meta
from sync.hub.take_in import take_in

log = logging.getLogger(__name__)

SLICE = 1000
PAUSE_S = 0.005
"""Between two slices, so that clerks' facts get their turn."""

SWEEP_MS = 3_600_000
LEASE_MS = 30_000

_CURSOR, _SWEPT = "shop_cursor", "shop_swept_ms"


def sweep_soon(connection: Connection) -> None:
    """Let the open orders be read again with the next look at the shop."""
    keys.put(connection, _SWEPT, "0")


class Poller:
    """Reads the shop. ``told`` hears of each store whose feed moved; ``stopped`` ends a long read."""

    def __init__(
        self,
        database: Database,
        shop: Shop,
        now: Callable[[], datetime],
        told: Callable[[str, int], None] = lambda store, head: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._shop = shop
        self._now = now
        self._told = told
        self._stopped = stopped
        self._me = secrets.token_hex(8)
        self._seen: dict[str, int] = {}

    def run(self) -> int:
        """Take in what changed, and sweep if an hour is over; how many orders were new to us.

        0 where another process polls. Raises Unavailable where the shop does not answer; the next
        sweep is then due at once.
        """
        if not self._leased():
            return 0
        try:
            count = self._changed()
            if self._sweep_due():
                count += self._sweep()
        except Exception:
            self._put(_SWEPT, "0")
            raise
        return count

    def run_once(self) -> None:
        """`run`, and let another process have the next turn."""
        try:
            self.run()
        finally:
            self.release()

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _changed(self) -> int:
        count = 0
        seen: dict[str, int] = {}
        with self._database.read() as connection:
            cursor = keys.get(connection, _CURSOR)
        while not self._stopped():
            orders, cursor_then = self._shop.changed(cursor, SLICE)
            fresh: Sequence[ShopOrder] = orders
            at_end = len(orders) < SLICE
            if at_end:
                # Only what is at the end comes again, by the overlap: the rest needs no fingerprint.
                seen = {order.id: hash(order) for order in orders}
                fresh = [order for order in orders if self._seen.get(order.id) != seen[order.id]]
            if fresh or cursor_then != cursor:
                self._take(fresh, cursor_then)
            count += len(fresh)
            cursor = cursor_then
            if at_end:
                break
            self._leased()
            time.sleep(PAUSE_S)
        self._seen = seen
        return count

    def _sweep_due(self) -> bool:
        with self._database.read() as connection:
            swept = keys.get(connection, _SWEPT)
        if not swept:
            # All that there is was just read from the beginning.
            self._put(_SWEPT, str(self._now_ms()))
            return False
        return self._now_ms() - int(swept) >= SWEEP_MS

    def _sweep(self) -> int:
        count = 0
        for orders in self._shop.open_orders():
            if self._stopped() or not self._leased():
                return count
            self._take(orders, None)
            count += len(orders)
            time.sleep(PAUSE_S)
        self._put(_SWEPT, str(self._now_ms()))
        log.info("sweep done orders=%d", count)
        return count

    def _take(self, orders: Sequence[ShopOrder], cursor: str | None) -> None:
        with self._database.write() as connection:
            # Kept to the end: what a poller that was too slow has read may be older than what is there.
            mine = connection.execute(
                update(meta)
                .where(meta.c.key == keys.POLLER, meta.c.value.startswith(self._me, autoescape=True))
                .values(value=meta.c.value)
            )
            if not mine.rowcount:
                raise Unavailable("lease-lost")
            heads = take_in(connection, orders) if orders else {}
            if cursor is not None:
                keys.put(connection, _CURSOR, cursor)
        for store, head in heads.items():
            self._told(store, head)

    def _put(self, key: str, value: str) -> None:
        with self._database.write() as connection:
            keys.put(connection, key, value)

    def _leased(self) -> bool:
        """Take or renew the lease; False where another process has it."""
        now_ms = self._now_ms()
        with self._database.read() as connection:
            owner, _, until = keys.get(connection, keys.POLLER).partition(" ")
        if owner == self._me and int(until) - now_ms > LEASE_MS // 2:
            return True
        if owner and owner != self._me and int(until) > now_ms:
            return False
        old = f"{owner} {until}" if owner else ""
        with self._database.write() as connection:
            mine = f"{self._me} {now_ms + LEASE_MS}"
            taken = connection.execute(
                update(meta)
                .where(meta.c.key == keys.POLLER, meta.c.value == bindparam("old"))
                .values(value=mine),
                {"old": old},
            )
            return bool(taken.rowcount)

    def release(self) -> None:
        """Give the lease back, so that another process may poll at once."""
        with self._database.write() as connection:
            connection.execute(
                update(meta)
                .where(meta.c.key == keys.POLLER, meta.c.value.startswith(self._me, autoescape=True))
                .values(value="")
            )
