"""A store's network on loopback: tills with real ledgers, real TLS between them, and no hub in reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Entry, Fact
from posapp.domain.ids import new_fact_id
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal
from posapp.storage.migrations import upgrade
from sync import sealed, wire
from sync.engine.client import Hub
from sync.engine.copies import Copies
from sync.engine.custody import Custody
from sync.engine.line import Line
from sync.engine.neighbours import Identity, identity
from sync.engine.pull import Pull
from tests.waiting import until

NOBODY = "http://127.0.0.1:9"
HUB_KEY = "07" * 32
"""Opens what these tills seal."""


@dataclass
class Till:
    """One till of the store; ``told`` is what its window would hear."""

    name: str
    folder: Path
    journal: Journal
    claims: Claims
    custody: Custody
    copies: Copies
    pull: Pull
    line: Line
    thread: threading.Thread
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return identity(self.journal)

    @property
    def door(self) -> str:
        """Where it hears its neighbours."""
        return str(until(lambda: next(iter(self.custody.doors()), "")))

    def hear(self, told: wire.Leased) -> None:
        """The hub says so; returns once that is in force."""
        self.custody.told(told)
        self.settle()

    def settle(self) -> None:
        """Return once everything before is done."""
        done = threading.Event()
        self.custody._asked.put(done.set)
        assert done.wait(10)

    def ask(self, order: str, *known: str) -> dict[str, Any]:
        """Ask as the window does; what came back."""
        seen = len(self.told)
        self.custody.ask(order, known)
        return self._answer(order, seen)

    def _answer(self, order: str, seen: int) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: next(
                (m["claim"] for m in self.told[seen:] if m.get("claim", {}).get("order") == order), {}
            )
        )
        return found

    def hand_over(self, order: str) -> Entry:
        """Commit a hand-over under the claim this till holds."""
        token = self.claims.granted(order)
        assert token
        payload = {"lines": {"1": 1}, "custody": {"token": token}}
        fact = Fact(new_fact_id(), "HandedOver", f"order:{order}", payload, "ana", datetime.now(UTC))
        return self.journal.append(lambda: (fact, ()))


@dataclass
class Store:
    """Its tills; the first is the lead."""

    folder: Path
    tills: list[Till] = field(default_factory=list)
    doors: list[str] = field(default_factory=list)
    seal_to: str = sealed.public_key(HUB_KEY)

    @property
    def lead(self) -> Till:
        return self.tills[0]

    def introduce(self, *tills: Till, lead: str = "", epoch: int = 1) -> None:
        """Tell every till of ``tills`` (all) what the hub would tell."""
        named = tills or tuple(self.tills)
        known = [wire.Neighbour(till=t.name, certificate=t.identity.certificate) for t in named]
        for till in self.tills:
            told = wire.Leased(
                lead=lead or self.lead.name,
                epoch=epoch,
                seconds=3600,
                alone=False,
                doors=self.doors,
                tills=known,
                seal_to=self.seal_to,
            )
            till.hear(told)


@contextmanager
def till_in(folder: Path, name: str, door_at: tuple[str, int] | None = ("127.0.0.1", 0)) -> Iterator[Till]:
    """A till with its custody thread, and nobody at the other end of its line."""
    folder.mkdir(exist_ok=True)
    keys = StoredKeys()
    if not (folder / paths.LEDGER).exists():
        upgrade(folder / paths.LEDGER, keys.create(folder))
    key = keys.load(folder)
    journal = Journal(folder / paths.LEDGER, key, write=True)
    if not journal.meta("till"):
        journal.set_meta(till=name, store="B01", hub=NOBODY, token="t", generation="g")
    told: list[dict[str, Any]] = []
    line = Line(told.append)
    hub = Hub(NOBODY, "t")
    pull = Pull(
        hub,
        folder,
        key,
        journal,
        line=line,
        tell=told.append,
        rebuilt=lambda: None,
        look=lambda: None,
        news=lambda _: None,
    )
    # The one call that may reach a hub: a till enrolled at a real one has its address.
    bringing = Hub(journal.meta("hub"), journal.meta("token"))
    copies = Copies(bringing, journal, line, told.append, known=lambda: custody.known)
    custody = Custody(hub, journal, line, told.append, feed=pull, door_at=door_at, copies=copies.exchange)
    thread = threading.Thread(target=custody.run, name=f"custody {name}")
    thread.start()
    try:
        yield Till(name, folder, journal, Claims(journal), custody, copies, pull, line, thread, told)
    finally:
        line.stop()
        thread.join(10)
        pull.close()
        hub.close()
        bringing.close()
        journal.close()


@contextmanager
def store(folder: Path, tills: int = 3) -> Iterator[Store]:
    """A store whose tills know one another, each at an address of its own; the first one's door is open."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        one = Store(folder)
        for number in range(1, tills + 1):
            at = (f"127.0.0.{number}", 0)
            one.tills.append(stack.enter_context(till_in(folder / f"till-{number}", f"B01-{number}", at)))
        one.introduce()
        one.doors = [one.lead.door]
        one.introduce()
        try:
            yield one
        finally:
            for till in one.tills:
                till.line.stop()
