"""Two tills of one store: the lead grants, through the hub as well, and an order leaves once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import Qt

from posapp.domain import custody
from posapp.domain.orders import HANDED_OVER
from tests.kit.front import open_front
from tests.kit.shop import Shop
from tests.waiting import until
from ui.view import Tone


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """The sync process of another till, without its window."""
    process = subprocess.Popen([sys.executable, "-m", "posapp", "sync", "--data", str(folder)])
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_till_that_is_not_the_lead_asks_it_through_the_hub(shop: Shop, tmp_path: Path) -> None:
    code, number = shop.take()
    lead, other = shop.enrol(tmp_path / "lead"), shop.enrol(tmp_path / "other")
    with engine(lead), open_front(other) as front:
        front.online()
        lease = front.app.books.claims.lease()
        assert lease is not None
        assert lease.till.endswith("-1")
        front.until(lambda: not front.app.books.claims.lease().alone, what="knows of its neighbour")  # type: ignore[union-attr]  # it has one
        front.scan(code)
        front.until(lambda: front.card.primary is not None and front.card.primary.enabled, 30, what="granted")
        ref = front.hand_over()
        until(lambda: shop.refs(number) == [ref], 30)
        entry = front.app.books.journal.fact(ref)
        assert entry is not None
        assert entry.fact.kind == HANDED_OVER
        assert custody.epoch_of(entry.fact.payload["custody"]["token"]) == 1
    # The lead sees it as soon as it hears of it, and hands nothing over again.
    with open_front(lead) as front:
        front.online()
        front.scan(code)
        front.shows(number, Tone.RED)


def test_what_the_lead_serves_waits_at_the_other_till(shop: Shop, tmp_path: Path) -> None:
    code, number = shop.take()
    lead, other = shop.enrol(tmp_path / "lead"), shop.enrol(tmp_path / "other")
    with open_front(lead) as front:
        front.online()
        front.until(lambda: not front.app.books.claims.lease().alone, 30, what="knows of its neighbour")  # type: ignore[union-attr]  # it has one
        assert isinstance(front.app.books.claims.take(number, known=()), int)
    with engine(lead), open_front(other) as front:
        front.online()
        front.scan(code)
        front.until(lambda: front.card.headline == "At another till", 30, what="held")
        assert front.card.tone is Tone.RED
        assert "Till 1" in front.card.sentence
        front.press(Qt.Key.Key_F12)
        assert front.app.books.journal.head()[0] == 0
