"""A bad hub and a till at it, the product's own hub and a till at that, fresh for each test."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.storage.books import Books
from sync.engine import door
from sync.engine.enrol import enrol
from sync.hub import operator
from tests.sync.engine import neighbourhood
from tests.sync.engine.badhub import BadHub, running
from tests.sync.engine.realhub import RealHub
from tests.sync.engine.tills import Desk, desk


@pytest.fixture
def hub() -> Iterator[BadHub]:
    with running() as one:
        yield one


@pytest.fixture
def till(tmp_path: Path, hub: BadHub) -> Iterator[Desk]:
    with desk(tmp_path, hub) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[neighbourhood.Store]:
    """A store of three tills on a network of its own, and a hub that can be cut off."""
    # A busy machine makes no till give up.
    monkeypatch.setattr(door, "ASK_S", 20.0)
    monkeypatch.setattr(door, "ONE_S", 10.0)
    with neighbourhood.store(tmp_path) as one:
        yield one


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealHub]:
    """A hub with the sample shop."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "hub").mkdir()
    hub = RealHub(tmp_path / "hub", port)
    operator.prepare(hub.database, undo_seconds=0)
    hub.up()
    yield hub
    hub.kill()


@pytest.fixture
def store(real: RealHub) -> str:
    """The store with most that is ready."""
    ready = [one["number"] for one in operator.codes(real.database) if one["state"] == "ready"]
    counts: dict[str, int] = {}
    for one in operator.orders(real.database):
        if one["number"] in ready:
            counts[one["store"]] = counts.get(one["store"], 0) + 1
    return max(counts, key=lambda name: counts[name])


@pytest.fixture
def folder(tmp_path: Path, real: RealHub, store: str) -> Path:
    """A till of that store."""
    folder = tmp_path / "till"
    folder.mkdir()
    enrol(real.url, operator.enrol_code(real.database, store), folder, StoredKeys())
    return folder


@pytest.fixture
def books(folder: Path) -> Iterator[Books]:
    one = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
    yield one
    one.close()
