"""A mirror that is not what the hub has is noticed and pulled again; one that is, is left alone."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.storage.mirror import Change
from sync import digest, wire
from sync.engine import pull as pulling
from sync.engine.client import Trouble
from sync.wire import KindDigest
from tests.sync.engine import badhub
from tests.sync.engine.badhub import BadHub
from tests.sync.engine.test_pull import mirrored, numbers
from tests.sync.engine.tills import Desk, order

DIGEST = "/v1/feed/digest"
NAMES = st.lists(
    st.tuples(st.sampled_from(("order", "case")), st.text(max_size=3), st.integers(1, 3)),
    unique_by=lambda name: name[:2],
)


# -- the sums -------------------------------------------------------------------------------------
@given(NAMES, st.randoms())
def test_the_order_of_the_records_is_no_matter(names: list[tuple[str, str, int]], chance: Random) -> None:
    shuffled = names[:]
    chance.shuffle(shuffled)
    assert digest.of(names) == digest.of(shuffled)


@given(NAMES, NAMES)
def test_what_differs_is_named_by_its_kind(
    one: list[tuple[str, str, int]], other: list[tuple[str, str, int]]
) -> None:
    wanted = {kind for kind, _, _ in set(one) ^ set(other)}
    found = digest.of(one), digest.of(other)
    assert digest.differing(*found) == sorted(wanted)
    assert (digest.brief(found[0]) == digest.brief(found[1])) == (not wanted)


def test_the_sum_of_one_record_is_as_described() -> None:
    """`printf 'order\\037W-1\\0371' | sha256sum` begins so."""
    assert digest.of([("order", "W-1", 1)]) == {"order": KindDigest(count=1, sum="cd5af368522e188d")}
    assert digest.of([]) == {}


# -- the till -------------------------------------------------------------------------------------
@pytest.fixture
def three(till: Desk, hub: BadHub, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A till that has pulled three orders, one of them in its second state; its polls are not held."""
    monkeypatch.setattr(wire, "MAX_WAIT_S", 0)
    for number in (1, 2, 3, 2):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
    till.pull.step()
    assert numbers(till) == ["W-1", "W-2", "W-3"]
    return till


def lacks(till: Desk) -> None:
    till.pull._mirror.apply([Change("order", "W-3", 7, None)])


def has_too_much(till: Desk) -> None:
    till.pull._mirror.apply([Change("order", "W-9", 1, order("W-9"))])


def has_too_old(till: Desk) -> None:
    lacks(till)
    till.pull._mirror.apply([Change("order", "W-3", 7, order("W-3"))])


@pytest.mark.parametrize("harm", [lacks, has_too_much, has_too_old])
def test_what_differs_is_pulled_again(
    three: Desk, hub: BadHub, harm: Callable[[Desk], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(three)
    served = numbers(three)
    three.pull.step()
    assert numbers(three) == served, "the old one serves until the new one is complete"
    three.pull.step()
    assert numbers(three) == ["W-1", "W-2", "W-3"]
    assert three.rebuilt == [True]
    assert {"mirror": "new"} in three.told
    assert "it is not what the hub has: order" in caplog.text
    # The new one is compared at once, and then rests.
    for _ in range(3):
        three.pull.step()
    assert len(hub.calls(DIGEST)) == 2
    assert three.rebuilt == [True]


def test_what_is_the_same_is_left_alone_for_a_while(
    three: Desk, hub: BadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        three.pull.step()
    (asked,) = hub.calls(DIGEST)
    assert (asked["after"], len(asked["mine"])) == (4, 64)
    monkeypatch.setattr(pulling, "COMPARE_EVERY_S", 0.0)
    three.pull._compare_at = 0.0
    for _ in range(3):
        three.pull.step()
    assert len(hub.calls(DIGEST)) == 4
    assert three.rebuilt == []


def test_after_the_line_was_away_it_is_compared_soon(
    three: Desk, hub: BadHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.pull.step()
    monkeypatch.setattr(pulling, "COMPARE_WITHIN_S", 0.0)
    hub.down()
    with pytest.raises(Trouble):
        three.pull.step()
    hub.up()
    three.pull.step()
    assert len(hub.calls(DIGEST)) == 1
    for _ in range(2):
        three.pull.step()
    assert len(hub.calls(DIGEST)) == 2


def test_what_came_meanwhile_is_waited_for(three: Desk, hub: BadHub) -> None:
    lacks(three)
    hub.faults[DIGEST].append(badhub.changed(lambda told: told.update(head=5)))
    three.pull.step()
    assert three.rebuilt == []
    three.pull._compare_at = 0.0
    for _ in range(2):
        three.pull.step()
    assert numbers(three) == ["W-1", "W-2", "W-3"]
    assert three.rebuilt == [True]


@pytest.mark.parametrize(
    "fault",
    [badhub.status(404), badhub.status(500), badhub.status(429), badhub.raw(b"[]")],
    ids=["older hub", "defect", "busy", "strange"],
)
def test_a_hub_that_cannot_say_holds_up_nothing(three: Desk, hub: BadHub, fault: badhub.Fault) -> None:
    lacks(three)
    hub.faults[DIGEST].append(fault)
    hub.publish("order", "W-4", order("W-4"))
    three.pull.step()
    assert numbers(three) == ["W-1", "W-2", "W-4"]
    three.pull.step()
    assert (three.rebuilt, len(hub.calls(DIGEST))) == ([], 1)


def test_one_that_differs_again_is_told_and_left(
    three: Desk, hub: BadHub, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the hub's mistake: no till pulls everything without end."""
    wrong = badhub.changed(lambda told: told["kinds"]["order"].update(count=9))
    hub.faults[DIGEST] += [wrong, wrong]
    for _ in range(4):
        three.pull.step()
    assert three.rebuilt == [True]
    assert len(hub.calls(DIGEST)) == 2
    assert "is still not what the hub has: order" in caplog.text


def test_what_cannot_be_read_counts_as_a_record(three: Desk, hub: BadHub) -> None:
    hub.publish("order", "W-7", {"number": 7, "form": "of another time"})
    three.pull._compare_at = 0.0
    for _ in range(2):
        three.pull.step()
        three.pull._compare_at = 0.0
    assert [sent["after"] for sent in hub.calls(DIGEST)] == [4, 5]
    assert three.rebuilt == []
    mirror = mirrored(three)
    assert ("order?", "W-7", 1) in mirror.names()
    mirror.close()
