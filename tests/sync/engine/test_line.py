"""Waiting for the hub: for days, but never longer than needed, and never all tills at once."""

import threading
import time
from typing import Any

import pytest

from posapp.domain.errors import StorageFault
from sync.engine import line as lines
from sync.engine.client import NotEnrolled, Trouble
from sync.engine.line import Line, back_off, keep_on
from tests.waiting import until


def test_the_back_off_grows_to_a_bound_and_is_spread() -> None:
    for failures in (1, 2, 5, 6, 10, 1000, 100_000):
        pauses = [back_off(failures) for _ in range(300)]
        most = min(20.0, 2.0 ** min(failures, 10))
        assert 0 <= min(pauses) < most / 4
        assert most * 3 / 4 < max(pauses) <= most


def test_a_pause_ends_at_a_wake_also_at_one_that_came_before_it() -> None:
    line = Line(lambda message: None)
    mark = line.mark()
    line.wake()
    began = time.monotonic()
    line.pause(30, mark)
    assert time.monotonic() - began < 1
    thread = threading.Thread(target=line.pause, args=(30, line.mark()))
    thread.start()
    line.wake()
    thread.join(2)
    assert not thread.is_alive()


def test_a_pause_the_hub_asked_for_is_kept_but_for_the_end() -> None:
    line = Line(lambda message: None)
    thread = threading.Thread(target=line.pause, args=(30,))
    thread.start()
    line.wake()
    thread.join(0.05)
    assert thread.is_alive()
    line.stop()
    thread.join(2)
    assert not thread.is_alive()


def test_the_line_tells_what_changed_and_the_worst_of_it() -> None:
    told: list[dict[str, Any]] = []
    line = Line(told.append)
    for _ in range(2):
        line.heard("push")
    line.trouble("push", "fact-stuck", reachable=True, seq=7)
    line.trouble("pull", "hub-unreachable", reachable=False)
    line.heard("pull")
    line.heard("push")
    said = [(m["line"]["online"], m["line"]["reason"], m["line"].get("seq")) for m in told]
    assert said == [
        (True, "", None),
        (True, "fact-stuck", 7),
        (False, "hub-unreachable", None),
        (True, "fact-stuck", 7),
        (True, "", None),
    ]
    since = [m["line"]["since"] for m in told]
    assert since[0] == since[1] != since[2] != since[3] == since[4]


def test_one_that_gets_through_wakes_the_one_that_waits() -> None:
    line = Line(lambda message: None)
    line.heard("pull")
    before = line.mark()
    line.heard("pull")
    assert line.mark() == before, "nobody waits"
    line.trouble("push", "hub-unreachable", reachable=False)
    line.heard("pull")
    assert line.mark() != before
    line.heard("push")
    before = line.mark()
    line.trouble("push", "fact-stuck", reachable=True)
    line.heard("pull")
    assert line.mark() == before, "a fact the hub fails on is not sent with every page"


def test_trouble_is_waited_out_and_what_is_not_trouble_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(lines, "LONGEST_BACK_OFF_S", 0.001)
    told: list[dict[str, Any]] = []
    line = Line(told.append)
    errors = iter(
        [
            Trouble("hub-unreachable"),
            Trouble("hub-busy", retry_after=0.001, reachable=True),
            NotEnrolled("till-refused"),
            StorageFault("disk-full", file="ledger.db"),
            StorageFault("ledger-damaged", file="ledger.db"),
        ]
    )

    def step() -> bool:
        raise next(errors)

    with pytest.raises(StorageFault, match="ledger-damaged"):
        keep_on(line, "push", step, 0)
    said = [(m["line"]["online"], m["line"]["reason"]) for m in told]
    assert said == [
        (False, "hub-unreachable"),
        (True, "hub-busy"),
        (False, "till-refused"),
        (True, "disk-full"),
    ]


def test_a_stopped_line_ends_the_work() -> None:
    line = Line(lambda message: None)
    steps: list[int] = []

    def step() -> bool:
        steps.append(1)
        return False

    thread = threading.Thread(target=keep_on, args=(line, "push", step, 60))
    thread.start()
    until(lambda: len(steps) == 1)
    line.wake()
    until(lambda: len(steps) == 2)
    line.stop()
    thread.join(2)
    assert not thread.is_alive()
