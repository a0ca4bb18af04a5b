"""Hubs as programs of their own, on a database of either kind, and a defect in one where a test wants it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, select, text

from posapp.domain.orders import Order
from sync.hub.database import Database
from sync.hub.tables import record
from tests import postgres
from tests.kit.shop import environment

START_S = 120
STOP_S = 30
KINDS = ("sqlite", "postgresql")
_SERVE = "import sys; from posapp.__main__ import main; sys.exit(main())"
_names = count(1)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """An empty database's URL; gone after the block. A PostgreSQL server is started for it."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / f'hub-{next(_names)}.db'}"
        return
    with postgres.server() as server:
        name = f"hub_{next(_names)}"
        engine = create_engine(
            f"{server.replace('postgresql:', 'postgresql+psycopg:')}/postgres", isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        yield f"{server}/{name}"


@contextmanager
def serving(url: str, *, orders: int = 36, undo_s: int = 0, plant: str = "") -> Iterator[str]:
    """A hub's address, while its process serves. ``plant`` is a program that spoils something in it."""
    command = [sys.executable, "-c", f"{plant}\n{_SERVE}", "hub", "serve", "--attached", "--port", "0"]
    command += ["--database", url, "--orders", str(orders), "--undo", str(undo_s)]
    process = subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    patience = threading.Timer(START_S, process.kill)
    patience.start()
    try:
        said = process.stdout.readline()
        patience.cancel()
        if not said.startswith("posapp hub ready "):
            raise RuntimeError(f"the hub said {said!r}")
        yield said.split()[-1]
    finally:
        patience.cancel()
        process.stdin.close()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def ready_orders(url: str, store: str, many: int) -> dict[str, dict[str, int]]:
    """Orders of a store that may be handed over, with their lines."""
    database = Database(url)
    found: dict[str, dict[str, int]] = {}
    query = select(record.c.body).where(
        record.c.kind == "order", record.c.store == store, record.c.body.is_not(None)
    )
    with database.read() as connection:
        for body in connection.execute(query).scalars():
            order = Order.from_body(json.loads(body))
            if order.queue() == "ready" and order.paid.value == "paid" and len(found) < many:
                found[order.number] = order.lines_here()
    database.close()
    return found
