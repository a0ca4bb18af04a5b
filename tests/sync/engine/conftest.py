"""A bad hub and a till at it, fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.engine.badhub import BadHub, running
from tests.sync.engine.tills import Desk, desk


@pytest.fixture
def hub() -> Iterator[BadHub]:
    with running() as one:
        yield one


@pytest.fixture
def till(tmp_path: Path, hub: BadHub) -> Iterator[Desk]:
    with desk(tmp_path, hub) as one:
        yield one
