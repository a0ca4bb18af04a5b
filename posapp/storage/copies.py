"""Verified copies of the ledger in ``copies/``, made while the till works, and kept three at a time.

A copy is encrypted under the same key. It counts once its pages, its structure and its chain were
read back and it lies on the disk under its own name; until then it is called ``ledger.<process>.new``. Names
are numbered and never used again: the order of copies depends on no clock. ``copies`` may be a link
to a folder on another disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import files, room
from posapp.storage.journal import SCHEMA, Journal, verify

FOLDER = "copies"
KEPT = 3
EVERY_S = 3600.0
_STEPS = 100
"""Steps of SQLite's machine between two looks whether to stop."""


def make(folder: Path, key: bytes, stop: Callable[[], bool] = lambda: False) -> Path:
    """A verified copy of the ledger as it is now; copies over `KEPT` go.

    Others may read and write meanwhile. Raises StorageFault, and leaves no half copy behind:
    ledger-damaged or chain-broken (the ledger, or what came of it, is not whole), room-short,
    disk-full, copy-stopped (``stop`` said so).
    """
    ledger = folder / paths.LEDGER
    place = folder / FOLDER
    if not place.exists():
        place.mkdir(mode=0o700)
        paths.sync_to_disk(folder)
    room.need(place, ledger.stat().st_size)
    # Numbered before anything is written, so that it is another one than of all that ever were here.
    number = max((_number(path) for path in _all(place)), default=0) + 1
    target = place / f"ledger-{number}.db"
    for leftover in place.glob("ledger.*.new*"):
        leftover.unlink(missing_ok=True)
    copy_to(ledger, key, target, stop)
    for old in _all(place)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def copy_to(source: Path, key: bytes, target: Path, stop: Callable[[], bool] = lambda: False) -> None:
    """A verified copy of one ledger under ``target``, which must not be there: whole or not at all.

    The chain is checked too, unless the ledger is of an older schema. Raises StorageFault as `make`.
    """
    # Two may be upgrading one ledger at the same moment.
    fresh = target.with_name(f"ledger.{os.getpid()}.new")
    _remove(fresh)
    try:
        # Made here, so that nobody else may read it for a moment; SQLite fills an empty file.
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = files.connect(source, key)
        try:
            # To copy counts as writing, though nothing is written to the source.
            connection.execute("PRAGMA query_only = OFF")
            connection.set_progress_handler(lambda: int(stop()), _STEPS)
            with files.faults(source):
                connection.execute("VACUUM INTO ?", (str(fresh),))
        except StorageFault as fault:
            raise (StorageFault("copy-stopped", file=str(source)) if stop() else fault) from None
        finally:
            connection.close()
        check(fresh, key)
        paths.sync_to_disk(fresh)
        os.rename(fresh, target)
        paths.sync_to_disk(target.parent)
    except OSError as error:
        raise StorageFault("disk-failed", file=str(target), why=error.strerror or "") from error
    finally:
        _remove(fresh)


def check(path: Path, key: bytes) -> int:
    """The number of facts in a copy that is whole. Raises StorageFault."""
    connection = files.connect(path, key)
    try:
        with files.faults(path):
            sealed = connection.execute("PRAGMA cipher_integrity_check").fetchall()
            found = connection.execute("PRAGMA quick_check(1)").fetchall()
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
            # One that was begun and cut has no schema yet.
            (count,) = connection.execute("SELECT count(*) FROM fact").fetchone() if schema else (0,)
    finally:
        connection.close()
    if sealed or found != [("ok",)]:
        raise StorageFault("ledger-damaged", file=str(path))
    if schema != SCHEMA:
        return int(count)
    journal = Journal(path, key)
    try:
        facts, fault = verify(journal)
    finally:
        journal.close()
    if fault:
        raise StorageFault("chain-broken", file=str(path), why=fault)
    return facts


def newest_good(folder: Path, key: bytes) -> Path:
    """The newest copy that is whole. Raises StorageFault("no-copy")."""
    for path in _all(folder / FOLDER):
        try:
            check(path, key)
        except StorageFault:
            continue
        return path
    raise StorageFault("no-copy", folder=str(folder / FOLDER))


def any_in(folder: Path) -> bool:
    """Whether there are copies of a ledger, good or not."""
    return bool(_all(folder / FOLDER))


def due(folder: Path, key: bytes, since: float | None) -> bool:
    """Whether it is time for a copy; ``since`` is when this process made its last one, monotonic.

    At the start of a process the newest copy's time of day decides; one from the future says nothing.
    What holds no new facts needs no new copy.
    """
    newest = next(iter(_all(folder / FOLDER)), None)
    if since is not None:
        age = time.monotonic() - since
    else:
        age = time.time() - newest.stat().st_mtime if newest else EVERY_S
    if 0 <= age < EVERY_S:
        return False
    return _changed(folder, key)


def _changed(folder: Path, key: bytes) -> bool:
    """Whether the ledger holds anything that the newest copy does not."""
    newest = next(iter(_all(folder / FOLDER)), None)
    heads = []
    for path in (folder / paths.LEDGER, newest):
        if path is None:
            return True
        try:
            journal = Journal(path, key)
        except StorageFault:
            return True
        try:
            heads.append((journal.head(), journal.unanswered(), len(journal.cases())))
        finally:
            journal.close()
    return heads[0] != heads[1]


def _all(place: Path) -> list[Path]:
    """The copies there, newest first."""
    return sorted((path for path in _named(place)), key=_number, reverse=True)


def _named(place: Path) -> Iterator[Path]:
    return (path for path in place.glob("ledger-*.db") if path.stem[7:].isdigit())


def _number(path: Path) -> int:
    return int(path.stem[7:])


def _remove(path: Path) -> None:
    for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        part.unlink(missing_ok=True)
