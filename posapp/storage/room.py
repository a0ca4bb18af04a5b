"""Room on the disk: what the till still does with how much, and the reserve it keeps for itself.

A till that has no room left can write nothing, not even what would make room. So it holds a file
that can be given up; what that frees is enough for hundreds of thousands of facts.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from posapp.domain.errors import StorageFault

RESERVE = "reserve"
RESERVE_BYTES = 64 << 20
WARN_BYTES = 1 << 30
SHORT_BYTES = 256 << 20
TIGHT_BYTES = 64 << 20


class Room(StrEnum):
    """How much room there is; the values are keys of sentences."""

    ENOUGH = ""
    LOW = "room-low"
    """Under 1 GiB: people are told."""
    SHORT = "room-short"
    """Under 256 MiB: no copies of the ledger, no second mirror."""
    TIGHT = "room-tight"
    """Under 64 MiB, or the reserve was given up: nothing new is begun, what was begun goes on."""


def free(folder: Path) -> int:
    """Bytes that may still be written to the folder's disk."""
    if hasattr(os, "statvfs"):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
    # Imported only where it must be: the window's start has a budget.
    import shutil

    return shutil.disk_usage(folder).free


def look(folder: Path) -> Room:
    """How much room there is for ``folder``."""
    left = free(folder)
    if left < TIGHT_BYTES or _given_up(folder):
        return Room.TIGHT
    if left < SHORT_BYTES:
        return Room.SHORT
    return Room.LOW if left < WARN_BYTES else Room.ENOUGH


def tight(folder: Path) -> bool:
    """Whether nothing new may be begun; costs microseconds."""
    return look(folder) is Room.TIGHT


def need(folder: Path, size: int) -> None:
    """Raises StorageFault("room-short") where less than 256 MiB would be left beside ``size`` bytes."""
    if free(folder) < SHORT_BYTES + size:
        raise StorageFault(Room.SHORT.value, file=str(folder))


def hold(folder: Path, size: int = RESERVE_BYTES) -> bool:
    """Have the reserve on the disk, if there is 1 GiB beside it. Returns whether it is there."""
    path = folder / RESERVE
    if path.exists() and path.stat().st_size >= size:
        return True
    if free(folder) < WARN_BYTES + size:
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)
            else:
                os.write(handle, bytes(size))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        path.unlink(missing_ok=True)
        return False
    return True


def give_up(folder: Path) -> bool:
    """Free the reserve's room. Its empty file stays, and says so until there is 1 GiB again."""
    path = folder / RESERVE
    try:
        if not path.exists() or not path.stat().st_size:
            return False
        os.truncate(path, 0)
    except OSError:
        return False
    return True


def _given_up(folder: Path) -> bool:
    try:
        return (folder / RESERVE).stat().st_size == 0
    except OSError:
        return False
