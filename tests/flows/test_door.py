"""Two tills and a hub that is stopped: the neighbour hands over under the lead's claim, by the lead's door."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from posapp.domain import custody
from tests.kit.front import open_front
from tests.kit.shop import Shop, doors_known, journal
from tests.sync.engine.processes import engine
from tests.waiting import until
from ui.view import Tone


@pytest.mark.proof
def test_without_a_hub_the_neighbour_hands_over_and_the_lead_does_not(shop: Shop, tmp_path: Path) -> None:
    (code, number), (another, its_number) = shop.take(), shop.take()
    lead, other = shop.enrol(tmp_path / "lead"), shop.enrol(tmp_path / "other")
    with engine(lead), ExitStack() as stack:
        # Once the hub knows where the door is, the neighbour is told with its first word.
        until(lambda: doors_known(lead), 30)
        front = stack.enter_context(open_front(other))
        front.online()
        front.until(lambda: doors_known(other), 30, what="knows the lead's door")
        kept = front.app.books.journal
        shop.hub.stop()
        front.offline()
        front.scan(code)
        front.until(lambda: front.card.primary is not None and front.card.primary.enabled, 30, what="granted")
        ref = front.hand_over()
        entry = kept.fact(ref)
        assert entry is not None
        assert entry.fact.payload["custody"].keys() == {"token"}
        assert custody.epoch_of(entry.fact.payload["custody"]["token"]) == 1
    # The lead has no hub either, and knows all the same; its other orders it serves.
    with open_front(lead) as front:
        front.scan(code)
        front.until(lambda: front.card.headline == "At another till", what="held")
        front.press(Qt.Key.Key_F12)
        assert front.card.tone is Tone.RED
        front.scan(another)
        its_ref = front.hand_over()
        assert len(journal(lead)) == 1
    shop.hub.start()
    with engine(lead), engine(other):
        until(lambda: (shop.refs(number), shop.refs(its_number)) == ([ref], [its_ref]), 30)
