"""Token buckets, by a clock of the test's own."""

from hypothesis import given
from hypothesis import strategies as st

from sync.hub import limits
from sync.hub.limits import Buckets


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_as_many_as_the_rate_gives() -> None:
    clock = Ticks()
    buckets = Buckets(3, 0.5, clock)
    assert [buckets.wait("a") for _ in range(4)] == [0, 0, 0, 3]
    assert buckets.wait("b") == 0
    clock.now = 1.9
    assert buckets.wait("a") == 1
    clock.now = 2.0
    assert (buckets.wait("a"), buckets.wait("a")) == (0, 3)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = Ticks()
    buckets = Buckets(5, 0.5, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += buckets.wait("a") == 0
    assert taken <= 5 + clock.now * 0.5 + 1e-6


def test_after_the_told_seconds_there_is_a_token() -> None:
    clock = Ticks()
    buckets = Buckets(1, 0.3, clock)
    buckets.wait("a")
    clock.now = buckets.wait("a")
    assert buckets.wait("a") == 0


def test_callers_who_left_are_forgotten(monkeypatch: object) -> None:
    clock = Ticks()
    buckets = Buckets(1, 1.0, clock)
    for n in range(limits.MAX_CALLERS):
        buckets.wait(str(n))
    clock.now = 10
    buckets.wait("one more")
    assert len(buckets._buckets) == 1
