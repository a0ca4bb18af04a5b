"""Hypothesis plays two tills, a hub and a bad line against each other; and finds what is planted."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from posapp.domain.facts import Answer
from posapp.storage.journal import Journal
from posapp.storage.mirror import MirrorWriter
from tests.faults import hubs
from tests.sync.machine import Tills
from tests.sync.machine_parts import open_shop
from tests.sync.store_machine import StoreTills

FEW = settings(
    max_examples=6,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
MANY = settings(FEW, max_examples=30, stateful_step_count=40)
QUICK = settings(FEW, max_examples=6, phases=(Phase.generate,))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[Tills]]:
    """The machine, at a hub of its own."""
    with open_shop(f"sqlite:///{tmp_path / 'hub.db'}", orders=60) as shop:
        Tills.shop = shop
        yield Tills


@pytest.mark.usefixtures("machine")
def test_nothing_is_lost_doubled_or_hidden() -> None:
    run_state_machine_as_test(StoreTills, settings=FEW)


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_same_often(kind: str, tmp_path: Path) -> None:
    with hubs.database(kind, tmp_path) as url, open_shop(url) as shop:
        Tills.shop = shop
        run_state_machine_as_test(StoreTills, settings=MANY)


@pytest.mark.proof
def test_a_till_that_drops_what_the_hub_did_not_like_is_found(
    machine: type[Tills], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Journal.settle

    def careless(self: Journal, answers: Sequence[tuple[int, Answer, Any]], at: str) -> None:
        settle(self, [(seq, Answer.ACCEPTED, body) for seq, _, body in answers], at)

    monkeypatch.setattr(Journal, "settle", careless)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(seed(1)(machine), settings=QUICK)


def test_a_mirror_that_forgets_a_change_is_found(
    machine: type[Tills], monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = MirrorWriter.apply

    def forgetful(self: MirrorWriter, changes: Any, **meta: str) -> list[str]:
        return apply(self, list(changes)[:-1], **meta)

    monkeypatch.setattr(MirrorWriter, "apply", forgetful)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(seed(1)(machine), settings=QUICK)
