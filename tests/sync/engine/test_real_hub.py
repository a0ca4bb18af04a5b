"""The engine at the product's own hub: real processes, real database, real HTTP."""

import random
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.storage.books import Books
from posapp.storage.claims import FORGOTTEN
from posapp.storage.journal import verify
from posapp.storage.mirror import Change, open_writer
from sync.engine.enrol import enrol
from sync.hub import operator
from tests.sync.engine.processes import engine, online
from tests.sync.engine.realhub import RealHub, at_least, hand_over, in_shop, ready
from tests.sync.engine.tills import append
from tests.waiting import until


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


def test_a_till_that_is_made_the_lead_leads_at_once(
    folder: Path, books: Books, real: RealHub, store: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    enrol(real.url, operator.enrol_code(real.database, store), other, StoredKeys())
    second = Books(other, other / paths.LEDGER, StoredKeys().load(other))
    try:
        with engine(folder), engine(other):
            until(lambda: books.claims.leads(datetime.now(UTC)) and second.claims.lease() is not None)
            assert operator.lead(real.database, second.till) == 2
            until(lambda: second.claims.leads(datetime.now(UTC)))
            until(lambda: not books.claims.leads(datetime.now(UTC)))
            # Its store is left to nobody either where it is revoked.
            operator.revoke(real.database, second.till)
            until(lambda: books.claims.leads(datetime.now(UTC)), 20)
    finally:
        second.close()


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
