"""The hub that never runs out of changes speaks as a hub does."""

from bench import data, orders
from bench.feed import Feed
from sync import wire


def test_endless_while_it_goes_and_without_news_while_it_rests() -> None:
    feed = Feed(500)
    resting = wire.FeedPage.model_validate_json(feed.page(500, 100, 0))
    assert (resting.changes, resting.next, resting.head) == ([], 500, 500)
    feed.go()
    first = wire.FeedPage.model_validate_json(feed.page(500, 100, 0))
    assert [change.seq for change in first.changes] == list(range(501, 601))
    assert first.next == 600 < first.head
    assert first.generation == data.GENERATION
    known = {orders.number(n) for n in range(500 + 200)}
    assert {change.id for change in first.changes} <= known
    assert feed.rest() == 100
    last = wire.FeedPage.model_validate_json(feed.page(600, 100, 0))
    assert (last.next, last.head) == (600, 600)


def test_every_fact_is_accepted() -> None:
    feed = Feed(10)
    facts = [{"seq": 1, "id": "a", "hash": "1" * 64}, {"seq": 2, "id": "b", "hash": "2" * 64}]
    answer = wire.FactsAnswer.model_validate(feed.facts({"facts": facts}))
    assert [(one.id, one.answer) for one in answer.answers] == [("a", "accepted"), ("b", "accepted")]
    assert (answer.last_seq, answer.last_hash) == (2, "2" * 64)
    page = wire.FeedPage.model_validate_json(feed.page(10, 100, 0))
    assert page.applied_through == 2
