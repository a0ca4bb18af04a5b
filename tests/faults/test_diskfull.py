"""The full disk, in its bounded form, and that it would notice a till that lies."""

from pathlib import Path
from random import Random

import pytest

from tests.faults import diskfull
from tests.faults.diskfull import Till, may_mount, small_disk


@pytest.fixture(autouse=True)
def _own_disk(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("needs a file system of its own: root on Linux")


def test_what_was_told_on_a_disk_that_fills_up_is_there_and_the_till_goes_on() -> None:
    said = diskfull.run(12, seed=2)
    assert said.startswith("12 fills: ")
    assert "disk-full" in said


def test_it_notices_an_act_that_was_told_and_not_saved(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", diskfull.SIZE) as disk:
        till = Till(disk, Random(1))
        till.fill_once()
        till.done["01-nobody"] = "00"
        with pytest.raises(AssertionError, match="acts were told"):
            till.fill_once()
        del till.done["01-nobody"]
        till.close()


def test_it_notices_an_act_that_was_refused_and_is_there(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", diskfull.SIZE) as disk:
        till = Till(disk, Random(1))
        till.fill_once()
        till.refused.add(next(iter(till.done)))
        with pytest.raises(AssertionError, match="refused"):
            till.fill_once()
        till.close()
