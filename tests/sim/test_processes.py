"""With processes too, what is wrong is seen: tills of which each trusts its own copy hand over twice."""

from pathlib import Path

import pytest

from tests.sim import processes

OWN_COPY = """
from posapp.counter.custody import Custody, Standing
Custody.standing = lambda self, known: Standing()
Custody.take = lambda self, known, **said: {"token": (1 << 32) + 1}
"""


@pytest.mark.proof
def test_tills_that_each_trust_their_own_copy_are_caught(tmp_path: Path) -> None:
    seen = processes.run(tmp_path / "store", 7, 40, plant=OWN_COPY)
    assert seen.doubles > 0
    assert any("left twice, each with a grant" in what for what in seen.wrong)
    assert seen.shown == seen.collisions, "the hub rejects the second one all the same, and all see it"
