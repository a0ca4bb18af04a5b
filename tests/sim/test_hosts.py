"""A store whose lines to the hub have all gone silent: its own network is enough, and without it nobody guesses."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.network import Link
from tests.kit.shop import doors_known
from tests.sim.processes import Place, Seen, Till, Work
from tests.waiting import until

FOR_EVER = float("inf")


def present(till: Till, order: str) -> str:
    """What becomes of a customer who shows this order here."""
    till.tell(order=order, proof="code", override="", pause=0)
    return str(till.hear()["outcome"])


@pytest.mark.proof
def test_with_all_lines_silent_the_neighbours_ask_the_lead(tmp_path: Path) -> None:
    seen = Seen()
    (tmp_path / "store").mkdir()
    with ExitStack() as stack:
        place = Place(tmp_path / "store", stack, 3, orders=20)
        for till in place.tills:
            till.end()
            till.start(door=True)
        place.ready()
        leads = {till.standing()["lead"] for till in place.tills}
        assert leads == {"B01-1"}
        lead, one, other = place.tills
        until(lambda: doors_known(one.folder) and doors_known(other.folder), 60)
        for n in range(len(place.tills)):
            place.part(n, Link.LINE, FOR_EVER)
        shared, own, third, late = place.numbers[:4]
        assert present(one, shared) == "handed-over"
        for till in (other, lead):
            assert present(till, shared) != "handed-over", "it is known at the lead"
        assert [present(lead, own), present(other, third)] == ["handed-over"] * 2
        if place.network.separate:
            place.part(0, Link.PORT, FOR_EVER)
            assert present(one, late) == "claim-missing"
            assert present(lead, late) == "handed-over"
        place.heal(seen, 60)
        Work(place, seen).judge()
        assert not seen.wrong
        assert not seen.doubles
