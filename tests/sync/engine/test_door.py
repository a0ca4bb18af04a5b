"""The lead's door: neighbours get their claims with the hub cut off, and nobody else gets anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from posapp.domain import custody
from sync import wire
from tests.sync.engine.neighbourhood import Store, store


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Store]:
    with store(tmp_path) as one:
        yield one


def test_a_neighbour_hands_over_and_the_third_till_is_told(shop: Store) -> None:
    _, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    assert third.ask("A1") == {"order": "A1", "state": "held", "till": second.name}
    done = second.hand_over("A1")
    assert custody.epoch_of(done.fact.payload["custody"]["token"]) == 1
    assert third.ask("A1")["state"] == "held"
    # The clerk turns to something else: the order is free, but not for who does not know of the hand-over.
    second.custody.release("A1")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "behind"
    assert third.ask("A1", done.fact.id)["state"] == "granted"
    assert third.ask("B2")["state"] == "held"


def test_what_is_released_unused_is_free_at_once(shop: Store) -> None:
    _, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    second.custody.release("A1")
    assert second.ask("B2")["state"] == "granted"
    assert third.ask("A1")["state"] == "granted"
    assert not second.claims.granted("A1")


def test_asking_again_by_another_way_is_the_same_claim(shop: Store) -> None:
    lead, second, third = shop.tills
    assert second.ask("A1")["state"] == "granted"
    token = second.claims.granted("A1")
    # The answer by the door was lost: the same question comes through the hub.
    number = int(second.journal.meta("asked"))
    again = lead.custody.grant(second.name, wire.ClaimRequest(order="A1", number=number))
    assert (again.state, again.token) == ("granted", token)
    assert third.ask("A1")["state"] == "held"
