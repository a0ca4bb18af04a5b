"""The loops without a window see the faults they are there for."""

import pytest

from tests.crash import core, hubs

pytestmark = pytest.mark.proof


def test_a_counter_that_speaks_before_the_commit_is_caught() -> None:
    holds, figure = core.run(6, seed=7, early=True)
    assert not holds
    assert " 0 lost" not in figure


def test_a_writer_that_does_not_look_before_it_writes_is_caught() -> None:
    holds, figure = hubs.run(10, seed=7, blind=True)
    assert not holds
    assert "twice in the shop" in figure
