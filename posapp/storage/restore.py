"""The way back from a damaged ledger: the newest verified copy, and what the chain proves beyond it.

A copy is up to an hour old. What was done since is looked for in two places: in the damaged file, as
far as it can be read, and at the hub. Each fact carries the hash of the one before, so whatever
continues the copy's chain to the byte is what was written then; nothing else is taken, and nothing
that cannot be proven is guessed. The damaged file is set aside and never written to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posapp import paths
from posapp.domain.errors import PosappError, StorageFault
from posapp.domain.facts import Entry
from posapp.domain.values import dataclass
from posapp.storage import copies, files, rows
from posapp.storage.claims import FORGOTTEN
from posapp.storage.journal import Journal
from posapp.storage.mirror import open_writer

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

FRESH = "restored.db"
SCRATCH = "salvage"
MISSES = 500
"""So many facts in a row that cannot be read end the search in a damaged file."""
_PARTS = ("", "-wal")
_CUSTODY = {"claim": 5, "heard": 2, "granted": 3}
"""Tables beside the facts that must not go back in time, with their columns: a lead till that forgot
what it granted would grant it twice."""
_COPIES = {"copy": 6, "copy_held": 4}
"""What is kept for neighbours, both or none: what the one says is held must be in the other."""

Fetch = Callable[[Journal], Iterable[Entry]]
"""The facts after this journal's last one, as the hub has them. Raises PosappError."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a till was restored to: ``facts`` in all, ``copied`` of them from the copy, ``saved`` read
    out of the damaged file, ``fetched`` from the hub (None: it could not be asked)."""

    facts: int
    copied: int
    saved: int
    fetched: int | None
    aside: Path


def restore(folder: Path, key: bytes, fetch: Fetch) -> Restored:
    """Put the newest verified copy in the place of a damaged ledger; nobody else may use the folder.

    Cut anywhere, it can be run again. Raises StorageFault: ledger-well (there is nothing to mend),
    no-copy, disk-full, room-short; then everything is as it was.
    """
    shutil.rmtree(folder / SCRATCH, ignore_errors=True)
    _remove(folder / FRESH)
    try:
        with _scratch(folder) as damaged:
            if damaged is not None and _well(damaged, key):
                raise StorageFault("ledger-well", file=str(folder / paths.LEDGER))
            copies.copy_to(copies.newest_good(folder, key), key, folder / FRESH)
            restored = _continued(folder / FRESH, key, damaged, fetch)
    except OSError as error:
        raise StorageFault("disk-failed", file=str(folder), why=error.strerror or "") from error
    # A copy from before an update was migrated on the way.
    (folder / FRESH).with_suffix(".before-upgrade").unlink(missing_ok=True)
    copies.check(folder / FRESH, key)
    paths.sync_to_disk(folder / FRESH)
    copied, saved, fetched = restored
    facts = copied + saved + (fetched or 0)
    _lower_mirror(folder, key, facts)
    aside = _set_aside(folder)
    os.rename(folder / FRESH, folder / paths.LEDGER)
    paths.sync_to_disk(folder)
    return Restored(facts, copied, saved, fetched, aside)


def _well(path: Path, key: bytes) -> bool:
    try:
        copies.check(path, key)
    except StorageFault:
        return False
    return True


@contextmanager
def _scratch(folder: Path) -> Iterator[Path | None]:
    """The damaged ledger with its log, copied byte by byte: to open a file is to change it."""
    main = folder / paths.LEDGER
    if not main.exists():
        # An earlier run was cut after it had set the ledger aside.
        found = sorted(folder.glob("ledger.damaged-*.db"))
        if not found:
            yield None
            return
        main = found[-1]
    place = folder / SCRATCH
    place.mkdir(mode=0o700)
    try:
        for part in _PARTS:
            for name in (f"{main.name}{part}", f"{paths.LEDGER}{part}"):
                if (folder / name).exists():
                    shutil.copyfile(folder / name, place / f"{paths.LEDGER}{part}")
                    break
        yield place / paths.LEDGER
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _continued(path: Path, key: bytes, damaged: Path | None, fetch: Fetch) -> tuple[int, int, int | None]:
    """Continue the copy's chain: how many facts it had, were saved, were fetched."""
    journal = Journal(path, key, write=True)
    try:
        copied, _ = journal.head()
        kept = _Remains(damaged, key, copied) if damaged is not None else None
        saved = kept.give(journal) if kept else 0
        fetched: int | None
        try:
            known = list(fetch(journal))
        except StorageFault:
            raise
        except PosappError:
            fetched = None
        else:
            fetched = journal.take_back(known)
        # What the hub has may bridge the gap to what can be read behind it.
        saved += kept.give(journal) if kept else 0
        if kept is None or kept.custody is None:
            journal.set_meta(**{FORGOTTEN: "1"})
    finally:
        journal.close()
    if kept:
        kept.lay_beside(path)
    return copied, saved, fetched


class _Remains:
    """What can be read of a damaged ledger behind fact ``after``."""

    def __init__(self, path: Path, key: bytes, after: int) -> None:
        self._path = path
        self._key = key
        self._entries = {entry.seq: entry for entry in self._read(after)}
        self._tokens = self._rows("SELECT token, subject FROM token") or []
        self._meta = self._rows("SELECT key, value FROM meta")
        found = {table: self._rows(f"SELECT * FROM {table}") for table in _CUSTODY}
        whole = self._meta is not None and None not in found.values()
        kept = {table: self._rows(f"SELECT * FROM {table}") for table in _COPIES}
        # Of a ledger from before there were copies, or where they cannot be read: those of the copy stay.
        self._copies = (
            {table: rows or [] for table, rows in kept.items()} if None not in kept.values() else {}
        )
        self.custody = {table: rows or [] for table, rows in found.items()} if whole else None
        """Custody as it was last; None where not all of it can be read."""

    def give(self, journal: Journal) -> int:
        """Append what continues the journal's chain, and keep what the till knew of itself."""
        head, _ = journal.head()
        taken = journal.take_back(self._behind(head), self._tokens)
        if self._meta:
            journal.set_meta(**dict(self._meta))
        return taken

    def lay_beside(self, path: Path) -> None:
        """Put custody and neighbours' copies as they were last into the ledger at ``path``, where they
        can be read."""
        beside = (self.custody or {}) | self._copies
        if not beside:
            return
        connection = files.connect(path, self._key, write=True, durable=True)
        try:
            with files.writing(connection, path):
                for table, found in beside.items():
                    marks = ",".join("?" * (_CUSTODY | _COPIES)[table])
                    connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", found)
        finally:
            connection.close()

    def _behind(self, seq: int) -> Iterator[Entry]:
        while (entry := self._entries.get(seq := seq + 1)) is not None:
            yield entry

    def _read(self, seq: int) -> Iterator[Entry]:
        misses = 0
        while misses < MISSES:
            # After one page that does not decrypt, a connection reads none any more.
            try:
                connection = files.connect(self._path, self._key)
            except StorageFault:
                return
            try:
                for entry in self._slice(connection, seq):
                    yield entry
                    misses, seq = 0, entry.seq
                return
            except (StorageFault, TypeError, ValueError, KeyError):
                misses, seq = misses + 1, seq + 1
            finally:
                connection.close()

    def _slice(self, connection: Connection, seq: int) -> Iterator[Entry]:
        """Facts one by one, up to the first that cannot be read. The schema may be an older one."""
        query = f"SELECT {rows.COLUMNS} FROM fact WHERE seq > ? ORDER BY seq LIMIT 1"
        while True:
            with files.faults(self._path):
                found = connection.execute(query, (seq,)).fetchone()
            if found is None:
                return
            entry = rows.entry(found)
            yield entry
            seq = entry.seq

    def _rows(self, query: str) -> list[tuple[Any, ...]] | None:
        """All rows, or None where they cannot be read."""
        try:
            connection = files.connect(self._path, self._key)
        except StorageFault:
            return None
        try:
            with files.faults(self._path):
                return [tuple(row) for row in connection.execute(query)]
        except StorageFault:
            return None
        finally:
            connection.close()


def _set_aside(folder: Path) -> Path:
    """Give the damaged ledger and its log another name, one that nothing had before.

    The log goes last but before another ledger takes the place: a log beside a file that is not its
    own would be read as part of it.
    """
    ledger = folder / paths.LEDGER
    log = ledger.with_name(f"{ledger.name}-wal")
    found = sorted(folder.glob("ledger.damaged-*.db"))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"ledger.damaged-{stamp}{more}.db" for more in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(folder / name for name in names if not any(folder.glob(f"{name}*")))
    if ledger.exists():
        os.rename(ledger, aside)
        paths.sync_to_disk(folder)
    elif found and not (log.exists() and found[-1].with_name(f"{found[-1].name}-wal").exists()):
        aside = found[-1]
    if log.exists():
        os.rename(log, aside.with_name(f"{aside.name}-wal"))
        paths.sync_to_disk(folder)
    ledger.with_name(f"{ledger.name}-shm").unlink(missing_ok=True)
    return aside


def _lower_mirror(folder: Path, key: bytes, facts: int) -> None:
    """Let the mirror claim no fact that the ledger has not: a new one under its number must show."""
    mirror = open_writer(folder, key)
    try:
        if mirror.applied_through > facts:
            mirror.note(applied_through=str(facts))
    finally:
        mirror.close()


def _remove(path: Path) -> None:
    for part in (*_PARTS, "-shm"):
        path.with_name(f"{path.name}{part}").unlink(missing_ok=True)
