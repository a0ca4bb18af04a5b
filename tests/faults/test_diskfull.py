"""The full disk, in its bounded form, and that it would notice a till that lies."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.faults import diskfull
from tests.faults.diskfull import Till, may_mount, small_disk

NO_MOUNTS = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")
"""Root, but for the right to mount: as a stranger in this."""


@pytest.fixture
def _own_disk(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("needs a file system of its own: root on Linux")


def as_a_stranger(**environment: str) -> subprocess.CompletedProcess[str]:
    """The command line of somebody who may not mount."""
    before = NO_MOUNTS if os.geteuid() == 0 else ()
    command = [*before, sys.executable, "-m", "tests.faults.diskfull", "--fills", "1"]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("setpriv"), reason="Linux's rights")
def test_who_may_not_mount_has_a_namespace_of_its_own_or_is_told_so() -> None:
    ran = as_a_stranger()
    if diskfull.may_unshare():
        assert (ran.returncode, ran.stdout[:9]) == (0, "1 fills: "), ran
    refused = as_a_stranger(**{diskfull.INSIDE: "1"})
    assert refused.returncode == 1
    assert "user namespaces" in refused.stdout


@pytest.mark.usefixtures("_own_disk")
def test_what_was_told_on_a_disk_that_fills_up_is_there_and_the_till_goes_on() -> None:
    said = diskfull.run(12, seed=2)
    assert said.startswith("12 fills: ")
    assert "disk-full" in said


@pytest.mark.usefixtures("_own_disk")
def test_it_notices_an_act_that_was_told_and_not_saved(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", diskfull.SIZE) as disk:
        till = Till(disk, Random(1))
        till.fill_once()
        till.done["01-nobody"] = "00"
        with pytest.raises(AssertionError, match="acts were told"):
            till.fill_once()
        del till.done["01-nobody"]
        till.close()


@pytest.mark.usefixtures("_own_disk")
def test_it_notices_an_act_that_was_refused_and_is_there(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", diskfull.SIZE) as disk:
        till = Till(disk, Random(1))
        till.fill_once()
        till.refused.add(next(iter(till.done)))
        with pytest.raises(AssertionError, match="refused"):
            till.fill_once()
        till.close()
