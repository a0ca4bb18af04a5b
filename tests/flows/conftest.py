"""A hub with its shop, and a till enrolled at it, fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.shop import NO_KEYRING, Shop, open_shop


@pytest.fixture(autouse=True)
def _own_keys(monkeypatch: pytest.MonkeyPatch, qapp: object) -> None:
    for name, value in NO_KEYRING.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Undo takes one second."""
    with open_shop(tmp_path / "hub") as found:
        yield found


@pytest.fixture
def till(shop: Shop, tmp_path: Path) -> Path:
    """The data folder of a till of the shop's first store."""
    return shop.enrol(tmp_path / "till")
