"""A hub that fails in every way it can: the till works on, says so, and sends each fact once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from sync.engine.enrol import enrol
from tests.kit.front import Front, open_front
from tests.sync.engine.badhub import CODE, BadHub, Fault, half, raw, running, silent, status
from tests.sync.engine.tills import order
from ui.view import Tone

PATHS = ("/v1/facts", "/v1/feed")
FAULTS: dict[str, Fault] = {
    "500": status(500),
    "garbage": raw(b"<html>Hotel Wi-Fi: please sign in</html>"),
    "half": half,
    "wrong schema": raw(b'{"answers": "all fine", "changes": 7, "next": -1}'),
}


@pytest.fixture
def hub() -> Iterator[BadHub]:
    """It has three orders for the till."""
    with running() as found:
        for number in ("W-1", "W-2", "W-3"):
            found.publish("order", number, order(number))
        yield found


@pytest.fixture
def front(hub: BadHub, tmp_path: Path) -> Iterator[Front]:
    """A till that has heard of its orders while all was well."""
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    with open_front(tmp_path) as found:
        found.online()
        found.until(lambda: found.app.books.count("order", "ready") == 3, what="three orders")
        yield found


def hand_over(front: Front, number: str) -> str:
    """All of it, as if nothing were wrong."""
    front.scan(number)
    front.shows(number, Tone.GREEN)
    return front.hand_over()


def break_it(hub: BadHub, fault: Fault, times: int, paths: tuple[str, ...] = PATHS) -> None:
    """The next calls meet the fault."""
    with hub.lock:
        for path in paths:
            hub.faults[path] = [fault] * times
        hub.lock.notify_all()


@pytest.mark.parametrize("what", FAULTS)
def test_the_till_works_on_says_so_and_sends_it_once(hub: BadHub, front: Front, what: str) -> None:
    break_it(hub, FAULTS[what], 1000)
    first = hand_over(front, "W-1")
    front.until(lambda: front.line, what="says so")
    second = hand_over(front, "W-2")
    front.scan("W-3")
    front.shows("W-3", Tone.GREEN)
    assert front.ticks("W-1", first) == 1
    break_it(hub, FAULTS[what], 0)
    front.until(lambda: not front.line, 30, what="says that all is well")
    front.until(lambda: front.app.books.standing().waiting == 0, 30, what="all sent")
    assert {first: 1, second: 1}.items() <= hub.applied.items()
    assert front.ticks("W-2", second) == 2


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (401, b'{"error": "token", "message": "who?"}', "ask the operator"),
        (423, b'{"error": "fork", "last_seq": 0}', "Another till uses this till's number"),
    ],
)
def test_a_till_that_is_locked_out_says_so_and_keeps_what_it_has(
    hub: BadHub, front: Front, code: int, body: bytes, said: str
) -> None:
    break_it(hub, raw(body, code), 1000, PATHS if code == 401 else ("/v1/facts",))
    hand_over(front, "W-1")
    front.until(lambda: said in front.line, what=said)
    assert front.app.books.standing().waiting == 1
    front.scan("W-1")
    front.shows("W-1", Tone.RED)


def test_a_hub_that_says_nothing_holds_nobody_up(hub: BadHub, front: Front) -> None:
    release = threading.Event()
    break_it(hub, silent(release), 1)
    refs = [hand_over(front, number) for number in ("W-1", "W-2", "W-3")]
    assert front.app.books.standing().waiting == 3
    release.set()
    front.until(lambda: front.app.books.standing().waiting == 0, 30, what="all sent")
    assert [hub.applied[ref] for ref in refs] == [1, 1, 1]
