"""A till and a hub of different ages: each is told, and what was done at the till is sent all the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.facts import Answer
from posapp.storage.books import Books
from sync import wire
from sync.engine.client import Trouble
from sync.engine.enrol import enrol
from sync.hub import operator
from tests.faults import hubs
from tests.sync.engine.processes import watched
from tests.sync.engine.tills import append
from tests.waiting import until

TOMORROWS = "from sync import wire\nwire.OLDEST_TILL = 2\n"
DEMANDING = "from sync import wire\nwire.OLDEST_HUB = 2\n"


def reasons(told: list[Mapping[str, Any]]) -> list[str]:
    return [event["line"]["reason"] for event in told if "line" in event and event["line"]["online"]]


def sends(folder: Path, told: list[Mapping[str, Any]]) -> None:
    """What is done at the till is taken by the hub."""
    books = Books(folder, folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        fact = append(books.journal, "W-1")
        until(lambda: any(event.get("answered") == [1] for event in told), 30)
        found = books.journal.fact(fact.fact.id)
        assert found is not None
        assert found.answer is not Answer.WAITING
        assert not books.know("order", "W-1")
    finally:
        books.close()


def test_a_till_that_is_too_old_is_told_so_and_still_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    database = f"sqlite:///{tmp_path / 'hub.db'}"
    with hubs.serving(database, plant=TOMORROWS) as url:
        code = operator.enrol_code(database, "B01")
        with pytest.raises(Trouble, match="too-old"):
            enrol(url, code, folder, StoredKeys())
        with monkeypatch.context() as updated:
            updated.setattr(wire, "VERSION", 2)
            enrol(url, code, folder, StoredKeys())
        with watched(folder) as (_, told):
            until(lambda: "too-old" in reasons(told), 30)
            sends(folder, told)
            assert not [event for event in told if event.get("changed") == ["*"]], "nothing was pulled"


def test_a_hub_that_is_too_old_is_told_so_and_still_hears(tmp_path: Path) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    database = f"sqlite:///{tmp_path / 'hub.db'}"
    with hubs.serving(database) as url:
        enrol(url, operator.enrol_code(database, "B01"), folder, StoredKeys())
        with watched(folder, DEMANDING) as (_, told):
            until(lambda: "hub-too-old" in reasons(told), 30)
            sends(folder, told)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("", 1),
        ("1", 1),
        ("7", 7),
        (" 7 ; oldest=3", 7),
        ("0", 1),
        ("-1", 1),
        ("x", 1),
        ("9" * 40, 1),
        ("٣", 1),
    ],
)
def test_a_header_that_names_no_version_is_the_first(header: str, version: int) -> None:
    assert wire.spoken(header) == version
