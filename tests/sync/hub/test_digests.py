"""What the hub says that a mirror should hold, is what a till has who read its feed; on both databases."""

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from sync import digest, wire
from sync.hub import records
from sync.hub.records import Change
from sync.hub.tables import record
from tests.sync.hub.kit import Desk, Served, ready


def mirrored(desk: Desk) -> tuple[int, dict[str, wire.KindDigest]]:
    """The end of the feed, and the digest of what it says."""
    page = desk.page()
    assert page["next"] == page["head"]
    changes = page["changes"]
    return page["head"], digest.of((c["kind"], c["id"], c["rev"]) for c in changes if c["body"] is not None)


def told(desk: Desk, **query: object) -> wire.FeedDigest:
    answer = desk.get("/v1/feed/digest", **query)
    assert answer.status_code == 200, answer.text
    return wire.FeedDigest.model_validate(answer.json())


def counted(hub: Served) -> dict[str, float]:
    registry = hub.hub.metrics.registry
    states = ("equal", "unequal", "other")
    return {s: registry.get_sample_value("posapp_hub_digests_total", {"state": s}) or 0 for s in states}


def publish(hub: Served, *changes: Change) -> None:
    with hub.database.write() as connection:
        records.publish(connection, changes)


def test_it_follows_whatever_happens_to_the_records(hub: Served) -> None:
    desk = hub.desk()

    def same() -> Iterator[str]:
        head, mine = mirrored(desk)
        found = told(desk)
        assert (found.head, found.kinds, found.generation) == (head, mine, desk.generation)
        yield digest.brief(mine)

    seen = [*same()]
    (order,) = ready(desk)
    desk.one(desk.hand_over(order))
    seen += same()
    # A case, a name that is not ASCII, a record that goes.
    desk.one(desk.hand_over(order))
    seen += same()
    name = "Größe Ω ✓ '\" \\ x"
    publish(hub, Change("thing", name, "B01", 3, "", "{}", False))
    seen += same()
    publish(hub, Change("thing", name, "B01", 4, "", None, True))
    seen += same()
    assert "thing" not in told(desk).kinds
    assert seen[4] == seen[2]
    assert len(set(seen)) == 4


def test_another_store_is_another_matter(hub: Served) -> None:
    here, there = hub.desk("B01"), hub.desk("B02")
    before = told(there)
    here.one(here.hand_over(ready(here)[0]))
    assert told(there) == before != told(here)


def test_what_a_till_has_is_compared_and_counted(hub: Served, caplog: pytest.LogCaptureFixture) -> None:
    desk = hub.desk()
    head, mine = mirrored(desk)
    with caplog.at_level(logging.WARNING, "sync.hub.digests"):
        told(desk, after=head, mine=digest.brief(mine))
        told(desk, after=head - 1, mine=digest.brief({}))
        told(desk)
        assert (counted(hub), caplog.messages) == ({"equal": 1, "unequal": 0, "other": 2}, [])
        told(desk, after=head, mine=digest.brief({}))
    assert counted(hub) == {"equal": 1, "unequal": 1, "other": 2}
    assert caplog.messages == [f"till {desk.till}: its mirror is not what it was told up to {head}"]


def test_what_was_written_past_the_feed_is_noticed(hub: Served) -> None:
    """A hub's own mistake: a record changed without a new place in the feed."""
    desk = hub.desk()
    head, mine = mirrored(desk)
    with hub.database.write() as connection:
        connection.execute(update(record).where(record.c.store == "B01").values(rev=record.c.rev + 1))
    told(desk, after=head, mine=digest.brief(mine))
    assert counted(hub)["unequal"] == 1


def test_a_name_that_is_none_is_refused(hub: Served) -> None:
    assert hub.desk().get("/v1/feed/digest", mine="x" * 64).status_code == 422
    assert hub.session.get(hub.url + "/v1/feed/digest").status_code == 401
