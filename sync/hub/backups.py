"""Backups that know that they are some: a hub that comes up from one tells every till to begin again.

A mark lies in the database for as long as a copy of it is made, and so it lies in the copy. The hub that
serves is not held up by it; one that *starts* on a database with the mark takes it for a restored one.
Where a hub starts on the living database just while it is copied, tills read their feed once more for
nothing, which is harmless; the other mistake would not be.
"""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete

from posapp.domain.errors import StorageFault
from posapp.domain.facts import timestamp
from posapp.paths import sync_to_disk
from sync.hub import keys
from sync.hub.database import Database, sqlite_driver
from sync.hub.tables import meta

log = logging.getLogger(__name__)

MARK = "backup_under_way"
NOTES = "backups"
KEPT = 100


@dataclass(frozen=True, slots=True)
class Note:
    """One backup: when it was begun and ended (UTC), where it went, and the generation it holds."""

    begun: str
    ended: str
    to: str
    generation: str


def notes(connection: Connection) -> list[Note]:
    """The backups that were made, oldest first, at most `KEPT`."""
    return [Note(**note) for note in json.loads(keys.get(connection, NOTES) or "[]")]


def copy(database: Database, to: Path) -> Note:
    """Copy a SQLite hub while it serves; the copy is checked, synced and only then gets its name.

    Raises StorageFault: backup-exists, backup-failed (nothing is left behind then).
    """
    if to.exists():
        raise StorageFault("backup-exists", file=str(to))
    begun = _now()
    unfinished = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    driver = sqlite_driver()
    try:
        source = driver.connect(str(database.file()), isolation_level=None)
        try:
            source.execute("VACUUM INTO ?", (str(unfinished),))
        finally:
            source.close()
        made = driver.connect(str(unfinished), isolation_level=None)
        try:
            (sound,) = made.execute("PRAGMA quick_check").fetchone()
            made.execute("INSERT INTO meta(key, value) VALUES (?,?)", (MARK, begun))
        finally:
            made.close()
        if sound != "ok":
            raise StorageFault("backup-failed", why=str(sound)[:200])
        sync_to_disk(unfinished)
        unfinished.rename(to)
        sync_to_disk(to.parent)
    except (OSError, driver.Error) as error:
        raise StorageFault("backup-failed", why=str(error)[:200]) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return _noted(database, begun, str(to))


def run(database: Database, command: Sequence[str]) -> Note:
    """Let a command of the operator's copy the database (``pg_dump …``), with the mark in it.

    Raises StorageFault("backup-failed") where the command ends with anything but 0.
    """
    begun = _now()
    with database.write_alone() as connection:
        keys.put(connection, MARK, begun)
    try:
        done = subprocess.run(list(command), stdin=subprocess.DEVNULL, check=False)
        why = f"{command[0]}: exit code {done.returncode}" if done.returncode else ""
    except OSError as error:
        why = f"{command[0]}: {error.strerror}"
    finally:
        with database.write_alone() as connection:
            connection.execute(delete(meta).where(meta.c.key == MARK, meta.c.value == begun))
    if why:
        raise StorageFault("backup-failed", why=why)
    return _noted(database, begun, " ".join(command[:1]))


def restored(database: Database) -> None:
    """The database is an older copy: every till then reads its feed from the beginning."""
    with database.write_alone() as connection:
        _renew(connection)


def recognised(database: Database) -> bool:
    """Whether this database is a copy that was marked; if so it is `restored` now."""
    with database.read() as connection:
        if not keys.get(connection, MARK):
            return False
    with database.write_alone() as connection:
        made = keys.get(connection, MARK)
        if made:
            _renew(connection)
    if made:
        log.warning("this database is the backup of %s: every till begins again from it", made)
    return bool(made)


def _renew(connection: Connection) -> None:
    keys.renew_generation(connection)
    connection.execute(delete(meta).where(meta.c.key == MARK))


def _noted(database: Database, begun: str, to: str) -> Note:
    with database.write_alone() as connection:
        note = Note(begun, _now(), to, keys.get(connection, keys.GENERATION))
        known: list[dict[str, Any]] = [asdict(one) for one in notes(connection)]
        keys.put(connection, NOTES, json.dumps([*known, asdict(note)][-KEPT:]))
    return note


def _now() -> str:
    return timestamp(datetime.now(UTC))
