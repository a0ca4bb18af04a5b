"""Where the key of a till's files lies: the system's own key store, else a file only we can read.

A keyring on a till that signs itself in hides nothing from the programs of that user or from a
thief of the whole disk; that takes full-disk encryption.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from posapp import paths
from posapp.domain.errors import StorageFault

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

KEY_BYTES = 32
PROBE_S = 2.0
"""How long the key store may take to come up: a D-Bus that hangs may not hold up the till."""
UNLOCK_S = 30.0
"""How long a person may take to unlock a key store that has our key."""
TRUSTED = frozenset(
    f"keyring.backends.{name}" for name in ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
)
"""Stores that keep a secret. Plain-text, null and failing backends are none."""
_SERVICE = "posapp"
_Result = TypeVar("_Result")


class StoredKeys:
    """The ports' `Keys`: a key file where there is one, else the system's key store.

    Promises: a key is never made anew where a ledger exists, and never replaced. The keyring
    library is imported only where no key file lies in the folder.
    """

    def load(self, folder: Path) -> bytes:
        """The folder's key. Raises StorageFault("key-missing"), or "key-open": other users of this
        machine can read the key file and it could not be closed to them, or "till-wiped": the till was
        revoked."""
        path = folder / paths.KEY
        if (folder / paths.REVOKED).exists():
            # Cut off in the middle of it, the rest is done now.
            self.destroy(folder)
            raise StorageFault("till-wiped", folder=str(folder))
        if path.exists():
            _close_to_others(path)
            return _from_hex(path.read_text("ascii", errors="replace"), path)
        backend = _within(PROBE_S, _backend)
        if backend is not None:
            found = _within(UNLOCK_S, lambda: backend.get_password(_SERVICE, _name(folder)))
            if found:
                return _from_hex(found, path)
        raise StorageFault("key-missing", file=str(folder / paths.LEDGER))

    def create(self, folder: Path) -> bytes:
        """A fresh random key, kept safely when this returns.

        Raises StorageFault("key-missing") where a ledger exists already: a new key cannot open it;
        StorageFault("key-exists") where there is a key; StorageFault("disk-failed").
        """
        if (folder / paths.REVOKED).exists():
            raise StorageFault("till-wiped", folder=str(folder))
        ledger = folder / paths.LEDGER
        if ledger.exists() and ledger.stat().st_size:
            raise StorageFault("key-missing", file=str(ledger))
        if (folder / paths.KEY).exists():
            raise StorageFault("key-exists", file=str(folder / paths.KEY))
        import secrets

        key = secrets.token_bytes(KEY_BYTES)
        if not _within(PROBE_S, lambda: _keep(folder, key)):
            _write(folder / paths.KEY, key)
        return key

    def destroy(self, folder: Path) -> None:
        """Make an end of the folder's key. Harmless twice; StorageFault("disk-failed").

        A key file is written over before it goes. On a flash disk the old cells may live on for a while:
        against who takes the disk apart helps only its own encryption.
        """
        path = folder / paths.KEY
        try:
            (folder / paths.REVOKED).touch(0o600)
            _sync_folder(folder)
            if path.exists():
                handle = os.open(path, os.O_WRONLY)
                try:
                    os.write(handle, b"0" * path.stat().st_size)
                    os.fsync(handle)
                finally:
                    os.close(handle)
                path.unlink()
                _sync_folder(folder)
                return
        except OSError as error:
            raise StorageFault("disk-failed", file=str(path), why=error.strerror or "") from error
        backend = _within(PROBE_S, _backend)
        if backend is not None:
            _within(UNLOCK_S, lambda: _forget(backend, _name(folder)))

    def where(self, folder: Path) -> Literal["keyring", "file"]:
        """Where the folder's key lies, or would lie."""
        if (folder / paths.KEY).exists():
            return "file"
        return "keyring" if _within(PROBE_S, _backend) is not None else "file"


def _within(seconds: float, work: Callable[[], _Result]) -> _Result | None:
    """What ``work`` returns; None where it fails or is not done in time.

    It then goes on in a thread that nobody waits for: a call into D-Bus cannot be ended.
    """
    done: list[_Result] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:
            log.info("the key store does not work: %s", type(error).__name__)

    thread = threading.Thread(target=run, name="key store", daemon=True)
    thread.start()
    thread.join(seconds)
    return done[0] if done else None


def _backend() -> KeyringBackend | None:
    """The system's key store, or None where there is none that keeps a secret."""
    import keyring

    chosen = keyring.get_keyring()
    for backend in (chosen, *getattr(chosen, "backends", ())):
        if type(backend).__module__ in TRUSTED:
            found: KeyringBackend = backend
            return found
    return None


def _keep(folder: Path, key: bytes) -> bool:
    """Keep the key in the key store; only what can be read back counts."""
    backend = _backend()
    if backend is None:
        return False
    backend.set_password(_SERVICE, _name(folder), key.hex())
    return backend.get_password(_SERVICE, _name(folder)) == key.hex()


def _name(folder: Path) -> str:
    """The entry's name: one for each folder, telling nothing of it."""
    import hashlib

    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]


def _from_hex(text: str, path: Path) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageFault("key-missing", file=str(path))
    return key


def _write(path: Path, key: bytes) -> None:
    """Write the key file in one step: it is there whole, or not at all."""
    fresh = path.with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, key.hex().encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(fresh, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageFault("disk-failed", file=str(path), why=error.strerror or "") from error


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name != "posix":
        return
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _forget(backend: KeyringBackend, name: str) -> None:
    if backend.get_password(_SERVICE, name):
        backend.delete_password(_SERVICE, name)


def _close_to_others(path: Path) -> None:
    """Take the key file away from other users: a till that will not open helps nobody."""
    if os.name != "posix" or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return
    try:
        path.chmod(0o600)
    except OSError as error:
        raise StorageFault("key-open", file=str(path)) from error
    log.warning("%s could be read by others; it no longer can", path.name)
