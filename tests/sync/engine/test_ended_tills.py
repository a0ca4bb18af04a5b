"""Tills that are cloned, revoked or unknown, at the product's own hub: real processes, real files."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from drivers.keys import StoredKeys
from posapp import paths
from posapp.__main__ import main
from posapp.domain.errors import StorageFault
from posapp.domain.facts import Answer, timestamp
from posapp.storage.books import Books
from posapp.storage.journal import REVOKED
from sync.engine.enrol import enrol
from sync.hub import operator
from sync.hub.database import Database
from sync.hub.tables import fact
from tests.sync.engine.processes import engine, online
from tests.sync.engine.realhub import RealHub, at_least, hand_over, in_shop, ready
from tests.waiting import until


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
    twin = Books(clone, clone / paths.LEDGER, StoredKeys().load(clone))

    def leads(one: Books) -> bool:
        return one.claims.leads(datetime.now(UTC))

    try:
        # It does nothing itself, and knows all the same as soon as the other one does something.
        with engine(clone) as idle:
            idle.wait_for(online)
            assert leads(twin)
            with engine(folder) as process:
                hand_over(books, numbers[0])
                process.tell({"wake": True})
                until(lambda: books.journal.waiting()[0] == 0, 20)
            idle.wait_for(lambda m: m.get("line", {}).get("reason") == "till-forked")
        assert (leads(books), leads(twin)) == (True, False)
        ref = hand_over(twin, numbers[1])
        with engine(clone) as process:
            process.tell({"claim": numbers[2], "known": []})
            process.wait_for(lambda m: m.get("claim", {}).get("state") == "silent")
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
        assert leads(twin)
        with engine(clone):
            until(lambda: twin.journal.waiting()[0] == 0, 20)
            until(lambda: in_shop(real).get(ref) == 1, 20)
    finally:
        twin.close()


def test_a_clone_of_a_revoked_till_leaves_nothing_behind(
    folder: Path, books: Books, real: RealHub, tmp_path: Path
) -> None:
    """What was done at it is at the hub, each to be settled by a person, and nobody can read what it has."""
    with engine(folder) as process:
        numbers = at_least(books, 3)
        process.wait_for(lambda said: "custody" in said)
        process.close_input()
        assert process.ended() == 0
    books.journal.checkpoint()
    clone = tmp_path / "clone"
    shutil.copytree(folder, clone)
    twin = Books(clone, clone / paths.LEDGER, StoredKeys().load(clone))
    refs = [hand_over(twin, number) for number in numbers[:2]]
    twin.close()
    with engine(folder):
        refs.append(hand_over(books, numbers[1]))
        refs.append(hand_over(books, numbers[2]))
        until(lambda: books.journal.waiting()[0] == 0, 20)
    operator.revoke(real.database, books.till)
    with engine(clone) as process:
        process.wait_for(lambda said: said.get("fatal") == "till-wiped")
        assert process.ended() == 1
    with pytest.raises(StorageFault, match="till-wiped"):
        StoredKeys().load(clone)
    assert not list(clone.glob("mirror*.db*"))
    with Database(real.database).read() as connection:
        answers = {row.id: row.answer for row in connection.execute(select(fact.c.id, fact.c.answer))}
    assert [answers[ref] for ref in refs] == ["accepted", "rejected", "accepted", "accepted"]


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
