"""What runs in processes that are killed: a till's counter, its engine, a hub; the product's own classes.

Each is a plain function for `tests.kit.forks.Life`. The counter says ``go`` when its files are open,
then ``ack REF SUBJECT`` for each fact once the use case has returned; the hub says its address.
"""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from drivers.keys import StoredKeys
from posapp import paths
from posapp.counter import desk
from posapp.counter.custody import LABEL
from posapp.counter.desk import Desk
from posapp.counter.service import Intake
from posapp.counter.till import Done, Till
from posapp.domain.errors import Refused
from posapp.domain.facts import Fact
from posapp.domain.tickets import Job, TicketState
from posapp.storage.books import Books
from sync.engine import process
from sync.hub import service, shop_writer
from sync.hub.database import Database
from tests.kit.blind_shop import BlindShop
from tests.kit.forks import say

WAKE = b'{"wake":true}\n'
INTAKE = Intake(Job.BATTERY, "Jörg Weiß", "Nordlicht 36", "steht seit Montag", None, phone="0761 555 010")
GONE = ("already-handed-over", "handed-over-elsewhere", "served-elsewhere", "claim-missing")
PLANTED_S = 0.05
HASTE, HASTE_S = 8, 0.003
"""So many facts follow each other within a few milliseconds, those after them slowly."""
LEASE_MS = 300
WRITE_EVERY_S = 0.005
"""A hub that lives for a moment must come to write in it, and to take over what the one before leased."""


def open_desk(folder: Path, wake: Callable[[], None] = lambda: None) -> tuple[Books, Desk]:
    """The counter of the till in this folder, without a window. Close the books when done."""
    books = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
    till = Till(books, now=lambda: datetime.now(UTC), clerk=lambda: "Ana", wake=wake)
    return books, desk.build(till, lambda code: None)


def acts(
    counter: Desk, numbers: Iterator[str], chance: random.Random, orders: float = 1 / 3
) -> Iterator[Done]:
    """One fact after the other: hand-overs of these orders, as often as told, and all steps of tickets.

    An order that may not leave is passed over: the life before has handed it over and was killed before
    it could say so, or it has more parcels than one label stands for. Ends with the orders.
    """
    while True:
        if chance.random() < orders:
            for number in numbers:
                try:
                    # By its parcel's own label: with the right to, or marked as provisional without.
                    done = counter.pickup.hand_over(number, proof=LABEL)
                except Refused as refused:
                    if refused.reason not in GONE:
                        raise
                else:
                    yield done
                    break
            else:
                return
            continue
        opened = counter.service.open(INTAKE)
        yield opened
        assert opened.known is not None
        ticket = opened.known.id
        for to in (TicketState.IN_WORK, TicketState.READY):
            yield counter.service.move(ticket, to)
        yield counter.service.hand_back(ticket)


def till(
    folder: Path, numbers: Sequence[str], tell: Connection, wake: Connection, *, seed: int, early: bool
) -> None:
    """Do one thing after the other, and say each, until killed; ``early`` plants a fault: it is said
    before it is durable."""

    def woken() -> None:
        try:
            os.write(wake.fileno(), WAKE)
        except OSError:
            # The engine was killed before us.
            return

    chance = random.Random(seed)
    books, counter = open_desk(folder, woken)
    if early:
        speak_early(books, tell)
    say(tell, "go")
    for count, done in enumerate(acts(counter, iter(numbers), chance)):
        assert done.known is not None
        say(tell, f"ack {done.ref} {done.known.name}")
        # No faster than the hub takes them, or all that is seen is a queue.
        select.select([], [], [], chance.uniform(0, HASTE_S if count < HASTE else 20 * HASTE_S))
    books.close()


def speak_early(books: Books, tell: Connection) -> None:
    """The fault that a loop must find: told inside the transaction."""
    append = books.journal.append

    def early(decide: Callable[[], tuple[Fact, Sequence[str]]]) -> Any:
        def told() -> tuple[Fact, Sequence[str]]:
            fact, tokens = decide()
            say(tell, f"ack {fact.id} {fact.subject}")
            select.select([], [], [], PLANTED_S)
            return fact, tokens

        return append(told)

    books.journal.append = early  # type: ignore[method-assign]  # a fault, on purpose


def engine(folder: Path, wake: Connection, tell: Connection) -> int:
    """The sync process, as the window starts it."""
    hears = os.fdopen(os.dup(wake.fileno()), encoding="utf-8")
    tells = os.fdopen(os.dup(tell.fileno()), "w", encoding="utf-8")
    wake.close()
    return process.run(folder, StoredKeys(), hears, tells, attached=True)


def hub(url: str, port: int, shop: Path, tell: Connection, blind: bool) -> None:
    """A hub at the blind shop until killed; ``blind`` plants a fault: its writer does not look first."""
    shop_writer.LEASE_MS = LEASE_MS
    service.WRITE_EVERY_S = WRITE_EVERY_S
    if blind:
        write_blindly()

    def ready(address: str) -> None:
        say(tell, address)

    def open_shop(database: Database) -> BlindShop:
        return BlindShop(database, shop)

    service.serve(url, port=port, shop=open_shop, on_ready=ready)


def write_blindly() -> None:
    """The fault that a loop must find: the shop is not read before it is written."""
    looks = shop_writer._is_there
    written: set[str] = set()

    def looks_later(found: shop_writer.Intent, order: Any) -> bool:
        if found.id in written:
            written.discard(found.id)
            return looks(found, order)
        written.add(found.id)
        return False

    shop_writer._is_there = looks_later
