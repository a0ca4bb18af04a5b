"""What may be on a disk after the power went: everything synced, and any part of what was not.

- A file's bytes are safe once that file was synced after them. Of the others any may be missing:
  all, those after some point, any of them in any order, or single sectors of 512 bytes.
- A folder's entries (files made, renamed, deleted) come in their order, as every journalling file
  system keeps them, but any number of the last ones may be missing. They are safe once the folder
  was synced. A disk of the kind JOURNALED, as ext4 and XFS are, keeps them with the sync of any
  file as well; one of the kind STRICT keeps only what POSIX promises.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from random import Random

from tests.powercut.log import (
    Create,
    Intent,
    Log,
    MakeFolder,
    Rename,
    Step,
    Sync,
    SyncFolder,
    Told,
    Truncate,
    Unlink,
    Write,
)

SECTOR = 512
Change = Write | Truncate
Naming = Create | MakeFolder | Rename | Unlink


class Loss(Enum):
    """What becomes of bytes that were not synced."""

    DROP = "dropped"
    PREFIX = "kept up to a point"
    REORDER = "kept at random"
    TEAR = "torn"


class Kind(Enum):
    """When the entries of a folder are safe."""

    STRICT = "strict"
    JOURNALED = "journaled"


class _Folders:
    """Names on a disk of one kind: the safe ones, and what was done to them since."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.safe: dict[str, int | None] = {}
        self.pending: list[tuple[int, Naming]] = []

    def take(self, number: int, step: Step) -> None:
        if isinstance(step, Naming):
            self.pending.append((number, step))
        elif isinstance(step, SyncFolder):
            self._keep(lambda n, done: n < step.upto and _parent(done.name) == step.name)
        elif isinstance(step, Sync) and self._kind is Kind.JOURNALED:
            self._keep(lambda n, done: n < step.upto)

    def _keep(self, kept: object) -> None:
        left = []
        for number, done in self.pending:
            if kept(number, done):  # type: ignore[operator]  # one of the two above
                rename(self.safe, done)
            else:
                left.append((number, done))
        self.pending = left

    def after_cut(self, random: Random) -> dict[str, int | None]:
        """The names that are found, each with its file; folders have None."""
        names = dict(self.safe)
        for _, done in self.pending[: random.randint(0, len(self.pending))]:
            rename(names, done)
        return {
            name: file for name, file in names.items() if not (parent := _parent(name)) or parent in names
        }


class Disk:
    """The folder on a disk, as the steps taken so far left it."""

    def __init__(self) -> None:
        self._safe: dict[int, bytearray] = {}
        self._pending: dict[int, list[tuple[int, Change]]] = {}
        self._folders = {kind: _Folders(kind) for kind in Kind}

    def take(self, number: int, step: Step) -> None:
        """Step ``number`` was done."""
        if isinstance(step, Change):
            self._pending.setdefault(step.file, []).append((number, step))
        elif isinstance(step, Sync):
            pending = self._pending.get(step.file, [])
            safe = self._safe.setdefault(step.file, bytearray())
            for _, change in (one for one in pending if one[0] < step.upto):
                _change(safe, change)
            self._pending[step.file] = [one for one in pending if one[0] >= step.upto]
        for folders in self._folders.values():
            folders.take(number, step)

    def after_cut(self, random: Random, loss: Loss, kind: Kind) -> dict[str, bytes | None]:
        """The files that are found when the power comes back, by name; None is a folder."""
        found: dict[str, bytes | None] = {}
        for name, file in self._folders[kind].after_cut(random).items():
            if file is None:
                found[name] = None
                continue
            data = bytearray(self._safe.get(file, b""))
            for change in _kept([change for _, change in self._pending.get(file, [])], random, loss):
                _change(data, change)
            found[name] = bytes(data)
        return found


def whole(log: Log) -> dict[str, bytes | None]:
    """The folder as all steps together leave it: what is there where no power was cut."""
    names: dict[str, int | None] = {}
    files: dict[int, bytearray] = {}
    for step in log.steps:
        if isinstance(step, Naming):
            rename(names, step)
        elif isinstance(step, Change):
            _change(files.setdefault(step.file, bytearray()), step)
    return {name: None if file is None else bytes(files.get(file, b"")) for name, file in names.items()}


def found_in(folder: Path) -> dict[str, bytes | None]:
    """The folder as it is, without the shared memory of write-ahead logs."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.endswith("-shm")
    }


def lay_out(folder: Path, files: dict[str, bytes | None], random: Random) -> None:
    """Make ``folder`` hold exactly these files; garbage may lie where shared memory was."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in sorted(files):
        data = files[name]
        if data is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)
    for log in [name for name in files if name.endswith("-wal")]:
        if random.random() < 0.2:
            (folder / f"{log[:-4]}-shm").write_bytes(random.randbytes(32 << 10))


def marks(steps: Iterable[Step]) -> list[Step]:
    """Only what was meant and told."""
    return [step for step in steps if isinstance(step, Intent | Told)]


def rename(names: dict[str, int | None], done: Naming) -> None:
    """Do to ``names`` what was done in the folder."""
    if isinstance(done, MakeFolder):
        names[done.name] = None
    elif isinstance(done, Unlink):
        names.pop(done.name, None)
    else:
        if isinstance(done, Rename):
            names.pop(done.old, None)
        names[done.name] = done.file


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _change(data: bytearray, change: Change) -> None:
    if isinstance(change, Truncate):
        del data[change.size :]
        data.extend(bytes(change.size - len(data)))
    else:
        data.extend(bytes(max(0, change.at - len(data))))
        data[change.at : change.at + len(change.data)] = change.data


def _kept(changes: list[Change], random: Random, loss: Loss) -> list[Change]:
    """Those of the unsynced changes that reached the disk."""
    if loss is Loss.DROP:
        return []
    if loss is Loss.PREFIX:
        return changes[: random.randint(0, len(changes))]
    share = random.random()
    if loss is Loss.REORDER:
        return [change for change in changes if random.random() < share]
    kept: list[Change] = []
    for change in changes:
        if isinstance(change, Truncate):
            if random.random() < share:
                kept.append(change)
            continue
        at, end = change.at, change.at + len(change.data)
        while at < end:
            until = min(end, (at // SECTOR + 1) * SECTOR)
            if random.random() < share:
                kept.append(Write(change.file, at, change.data[at - change.at : until - change.at]))
            at = until
    return kept
