"""Ledgers and mirrors for the storage tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from posapp import paths
from posapp.domain.facts import Entry, Fact
from posapp.domain.ids import new_fact_id
from posapp.storage.books import Books
from posapp.storage.journal import Journal
from posapp.storage.migrations import upgrade

KEY = bytes(range(32))
BEGIN = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


def ledger(folder: Path, key: bytes = KEY) -> Path:
    """A fresh ledger."""
    path = folder / paths.LEDGER
    upgrade(path, key)
    return path


def journal(folder: Path) -> Journal:
    """A fresh journal, open for writing."""
    return Journal(ledger(folder), KEY, write=True)


@cache
def _blank() -> bytes:
    """A fresh ledger's bytes: making it again and again would be most of a test's time."""
    with TemporaryDirectory() as folder:
        one = journal(Path(folder))
        one.set_meta(till="t1", store="s1")
        one.close()
        return one.path.read_bytes()


def books(folder: Path) -> Books:
    """A till's two fresh files."""
    (folder / paths.LEDGER).write_bytes(_blank())
    return Books(folder, folder / paths.LEDGER, KEY)


def fact(number: int = 0, **more: Any) -> Fact:
    """Some fact."""
    values: dict[str, Any] = {
        "id": new_fact_id(),
        "kind": "HandedOver",
        "subject": f"order:W-{number}",
        "payload": {"lines": {"1": 1}},
        "clerk": "ana",
        "at": BEGIN + timedelta(seconds=number),
    }
    return Fact(**{**values, **more})


def append(to: Journal, number: int = 0, **more: Any) -> Entry:
    """Append some fact, with no rule asked."""
    one = fact(number, **more)
    return to.append(lambda: (one, ()))


def deciding(kind: str, subject: str, payload: dict[str, Any]) -> Callable[[object], Fact]:
    """A decision for `Books.commit`."""
    return lambda known: Fact(new_fact_id(), kind, subject, payload, "ana", datetime.now(UTC))


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
