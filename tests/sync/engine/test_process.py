"""The sync process, real: started, spoken to, starved, killed at any moment."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.storage.books import Books
from posapp.storage.journal import verify
from posapp.storage.mirror import path_in
from sync.engine.enrol import enrol
from tests.sync.engine import badhub
from tests.sync.engine.badhub import CODE, BadHub
from tests.sync.engine.processes import engine, offline, online
from tests.sync.engine.tills import append, hand_over, order
from tests.waiting import until

FACTS, FEED = "/v1/facts", "/v1/feed"


@pytest.fixture
def folder(tmp_path: Path, hub: BadHub) -> Path:
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    return tmp_path


@pytest.fixture
def books(folder: Path) -> Iterator[Books]:
    """The window's hold on the files."""
    one = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
    yield one
    one.close()


def settled(books: Books, count: int) -> bool:
    return books.journal.unanswered() == count and books.journal.waiting()[0] == 0


def test_from_feed_to_hand_over_to_answer(folder: Path, books: Books, hub: BadHub) -> None:
    hub.publish("order", "W-1", order("W-1"))
    with engine(folder) as process:
        process.wait_for(lambda m: "order:W-1" in m.get("changed", ()))
        assert books.know("order", "W-1")
        entry = hand_over(books, "W-1")
        began = time.monotonic()
        process.tell({"wake": True})
        process.wait_for(lambda m: m.get("answered") == [1])
        assert time.monotonic() - began < 0.9, "woken, not found by looking"
        found = books.journal.fact(entry.fact.id)
        assert found is not None
        assert found.answer is Answer.ACCEPTED
        line = process.wait_for(online)["line"]
        assert (line["reason"], line["since"][-1]) == ("", "Z")
        process.close_input()
        assert process.ended() == 0
        assert process.errors == []


def test_a_fact_is_found_without_being_told(folder: Path, books: Books, hub: BadHub) -> None:
    with engine(folder, attached=False) as process:
        process.wait_for(online)
        append(books.journal, "W-1")
        process.wait_for(lambda m: m.get("answered") == [1])
        process.close_input()
        assert process.child.poll() is None, "nobody's input ends it when it runs alone"
        process.child.terminate()
        assert process.ended() == 0


def test_look_ups_are_answered_whatever_the_line_does(folder: Path, books: Books, hub: BadHub) -> None:
    record = {"seq": 1, "kind": "order", "id": "W-9", "rev": 1, "body": order("W-9")}
    hub.orders["W-9"] = {"record": record}
    hub.orders["W-8"] = {
        "elsewhere": {"store": "s2", "name": "Store Two", "address": "Hill 2", "hours": "9-18"}
    }
    with engine(folder) as process:
        process.wait_for(online)
        process.tell("no message")
        process.tell("[1]")
        for ask, code in enumerate(("W-9", "W-8", "W-7")):
            process.tell({"look_up": code, "ask": ask})
        found = [process.found(ask) for ask in range(3)]
        assert [one["outcome"] for one in found] == ["record", "elsewhere", "unknown"]
        assert [one["code"] for one in found] == ["W-9", "W-8", "W-7"]
        assert found[1]["elsewhere"] == {
            "store": "s2",
            "name": "Store Two",
            "address": "Hill 2",
            "hours": "9-18",
        }
        known = books.know("order", "W-9")
        assert known is not None
        release = threading.Event()
        hub.faults["/v1/orders/W-9"].append(badhub.silent(release))
        began = time.monotonic()
        process.tell({"look_up": "W-9", "ask": 7})
        late = process.found(7)
        assert late["outcome"] == "unreachable"
        assert 1.0 < time.monotonic() - began < 2.5
        release.set()
        hub.down()
        process.tell({"look_up": "W-9", "ask": 8})
        down = process.found(8)
        assert down["outcome"] == "unreachable"


def test_a_hub_that_goes_and_comes_is_told_and_loses_nothing(folder: Path, books: Books, hub: BadHub) -> None:
    hub.down()
    with engine(folder) as process:
        process.wait_for(offline)
        for number in range(5):
            append(books.journal, f"W-{number}")
        process.tell({"wake": True})
        hub.up()
        process.wait_for(online)
        until(lambda: settled(books, 5))
        hub.down()
        before = len(process.said)
        process.wait_for(lambda m: offline(m) and process.said.index(m) >= before - 1)
        hub.up()
        append(books.journal, "W-5")
        process.tell({"wake": True})
        until(lambda: settled(books, 6))
    assert [fact["seq"] for fact in hub.facts] == list(range(1, 7))
    assert set(hub.applied.values()) == {1}


def test_what_is_asked_before_it_serves_is_answered(folder: Path, books: Books, hub: BadHub) -> None:
    hub.down()
    with engine(folder) as process:
        process.tell({"claim": "W-1", "known": []})
        told = process.wait_for(lambda m: "claim" in m)
    assert told["claim"]["order"] == "W-1"


def test_a_revoked_till_goes_on_and_says_why(folder: Path, books: Books, hub: BadHub) -> None:
    hub.token = "another"
    with engine(folder) as process:
        line = process.wait_for(offline)["line"]
        assert line["reason"] == "till-refused"
        assert process.child.poll() is None


def test_a_fact_the_hub_fails_on_is_named(folder: Path, books: Books, hub: BadHub) -> None:
    append(books.journal, "W-1")
    hub.poison.add(append(books.journal, "W-2").fact.id)
    append(books.journal, "W-3")
    with engine(folder) as process:
        line = process.wait_for(lambda m: m.get("line", {}).get("reason") == "fact-stuck")["line"]
        assert (line["online"], line["seq"]) == (True, 2)
        assert len(hub.facts) == 1


def test_a_window_that_dies_takes_the_engine_with_it(folder: Path, hub: BadHub) -> None:
    with engine(folder) as process:
        process.wait_for(online)
        until(lambda: len(hub.calls(FEED)) > 1)
        began = time.monotonic()
        process.close_input()
        assert process.ended() == 0
        assert time.monotonic() - began < 3, "a held call is hung up"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(folder: Path, books: Books, hub: BadHub, number: signal.Signals) -> None:
    with engine(folder) as process:
        process.wait_for(online)
        assert os.getpriority(os.PRIO_PROCESS, process.child.pid) > os.getpriority(os.PRIO_PROCESS, 0)
        process.child.send_signal(number)
        assert process.ended() == 0
        assert process.errors == []


def test_what_is_in_flight_is_finished(folder: Path, books: Books, hub: BadHub) -> None:
    release = threading.Event()

    def slow(on: badhub.Answering, work: badhub.Work) -> None:
        release.wait(10)
        code, body = work()
        on.send(code, badhub.as_json(body))

    with engine(folder) as process:
        process.wait_for(online)
        until(lambda: len(hub.calls(FACTS)) == 1)
        hub.faults[FACTS].append(slow)
        append(books.journal, "W-1")
        process.tell({"wake": True})
        until(lambda: len(hub.calls(FACTS)) == 2)
        process.close_input()
        release.set()
        assert process.ended() == 0
        assert books.journal.waiting()[0] == 0


@pytest.mark.parametrize(
    ("spoil", "reason", "code"),
    [
        (lambda f: (f / paths.LEDGER).unlink(), "not-enrolled", 2),
        (lambda f: (f / paths.KEY).unlink(), "key-missing", 1),
        (lambda f: (f / paths.KEY).write_text("11" * 32), "key-wrong", 1),
        (lambda f: (f / paths.LEDGER).write_bytes(b"x" * 9000), "key-wrong", 1),
    ],
)
def test_files_that_cannot_be_used_are_fatal_and_named(
    folder: Path, spoil: Callable[[Path], object], reason: str, code: int
) -> None:
    spoil(folder)
    with engine(folder) as process:
        assert process.wait_for(lambda m: "fatal" in m) == {"fatal": reason}
        assert process.ended() == code


def test_a_second_engine_observes_and_takes_over(folder: Path, books: Books, hub: BadHub) -> None:
    with engine(folder) as first:
        first.wait_for(online)
        with engine(folder) as second:
            second.wait_for(online)
            hub.orders["W-8"] = {"elsewhere": {"store": "s2", "name": "Store Two"}}
            second.tell({"look_up": "W-8", "ask": 1})
            assert second.wait_for(lambda m: "found" in m)["found"]["outcome"] == "elsewhere"
            hub.publish("order", "W-1", order("W-1"))
            second.wait_for(lambda m: m.get("changed") == ["*"])
            assert books.know("order", "W-1")
            hub.restore(facts=0, changes=1, generation="g2")
            second.wait_for(lambda m: m.get("mirror") == "new")
            first.child.kill()
            first.ended()
            append(books.journal, "W-2")
            second.wait_for(lambda m: m.get("answered") == [1])
            second.close_input()
            assert second.ended() == 0


@pytest.mark.proof
def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(
    folder: Path, books: Books, hub: BadHub
) -> None:
    """Cycles of work cut by kill -9, with answers lost on the way as well."""
    dice = random.Random(7)
    made = 0
    stop = threading.Event()

    def work() -> None:
        nonlocal made
        while not stop.wait(0.002):
            append(books.journal, f"W-{made}")
            hub.publish("order", f"W-{made}", order(f"W-{made}"))
            made += 1

    clerk = threading.Thread(target=work)
    clerk.start()
    try:
        for _ in range(15):
            if dice.random() < 0.5:
                hub.faults[FACTS].append(dice.choice([badhub.drop, badhub.half, badhub.twice]))
                hub.faults[FEED].append(dice.choice([badhub.drop, badhub.half]))
            asked = len(hub.asked)
            with engine(folder) as process:
                hub.wait_for_call(asked)
                stop.wait(dice.uniform(0, 0.15))
                process.child.kill()
            # One more may be on its way between the two lines of its work.
            assert books.journal.head()[0] <= made + 1
    finally:
        stop.set()
        clerk.join()
    with engine(folder) as process:
        until(lambda: settled(books, made), 30)
        until(lambda: books.know("order", f"W-{made - 1}"), 30)
        process.close_input()
        assert process.ended() == 0
    assert made > 50
    assert [fact["id"] for fact in hub.facts] == [entry.fact.id for entry in books.journal.every()]
    assert set(hub.applied.values()) == {1}
    assert verify(books.journal) == (made, "")
    assert all(books.know("order", f"W-{n}") for n in range(made))
    assert path_in(folder).name == "mirror-1.db"
