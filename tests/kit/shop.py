"""A hub with the sample shop in a process of its own, and data folders enrolled at it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Entry
from posapp.hub_process import HubProcess
from posapp.storage.journal import Journal
from sync.engine.enrol import enrol
from sync.engine.neighbours import known
from sync.hub import operator

STORE = "B01"
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
"""Keys lie in the folder: a test never asks the key store of whoever runs it."""


@dataclass
class Shop:
    """The hub's folder and process. `refs` is what the shop holds, asked as an operator does."""

    folder: Path
    hub: HubProcess
    _taken: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The hub's database."""
        return operator.url_for(self.folder)

    def take(self, state: str = "ready", store: str = STORE) -> tuple[str, str]:
        """A code nobody took before, with its order's number; ``state`` as seen from ``store``."""
        numbers = {order["number"] for order in operator.orders(self.url) if order["store"] == STORE}
        for code in operator.codes(self.url, store):
            if code["state"] != state or code["code"] in self._taken:
                continue
            if state == "ready" and code["number"] not in numbers:
                continue
            self._taken.add(code["code"])
            return code["code"], code["number"]
        raise LookupError(f"no code that is {state}")

    def refs(self, number: str) -> list[str]:
        """The hand-overs of an order that stand in the shop, by the ids of their facts."""
        return [
            done["ref"]
            for order in operator.orders(self.url)
            if order["number"] == number
            for done in order["hand_overs"]
        ]

    def enrol(self, folder: Path, store: str = STORE) -> Path:
        """Make a folder a till of the store."""
        folder.mkdir(exist_ok=True)
        enrol(self.hub.url, operator.enrol_code(self.url, store), folder, StoredKeys())
        return folder


@contextmanager
def open_shop(folder: Path, *, orders: int = 36, undo_s: int = 1) -> Iterator[Shop]:
    """A hub that serves for the block, on a port of its own."""
    folder.mkdir(exist_ok=True)
    with HubProcess(folder, 0, orders, undo_s=undo_s) as hub:
        yield Shop(folder, hub)


def environment() -> dict[str, str]:
    """That of a program under test: no screen but memory, no key store of this user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISPLAY", "WAYLAND"))}
    return kept | NO_KEYRING | {"QT_QPA_PLATFORM": "offscreen", "PYTHONWARNINGS": "error"}


def journal(folder: Path) -> list[Entry]:
    """The till's journal, read beside the till that writes it."""
    opened = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        return list(opened.every())
    finally:
        opened.close()


def doors_known(folder: Path) -> bool:
    """Whether the hub told this till where the lead's door is."""
    opened = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        return bool(known(opened, leading=False).doors)
    finally:
        opened.close()
