"""What the stateful tests play with: tills with their files and the engine's ends, and a hub behind a proxy."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from posapp import paths
from posapp.domain.facts import CASE_SETTLED, Entry, Fact
from posapp.domain.ids import new_fact_id
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, path_in
from sync.engine.client import Hub
from sync.engine.custody import Custody
from sync.engine.line import Line
from sync.engine.neighbours import identity
from sync.engine.pull import Pull
from sync.engine.push import Push
from sync.hub import operator
from sync.hub.database import Database
from tests.faults import hubs
from tests.faults.proxy import Asked, Choice, Fault, Proxy
from tests.sync.hub.kit import UNLIMITED, Served, served

STORE = "B01"
ORDERS = 300
WHOLE = b'"withheld":""'


class Crash(BaseException):
    """The process ends here; no handler may catch it."""


@dataclass
class Till:
    """A till's files and the engine's ends, which a crash takes away and a start brings back."""

    folder: Path
    url: str
    key: bytes
    journal: Journal = field(init=False)
    hub: Hub = field(init=False)
    push: Push = field(init=False)
    pull: Pull = field(init=False)
    claims: Claims = field(init=False)
    custody: Custody = field(init=False)
    ahead: timedelta = timedelta()
    """What its clock is wrong by."""
    many: int = 0
    """How many facts it has written; none may ever be fewer."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def start(self) -> None:
        self.journal = Journal(self.folder / paths.LEDGER, self.key, write=True)
        self.hub = Hub(self.url, self.journal.meta("token"))
        line = Line(lambda _: None)
        self.push = Push(self.hub, self.journal, line, lambda _: None)
        self.pull = Pull(
            self.hub,
            self.folder,
            self.key,
            self.journal,
            line=line,
            tell=lambda _: None,
            rebuilt=self.push.ask_again,
            look=self.push.look,
            news=self.push.news,
        )
        self.claims = Claims(self.journal)
        self.custody = Custody(self.hub, self.journal, line, lambda _: None, feed=self.pull)
        self.custody._identity = identity(self.journal)

    def stop(self) -> None:
        self.pull.close()
        self.hub.close()
        self.journal.close()

    def write(self, kind: str, subject: str, payload: dict[str, Any]) -> str:
        fact = Fact(new_fact_id(), kind, subject, payload, "Ana", self.now())
        self.journal.append(lambda: (fact, ()))
        self.many += 1
        return str(fact.id)

    def settle(self, case: Entry) -> None:
        """A person closes a case: a fact of its own, and the case with it."""
        payload = {"fact": case.fact.id, "choice": "left"}
        fact = Fact(new_fact_id(), CASE_SETTLED, case.fact.subject, payload, "Ana", self.now())

        def decide() -> tuple[Fact, tuple[str, ...]]:
            assert self.journal.close_case(case.fact.id, fact.id)
            return fact, ()

        self.journal.append(decide)
        self.many += 1

    def pull_once(self) -> bool:
        # As after a start: the call is not held where there is nothing new.
        self.pull._caught_up = False
        self.pull.step()
        return not self.pull._caught_up

    def mirror(self) -> Mirror:
        return Mirror(path_in(self.folder), self.key)


class Shop:
    """The hub that all examples share, and a proxy before it; each example has tills of its own."""

    def __init__(self, running: Served, orders: list[tuple[str, dict[str, int]]]) -> None:
        self.served = running
        self.orders = orders
        self.proxy = Proxy(running.url, self.choose)
        self.next: dict[str, list[Choice]] = {}
        self.poison: set[bytes] = set()
        self.examples = 0

    def choose(self, asked: Asked) -> Choice:
        """What was put on a door's list happens, once each; the rest passes, but for poison that is whole."""
        if any(ident in asked.body for ident in self.poison) and WHOLE in asked.body:
            facts = json.loads(asked.body.partition(b"\r\n\r\n")[2])["facts"]
            if any(fact["id"].encode() in self.poison and not fact["withheld"] for fact in facts):
                return 422
        waiting = self.next.get(f"{asked.door} {asked.route}")
        return waiting.pop(0) if waiting else Fault.PASS


@contextmanager
def open_shop(url: str, orders: int = ORDERS) -> Iterator[Shop]:
    """A hub on this database, for the block."""
    operator.prepare(url, orders, undo_seconds=60)
    with ExitStack() as stack:
        database = Database(url)
        stack.callback(database.close)
        running = stack.enter_context(served(database, UNLIMITED))
        shop = Shop(running, list(hubs.ready_orders(url, STORE, orders).items()))
        stack.enter_context(shop.proxy)
        yield shop
