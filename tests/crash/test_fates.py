"""Each fate holds on real files, and what would hide a loss or a double is seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine.push import Left, Push
from sync.hub import shop_writer
from tests.crash.check import Loss
from tests.crash.fates import FATES
from tests.crash.worlds import template
from tests.kit import lives
from tests.kit.shop import NO_KEYRING
from tests.prove.sync_b6 import on_files


@pytest.fixture(autouse=True)
def _own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_KEYRING.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / f"run-{nth}" for nth in range(100))


@pytest.mark.parametrize("fate", FATES)
def test_a_fate_is_noticed_and_costs_no_fact(fate: str, hub: Path, places: Iterator[Path]) -> None:
    assert on_files(FATES[fate], next(places), hub, 1000)


def caught(fate: str, hub: Path, places: Iterator[Path]) -> str:
    """What the first run says that goes wrong."""
    for seed in range(10):
        try:
            on_files(FATES[fate], next(places), hub, seed)
        except Loss as loss:
            return str(loss)
    return ""


@pytest.mark.proof
def test_a_till_that_does_not_compare_its_past_is_caught(
    hub: Path, places: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Push, "_common", lambda self, seq, digest, **_: seq)
    assert "nothing was noticed" in caught("restored", hub, places)


def test_a_till_that_leaves_before_it_has_sent_everything_is_caught(
    hub: Path, places: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaves(push: Push) -> bool:
        if push._journal.meta("revoked"):
            raise Left("till-wiped")
        return step(push)

    step = Push.step
    monkeypatch.setattr(Push, "step", leaves)
    assert "does not know that the till is gone" in caught("revoked", hub, places)


def test_a_writer_that_does_not_look_is_caught_when_the_hub_is_restored(
    hub: Path, places: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop_writer, "_is_there", shop_writer._is_there)
    lives.write_blindly()
    assert "twice in the shop" in caught("hub rolled back", hub, places)
