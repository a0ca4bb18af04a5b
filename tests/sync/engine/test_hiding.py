"""A till that has not heard the hub for a week shows nobody's data any more, until the line is back."""

from datetime import UTC, datetime, timedelta

import pytest

from posapp import paths
from posapp.domain.facts import timestamp
from posapp.domain.tickets import Ticket
from posapp.storage.books import Books
from sync.engine.client import Trouble
from tests.storage.ledgers import deciding
from tests.sync.engine.badhub import BadHub
from tests.sync.engine.test_pull import meta, numbers, pull_all
from tests.sync.engine.tills import Desk, order


def test_a_week_without_a_word_hides_everybodys_data(till: Desk, hub: BadHub) -> None:
    for number in range(3):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
    pull_all(till, hub)
    hub.down()
    for days, left in ((6, 3), (8, 0)):
        heard = timestamp(datetime.now(UTC) - timedelta(days=days))
        till.pull._mirror.note(heard_at=heard)
        for _ in range(2):
            with pytest.raises(Trouble):
                till.pull.step()
        assert len(numbers(till)) == left
        assert meta(till, "heard_at") == heard
    assert {"mirror": "new"} in till.told
    assert len(list(till.folder.glob("mirror-*.db"))) == 1
    assert meta(till, "applied_through") == "0"
    hub.up()
    pull_all(till, hub)
    assert len(numbers(till)) == 3


def test_what_was_hidden_is_not_shown_again_from_the_journal(till: Desk, hub: BadHub) -> None:
    """Customers stand in the tickets that were opened here, too."""
    opened = {"customer": "Clara Geheim", "object": "Uhr", "bag": "7", "store": "s1", "job": "battery"}
    books = Books(till.folder, till.folder / paths.LEDGER, till.key)
    for number in ("T-1", "T-2"):
        books.commit("ticket", number, deciding("TicketOpened", f"ticket:{number}", opened))
        if number == "T-1":
            while till.push.step():
                pass
            known = books.know("ticket", "T-1")
            assert known is not None
            assert isinstance(known.value, Ticket)
            hub.publish("ticket", "T-1", known.value.to_body())
            pull_all(till, hub)
    assert len(books.search("Clara")) == 1 + 1
    hub.down()
    till.pull._mirror.note(heard_at=timestamp(datetime.now(UTC) - timedelta(days=8)))
    with pytest.raises(Trouble):
        till.pull.step()
    books.reopen_mirror()
    # The one that the hub has not got yet is work of this counter.
    assert [known.id for known in books.search("Clara")] == ["T-2"]
    assert books.know("ticket", "T-1") is None
    books.close()
