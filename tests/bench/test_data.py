"""The bench's data is what the till itself would have written."""

from pathlib import Path
from typing import Any

import pytest

from bench import data, orders
from posapp import paths
from posapp.domain import codes
from posapp.domain.orders import Order
from posapp.storage import files, mirror
from posapp.storage.books import Books

COUNT = 120


def tables(path: Path) -> dict[str, list[Any]]:
    connection = files.connect(path, data.KEY)
    try:
        return {
            "record": connection.execute("SELECT * FROM record WHERE kind = 'order' ORDER BY id").fetchall(),
            "token": connection.execute("SELECT * FROM token ORDER BY token, n").fetchall(),
            "words": connection.execute("SELECT rowid, text FROM words ORDER BY rowid").fetchall(),
            "schema": connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall(),
        }
    finally:
        connection.close()


def test_rows_are_those_of_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, fed = tmp_path / "built", tmp_path / "fed"
    for folder in (built, fed):
        folder.mkdir()
    monkeypatch.setattr(orders, "OPEN", 40)
    monkeypatch.setattr("multiprocessing.get_context", lambda _: InThisProcess)
    data.build(built, COUNT)
    writer = mirror.open_writer(fed, data.KEY)
    writer.apply([mirror.Change("store", orders.STORE, 1, data.STORE_CARD)])
    bodies = [orders.order(n, COUNT).to_body() for n in range(COUNT)]
    writer.apply(mirror.Change("order", body["number"], 1, body) for body in bodies)
    writer.close()
    assert tables(mirror.path_in(built)) == tables(mirror.path_in(fed))
    books = Books(built, built / paths.LEDGER, data.KEY)
    assert [known.id for known in books.by_token(orders.token(7))] == [orders.number(7)]
    assert books.count("order", "ready") > 20
    books.close()


class InThisProcess:
    """A pool without processes."""

    @staticmethod
    def Pool() -> "InThisProcess":
        return InThisProcess()

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        return

    imap = staticmethod(map)


@pytest.mark.parametrize("n", [0, 1, 999_999])
def test_codes_are_ours_and_bodies_read_back(n: int) -> None:
    assert codes.is_code(orders.code(n))
    order = orders.order(n, 1_000_000)
    assert Order.from_body(order.to_body()) == order
