"""Checking a till's files from the first byte to the last fact; reads only."""

from __future__ import annotations

from pathlib import Path

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import files
from posapp.storage.journal import Journal, verify
from posapp.storage.mirror import path_in


def check_folder(folder: Path, key: bytes) -> int:
    """The number of facts in a ledger where everything is well.

    Checks each page's seal (a page that was changed on the disk does not decrypt), SQLite's own
    structure, and the chain. Raises StorageFault with the first fault found.
    """
    ledger = folder / paths.LEDGER
    _check_file(ledger, key)
    journal = Journal(ledger, key)
    try:
        facts, fault = verify(journal)
    finally:
        journal.close()
    if fault:
        raise StorageFault("chain-broken", file=str(ledger), why=fault)
    mirror = path_in(folder)
    if mirror.exists():
        try:
            _check_file(mirror, key)
        except StorageFault as error:
            raise StorageFault("mirror-damaged", file=str(mirror)) from error
    return facts


def _check_file(path: Path, key: bytes) -> None:
    connection = files.connect(path, key)
    try:
        with files.faults(path):
            sealed = connection.execute("PRAGMA cipher_integrity_check").fetchall()
            whole = connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()
    if sealed or whole != [("ok",)]:
        raise StorageFault("ledger-damaged", file=str(path))
