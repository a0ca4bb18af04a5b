"""Wall clocks that are set by up to ten years, forwards and back, between any two acts."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.keys import StoredKeys
from posapp import paths, texts
from posapp.domain.errors import Refused
from posapp.domain.facts import Answer
from posapp.storage.books import Books
from posapp.storage.journal import verify
from posapp.storage.mirror import Mirror, path_in
from sync.engine import line, pull, push
from tests.faults.clocked import YEARS, wrong
from tests.kit.counter import Counter, open_counter
from tests.kit.shop import environment, open_shop
from tests.kit.things import order
from tests.storage.ledgers import deciding
from tests.sync.engine.badhub import running
from tests.sync.engine.processes import ROOT
from tests.sync.engine.tills import append, desk
from tests.sync.engine.tills import order as published
from tests.waiting import until
from ui.line import words

NUMBERS = [f"W-{n}" for n in range(4)]
JUMPS = st.floats(-10, 10).map(lambda years: years * YEARS)
ACTS = st.one_of(
    st.tuples(st.just("hand over"), st.sampled_from(NUMBERS)),
    st.tuples(st.just("undo"), st.sampled_from(NUMBERS)),
    st.tuples(st.just("answer"), st.just("")),
    st.tuples(st.just("reopen"), st.just("")),
    st.tuples(st.just("wait"), st.sampled_from(["1", "50", "70"])),
)


# -- the counter --------------------------------------------------------------------------------------
def live(folder: Path, acts: list[tuple[tuple[str, str], float]], *, set_clock: bool) -> list[object]:
    """What a till says to these acts, and what it holds in the end; the clock is set before each."""
    said: list[object] = []
    with ExitStack() as stack:
        one = stack.enter_context(open_counter(folder))
        one.tell(*(order(number) for number in NUMBERS))
        for (act, what), seconds in acts:
            if set_clock:
                one.clock.now += timedelta(seconds=seconds)
            if act == "reopen":
                stack.close()
                one = stack.enter_context(open_counter(folder, one.clock))
                continue
            try:
                said.append(do(one, act, what))
            except Refused as refused:
                said.append(refused.reason)
            sane(one)
        said.append([(entry.seq, entry.fact.kind, entry.fact.subject) for entry in one.books.journal.every()])
        said.append(sorted(row.known.id for row in one.desk.queues.rows("order", ["ready"])))
        said.append(verify(one.books.journal))
    return said


def do(one: Counter, act: str, what: str) -> object:
    """One act, as it would be said whatever the time of day is."""
    entries = list(one.books.journal.every())
    if act == "hand over":
        one.hand_over(what)
    elif act == "undo":
        handed = [e for e in entries if e.fact.subject == f"order:{what}" and e.fact.kind == "HandedOver"]
        one.desk.pickup.undo(what, handed[-1].fact.id if handed else "none")
    elif act == "answer":
        for entry in entries:
            if entry.answer is Answer.WAITING:
                one.answer(entry.fact.id)
    else:
        one.clock.pass_by(float(what))
    return act


def sane(one: Counter) -> None:
    """Whatever the clock says: no age is negative, and everything that tells of time has its words."""
    age, now = one.till.age(), one.clock.now
    assert age is None or age >= timedelta(0)
    standing = one.till.standing()
    assert words(None, standing, now)
    assert standing.heard_at is None or texts.moment(standing.heard_at, now)
    for row in one.desk.queues.rows("order", ["ready"]):
        assert row.age is None or row.age >= timedelta(0)
    one.till.stale()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(ACTS, JUMPS), max_size=14))
def test_a_till_whose_clock_is_set_says_and_keeps_the_same(
    acts: list[tuple[tuple[str, str], float]],
) -> None:
    with tempfile.TemporaryDirectory() as steady, tempfile.TemporaryDirectory() as jumping:
        assert live(Path(jumping), acts, set_clock=True) == live(Path(steady), acts, set_clock=False)


# -- sync ---------------------------------------------------------------------------------------------
@contextmanager
def set_by(offset: list[float]) -> Iterator[None]:
    """The engine's wall clock is wrong by ``offset``."""
    with ExitStack() as stack:
        for module in (line, pull, push):
            stack.enter_context(mock.patch.object(module, "datetime", wrong(lambda: offset[0])))
        yield


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(["fact", "push", "pull", "cut"]), JUMPS), max_size=10))
def test_sync_whose_clock_is_set_loses_doubles_and_hides_nothing(steps: list[tuple[str, float]]) -> None:
    offset = [0.0]
    with (
        tempfile.TemporaryDirectory() as name,
        running() as hub,
        set_by(offset),
        desk(Path(name), hub) as till,
    ):
        hub.publish("order", "W-0", published("W-0"))
        till.pull.step()
        facts = 0
        for step, seconds in steps:
            # Clocks are set to times of the last and next ten years, however often that is.
            offset[0] = seconds
            if step == "fact":
                facts += 1
                append(till.journal, f"N-{facts}")
            elif step == "push":
                till.push.step()
            elif step == "pull":
                hub.publish("order", "W-0", published("W-0"))
                till.pull.step()
            else:
                hub.down()
                with pytest.raises(Exception, match="hub-unreachable"):
                    till.pull.step()
                hub.up()
        while till.push.step():
            pass
        assert [hub.applied[entry.fact.id] for entry in till.journal.every()] == [1] * facts
        assert verify(till.journal) == (facts, "")
        mirror = Mirror(path_in(till.folder), till.key)
        assert mirror.get("order", "W-0"), "what was heard a moment ago is not hidden"
        mirror.close()


# -- real processes -----------------------------------------------------------------------------------
PROGRAM = """
import sys
from pathlib import Path
from tests.faults import clocked
clocked.install(Path(sys.argv[2]))
from drivers.keys import StoredKeys
from sync.engine.process import run
sys.exit(run(Path(sys.argv[1]), StoredKeys(), attached=True))
"""


@pytest.mark.proof
def test_a_sync_process_whose_clock_is_set_again_and_again_serves_on(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with open_shop(tmp_path / "hub", undo_s=0) as shop:
        folder = shop.enrol(tmp_path / "till")
        books = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
        engine = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(clock)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        try:
            until(lambda: len(books.queue("order", "ready")) >= 4, 30)
            refs = []
            for years in (10, -10, 0.1, -0.1):
                fresh = clock.with_suffix(".new")
                fresh.write_text(str(years * YEARS))
                fresh.replace(clock)
                known = books.queue("order", "ready")[0]
                payload = {"lines": {line.id: line.quantity for line in known.value.lines}}  # type: ignore[attr-defined]
                entry, _ = books.commit(
                    "order", known.id, deciding("HandedOver", f"order:{known.id}", payload)
                )
                refs.append((known.id, entry.fact.id))
                until(lambda: books.journal.waiting()[0] == 0, 30)
            assert [entry.answer for entry in books.journal.every()] == [Answer.ACCEPTED] * 4
            until(lambda: all(shop.refs(number) == [ref] for number, ref in refs), 30)
            assert engine.poll() is None
        finally:
            assert engine.stdin is not None
            engine.stdin.close()
            engine.wait(20)
            books.close()
    assert engine.returncode == 0
