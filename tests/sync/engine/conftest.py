"""A bad hub and a till at it, fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine import door
from tests.sync.engine.badhub import BadHub, running
from tests.sync.engine.neighbourhood import Store, store
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
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of three tills on a network of its own, and a hub that can be cut off."""
    # A busy machine makes no till give up.
    monkeypatch.setattr(door, "ASK_S", 20.0)
    monkeypatch.setattr(door, "ONE_S", 10.0)
    with store(tmp_path) as one:
        yield one
