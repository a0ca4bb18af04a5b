"""The simulator sees what it must: a rule that is wrong doubles, each planted mistake shows, and a seed replays."""

from typing import Any

import pytest

from tests.kit.book import Book
from tests.prove import sync_b5
from tests.sim.figures import HOUR, MINUTE, Figures, Rule, Weather
from tests.sim.hub import Hub
from tests.sim.parts import Till
from tests.sim.shop import Outbox, Shop
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


def seen(**weather: Any) -> Figures:
    """A store in which all sorts of things happen often."""
    return Store(7, weather=Weather(**{"copied": 3 * HOUR, "image": MINUTE, **weather})).run(4_000)


def test_the_shop_hears_of_each_hand_over_once_and_copies_of_tills_are_noticed() -> None:
    found = seen()
    assert found.wrong == []
    assert found.written > 2_000
    assert found.repeated > 0
    assert found.shop_refused > 0
    assert found.restored > 0
    assert found.cloned > 0
    assert found.forked > 0
    assert found.shown == found.collisions


MISTAKES: dict[str, tuple[type, str, Any, str]] = {
    "after a lost answer the shop is told under a new reference": (
        *(Outbox, "ref", lambda self, intent: f"{intent.ref} {intent.tries}"),
        "the shop was told twice",
    ),
    "what the shop has is not looked at before it is told again": (
        *(Shop, "has", lambda self, order, write, ref: False),
        "the shop was told twice",
    ),
    "an undo is written before the hand-over that came first": (
        *(Outbox, "first", lambda self, intent: self.open[intent.order][-1]),
        "the shop has",
    ),
    "the shop is told at once": (Outbox, "hold_ms", 0, "before the undo time"),
    "a fact is acknowledged before it is stored": (
        *(Hub, "store", lambda self, done: done.seq % 50 != 0),
        "acknowledged and not there",
    ),
    "two pasts of a till are taken for one": (Hub, "knows", lambda self, till: True, "not there"),
    "a till that knows of its double goes on granting": (
        *(Till, "leads", lambda self, now: self.lease is not None and self.lease.lead == self.id),
        "knows it is another one",
    ),
    "goods that left without a grant are no case": (
        *(Hub, "_case", lambda self, done: None),
        "no case",
    ),
    "a grantor gives the same token again": (
        *(Book, "next_token", lambda self: (self._epoch() << 32) + 1),
        "not greater",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_seen(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, instead, said = MISTAKES[mistake]
    monkeypatch.setattr(where, what, instead)
    often = {"undo": 0.2, "shop_lost": 0.5, "hub_up": 5 * MINUTE, "hub_down": 3 * MINUTE}
    found = seen(**often, kill=20 * MINUTE)
    assert any(said in one for one in found.wrong), found.wrong


@pytest.mark.proof
def test_after_cuts_of_every_kind_all_show_the_same() -> None:
    holds, figure = sync_b5.simulated(sync_b5.SCHEDULES[False])
    assert holds, figure


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
