"""The feed becomes the mirror: whole pages only, in one order, whatever the hub says in between."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posapp import paths
from posapp.storage.books import Books
from posapp.storage.mirror import Mirror, path_in
from sync import wire
from sync.engine import pull as pulling
from sync.engine.client import Trouble
from tests.sync.engine import badhub
from tests.sync.engine.badhub import BadHub, running
from tests.sync.engine.tills import Desk, append, desk, hand_over, order
from tests.waiting import until

FEED = "/v1/feed"


def mirrored(till: Desk) -> Mirror:
    """The mirror in use, as the window sees it."""
    return Mirror(path_in(till.folder), till.key)


def numbers(till: Desk) -> list[str]:
    mirror = mirrored(till)
    try:
        rows = mirror.queue("order", "ready", limit=10_000)
        return sorted(found.id for _, found in rows)
    finally:
        mirror.close()


def meta(till: Desk, key: str) -> str:
    mirror = mirrored(till)
    try:
        return mirror.meta(key)
    finally:
        mirror.close()


def pull_all(till: Desk, hub: BadHub) -> None:
    """Steps until the mirror is where the hub is; bounded."""
    for _ in range(300):
        if meta(till, "cursor") == str(len(hub.feed)) and meta(till, "generation") == hub.generation:
            return
        try:
            till.pull.step()
        except Trouble:
            continue
    raise AssertionError("the pull does not come to its end")


def test_pages_come_in_with_their_cursor(till: Desk, hub: BadHub) -> None:
    for number in range(pulling.PAGE * 2 + 1):
        hub.publish("order", f"W-{number:03}", order(f"W-{number:03}"))
    for _ in range(2):
        till.pull.step()
        assert meta(till, "heard_at") == "", "part of it is still to come"
    till.pull.step()
    assert meta(till, "cursor") == "201"
    assert meta(till, "heard_at") != ""
    assert len(numbers(till)) == 201
    assert till.lines() == [(True, "")]


def test_a_page_that_comes_twice_changes_nothing(till: Desk, hub: BadHub) -> None:
    hub.publish("order", "W-1", order("W-1"))
    till.pull.step()
    hub.publish("order", "W-2", order("W-2"))
    page = hub.answer(FEED, {"after": 0, "limit": 100, "wait": 0}, lambda: True)[1]
    for change in page["changes"]:
        change["seq"] += 1
    page["next"] = page["head"] = 3
    till.told.clear()
    hub.faults[FEED].append(badhub.raw(wire.FeedPage.model_validate(page).model_dump_json().encode()))
    till.pull.step()
    assert till.told == [{"changed": ["order:W-2"]}]


STRANGE = {
    "half a page": badhub.half,
    "hung up": badhub.drop,
    "no JSON": badhub.raw(b"<html>please sign in to the WLAN</html>"),
    "nothing": badhub.raw(b""),
    "another schema": badhub.raw(b'{"items": []}'),
    "wrong types": badhub.changed(lambda page: page.update(next="soon")),
    "a change without a kind": badhub.changed(lambda page: page["changes"][-1].pop("kind", 0)),
    "a revision of none": badhub.changed(lambda page: page["changes"][-1].update(rev=0)),
    "order reversed": badhub.changed(lambda page: page["changes"].reverse()),
    "a cursor before its changes": badhub.changed(lambda page: page.update(next=1)),
    "a cursor beyond the head": badhub.changed(lambda page: page.update(next=99)),
    "an empty page in the middle": badhub.changed(lambda page: page.update(changes=[], next=0)),
    "refused": badhub.status(404),
    "a redirect": badhub.status(302, Location="http://127.0.0.1:9/"),
    "a defect": badhub.status(500),
}


@pytest.mark.parametrize("fault", STRANGE.values(), ids=STRANGE.keys())
def test_of_a_strange_page_nothing_is_taken(till: Desk, hub: BadHub, fault: badhub.Fault) -> None:
    for number in range(3):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
    hub.faults[FEED].append(fault)
    with pytest.raises(Trouble):
        till.pull.step()
    assert (numbers(till), meta(till, "cursor")) == ([], "")
    till.pull.step()
    assert len(numbers(till)) == 3
    assert till.rebuilt == []


def test_a_record_of_a_newer_form_holds_up_nothing_and_hides_what_was(till: Desk, hub: BadHub) -> None:
    hub.publish("order", "W-1", order("W-1"))
    till.pull.step()
    hub.publish("order", "W-1", order("W-1", parcels=[{"label": "P", "state": "in_a_drone"}]))
    hub.publish("weather", "today", {"sun": True})
    hub.publish("order", "W-2", order("W-2"))
    till.pull.step()
    assert numbers(till) == ["W-2"]
    mirror = mirrored(till)
    kept, weather = mirror.get("order?", "W-1"), mirror.get("weather", "today")
    mirror.close()
    assert kept is not None
    assert kept.body["parcels"][0]["state"] == "in_a_drone"
    assert weather is not None


def test_another_generation_is_pulled_beside_the_old_one(till: Desk, hub: BadHub) -> None:
    for number in range(250):
        hub.publish("order", f"W-{number:03}", order(f"W-{number:03}"))
    pull_all(till, hub)
    books = Books(till.folder, till.folder / paths.LEDGER, till.key)
    old = path_in(till.folder)
    hub.restore(facts=0, changes=0, generation="g2")
    for number in range(150):
        hub.publish("order", f"N-{number:03}", order(f"N-{number:03}"))
    till.told.clear()
    for _ in range(2):
        till.pull.step()
        assert books.know("order", "W-249"), "the old mirror serves meanwhile"
        assert path_in(till.folder) == old
    pull_all(till, hub)
    assert {"mirror": "new"} in till.told
    assert till.rebuilt
    assert not old.exists()
    assert books.know("order", "W-249"), "a reader keeps what it has open"
    books.reopen_mirror()
    assert books.know("order", "W-249") is None
    assert books.know("order", "N-149")
    assert [name.name for name in till.folder.glob("mirror*.db")] == ["mirror-2.db"]
    books.close()


def test_a_cursor_the_hub_does_not_know_starts_afresh(till: Desk, hub: BadHub) -> None:
    for number in range(5):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
    pull_all(till, hub)
    hub.restore(facts=0, changes=2, generation="g1")
    until(lambda: till.pull.step() and path_in(till.folder).name == "mirror-2.db")
    assert numbers(till) == ["W-0", "W-1"]


def test_a_cursor_that_is_too_old_starts_afresh(till: Desk, hub: BadHub) -> None:
    hub.publish("order", "W-1", order("W-1"))
    pull_all(till, hub)
    hub.faults[FEED].append(badhub.status(410))
    with pytest.raises(Trouble):
        till.pull.step()
    until(lambda: till.pull.step() and path_in(till.folder).name == "mirror-2.db")
    assert numbers(till) == ["W-1"]


def test_a_hub_restored_again_during_the_new_mirror(till: Desk, hub: BadHub) -> None:
    for number in range(300):
        hub.publish("order", f"W-{number:03}", order(f"W-{number:03}"))
    pull_all(till, hub)
    hub.generation = "g2"
    for _ in range(2):
        till.pull.step()
    hub.restore(facts=0, changes=50, generation="g3")
    pull_all(till, hub)
    assert len(numbers(till)) == 50


def test_a_new_mirror_that_was_cut_is_begun_again(tmp_path: Path, hub: BadHub) -> None:
    for number in range(300):
        hub.publish("order", f"W-{number:03}", order(f"W-{number:03}"))
    with desk(tmp_path, hub) as till:
        pull_all(till, hub)
        hub.generation = "g2"
        for _ in range(3):
            till.pull.step()
    with desk(tmp_path, hub) as till:
        pull_all(till, hub)
        assert len(numbers(till)) == 300
        assert meta(till, "generation") == "g2"


def test_a_damaged_mirror_is_pulled_again(tmp_path: Path, hub: BadHub) -> None:
    for number in range(400):
        hub.publish("order", f"W-{number:03}", order(f"W-{number:03}"))
    with desk(tmp_path, hub) as till:
        pull_all(till, hub)
    with path_in(tmp_path).open("r+b") as file:
        size = file.seek(0, 2)
        for place in range(8192, size, 4096):
            file.seek(place + 100)
            file.write(b"damage")
    hub.publish("order", "W-007", order("W-007", note="new"))
    with desk(tmp_path, hub) as till:
        until(lambda: till.pull.step() and path_in(tmp_path).name == "mirror-2.db")
        assert len(numbers(till)) == 400
        assert path_in(tmp_path).name == "mirror-2.db"


def test_what_the_hub_claims_to_have_seen_never_hides_what_it_has_not_answered(
    till: Desk, hub: BadHub
) -> None:
    """A restored till makes its numbers a second time; the hub's page speaks of the first ones."""
    hub.publish("order", "W-1", order("W-1"))
    pull_all(till, hub)
    books = Books(till.folder, till.folder / paths.LEDGER, till.key)
    hand_over(books, "W-1")
    hub.publish("order", "W-2", order("W-2"))
    hub.faults[FEED].append(badhub.changed(lambda page: page.update(applied_through=50)))
    till.pull.step()
    known = books.know("order", "W-1")
    books.close()
    assert known is not None
    assert known.value.index().queue == ""
    assert meta(till, "applied_through") == "0"


def test_a_call_is_held_until_something_changes(till: Desk, hub: BadHub) -> None:
    till.pull.step()
    thread = threading.Thread(target=till.pull.step)
    thread.start()
    until(lambda: len(hub.calls(FEED)) == 2)
    hub.publish("order", "W-1", order("W-1"))
    thread.join(5)
    assert numbers(till) == ["W-1"]
    assert [call["wait"] for call in hub.calls(FEED)] == [0, wire.MAX_WAIT_S]


def test_a_held_call_is_cut_by_hanging_up(till: Desk, hub: BadHub) -> None:
    till.pull.step()
    troubles: list[Trouble] = []

    def step() -> None:
        try:
            till.pull.step()
        except Trouble as trouble:
            troubles.append(trouble)

    thread = threading.Thread(target=step)
    thread.start()
    until(lambda: len(hub.calls(FEED)) == 2)
    till.hub.hang_up()
    thread.join(2)
    assert not thread.is_alive()
    assert len(troubles) == 1


def test_hearing_that_there_is_nothing_new_is_not_written_each_time(till: Desk, hub: BadHub) -> None:
    till.pull.step()
    first = meta(till, "heard_at")
    for _ in range(3):
        hub.faults[FEED].append(lambda on, work: on.send(*_empty(hub)))
        till.pull.step()
    assert meta(till, "heard_at") == first


def _empty(hub: BadHub) -> tuple[int, bytes]:
    _, page = hub.answer(FEED, {"after": 0, "limit": 1, "wait": 0}, lambda: True)
    return 200, wire.FeedPage.model_validate(page).model_dump_json().encode()


def test_a_record_asked_for_never_brings_back_what_is_gone(till: Desk, hub: BadHub) -> None:
    def record(rev: int) -> wire.FeedChange:
        return wire.FeedChange(seq=1, kind="order", id="W-1", rev=rev, body=order("W-1"))

    till.pull.take(record(1))
    assert numbers(till) == ["W-1"]
    hub.publish("order", "W-1", None, rev=3)
    pull_all(till, hub)
    till.pull.take(record(2))
    assert numbers(till) == []
    till.pull.take(record(4))
    assert numbers(till) == ["W-1"]


NAMES = st.sampled_from(["W-1", "W-2", "W-3"])
FAULTS = st.lists(st.sampled_from(["", "", *sorted(STRANGE)]), max_size=12)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(NAMES, st.booleans(), st.booleans()), max_size=40), faults=FAULTS)
def test_the_mirror_ends_up_as_the_hub_whatever_comes_between(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[str, bool, bool]],
    faults: list[str],
) -> None:
    with running() as hub, desk(tmp_path_factory.mktemp("till"), hub) as till:
        state: dict[str, Any] = {}
        hub.faults[FEED] = [STRANGE[name] for name in faults if name]
        for name, there, restored in changes:
            state[name] = order(name, note=str(len(hub.feed))) if there else None
            hub.publish("order", name, state[name])
            if restored:
                hub.generation += "x"
                pull_all(till, hub)
        pull_all(till, hub)
        mirror = mirrored(till)
        found = {name: mirror.get("order", name) for name in state}
        mirror.close()
        assert {name: one and dict(one.body) for name, one in found.items()} == state


def test_facts_of_this_till_wait_for_their_page(till: Desk, hub: BadHub) -> None:
    for number in range(3):
        append(till.journal, f"W-{number}")
    while till.push.step():
        pass
    hub.publish("order", "W-1", order("W-1"))
    pull_all(till, hub)
    assert meta(till, "applied_through") == "3"


def test_facts_of_this_till_from_elsewhere_are_noticed_at_once(till: Desk, hub: BadHub) -> None:
    """A second machine with a copy of this journal goes on: the hub is asked whose past is whose."""
    append(till.journal, "W-1")
    while till.push.step():
        pass
    hub.publish("order", "W-1", order("W-1"))
    pull_all(till, hub)
    assert till.looked == []
    hub.facts.append(hub.facts[-1] | {"seq": 2, "id": "another", "hash": "ab" * 32})
    for number in (2, 3):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
        pull_all(till, hub)
        assert till.looked == [True]


def test_after_the_line_was_away_the_hub_is_asked_where_it_is(till: Desk, hub: BadHub) -> None:
    """With nothing to send, too: it may have been put back to a backup, or know facts that were not made here."""
    hub.publish("order", "W-1", order("W-1"))
    pull_all(till, hub)
    hub.down()
    for _ in range(2):
        with pytest.raises(Trouble):
            till.pull.step()
    hub.up()
    assert till.looked == []
    till.pull.step()
    assert till.looked == [True]
