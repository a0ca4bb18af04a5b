"""Where things lie on disk, and the lock that lets one program at a time use a data folder.

One folder holds everything of one till (and, in the demo, of its hub): ``ledger.db`` with the
journal, ``mirror-<n>.db``, ``till.key``, ``posapp.toml``, ``hub.db``, ``logs/``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from posapp.domain.errors import StorageFault

LEDGER = "ledger.db"
KEY = "till.key"
SETTINGS = "posapp.toml"
HUB = "hub.db"
REVOKED = "revoked"
"""An empty file: the till in this folder was revoked, and its key destroyed."""


def data_folder(chosen: str | None) -> Path:
    """The data folder, made if missing, readable by this user only. Raises StorageFault."""
    if chosen:
        folder = Path(chosen).expanduser().absolute()
    else:
        from platformdirs import user_data_path

        folder = user_data_path("posapp", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFault("folder-unusable", folder=str(folder), why=error.strerror or "") from error
    return folder


def sync_to_disk(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk for good."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderLock:
    """An exclusive lock on ``<folder>/<name>.lock`` that the system frees when the process dies.

    Use as a context manager. Raises StorageFault("in-use") on entry if another process holds it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.lock"
        self._file: int | None = None

    def __enter__(self) -> FolderLock:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StorageFault(
                "folder-unusable", folder=str(self._path.parent), why=error.strerror or ""
            ) from error
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise StorageFault("in-use", folder=str(self._path.parent)) from error
        self._file = handle
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
