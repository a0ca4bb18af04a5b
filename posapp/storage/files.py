"""Opening an encrypted SQLite file the one right way, and transactions on it.

Sources: sqlcipher.net/sqlcipher-api for the key and cipher pragmas, sqlite.org/wal.html for the
version floor (the WAL-reset defect, 3.7.0 to 3.51.2), sqlite.org/pragma.html for the rest.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlcipher3 import dbapi2

from posapp.domain.errors import PosappError, StorageFault

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

FLOOR = (3, 51, 3)
KEY_BYTES = 32


def connect(path: Path, key: bytes, *, write: bool = False, durable: bool = False) -> Connection:
    """Open ``path`` with a raw 256-bit key.

    ``durable`` syncs every commit to the disk (the journal); without it a power cut may cost the
    last commits but never the file (the mirror, which can be pulled again). A connection that does
    not write refuses to. Raises StorageFault: ledger-damaged, key-wrong, disk-failed, key-missing.
    """
    if tuple(dbapi2.sqlite_version_info) < FLOOR:
        raise StorageFault("sqlite-too-old", version=dbapi2.sqlite_version)
    if len(key) != KEY_BYTES:
        raise StorageFault("key-missing", file=str(path))
    with faults(path):
        connection = dbapi2.connect(str(path), isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            connection.execute("PRAGMA cipher_log_level = NONE")
            connection.execute("PRAGMA busy_timeout = 10000")
            if write:
                keep_log(connection, True)
                if durable:
                    connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON").fetchall()
                connection.execute("PRAGMA journal_size_limit = 67108864").fetchall()
                # Sync folds the log in long before this; it is for a till that runs without sync.
                connection.execute("PRAGMA wal_autocheckpoint = 8192").fetchall()
                # Else INSERT OR REPLACE deletes a row and no trigger hears of it.
                connection.execute("PRAGMA recursive_triggers = ON")
            else:
                connection.execute("PRAGMA query_only = ON")
            for pragma in (
                "foreign_keys = ON",
                "trusted_schema = OFF",
                "cell_size_check = ON",
                "temp_store = MEMORY",
                "mmap_size = 0",
                "cache_size = -16384",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


def keep_log(connection: Connection, keep: bool) -> None:
    """Write through a write-ahead log, or (``keep`` false) straight into the file, in no order and never synced.

    Without a log a crash of the machine or the process may spoil the file; a transaction still rolls back.
    Only for a file that nobody else opens and that is thrown away then.
    """
    connection.execute(f"PRAGMA journal_mode = {'WAL' if keep else 'MEMORY'}").fetchall()
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if keep else 'OFF'}")


@contextmanager
def writing(connection: Connection, path: Path) -> Iterator[Connection]:
    """One ``BEGIN IMMEDIATE`` transaction: committed on leaving, rolled back on any exception.

    Raises StorageFault("disk-full") and friends; then nothing was written. Never make a network or
    device call inside.
    """
    with faults(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has rolled back already; a second ROLLBACK would raise and hide the cause.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def reading(connection: Connection, path: Path) -> Iterator[Connection]:
    """One consistent view over several reads."""
    with faults(path):
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Turns the driver's errors and the system's into StorageFault, each with its own sentence."""
    try:
        yield
    except PosappError:
        raise
    except dbapi2.DatabaseError as error:
        raise _fault(error, path) from error
    except OSError as error:
        reason = "disk-full" if error.errno == errno.ENOSPC else "disk-failed"
        raise StorageFault(reason, file=str(path), why=error.strerror or "") from error


def _fault(error: Exception, path: Path) -> StorageFault:
    text = str(error)
    name = getattr(error, "sqlite_errorname", "") or ""
    if name == "SQLITE_FULL" or "disk is full" in text:
        return StorageFault("disk-full", file=str(path))
    if name.startswith("SQLITE_BUSY") or name.startswith("SQLITE_LOCKED") or "is locked" in text:
        return StorageFault("ledger-locked", file=str(path))
    if name == "SQLITE_NOTADB" or "not a database" in text:
        return StorageFault("key-wrong", file=str(path))
    if name.startswith("SQLITE_CORRUPT") or "malformed" in text:
        return StorageFault("ledger-damaged", file=str(path))
    return StorageFault("disk-failed", file=str(path), why=text)
