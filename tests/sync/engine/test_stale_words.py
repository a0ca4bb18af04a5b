"""What the lead was told a while ago, and what it has not been told yet: neither may free an order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.domain import custody
from posapp.domain.custody import Claim
from posapp.storage.claims import uptime_ms
from sync import wire
from tests.sync.engine.neighbourhood import Store, Till, store
from tests.waiting import until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Store]:
    with store(tmp_path) as one:
        yield one


def holder(lead: Till, order: str) -> str:
    with lead.claims._book() as book:
        found = book.claim(order)
    return found.till if found else ""


def lapsed(lead: Till, order: str, till: Till) -> None:
    with lead.claims._book() as book:
        book.keep(Claim(order, till.name, custody.token(1, 900), uptime_ms() - 1_000))


def ask_through_hub(lead: Till, order: str, till: Till) -> None:
    """A question comes with the feed: with everything told, its till says."""
    body = {"question": "q", "till": till.name, "known": [], "complete": True, "release": False, "number": 1}
    lead.custody.seen("claim", order, body)
    until(lambda: holder(lead, order) == till.name)


def test_a_question_that_lay_in_the_feed_says_nothing_of_the_time_since(shop: Store) -> None:
    lead, second, third = shop.tills
    lapsed(lead, "A1", second)
    # Asked while the lead was cut off from the hub; its till may have handed A1 over after that.
    ask_through_hub(lead, "B2", second)
    held = lead.custody.grant(third.name, wire.ClaimRequest(order="A1"))
    assert (held.state, held.till) == ("held", second.name)


def test_a_question_that_came_after_a_page_at_the_feeds_end_frees_what_lapsed_before(shop: Store) -> None:
    lead, second, third = shop.tills
    lapsed(lead, "A1", second)
    lead.pull._heard_all_ms = uptime_ms()
    ask_through_hub(lead, "B2", second)
    assert lead.custody.grant(third.name, wire.ClaimRequest(order="A1")).state == "granted"


def test_a_till_that_becomes_the_lead_first_learns_what_was_done_before(shop: Store) -> None:
    _, second, _ = shop.tills
    told = wire.Leased(lead=second.name, epoch=2, seconds=3600, alone=False, head=7, generation="g")
    second.hear(told)
    lease = second.claims.lease()
    assert lease is not None
    assert (lease.till, lease.epoch) == (shop.lead.name, 1)
    second.pull._mirror.apply([], cursor="7", generation="g")
    # The feed goes on meanwhile; what counts is where it was when this till was first named.
    second.hear(told.model_copy(update={"head": 8}))
    lease = second.claims.lease()
    assert lease is not None
    assert (lease.till, lease.epoch) == (second.name, 2)
