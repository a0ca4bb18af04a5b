"""The simulator sees what it must: a rule that is wrong doubles, and a seed replays."""

import pytest

from tests.sim.figures import MINUTE, Rule, Weather
from tests.sim.store import Store


@pytest.mark.parametrize("rule", [Rule.OWN_COPY, Rule.NEITHER_ASKS])
def test_a_wrong_rule_hands_over_twice(rule: Rule) -> None:
    found = Store(1, rule).run(6_000)
    assert found.doubles > 0


def test_under_the_rule_nothing_is_handed_over_twice_and_what_collides_is_shown() -> None:
    found = Store(3).run(6_000)
    assert found.wrong == []
    assert found.doubles == 0
    assert found.overrides > 0
    assert found.shown == found.collisions


def test_a_seed_replays_exactly() -> None:
    first, second = (Store(5).run(1_500) for _ in range(2))
    assert first == second
    assert first != Store(6).run(1_500)


def calm() -> Store:
    """A store in which nothing happens but what the test does."""
    store = Store(1, weather=Weather(lost=0, later=0, override=0, label=0, undo=0, partly=0))
    store._events.clear()
    store._next()
    store._next()
    for till in store.tills:
        store._pull(till)
    return store


def test_what_a_till_said_long_ago_frees_nothing() -> None:
    store = calm()
    lead, holder, other = store.tills
    lead.net = False
    assert store._ask(holder, "W-1", ()).state == "granted"
    lead.hub = False
    # Put to the lead by the feed, which it reads only after the claim has lapsed.
    assert store._ask(holder, "W-2", ()).state == "silent"
    assert store._commit(holder, "W-1", "granted") == "handed-over"
    holder.hub = False
    store.now += 15 * MINUTE
    lead.hub = True
    store._pull(lead)
    assert store._present(other, "W-1") == "held"
    assert store.found.wrong == []


def test_who_becomes_the_lead_learns_first_what_was_done_before() -> None:
    store = calm()
    lead, follower, _ = store.tills
    follower.hub = follower.net = False
    assert store._present(lead, "W-1") == "handed-over"
    store._push(lead, 0)
    store.hub.move(follower.id, store.now)
    follower.hub = True
    store._renew(follower)
    assert store._present(follower, "W-1") != "handed-over"
    store._pull(follower)
    store._renew(follower)
    assert store._present(follower, "W-1") == "already"
    assert store._present(follower, "W-2") == "handed-over"
