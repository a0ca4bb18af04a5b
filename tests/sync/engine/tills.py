"""A till for tests: enrolled at a hub, with files as they are in a store."""

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
from posapp.storage.books import Books
from posapp.storage.journal import Journal
from sync.engine.client import Hub
from sync.engine.enrol import enrol
from sync.engine.line import Line
from sync.engine.pull import Pull
from sync.engine.push import Push
from tests.sync.engine.badhub import CODE, BadHub


def order(number: str, **more: Any) -> dict[str, Any]:
    """An order that lies in the store, ready."""
    return {
        "number": number,
        "store": "s1",
        "customer": "Anna Miller",
        "lines": [{"id": "1", "title": "Mug", "quantity": 1}],
        "parcels": [{"label": f"P-{number}", "state": "in_bin", "bin": "A1"}],
        **more,
    }


def hand_over(books: Books, number: str) -> Entry:
    """Commit a hand-over of the whole order, as the counter does."""
    entry, _ = books.commit(
        "order",
        number,
        lambda known: Fact(
            new_fact_id(), "HandedOver", f"order:{number}", {"lines": {"1": 1}}, "ana", datetime.now(UTC)
        ),
    )
    return entry


def append(journal: Journal, number: str, payload: dict[str, Any] | None = None, clerk: str = "ana") -> Entry:
    """Append a fact as it is, with no rule asked."""
    fact = Fact(
        new_fact_id(),
        "HandedOver",
        f"order:{number}",
        payload or {"lines": {"1": 1}},
        clerk,
        datetime.now(UTC),
    )
    return journal.append(lambda: (fact, ()))


@dataclass
class Desk:
    """One till with the engine's parts in the test's own hands; ``told`` is what they say."""

    folder: Path
    key: bytes
    journal: Journal
    hub: Hub
    line: Line
    push: Push
    pull: Pull
    told: list[dict[str, Any]] = field(default_factory=list)
    rebuilt: list[bool] = field(default_factory=list)
    looked: list[bool] = field(default_factory=list)

    def lines(self) -> list[tuple[bool, str]]:
        return [(m["line"]["online"], m["line"]["reason"]) for m in self.told if "line" in m]

    def answered(self) -> list[int]:
        return [seq for message in self.told for seq in message.get("answered", ())]


@contextmanager
def desk(folder: Path, hub: BadHub) -> Iterator[Desk]:
    """A till whose engine stands still between steps."""
    keys = StoredKeys()
    if not (folder / paths.LEDGER).exists():
        enrol(hub.url, CODE, folder, keys)
    key = keys.load(folder)
    journal = Journal(folder / paths.LEDGER, key, write=True)
    told: list[dict[str, Any]] = []
    rebuilt: list[bool] = []
    looked: list[bool] = []
    client = Hub(hub.url, journal.meta("token"))
    line = Line(told.append)
    push = Push(client, journal, line, told.append)
    pull = Pull(
        client,
        folder,
        key,
        journal,
        line=line,
        tell=told.append,
        rebuilt=lambda: rebuilt.append(True),
        news=push.news,
        look=lambda: looked.append(True),
    )
    try:
        yield Desk(folder, key, journal, client, line, push, pull, told, rebuilt, looked)
    finally:
        line.stop()
        pull.close()
        client.close()
        journal.close()
