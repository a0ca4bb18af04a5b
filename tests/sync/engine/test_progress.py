"""How far the feed is read: told while it takes a while, a few times a second, and its end."""

from pathlib import Path
from typing import Any

from drivers.keys import StoredKeys
from sync.engine.enrol import enrol
from sync.engine.progress import APART_S, SOON_S, Progress
from tests.sync.engine.badhub import CODE, BadHub
from tests.sync.engine.processes import watched
from tests.sync.engine.tills import order
from tests.waiting import until

AT_ONCE = "from sync.engine import progress\nprogress.SOON_S = progress.APART_S = 0\n"


class Reader:
    """Reads pages of a hundred, each in so many seconds."""

    def __init__(self, page_s: float) -> None:
        self.told: list[Any] = []
        self._now, self._page_s = 0.0, page_s
        self._progress = Progress(lambda message: self.told.append(message["fetching"]), lambda: self._now)

    def read(self, start: int, head: int) -> None:
        for at in range(start, head, 100):
            self._progress.at(at, min(head, at + 100), head)
            self._now += self._page_s


def test_what_is_read_at_once_is_not_worth_a_word() -> None:
    reader = Reader(page_s=SOON_S / 20)
    reader.read(0, 1000)
    reader.read(1000, 1001)
    assert reader.told == []


def test_numbers_begin_where_the_reader_was_and_come_a_few_times_a_second() -> None:
    reader = Reader(page_s=APART_S / 4)
    reader.read(50_000, 60_000)
    *numbers, end = reader.told
    assert end is None
    assert {one["of"] for one in numbers} == {10_000}
    done = [one["done"] for one in numbers]
    assert done == sorted(set(done))
    assert 15 <= len(done) <= 25, "of a hundred pages"
    reader.told.clear()
    reader.read(60_000, 61_000)
    assert [one["of"] for one in reader.told if one] == [1000] * (len(reader.told) - 1)


def test_a_mirror_that_is_pulled_anew_counts_from_nothing() -> None:
    reader = Reader(page_s=SOON_S)
    reader._progress.at(5_000, 5_100, 9_000)
    reader.read(0, 9_000)
    assert [one["of"] for one in reader.told if one] == [9_000] * (len(reader.told) - 1)


def test_a_real_engine_tells_it_over_the_channel(tmp_path: Path, hub: BadHub) -> None:
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    for number in range(1_000):
        hub.publish("order", f"W-{number}", order(f"W-{number}"))
    with watched(tmp_path, AT_ONCE) as (_, told):
        until(lambda: {"fetching": None} in told, 30)
    numbers = [event["fetching"] for event in told if event.get("fetching")]
    assert numbers == [{"done": done, "of": 1_000} for done in range(100, 1_000, 100)]
