"""The key of a till: kept once, never replaced, never readable by others, never waited for."""

import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from drivers import keys
from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import StorageFault


class Stored(KeyringBackend):
    """A key store of the system, as far as we use it."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.release: threading.Event | None = None
        self.forgets = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.release is not None:
            self.release.wait(20)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.forgets:
            self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """A machine with a key store that is trusted."""
    monkeypatch.setattr(Stored, "__module__", "keyring.backends.SecretService")
    before = keyring.get_keyring()
    one = Stored()
    keyring.set_keyring(one)
    yield one
    keyring.set_keyring(before)
    if one.release is not None:
        one.release.set()


@pytest.fixture
def no_store() -> Iterator[None]:
    """A machine without one."""
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("no_store")
def test_without_a_key_store_the_key_lies_in_a_file_of_ours_alone(tmp_path: Path) -> None:
    key = StoredKeys().create(tmp_path)
    file = tmp_path / paths.KEY
    assert len(key) == 32
    assert StoredKeys().load(tmp_path) == key
    assert StoredKeys().where(tmp_path) == "file"
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [paths.KEY]
    with pytest.raises(StorageFault, match="key-exists"):
        StoredKeys().create(tmp_path)
    assert StoredKeys().load(tmp_path) == key


def test_with_a_key_store_nothing_lies_in_the_folder(tmp_path: Path, store: Stored) -> None:
    assert StoredKeys().where(tmp_path) == "keyring"
    key = StoredKeys().create(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert StoredKeys().load(tmp_path) == key
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(StorageFault, match="key-missing"):
        StoredKeys().load(other)


def test_a_key_store_that_forgets_is_not_relied_on(tmp_path: Path, store: Stored) -> None:
    store.forgets = True
    key = StoredKeys().create(tmp_path)
    assert (tmp_path / paths.KEY).exists()
    assert StoredKeys().load(tmp_path) == key


def test_a_key_store_that_hangs_holds_nothing_up(
    tmp_path: Path, store: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PROBE_S", 0.05)
    monkeypatch.setattr(keys, "UNLOCK_S", 0.05)
    store.release = threading.Event()
    began = time.monotonic()
    key = StoredKeys().create(tmp_path)
    assert StoredKeys().load(tmp_path) == key
    (tmp_path / paths.KEY).unlink()
    with pytest.raises(StorageFault, match="key-missing"):
        StoredKeys().load(tmp_path)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["null", "fail"])
def test_a_backend_that_keeps_no_secret_is_not_used(tmp_path: Path, name: str) -> None:
    module = importlib.import_module(f"keyring.backends.{name}")
    before = keyring.get_keyring()
    keyring.set_keyring(module.Keyring())
    try:
        assert StoredKeys().where(tmp_path) == "file"
    finally:
        keyring.set_keyring(before)


def test_a_backend_from_elsewhere_is_not_used(tmp_path: Path) -> None:
    """A plain-text file that somebody put in the configuration."""
    before = keyring.get_keyring()
    keyring.set_keyring(Stored())
    try:
        assert StoredKeys().where(tmp_path) == "file"
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize("content", ["", "no hex", "11" * 31, "11" * 33, "\x00" * 64])
def test_half_a_key_is_no_key(tmp_path: Path, content: str) -> None:
    (tmp_path / paths.KEY).write_text(content)
    with pytest.raises(StorageFault, match="key-missing"):
        StoredKeys().load(tmp_path)


@pytest.mark.usefixtures("no_store")
def test_no_new_key_is_made_for_a_ledger_that_has_one(tmp_path: Path) -> None:
    (tmp_path / paths.LEDGER).write_bytes(b"sealed under a key that is gone")
    with pytest.raises(StorageFault, match="key-missing"):
        StoredKeys().create(tmp_path)
    with pytest.raises(StorageFault, match="key-missing"):
        StoredKeys().load(tmp_path)
    assert not (tmp_path / paths.KEY).exists()


@pytest.mark.usefixtures("no_store")
def test_a_file_left_by_a_cut_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "till.new").write_text("11")
    key = StoredKeys().create(tmp_path)
    assert StoredKeys().load(tmp_path) == key


@pytest.mark.usefixtures("no_store")
def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match="disk-failed"):
        StoredKeys().create(tmp_path / "missing")


@pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")
@pytest.mark.usefixtures("no_store")
def test_a_key_that_others_could_read_is_closed_to_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = StoredKeys().create(tmp_path)
    file = tmp_path / paths.KEY
    file.chmod(0o644)
    assert StoredKeys().load(tmp_path) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert "could be read by others" in caplog.text
    file.chmod(0o640)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(1, "not yours")

    monkeypatch.setattr(os, "chmod", denied)
    monkeypatch.setattr(Path, "chmod", denied)
    with pytest.raises(StorageFault, match="key-open"):
        StoredKeys().load(tmp_path)


def test_a_key_file_is_read_without_the_keyring_library(tmp_path: Path) -> None:
    (tmp_path / paths.KEY).write_text("ab" * 32)
    (tmp_path / paths.KEY).chmod(0o600)
    program = (
        "import sys; from pathlib import Path; from drivers.keys import StoredKeys\n"
        "assert StoredKeys().load(Path(sys.argv[1])) == bytes.fromhex('ab' * 32)\n"
        "assert 'keyring' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)


@pytest.mark.usefixtures("no_store")
def test_a_key_that_was_destroyed_is_gone_and_never_made_anew(tmp_path: Path) -> None:
    old = StoredKeys().create(tmp_path)
    with (tmp_path / paths.KEY).open("rb") as still_open:
        StoredKeys().destroy(tmp_path)
        assert still_open.read().strip(b"0\n") == b"", "its bytes were written over"
    assert old.hex() not in "".join(path.read_text() for path in tmp_path.iterdir())
    StoredKeys().destroy(tmp_path)
    for call in (StoredKeys().load, StoredKeys().create):
        with pytest.raises(StorageFault, match="till-wiped"):
            call(tmp_path)


@pytest.mark.usefixtures("no_store")
def test_a_destruction_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    StoredKeys().create(tmp_path)
    (tmp_path / paths.REVOKED).touch()
    with pytest.raises(StorageFault, match="till-wiped"):
        StoredKeys().load(tmp_path)
    assert not (tmp_path / paths.KEY).exists()


def test_a_key_in_the_key_store_is_destroyed_there(tmp_path: Path, store: Stored) -> None:
    StoredKeys().create(tmp_path)
    assert store.kept
    StoredKeys().destroy(tmp_path)
    assert not store.kept
