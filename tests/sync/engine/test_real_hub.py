"""The engine at the product's own hub: real processes, real database, real HTTP."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.__main__ import main
from posapp.domain.errors import StorageFault
from posapp.domain.facts import Answer, Fact, timestamp
from posapp.domain.known import Known
from posapp.domain.orders import HANDED_OVER, Order
from posapp.storage.books import Books
from posapp.storage.claims import FORGOTTEN
from posapp.storage.journal import REVOKED, verify
from posapp.storage.mirror import Change, open_writer
from sync.engine.enrol import enrol
from sync.hub import operator
from tests.storage.ledgers import deciding
from tests.sync.engine.processes import ROOT, engine, online
from tests.sync.engine.tills import append
from tests.waiting import until

PROGRAM = """
import sys
from sync.hub.service import serve
serve(sys.argv[1], port=int(sys.argv[2]), parent_pipe=True)
"""


@dataclass
class RealHub:
    """A hub's database and the process that serves it, which can be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> str:
        return str(operator.url_for(self.folder))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.database, str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, 30)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            self.process.wait(20)
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process = None


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealHub]:
    """A hub with the sample shop."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (tmp_path / "hub").mkdir()
    hub = RealHub(tmp_path / "hub", port)
    operator.prepare(hub.database, undo_seconds=0)
    hub.up()
    yield hub
    hub.kill()


@pytest.fixture
def store(real: RealHub) -> str:
    """The store with most that is ready."""
    ready = [one["number"] for one in operator.codes(real.database) if one["state"] == "ready"]
    counts: dict[str, int] = {}
    for one in operator.orders(real.database):
        if one["number"] in ready:
            counts[one["store"]] = counts.get(one["store"], 0) + 1
    return max(counts, key=lambda name: counts[name])


@pytest.fixture
def folder(tmp_path: Path, real: RealHub, store: str) -> Path:
    """A till of that store."""
    folder = tmp_path / "till"
    folder.mkdir()
    enrol(real.url, operator.enrol_code(real.database, store), folder, StoredKeys())
    return folder


@pytest.fixture
def books(folder: Path) -> Iterator[Books]:
    one = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
    yield one
    one.close()


def ready(books: Books) -> list[str]:
    return [known.id for known in books.queue("order", "ready")]


def at_least(books: Books, count: int) -> list[str]:
    """The numbers of orders that are ready, once there are so many."""
    until(lambda: len(ready(books)) >= count, 30)
    return ready(books)


def hand_over(books: Books, number: str) -> str:
    """All that lies here of an order, as the counter hands it over."""

    def decide(known: Known | None) -> Fact:
        assert known is not None
        assert isinstance(known.value, Order)
        return deciding(HANDED_OVER, f"order:{number}", {"lines": known.value.lines_here()})(known)

    entry, _ = books.commit("order", number, decide)
    return str(entry.fact.id)


def in_shop(real: RealHub) -> dict[str, int]:
    """How often the shop has each of our hand-overs."""
    refs: dict[str, int] = {}
    for one in operator.orders(real.database):
        for done in one["hand_overs"]:
            refs[done["ref"]] = refs.get(done["ref"], 0) + 1
    return refs


def test_a_hand_over_goes_all_the_way_to_the_shop(folder: Path, books: Books, real: RealHub) -> None:
    with engine(folder) as process:
        number = at_least(books, 1)[0]
        ref = hand_over(books, number)
        process.tell({"wake": True})
        process.wait_for(lambda m: m.get("answered") == [1])
        found = books.journal.fact(ref)
        assert found is not None
        assert found.answer is Answer.ACCEPTED
        until(lambda: in_shop(real).get(ref) == 1, 20)
        process.tell({"look_up": number, "ask": 1})
        assert process.found(1)["outcome"] == "record"
        process.tell({"look_up": "W-0000000", "ask": 2})
        assert process.found(2)["outcome"] == "unknown"
        process.close_input()
        assert process.ended() == 0


def test_a_mirror_that_lost_an_order_is_mended(folder: Path, books: Books) -> None:
    with engine(folder) as process:
        wanted = at_least(books, 2)
        process.close_input()
        assert process.ended() == 0
    mirror = open_writer(folder, StoredKeys().load(folder))
    mirror.apply([Change("order", wanted[0], 1 << 40, None)])
    mirror.close()
    assert ready(books) == wanted[1:]
    with engine(folder) as process:
        process.wait_for(lambda said: said.get("mirror") == "new")
        books.reopen_mirror()
        assert ready(books) == wanted


def test_a_restored_lead_grants_again_once_the_hub_has_raised_the_epoch(folder: Path, books: Books) -> None:
    with engine(folder) as process:
        process.wait_for(online)
        until(lambda: books.claims.lease() is not None)
    before = books.claims.lease()
    assert before is not None
    books.journal.set_meta(**{FORGOTTEN: "1"})
    with engine(folder) as process:
        process.wait_for(online)
        until(lambda: not books.claims.forgotten())
    after = books.claims.lease()
    assert after is not None
    assert (after.till, after.epoch) == (before.till, before.epoch + 1)
    assert books.claims.leads(datetime.now(UTC))


def test_another_stores_order_is_named_and_not_shown(
    folder: Path, books: Books, real: RealHub, store: str
) -> None:
    other = next(one["number"] for one in operator.orders(real.database) if one["store"] != store)
    with engine(folder) as process:
        process.wait_for(online)
        process.tell({"look_up": other, "ask": 1})
        found = process.found(1)
        assert found["outcome"] == "elsewhere"
        assert found["elsewhere"]["store"] != store
        assert set(found) == {"ask", "code", "outcome", "elsewhere"}


@pytest.mark.proof
def test_killed_on_both_sides_everything_arrives_once(folder: Path, books: Books, real: RealHub) -> None:
    dice = random.Random(11)
    pause = threading.Event()
    refs: list[str] = []
    with engine(folder):
        at_least(books, 4)
    for cycle in range(4):
        with engine(folder) as process:
            number = ready(books)[0]
            refs.append(hand_over(books, number))
            for _ in range(20):
                append(books.journal, number)
            process.tell({"wake": True})
            pause.wait(dice.uniform(0.2, 0.8))
            if cycle % 2:
                real.kill()
                real.up()
            process.child.kill()
    with engine(folder):
        until(lambda: books.journal.waiting()[0] == 0, 60)
        until(lambda: set(refs) <= set(in_shop(real)), 30)
    shop = in_shop(real)
    assert [shop[ref] for ref in refs] == [1] * len(refs)
    # Each of the twenty wants what has left already: rejected, then parked behind it; none is lost.
    standing = [entry.answer for entry in books.journal.every()]
    assert standing.count(Answer.ACCEPTED) == len(refs)
    assert len(books.journal.cases()) == len(standing) - len(refs)
    assert verify(books.journal) == (len(standing), "")


def test_a_hub_from_last_nights_backup_gets_back_what_it_lost(
    folder: Path, books: Books, real: RealHub, tmp_path: Path
) -> None:
    with engine(folder) as process:
        numbers = at_least(books, 3)
        first = hand_over(books, numbers[0])
        process.tell({"wake": True})
        until(lambda: books.journal.waiting()[0] == 0, 20)
        until(lambda: first in in_shop(real), 20)
        real.kill()
        for file in real.folder.iterdir():
            if file.is_file():
                shutil.copy2(file, tmp_path / file.name)
        real.up()
        second = hand_over(books, numbers[1])
        process.tell({"wake": True})
        until(lambda: books.journal.waiting()[0] == 0, 70)
        real.kill()
        for file in real.folder.iterdir():
            if file.is_file():
                file.unlink()
        for file in tmp_path.glob(f"{paths.HUB}*"):
            shutil.copy2(file, real.folder / file.name)
        operator.restored(real.database)
        real.up()
        process.wait_for(lambda m: m.get("mirror") == "new", 90)
        books.reopen_mirror()
        until(lambda: second in in_shop(real), 60)
        assert numbers[1] not in ready(books)
        third = hand_over(books, numbers[2])
        process.tell({"wake": True})
        until(lambda: third in in_shop(real), 60)
    shop = in_shop(real)
    assert [shop[ref] for ref in (first, second, third)] == [1, 1, 1]
    assert books.journal.cases() == []


def test_a_cloned_till_is_frozen_and_sells_on(
    folder: Path, books: Books, real: RealHub, tmp_path: Path
) -> None:
    with engine(folder) as process:
        numbers = at_least(books, 3)
        process.close_input()
        assert process.ended() == 0
    books.journal.checkpoint()
    clone = tmp_path / "clone"
    shutil.copytree(folder, clone)
    with engine(folder):
        hand_over(books, numbers[0])
        until(lambda: books.journal.waiting()[0] == 0, 20)
    twin = Books(clone, clone / paths.LEDGER, StoredKeys().load(clone))
    try:
        ref = hand_over(twin, numbers[1])
        with engine(clone) as process:
            line = process.wait_for(lambda m: m.get("line", {}).get("reason") == "till-forked")["line"]
            assert line["online"]
            assert twin.journal.waiting()[0] == 1
            known = twin.know("order", numbers[1])
            assert known is not None
            assert known.value.index().queue == ""
        # The operator decides that the clone is the till: it is enrolled again and sends all it has.
        till = twin.till
        code = operator.enrol_code(real.database, twin.store, again=till)
        twin.close()
        enrol(real.url, code, clone, StoredKeys(), again=True)
        twin = Books(clone, clone / paths.LEDGER, StoredKeys().load(clone))
        with engine(clone):
            until(lambda: twin.journal.waiting()[0] == 0, 20)
            until(lambda: in_shop(real).get(ref) == 1, 20)
    finally:
        twin.close()


def test_a_till_whose_token_the_hub_does_not_know_says_so(folder: Path, books: Books, real: RealHub) -> None:
    books.journal.set_meta(token="another")
    with engine(folder) as process:
        process.wait_for(lambda m: m.get("line", {}).get("reason") == "till-refused")
        assert process.child.poll() is None


def test_a_revoked_till_sends_what_it_has_and_wipes_itself(
    folder: Path, books: Books, real: RealHub, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine(folder):
        numbers = at_least(books, 2)
        until(lambda: books.journal.waiting()[0] == 0)
    real.kill()
    refs = [hand_over(books, number) for number in numbers[:2]]
    (folder / "papers").mkdir()
    (folder / "papers" / "ticket.pdf").write_text("Jörg Weiß")
    real.up()
    operator.revoke(real.database, books.till)
    with engine(folder) as process:
        process.wait_for(lambda m: m.get("fatal") == "till-wiped")
        assert process.ended() == 1
    assert {ref: in_shop(real).get(ref, 0) for ref in refs}.keys() == set(refs)
    until(lambda: all(in_shop(real).get(ref) == 1 for ref in refs), 20)
    with pytest.raises(StorageFault, match="till-revoked"):
        hand_over(books, numbers[0])
    assert sorted(path.name for path in folder.glob("mirror*.db*")) == []
    assert not (folder / "papers").exists()
    assert not (folder / paths.KEY).exists()
    assert (folder / paths.LEDGER).exists(), "its journal stays, and nobody can read it"
    with pytest.raises(StorageFault, match="till-wiped"):
        StoredKeys().load(folder)
    assert main(["verify", "--data", str(folder)]) == 1
    assert "was revoked" in capsys.readouterr().err


def test_a_revoked_till_keeps_what_the_hub_never_got(folder: Path, books: Books, real: RealHub) -> None:
    with engine(folder):
        number = at_least(books, 1)[0]
        hand_over(books, number)
        until(lambda: books.journal.waiting()[0] == 0)
    body = {"reason": "withheld", "detail": {}}
    books.journal.settle([(books.journal.head()[0], Answer.PARKED, body)], timestamp(datetime.now(UTC)))
    operator.revoke(real.database, books.till)
    with engine(folder) as process:
        until(lambda: books.journal.meta(REVOKED))
        process.wait_for(lambda m: m.get("line", {}).get("reason") == "till-revoked")
        assert process.child.poll() is None
    assert StoredKeys().load(folder)
    with pytest.raises(StorageFault, match="till-revoked"):
        hand_over(books, number)
    again = operator.enrol_code(real.database, books.store, again=books.till)
    enrol(real.url, again, folder, StoredKeys(), again=True)
    other = next(one for one in ready(books) if one != number)
    hand_over(books, other)
