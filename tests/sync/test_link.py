"""The window's end of the channel, with real processes behind it: what is told, and when they are started again."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync import link as links
from sync.link import EngineLink
from tests.waiting import until

DAMAGED = {"fatal": "ledger-damaged"}
ONLINE = {"line": {"online": True, "since": "", "reason": ""}}
STOPPED = {"line": {"online": False, "since": "", "reason": "sync-stopped"}}


class Told:
    """What a window hears, and when."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.times: list[float] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        self.times.append(time.monotonic())
        self.events.append(event)


@contextmanager
def linked(program: str, *arguments: object) -> Iterator[tuple[EngineLink, Told]]:
    """A link to processes that run ``program``, in which ``say`` tells the window a message."""
    say = "import json, sys, time\nsay = lambda **message: print(json.dumps(message), flush=True)\n"
    told = Told()
    link = EngineLink([sys.executable, "-c", say + program, *map(str, arguments)], told.hear)
    link.start()
    try:
        yield link, told
    finally:
        link.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Other pauses before a restart than those of a day at a counter."""
    return lambda *seconds: monkeypatch.setattr(links, "RESTART_S", seconds)


def test_what_is_fatal_stays_told_and_is_tried_again_ever_more_rarely(pauses: Callable[..., None]) -> None:
    pauses(0.0, 0.1, 0.3, 0.9)
    with linked("say(line={'online': True, 'since': '', 'reason': ''}); say(fatal='ledger-damaged')") as (
        _,
        told,
    ):
        until(lambda: told.events.count(DAMAGED) == 4)
        assert told.events[:2] == [ONLINE, DAMAGED]
        assert all(event == DAMAGED for event in told.events[2:]), "nothing has taken its place"
        first, *times = [at for at, event in zip(told.times, told.events, strict=False) if event == DAMAGED]
        assert times[0] - first >= 0.1
        assert times[1] - times[0] >= 0.3
        assert times[2] - times[1] >= 0.9


def test_what_was_fatal_goes_once_an_engine_serves(pauses: Callable[..., None], tmp_path: Path) -> None:
    pauses(0.0)
    mended = tmp_path / "mended"
    program = (
        "from pathlib import Path\n"
        "say(line={'online': False, 'since': '', 'reason': 'hub-unreachable'})\n"
        "say(line={'online': True, 'since': '', 'reason': ''})\n"
        "if Path(sys.argv[1]).exists():\n"
        "    say(changed=['*']), say(serving=True), sys.stdin.read()\n"
        "say(fatal='ledger-damaged')"
    )
    with linked(program, mended) as (_, told):
        until(lambda: told.events.count(DAMAGED) >= 3)
        count = len(told.events)
        mended.touch()
        until(lambda: ONLINE in told.events[count:])
        after = [event for event in told.events[count:] if event != DAMAGED]
        assert after == [{"changed": ["*"]}, ONLINE], "the newest word of the line, once it serves"


def test_one_that_ends_without_a_word_is_told_and_started_again(pauses: Callable[..., None]) -> None:
    pauses(0.0)
    with linked("sys.exit(3)") as (_, told):
        until(lambda: len(told.events) >= 3)
        assert told.events[:3] == [STOPPED] * 3


def test_the_pauses_grow_to_a_minute_and_no_further() -> None:
    assert list(links.RESTART_S) == sorted(links.RESTART_S)
    assert links.RESTART_S[-1] == 60
