"""What a disk was asked to do, in order, with the marks of what a clerk was told in between."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Create:
    """A new, empty file under ``name`` (a path below the folder)."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A new folder."""

    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """``file`` lies under ``name`` from now on, and no longer under ``old``."""

    old: str
    name: str
    file: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """``name`` is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place of a file."""

    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file is ``size`` bytes long from now on."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """What the log held of ``file`` before ``upto`` is on the disk for good.

    ``upto`` is where the log stood when the sync began: what another thread wrote while it ran may
    have come too late for it.
    """

    file: int
    upto: int


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """The entries that the folder ``name`` had before ``upto`` are on the disk for good."""

    name: str
    upto: int


@dataclass(frozen=True, slots=True)
class Intent:
    """From here on ``key`` may be found as ``value``: somebody is about to make it so."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Told:
    """``key`` was told to be ``value``: from here on it must be."""

    key: str
    value: str


Entry = Create | MakeFolder | Rename | Unlink | Write | Truncate | Sync | SyncFolder
Step = Entry | Intent | Told


@dataclass
class Log:
    """Steps in order. `intend` and `tell` are for whoever lives the life; any thread."""

    folder: Path
    steps: list[Step] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def intend(self, key: str, value: str) -> None:
        """Say what is about to be done."""
        with self.lock:
            self.steps.append(Intent(key, value))

    def tell(self, key: str, value: str) -> None:
        """Say what was done: a person may have been shown it."""
        with self.lock:
            self.steps.append(Told(key, value))


def allowed(steps: Sequence[Step]) -> dict[str, set[str | None]]:
    """What each key may be found as after these steps: as told last, or as intended since.

    None means "not there at all": nothing was told of it yet.
    """
    found: dict[str, set[str | None]] = {}
    for step in steps:
        if isinstance(step, Told):
            found[step.key] = {step.value}
        elif isinstance(step, Intent):
            found.setdefault(step.key, {None}).add(step.value)
    return found
