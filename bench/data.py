"""The data folder of a till with many orders: built once, kept under ``build/bench``, copied for each run.

The mirror's file is made by the till's own `MirrorWriter`, the ledger by its own migrations. The rows
go in with the driver's ``executemany``, index by index in the order of each, since a million orders
through the feed would take half an hour; they are the rows that `MirrorWriter.apply` would write
(tests/bench/test_data.py compares the two).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import orders
from posapp import paths
from posapp.domain.custody import LEASE_S
from posapp.domain.facts import timestamp
from posapp.storage import files, journal, migrations, mirror
from posapp.storage.claims import Claims

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "bench"
KEY = sha256(b"the bench's files").digest()
TOKEN = "the-till-of-the-bench"
GENERATION = "bench"
SLICE = 10_000
STORE_CARD = {"code": orders.STORE, "name": "Uhren Bergmann", "undo_seconds": 60}

Row = tuple[int, str, int, str, str, str]
Rows = tuple[list[Row], list[tuple[str, int]], list[tuple[int, str]]]
"""Of one slice: records, tokens, words."""


def is_prepared(count: int) -> bool:
    """Whether the folder with so many orders lies there already."""
    return _folder(count).exists()


def _folder(count: int) -> Path:
    return CACHE / f"{count}-m{mirror.SCHEMA}-l{journal.SCHEMA}"


def prepared(count: int) -> Path:
    """The folder with so many orders, ready to be copied; built where there is none."""
    folder = _folder(count)
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="part-", dir=CACHE) as part:
            build(Path(part), count)
            try:
                os.rename(part, folder)
            except OSError:
                # Another run was faster.
                if not folder.exists():
                    raise
            else:
                Path(part).mkdir()
    return folder


@contextmanager
def copied(count: int) -> Iterator[Path]:
    """A copy of the folder with so many orders, for one run to write in; removed at the end."""
    source = prepared(count)
    with tempfile.TemporaryDirectory(prefix="run-", dir=CACHE) as name:
        folder = Path(name)
        shutil.copytree(source, folder, dirs_exist_ok=True)
        # A till's files lie on its disk: what the copying left to be written is no part of the measure.
        os.sync()
        yield folder


def enrol(folder: Path, url: str) -> None:
    """Let the till of a folder think that its hub is at ``url``."""
    ledger = journal.Journal(folder / paths.LEDGER, KEY, write=True)
    ledger.set_meta(hub=url)
    ledger.close()


def build(folder: Path, count: int) -> None:
    """Make the whole folder."""
    begun = time.monotonic()
    print(f"Building a till with {count:,} orders in {folder.parent.name}/, once ...", flush=True)
    key = folder / paths.KEY
    key.write_text(KEY.hex() + "\n", "ascii")
    key.chmod(0o600)
    _ledger(folder)
    _mirror(folder, count)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"  {size / 1e6:,.0f} MB in {time.monotonic() - begun:.0f} s", flush=True)


def _ledger(folder: Path) -> None:
    migrations.upgrade(folder / paths.LEDGER, KEY)
    ledger = journal.Journal(folder / paths.LEDGER, KEY, write=True)
    ledger.set_meta(
        till=f"{orders.STORE}-1",
        token=TOKEN,
        epoch="1",
        store=orders.STORE,
        store_key=orders.STORE_KEY.hex(),
        generation=GENERATION,
        hub="http://127.0.0.1:9",
    )
    Claims(ledger).keep_lease(f"{orders.STORE}-1", 1, LEASE_S, datetime.now(UTC), alone=True)
    ledger.close()


def _mirror(folder: Path, count: int) -> None:
    writer = mirror.open_writer(folder, KEY)
    writer.apply(
        [mirror.Change("store", orders.STORE, 1, STORE_CARD)],
        cursor=str(count),
        applied_through="0",
        generation=GENERATION,
        heard_at=timestamp(datetime.now(UTC)),
    )
    path = writer.path
    writer.close()
    connection = files.connect(path, KEY, write=True)
    # A file that is thrown away if the building is cut needs neither log nor sync.
    connection.execute("PRAGMA journal_mode = OFF").fetchall()
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    connection.execute("BEGIN IMMEDIATE")
    _fill(connection, count)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.close()


def _fill(connection: Connection, count: int) -> None:
    slices = [(first, min(first + SLICE, count)) for first in range(0, count, SLICE)]
    tokens: list[tuple[str, int]] = []
    index = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    indexes = connection.execute(index).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    with multiprocessing.get_context("spawn").Pool() as pool:
        for records, more, words in pool.imap(partial(rows, of=count), slices):
            connection.executemany(
                "INSERT INTO record(n, kind, id, rev, queue, since, body) VALUES (?,'order',?,?,?,?,?)",
                records,
            )
            connection.executemany("INSERT INTO words(rowid, text) VALUES (?,?)", words)
            tokens += more
    tokens.sort()
    connection.executemany("INSERT INTO token(token, n) VALUES (?,?)", tokens)
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("INSERT INTO words(words) VALUES ('optimize')")


def rows(span: tuple[int, int], of: int) -> Rows:
    """The rows of the orders from one number to before another."""
    records: list[Row] = []
    tokens: list[tuple[str, int]] = []
    words: list[tuple[int, str]] = []
    for n in range(*span):
        order = orders.order(n, of)
        index = order.index()
        # The store's card has the first place.
        at = n + 2
        records.append((at, order.number, 1, index.queue, index.since, dumped(order.to_body())))
        tokens += [(token, at) for token in index.tokens]
        words.append((at, index.words))
    return records, tokens, words


def dumped(body: dict[str, Any]) -> str:
    """A body as the mirror writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
