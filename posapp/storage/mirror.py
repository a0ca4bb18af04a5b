"""The mirror: what the hub last told this till. Disposable: it can be dropped and pulled again.

A record is one JSON body of some kind (``order``, ...), whatever the kinds are: how it is found
comes from its own class (`posapp.domain.subjects`), so a new kind needs no new table. Only the
sync engine writes (`MirrorWriter`); everybody else opens `Mirror`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posapp.domain.errors import StorageFault
from posapp.domain.orders import Index
from posapp.domain.subjects import read_body
from posapp.domain.values import dataclass
from posapp.paths import FolderLock, sync_to_disk
from posapp.storage import files

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

SCHEMA = 1
"""Another number in the file means: rebuild. The mirror is never migrated."""

_SCHEMA = (
    """CREATE TABLE record (
        n INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        rev INTEGER NOT NULL,
        queue TEXT NOT NULL,
        since TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (kind, id)
    )""",
    "CREATE INDEX record_queue ON record(kind, queue, since, id) WHERE queue <> ''",
    "CREATE TABLE token (token TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (token, n)) WITHOUT ROWID",
    "CREATE INDEX token_n ON token(n)",
    "CREATE VIRTUAL TABLE words USING fts5(text, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2')",
    "INSERT INTO words(words, rank) VALUES ('secure-delete', 1)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version = {SCHEMA}",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change from the feed; ``body`` is None where the record is gone (a tombstone)."""

    kind: str
    id: str
    rev: int
    body: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Found:
    """A record as the mirror holds it; ``body`` is parsed JSON."""

    kind: str
    id: str
    body: Mapping[str, Any]


def path_in(folder: Path) -> Path:
    """The mirror in use: the highest number there is, or the first."""
    numbered = (p for p in folder.glob("mirror-*.db") if p.stem[7:].isdigit())
    return max(numbered, key=lambda p: int(p.stem[7:]), default=folder / "mirror-1.db")


def open_writer(folder: Path, key: bytes) -> MirrorWriter:
    """The mirror in use, for writing; made where there is none, replaced where it cannot be read.

    Window and sync may both come upon a missing mirror: one makes it, the other finds it.
    """
    with _making(folder):
        return MirrorWriter(path_in(folder), key)


def begin_anew(folder: Path, key: bytes) -> MirrorWriter:
    """An empty mirror beside the one in use, which goes on serving until `take_over` (ADR 27: without a log)."""
    path = folder / "mirror.new"
    for leftover in folder.glob(f"{path.name}*"):
        leftover.unlink(missing_ok=True)
    return MirrorWriter(path, key).without_log()


def take_over(fresh: MirrorWriter, folder: Path, key: bytes) -> MirrorWriter:
    """Put a mirror begun anew in the place of the one in use, under a name never used before.

    Under a used name it would meet the old write-ahead log. A reader keeps what it has open and
    finds the new one through `path_in`. Raises StorageFault("ledger-damaged") if it came out bad.
    """
    fresh.complete()
    with _making(folder), files.faults(fresh.path):
        place = folder / f"mirror-{int(path_in(folder).stem[7:]) + 1}.db"
        sync_to_disk(fresh.path)
        os.rename(fresh.path, place)
        sync_to_disk(folder)
    return MirrorWriter(place, key)


def sweep(folder: Path) -> None:
    """Delete the mirrors that are no longer in use, as far as the system lets go of them."""
    with _making(folder):
        used = path_in(folder)
        for old in folder.glob("mirror-*.db*"):
            if not old.name.startswith(used.name):
                with suppress(OSError):
                    old.unlink()


@contextmanager
def _making(folder: Path) -> Iterator[None]:
    """One process at a time decides which mirror is in use. Raises StorageFault("in-use")."""
    until = time.monotonic() + 10
    while True:
        try:
            lock = FolderLock(folder, "mirror").__enter__()
        except StorageFault as fault:
            if fault.reason != "in-use" or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            break
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


class Mirror:
    """Reading. Any thread; one lock guards the connection. Raises StorageFault on opening."""

    def __init__(self, path: Path, key: bytes, *, write: bool = False) -> None:
        if not path.exists() and not write:
            raise StorageFault("not-enrolled", file=str(path))
        self.path = path
        self._lock = threading.RLock()
        self._connection = files.connect(path, key, write=write)
        with files.faults(path):
            (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found != SCHEMA and not write:
            self._connection.close()
            raise StorageFault("key-wrong", file=str(path))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def get(self, kind: str, ident: str) -> Found | None:
        """The record itself."""
        with self._lock, files.faults(self.path):
            row = self._connection.execute(
                "SELECT kind, id, body FROM record WHERE kind = ? AND id = ?", (kind, ident)
            ).fetchone()
        return _found(row) if row else None

    def revisions(self, names: Iterable[str]) -> dict[str, int]:
        """The revisions of many records at once, by name (``order:W-1001``), of those there are."""
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT name.value, record.rev FROM json_each(?) AS name CROSS JOIN record "
                "ON record.kind = substr(name.value, 1, instr(name.value, ':') - 1) "
                "AND record.id = substr(name.value, instr(name.value, ':') + 1)",
                (json.dumps(list(names)),),
            ).fetchall()
        return dict(rows)

    def names(self) -> list[tuple[str, str, int]]:
        """Kind, id and revision of every record."""
        with self._lock, files.faults(self.path):
            return list(self._connection.execute("SELECT kind, id, rev FROM record"))

    def by_token(self, token: str) -> list[Found]:
        """Records that can be scanned by ``token``: an order number, a label, a code's hash."""
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT kind, id, body FROM token JOIN record USING (n) WHERE token = ? LIMIT 20",
                (token,),
            ).fetchall()
        return [_found(row) for row in rows]

    def queue(
        self, kind: str, queue: str, after: tuple[str, str] = ("", ""), limit: int = 100
    ) -> list[tuple[str, Found]]:
        """A slice of a queue, longest waiting first: (since, record). ``after`` is the last
        (since, id) of the slice before, ("", "") for the first."""
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT since, kind, id, body FROM record WHERE kind = ? AND queue = ? AND queue <> '' "
                "AND (since > ? OR (since = ? AND id > ?)) ORDER BY since, id LIMIT ?",
                (kind, queue, after[0], after[0], after[1], limit),
            ).fetchall()
        return [(row[0], _found(row[1:])) for row in rows]

    def queue_mark(self, kind: str, queue: str, limit: int = 100) -> tuple[tuple[str, int], ...]:
        """Name and revision of each record in the first slice of a queue."""
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT id, rev FROM record WHERE kind = ? AND queue = ? AND queue <> '' "
                "ORDER BY since, id LIMIT ?",
                (kind, queue, limit),
            ).fetchall()
        return tuple(rows)

    def count(self, kind: str, queue: str, most: int = 1000) -> int:
        """How many records wait in a queue, counted no further than ``most``."""
        with self._lock, files.faults(self.path):
            (count,) = self._connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM record WHERE kind = ? AND queue = ? "
                "AND queue <> '' LIMIT ?)",
                (kind, queue, most),
            ).fetchone()
        return int(count)

    def search(self, text: str, limit: int = 50) -> list[Found]:
        """Records whose words begin with each word of ``text``, newest first."""
        plain = "".join(c if c.isprintable() and c != '"' else " " for c in text)
        query = " ".join(f'"{word}"*' for word in plain.split())
        if not query:
            return []
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT kind, id, body FROM record WHERE n IN "
                "(SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?) "
                "ORDER BY n DESC",
                (query, limit),
            ).fetchall()
        return [_found(row) for row in rows]

    def meta(self, key: str) -> str:
        """A value kept with the mirror: cursor, generation, applied_through, heard_at; "" if none."""
        with self._lock, files.faults(self.path):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def version(self) -> int:
        """A number that is another one after every change by another connection."""
        with self._lock, files.faults(self.path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    @property
    def applied_through(self) -> int:
        """The last fact of this till whose effect the mirror contains."""
        return int(self.meta("applied_through") or 0)


class MirrorWriter(Mirror):
    """The one writing connection, in the sync process. Makes the file where there is none.

    A mirror that is damaged, of another schema or under another key is deleted and made anew: all
    of it can be pulled again.
    """

    _logged = True

    def __init__(self, path: Path, key: bytes) -> None:
        try:
            super().__init__(path, key, write=True)
            with files.faults(path):
                (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        except StorageFault as fault:
            if fault.reason not in ("ledger-damaged", "key-wrong"):
                raise
            found = -1
        if found == SCHEMA:
            return
        if found != 0:
            if hasattr(self, "_connection"):
                self._connection.close()
            path = self._next(path)
            super().__init__(path, key, write=True)
        os.chmod(path, 0o600)
        with files.writing(self._connection, path) as connection:
            for statement in _SCHEMA:
                connection.execute(statement)

    @staticmethod
    def _next(path: Path) -> Path:
        """A name never used before: a new file under the old name would meet the old log."""
        number = int(path.stem[7:])
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink(missing_ok=True)
        return path.with_name(f"mirror-{number + 1}.db")

    def apply(self, changes: Iterable[Change], **meta: str) -> list[str]:
        """Take one page: rows and cursor in one transaction. Returns the subjects that changed.

        A lower or equal revision is passed over, so a page that comes twice changes nothing.
        """
        changed = []
        with self._lock, files.writing(self._connection, self.path) as connection:
            for change in changes:
                if self._apply(connection, change):
                    changed.append(f"{change.kind}:{change.id}")
            connection.executemany(
                "INSERT INTO meta(key, value) VALUES (?,?) "
                "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                list(meta.items()),
            )
        return changed

    def _apply(self, connection: Connection, change: Change) -> bool:
        row = connection.execute(
            "SELECT n, rev FROM record WHERE kind = ? AND id = ?", (change.kind, change.id)
        ).fetchone()
        if row and row[1] >= change.rev:
            return False
        if change.body is None:
            if row:
                self._find_by(connection, row[0], Index())
                connection.execute("DELETE FROM record WHERE n = ?", (row[0],))
            return row is not None
        subject = read_body(change.kind, change.body)
        index = subject.index() if subject else None
        values = (
            change.rev,
            index.queue if index else "",
            index.since if index else "",
            json.dumps(change.body, ensure_ascii=False, separators=(",", ":")),
        )
        if row:
            n = row[0]
            connection.execute(
                "UPDATE record SET rev = ?, queue = ?, since = ?, body = ? WHERE n = ?", (*values, n)
            )
        else:
            n = connection.execute(
                "INSERT INTO record(kind, id, rev, queue, since, body) VALUES (?,?,?,?,?,?)",
                (change.kind, change.id, *values),
            ).lastrowid
        self._find_by(connection, n, index or Index())
        return True

    @staticmethod
    def _find_by(connection: Connection, n: int, index: Index) -> None:
        """Make a record found by its tokens and words, and by no others.

        What is as it was is left alone: most changes change neither, and among a million records to take
        words out of their index costs ten times the rest of a record.
        """
        have = {token for (token,) in connection.execute("SELECT token FROM token WHERE n = ?", (n,))}
        tokens = set(index.tokens)
        for statement, these in (
            ("DELETE FROM token WHERE token = ? AND n = ?", have - tokens),
            ("INSERT INTO token(token, n) VALUES (?,?)", tokens - have),
        ):
            connection.executemany(statement, [(token, n) for token in sorted(these)])
        found = connection.execute("SELECT text FROM words WHERE rowid = ?", (n,)).fetchone()
        words = found[0] if found else ""
        if words == index.words:
            return
        if words:
            connection.execute("DELETE FROM words WHERE rowid = ?", (n,))
        if index.words:
            connection.execute("INSERT INTO words(rowid, text) VALUES (?,?)", (n, index.words))

    def note(self, **meta: str) -> None:
        """Keep values beside the records: when the hub was last heard, and the like."""
        self.apply((), **meta)

    def without_log(self) -> MirrorWriter:
        """Itself, writing without a log until `complete`: nobody else has it open, and a crash throws it away."""
        with files.faults(self.path):
            files.keep_log(self._connection, False)
        self._logged = False
        return self

    def complete(self) -> None:
        """Close it. Raises StorageFault("ledger-damaged") where the file is not whole."""
        with self._lock, closing(self._connection), files.faults(self.path):
            (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise StorageFault("ledger-damaged", file=str(self.path))
            # The file itself says it from now on: a reader may be there before the next writer.
            files.keep_log(self._connection, True)

    def checkpoint(self) -> None:
        """Fold what can be folded of the log into the file, without waiting; sync a file that has none."""
        with self._lock, files.faults(self.path):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if not self._logged:
                # Little by little: a clerk's commit would wait behind all of it at once.
                sync_to_disk(self.path)


def _found(row: tuple[Any, ...]) -> Found:
    return Found(row[0], row[1], json.loads(row[2]))
