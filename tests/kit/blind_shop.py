"""A shop that knows no repeat: it takes every hand-over it is sent, as real ones do.

Real shops have no idempotency key (one took four of four identical fulfilments). So whatever the hub
writes twice stands here twice. Its orders are the sample shop's; its hand-overs lie in a file of its
own, which no restore of the hub's database touches.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from posapp.domain.facts import parse_timestamp, timestamp
from sync.hub.database import Database
from sync.hub.shops import Outcome, ShopAnswer, ShopHandOver, ShopOrder
from sync.hub.shops.sample import SampleShop

_TABLE = "CREATE TABLE IF NOT EXISTS done (order_id TEXT, ref TEXT, at TEXT, lines TEXT, cancelled INTEGER)"


class BlindShop:
    """The shop port, without the port's promise that a repeat is known. Any thread."""

    def __init__(self, database: Database, file: Path) -> None:
        self._sample = SampleShop(database)
        self._file = file
        begin(file)

    def ping(self) -> str:
        """The shop's name."""
        return "Blind shop"

    def changed(self, cursor: str, limit: int) -> tuple[Sequence[ShopOrder], str]:
        """The sample's, with the hand-overs written here."""
        found, after = self._sample.changed(cursor, limit)
        return self._as_here(found), after

    def open_orders(self) -> Iterator[Sequence[ShopOrder]]:
        """Every unfinished order."""
        for found in self._sample.open_orders():
            yield self._as_here(found)

    def get(self, ident: str) -> ShopOrder | None:
        """One order."""
        found = self._sample.get(ident)
        return self._as_here((found,))[0] if found else None

    def find(self, text: str) -> Sequence[ShopOrder]:
        """As the sample does."""
        return self._as_here(self._sample.find(text))

    def hand_over(
        self, ident: str, lines: Mapping[str, int], *, ref: str, store: str, at: datetime
    ) -> ShopAnswer:
        """Taken, whatever was taken before."""
        with closing(_opened(self._file)) as connection:
            connection.execute(
                "INSERT INTO done VALUES (?,?,?,?,0)", (ident, ref, timestamp(at), json.dumps(dict(lines)))
            )
        return ShopAnswer(Outcome.APPLIED, self.get(ident))

    def undo_hand_over(self, ident: str, hand_over: str, *, ref: str) -> ShopAnswer:
        """Taken back, as often as it stands here."""
        with closing(_opened(self._file)) as connection:
            connection.execute("UPDATE done SET cancelled = 1 WHERE ref = ?", (hand_over,))
        return ShopAnswer(Outcome.APPLIED, self.get(ident))

    def _as_here(self, orders: Sequence[ShopOrder]) -> list[ShopOrder]:
        with closing(_opened(self._file)) as connection:
            return [
                replace(
                    order,
                    hand_overs=(
                        *order.hand_overs,
                        *(
                            ShopHandOver(ref, parse_timestamp(at), _pieces(lines), bool(cancelled))
                            for ref, at, lines, cancelled in connection.execute(
                                "SELECT ref, at, lines, cancelled FROM done WHERE order_id = ?", (order.id,)
                            )
                        ),
                    ),
                )
                for order in orders
            ]


def begin(file: Path) -> None:
    """Make the shop's file."""
    with closing(_opened(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_TABLE)
        connection.execute("CREATE INDEX IF NOT EXISTS done_order ON done(order_id)")


def written(file: Path) -> Counter[str]:
    """How often each hand-over was written, by its ref."""
    with closing(_opened(file)) as connection:
        return Counter(ref for (ref,) in connection.execute("SELECT ref FROM done"))


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=20)
    # The shop is not what is tried here, and a kill loses nothing that the system has.
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _pieces(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((line, int(count)) for line, count in json.loads(text).items()))
