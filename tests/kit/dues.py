"""A sample shop in which several orders are to be paid at the counter."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posapp.domain.facts import timestamp
from posapp.paths import HUB
from sync.hub import operator
from sync.hub.app import utc_now
from sync.hub.database import Database
from sync.hub.poller import Poller
from sync.hub.shops.sample import SampleShop
from tests.kit.shop import NO_KEYRING, STORE, Shop, open_shop

DUE = 1999


def promise(folder: Path, count: int) -> None:
    """So many orders of a new hub in ``folder`` are to be paid here, each `DUE` cents. Before it serves."""
    folder.mkdir(exist_ok=True)
    url = operator.url_for(folder)
    operator.prepare(url)
    ours = {order["number"] for order in operator.orders(url) if order["store"] == STORE}
    codes = operator.codes(url, STORE)
    ready = list(dict.fromkeys(c["number"] for c in codes if c["state"] == "ready" and c["number"] in ours))
    at = timestamp(datetime.now(UTC))
    with closing(sqlite3.connect(folder / HUB)) as shop, shop:
        # One of them is so from the start.
        for number in ready[: count - 1]:
            shop.execute("UPDATE shop_order SET paid = 'promised' WHERE number = ?", (number,))
        shop.execute("UPDATE shop_order SET due_minor = ?, changed_at = ? WHERE paid = 'promised'", (DUE, at))
    # The hub knows it before any till asks: else the one from the start has its old amount until the next poll.
    database = Database(url)
    Poller(database, SampleShop(database), utc_now).run_once()
    database.close()


@contextmanager
def open_dues(folder: Path, count: int) -> Iterator[Shop]:
    """A hub and shop of its own with so many dues: its one till is the store's lead till, and asks nobody
    who may hand over.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_KEYRING.items():
            patch.setenv(name, value)
        promise(folder, count)
        with open_shop(folder) as found:
            yield found


def dues(shop: Shop) -> Iterator[tuple[str, str]]:
    """Code and number of one order after the other that is to be paid here, each order once."""
    seen: set[str] = set()
    while True:
        code, number = shop.take("pay_here")
        if number not in seen:
            seen.add(number)
            yield code, number
