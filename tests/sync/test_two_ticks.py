"""Two ticks survive the loss of the till (`tests.sync.two_ticks`): a few runs each time, and the long proof."""

import pytest

from tests.sync import two_ticks


def test_what_has_two_ticks_survives_the_loss_of_its_till() -> None:
    found = two_ticks.main(4)
    assert found.wrong == []
    assert found.two_ticks > 0


@pytest.mark.proof
def test_so_it_is_over_many_runs() -> None:
    found = two_ticks.main(40, first=1000)
    assert found.wrong == []
    assert found.two_ticks > 40
    assert found.rescued > 0
