"""Checking a till's files from the first byte to the last fact; reads only."""

from __future__ import annotations

from pathlib import Path

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.storage import files
from posapp.storage.journal import Journal, verify
from posapp.storage.mirror import path_in


def check_folder(folder: Path, key: bytes) -> int:
    """The number of facts in a folder whose ledger and mirror are well; as `check_ledger`, also mirror-damaged."""
    facts = check_ledger(folder, key)
    mirror = path_in(folder)
    if mirror.exists():
        try:
            _check_file(mirror, key)
        except StorageFault as error:
            raise StorageFault("mirror-damaged", file=str(mirror)) from error
    return facts


def check_ledger(folder: Path, key: bytes) -> int:
    """The number of facts in a ledger where everything is well.

    Checks each page's seal (a page that was changed on the disk does not decrypt), SQLite's own
    structure, and the chain. Raises StorageFault with the first fault found: ledger-damaged, chain-broken.
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
    return facts


def _check_file(path: Path, key: bytes) -> None:
    connection = files.connect(path, key)
    try:
        with files.faults(path):
            whole = connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        # If nobody else has the file open, this folds its write-ahead log in.
        connection.close()
    if whole != [("ok",)] or _seals_broken(path, key):
        raise StorageFault("ledger-damaged", file=str(path))


def _seals_broken(path: Path, key: bytes) -> bool:
    """Whether a page of the file itself does not decrypt, also one that nothing refers to.

    Only where no write-ahead log lies beside it: a power cut may tear pages while the log is folded
    in, and they are read from the log, or written once more, before anybody reads them here.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return False
    connection = files.connect(path, key)
    try:
        with files.faults(path):
            return bool(connection.execute("PRAGMA cipher_integrity_check").fetchall())
    finally:
        connection.close()
