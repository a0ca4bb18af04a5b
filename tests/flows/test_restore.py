"""A damaged journal, from the sentence to the next hand-over: real hub, real processes, real files."""

import subprocess
import sys
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.storage import copies
from posapp.storage.books import Books
from posapp.storage.journal import Journal
from sync.hub import operator
from tests.crash.service import set_hub
from tests.kit.shop import STORE, environment, open_shop
from tests.storage.ledgers import deciding
from tests.sync.engine.processes import engine
from tests.waiting import until


def posapp(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "posapp", *arguments],
        env=environment() | {"POSAPP_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def hand_over(books: Books, number: str) -> str:
    lines = next(known.value.lines_here() for known in books.queue("order", "ready") if known.id == number)  # type: ignore[attr-defined]
    entry, _ = books.commit("order", number, deciding("HandedOver", f"order:{number}", {"lines": lines}))
    return str(entry.fact.id)


def open_books(folder: Path) -> Books:
    return Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))


def answered(books: Books, count: int) -> None:
    until(lambda: [e.answer for e in books.journal.every()].count(Answer.ACCEPTED) == count, 30)


@pytest.mark.proof
def test_a_damaged_journal_gets_back_what_the_hub_has_and_goes_on(tmp_path: Path) -> None:
    with open_shop(tmp_path / "hub") as shop:
        folder = shop.enrol(tmp_path / "till")
        books = open_books(folder)
        with engine(folder):
            until(lambda: len(books.queue("order", "ready")) >= 4, 30)
            numbers = [known.id for known in books.queue("order", "ready")]
            refs = [hand_over(books, numbers[0])]
            answered(books, 1)
            copies.make(folder, StoredKeys().load(folder))
            refs += [hand_over(books, number) for number in numbers[1:3]]
            answered(books, 3)
        books.close()
        ledger = folder / paths.LEDGER
        damaged = bytes(4096) + ledger.read_bytes()[4096:]
        ledger.write_bytes(damaged)

        check = posapp("verify", "--data", str(folder))
        assert check.returncode == 1
        assert "posapp till restore" in check.stderr
        done = posapp("till", "restore", "--data", str(folder))
        assert done.returncode == 0, done.stderr
        assert (
            "3 facts again: 1 from the newest copy, 0 read out of the damaged file, 2 from the hub"
            in done.stdout
        )
        (kept,) = folder.glob("ledger.damaged-*.db")
        assert kept.read_bytes() == damaged
        assert str(kept) in done.stdout
        assert posapp("verify", "--data", str(folder)).returncode == 0
        again = posapp("till", "restore", "--data", str(folder))
        assert (again.returncode, "nothing to restore" in again.stderr) == (1, True)

        books = open_books(folder)
        assert [entry.fact.id for entry in books.journal.every()] == refs
        assert numbers[1] not in [known.id for known in books.queue("order", "ready")]
        with engine(folder):
            hand_over(books, numbers[3])
            answered(books, 4)
        books.close()


def test_a_folder_with_copies_is_not_enrolled_over_its_past(tmp_path: Path) -> None:
    with open_shop(tmp_path / "hub") as shop:
        folder = shop.enrol(tmp_path / "till")
        copies.make(folder, StoredKeys().load(folder))
        (folder / paths.LEDGER).unlink()
        done = posapp("till", "enrol", "--data", str(folder), "--hub", shop.hub.url, "--code", "x")
        assert done.returncode == 1
        assert "posapp till restore" in done.stderr
        assert posapp("till", "restore", "--data", str(folder)).returncode == 0
        assert posapp("verify", "--data", str(folder)).returncode == 0


@pytest.mark.proof
def test_restored_without_the_hub_a_till_is_told_so_and_enrolled_again(tmp_path: Path) -> None:
    """What the copy had not and the hub had is in the hub's records; what was done since is sent."""
    with open_shop(tmp_path / "hub") as shop:
        folder = shop.enrol(tmp_path / "till")
        key = StoredKeys().load(folder)
        books = open_books(folder)
        with engine(folder):
            until(lambda: len(books.queue("order", "ready")) >= 4, 30)
            numbers = [known.id for known in books.queue("order", "ready")]
            copies.make(folder, key)
            lost = [hand_over(books, number) for number in numbers[:2]]
            answered(books, 2)
        books.close()
        shop.hub.stop()
        ledger = folder / paths.LEDGER
        ledger.write_bytes(bytes(4096) + ledger.read_bytes()[4096:])
        done = posapp("till", "restore", "--data", str(folder))
        assert done.returncode == 0, done.stderr
        assert "0 facts again" in done.stdout
        assert "enrol --again" in done.stdout
        books = open_books(folder)
        kept = hand_over(books, numbers[2])
        books.close()
        shop.hub.start()
        set_hub(folder, shop.hub.url)
        with engine(folder) as process:
            process.wait_for(lambda said: said.get("line", {}).get("reason") == "till-forked")
        till = Journal(folder / paths.LEDGER, key).meta("till")
        code = operator.enrol_code(shop.url, STORE, again=till)
        again = posapp(
            "till", "enrol", "--again", "--data", str(folder), "--hub", shop.hub.url, "--code", code
        )
        assert again.returncode == 0, again.stderr
        books = open_books(folder)
        with engine(folder):
            answered(books, 1)
        for number, ref in zip(numbers[:3], [*lost, kept], strict=True):
            until(lambda number=number, ref=ref: shop.refs(number) == [ref], 30)  # type: ignore[misc]
        books.close()
