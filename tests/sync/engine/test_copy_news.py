"""A copy of a till is told that it is one, also where the hub has news for the till it was copied from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp.domain.tickets import TICKET_MOVED, TICKET_OPENED
from sync.engine.client import Trouble
from sync.engine.enrol import enrol
from sync.hub import tills
from tests.crash.worlds import copy
from tests.sync.machine_parts import STORE, Shop, Till, open_shop

INTAKE = {"store": STORE, "job": "repair", "customer": "Ada", "object": "Watch", "bag": "T1"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(f"sqlite:///{tmp_path / 'hub.db'}", orders=10) as one:
        yield one


@pytest.fixture
def copied(tmp_path: Path, shop: Shop) -> Iterator[Till]:
    """Of a till that went on: the hub has news of a fact of its that the copy never had."""
    folder = tmp_path / "till"
    folder.mkdir()
    code = tills.offer(shop.served.database, STORE, shop.served.clock())
    enrol(shop.served.url, code, folder, StoredKeys())
    till = Till(folder, shop.served.url, StoredKeys().load(folder))
    till.start()
    one = Till(copy(folder, tmp_path / "copy"), till.url, till.key)
    till.write(TICKET_MOVED, "ticket:T1", {"to": "ready"})  # rejected: there is no such ticket
    till.write(TICKET_OPENED, "ticket:T1", INTAKE)  # parked behind it
    send(till)
    till.settle(till.journal.cases()[0][0])  # the parked one is taken now: news of fact 2
    send(till)
    till.stop()
    yield one
    one.stop()


def send(till: Till) -> None:
    while till.push.step():
        pass


def test_a_copy_is_told_so_where_there_is_news(copied: Till) -> None:
    copied.start()
    with pytest.raises(Trouble, match="till-forked"):
        copied.push.step()


def test_enrolled_again_a_copy_sends_what_it_has_where_there_is_news(copied: Till, shop: Shop) -> None:
    copied.start()
    name = copied.journal.meta("till")
    copied.stop()
    again = tills.offer(shop.served.database, STORE, shop.served.clock(), name)
    enrol(copied.url, again, copied.folder, StoredKeys(), again=True)
    copied.start()
    copied.write(TICKET_OPENED, "ticket:T2", INTAKE)
    send(copied)
    assert copied.journal.waiting()[0] == 0
