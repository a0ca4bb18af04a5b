"""A counter of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.counter import Counter, open_counter
from tests.kit.things import order


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Counter]:
    """A till that knows no order."""
    with open_counter(tmp_path) as found:
        yield found


@pytest.fixture
def counter(empty: Counter) -> Counter:
    """A till that knows one order: W-1001, ready in bin A3."""
    empty.tell(order(), through=0)
    return empty
