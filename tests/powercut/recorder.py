"""Records every write to a folder, from the driver's own calls into the system.

SQLite's unix VFS keeps its system calls in a table that tests may replace one by one
(``xSetSystemCall``, sqlite.org/c3ref/vfs.html); its ``xSync`` is taken from the table of file
methods. Both are plain structures of the driver that is already loaded, so ctypes is all that is
needed: no compiler, no tracer, no right that a container withholds. What Python itself writes goes
through the `os` module, which is patched alike. Whatever would be written in another way shows when
the log, played from the beginning, does not give the folder's bytes (`tests.powercut.disk`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any
from unittest import mock

import sqlcipher3._sqlite3 as driver

from tests.powercut.log import Create, Log, MakeFolder, Rename, Sync, SyncFolder, Truncate, Unlink, Write

SQLITE_OK = 0


class _File(ctypes.Structure):
    """``sqlite3_file``: what an open file begins with."""

    _fields_ = (("methods", c_void_p),)


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("version", c_int),
        *((name, c_void_p) for name in ("close", "read", "write", "truncate", "sync", "size")),
        *((name, c_void_p) for name in ("lock", "unlock", "reserved", "control", "sector", "traits")),
        *((name, c_void_p) for name in ("shm_map", "shm_lock", "shm_barrier", "shm_unmap")),
        *((name, c_void_p) for name in ("fetch", "unfetch")),
    )


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("longest", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app", c_void_p),
        ("open", c_void_p),
        *((name, c_void_p) for name in ("delete", "access", "full", "dl_open", "dl_error", "dl_sym")),
        *((name, c_void_p) for name in ("dl_close", "randomness", "sleep", "time", "last_error", "time64")),
        ("set_call", c_void_p),
        ("get_call", c_void_p),
        ("next_call", c_void_p),
    )


_SET_CALL = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_GET_CALL = CFUNCTYPE(c_void_p, c_void_p, c_char_p)
# SQLite asks errno why a call failed; Python in between may not have changed it.
_OPEN = CFUNCTYPE(c_int, c_char_p, c_int, c_int, use_errno=True)
_CLOSE = CFUNCTYPE(c_int, c_int, use_errno=True)
_PWRITE = CFUNCTYPE(c_ssize_t, c_int, c_void_p, c_size_t, c_int64, use_errno=True)
_WRITE = CFUNCTYPE(c_ssize_t, c_int, c_void_p, c_size_t, use_errno=True)
_FTRUNCATE = CFUNCTYPE(c_int, c_int, c_int64, use_errno=True)
_UNLINK = CFUNCTYPE(c_int, c_char_p, use_errno=True)
_OPEN_FOLDER = CFUNCTYPE(c_int, c_char_p, POINTER(c_int), use_errno=True)
# SQLite keeps the name's address, so it must be handed on as it came and not as a Python string.
_VFS_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int), use_errno=True)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int, use_errno=True)


class Recorder:
    """Writes what happens below ``folder`` into ``log`` while it is entered; one at a time."""

    def __init__(self, folder: Path, log: Log) -> None:
        self._prefix = str(folder) + os.sep
        self._folder = str(folder)
        self._log = log
        self._names: dict[str, int] = {}
        self._handles: dict[int, int | str] = {}
        self._places: dict[int, int] = {}
        self._files: dict[int, int] = {}
        self._next = 0
        self._stack = ExitStack()
        self._methods: dict[int, _Methods] = {}
        self._keep: list[object] = []

    def __enter__(self) -> Recorder:
        self._stack.enter_context(self._sqlite())
        for name, call in (
            ("open", self._os_open),
            ("close", self._os_close),
            ("write", self._os_write),
            ("fsync", self._os_fsync),
            ("rename", self._os_rename),
            ("replace", self._os_rename),
            ("unlink", self._os_unlink),
            ("remove", self._os_unlink),
            ("mkdir", self._os_mkdir),
            ("rmdir", self._os_unlink),
            ("ftruncate", self._os_ftruncate),
        ):
            self._stack.enter_context(mock.patch.object(os, name, call(getattr(os, name))))
        return self

    def __exit__(self, *_failure: object) -> None:
        self._stack.close()

    # -- what both ways have in common ------------------------------------------------------------
    def _below(self, path: str) -> str:
        """The path below the folder, "" for another place or for what no power cut concerns.

        The shared memory of the write-ahead log is built anew by whoever opens the file first.
        """
        if path.startswith(self._prefix) and not path.endswith("-shm"):
            return path[len(self._prefix) :]
        return ""

    def _opened(self, handle: int, path: str) -> None:
        """A descriptor was opened, and with it perhaps a file made."""
        name = self._below(path)
        if handle < 0 or not name:
            return
        with self._log.lock:
            if os.path.isdir(path):
                self._handles[handle] = name
                return
            if name not in self._names:
                self._next += 1
                self._names[name] = self._next
                self._log.steps.append(Create(name, self._next))
            self._handles[handle] = self._names[name]
            self._places[handle] = 0

    def _closed(self, handle: int) -> None:
        self._handles.pop(handle, None)

    def _wrote(self, handle: int, data: bytes, at: int) -> None:
        file = self._handles.get(handle)
        if isinstance(file, int):
            with self._log.lock:
                self._log.steps.append(Write(file, at, data))

    def _cut(self, handle: int, size: int) -> None:
        file = self._handles.get(handle)
        if isinstance(file, int):
            with self._log.lock:
                self._log.steps.append(Truncate(file, size))

    def _gone(self, path: str) -> None:
        name = self._below(path)
        if name:
            with self._log.lock:
                self._names.pop(name, None)
                self._log.steps.append(Unlink(name))

    # -- SQLite -----------------------------------------------------------------------------------
    @contextmanager
    def _sqlite(self) -> Iterator[None]:
        library = ctypes.CDLL(driver.__file__)
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(b"unix")
        set_call, get_call = _SET_CALL(vfs.contents.set_call), _GET_CALL(vfs.contents.get_call)
        real_open = vfs.contents.open
        replaced: list[bytes] = []

        def replace(name: bytes, kind: Any, make: Callable[[Any], Callable[..., int]]) -> None:
            found = get_call(vfs, name)
            if not found:
                raise RuntimeError(f"this driver has no system call {name.decode()}")
            callback = kind(make(kind(found)))
            self._keep.append(callback)
            if set_call(vfs, name, ctypes.cast(callback, c_void_p)) != SQLITE_OK:
                raise RuntimeError(f"this driver does not let {name.decode()} be replaced")
            replaced.append(name)

        try:
            replace(b"open", _OPEN, self._call_open)
            replace(b"close", _CLOSE, self._call_close)
            # How a driver was compiled decides which of the first two it has; it never uses the third then.
            for name in (b"pwrite", b"pwrite64"):
                if get_call(vfs, name):
                    replace(name, _PWRITE, self._call_pwrite)
            replace(b"write", _WRITE, self._call_write)
            replace(b"ftruncate", _FTRUNCATE, self._call_ftruncate)
            replace(b"unlink", _UNLINK, self._call_unlink)
            replace(b"openDirectory", _OPEN_FOLDER, self._call_open_folder)
            callback = _VFS_OPEN(self._vfs_open(_VFS_OPEN(real_open)))
            self._keep.append(callback)
            vfs.contents.open = ctypes.cast(callback, c_void_p)
            yield
        finally:
            vfs.contents.open = real_open
            for name in replaced:
                set_call(vfs, name, None)

    def _call_open(self, real: Any) -> Callable[..., int]:
        def call(path: bytes, flags: int, mode: int) -> int:
            handle = int(real(path, flags, mode))
            self._opened(handle, os.fsdecode(path))
            return handle

        return call

    def _call_close(self, real: Any) -> Callable[..., int]:
        def call(handle: int) -> int:
            self._closed(handle)
            return int(real(handle))

        return call

    def _call_pwrite(self, real: Any) -> Callable[..., int]:
        def call(handle: int, data: int, size: int, at: int) -> int:
            done = int(real(handle, data, size, at))
            if done > 0:
                self._wrote(handle, ctypes.string_at(data, done), at)
            return done

        return call

    def _call_write(self, real: Any) -> Callable[..., int]:
        def call(handle: int, data: int, size: int) -> int:
            done = int(real(handle, data, size))
            if done > 0 and handle in self._handles:
                self._wrote(handle, ctypes.string_at(data, done), os.lseek(handle, 0, os.SEEK_CUR) - done)
            return done

        return call

    def _call_ftruncate(self, real: Any) -> Callable[..., int]:
        def call(handle: int, size: int) -> int:
            code = int(real(handle, size))
            if code == 0:
                self._cut(handle, size)
            return code

        return call

    def _call_unlink(self, real: Any) -> Callable[..., int]:
        def call(path: bytes) -> int:
            code = int(real(path))
            if code == 0:
                self._gone(os.fsdecode(path))
            return code

        return call

    def _call_open_folder(self, real: Any) -> Callable[..., int]:
        """SQLite opens a folder only to sync it at once, and that call is in no table."""

        def call(path: bytes, handle: Any) -> int:
            upto = len(self._log.steps)
            code = int(real(path, handle))
            if code == SQLITE_OK:
                folder = os.path.dirname(os.fsdecode(path))
                with self._log.lock:
                    if folder == self._folder:
                        self._log.steps.append(SyncFolder("", upto))
                    elif name := self._below(folder):
                        self._log.steps.append(SyncFolder(name, upto))
            return code

        return call

    def _vfs_open(self, real: Any) -> Callable[..., int]:
        def call(vfs: int, path: int | None, file: int, flags: int, told: Any) -> int:
            code = int(real(vfs, path, file, flags, told))
            name = self._below(os.fsdecode(ctypes.string_at(path))) if path else ""
            if code == SQLITE_OK and name:
                opened = _File.from_address(file)
                if opened.methods:
                    opened.methods = ctypes.addressof(self._own_methods(opened.methods))
                    self._files[file] = self._names[name]
            return code

        return call

    def _own_methods(self, real: int) -> _Methods:
        """A copy of a table of file methods, with our sync in it."""
        if real not in self._methods:
            mine = _Methods.from_buffer_copy(_Methods.from_address(real))
            callback = _SYNC(self._call_sync(_SYNC(mine.sync)))
            self._keep.append(callback)
            mine.sync = ctypes.cast(callback, c_void_p)
            self._methods[real] = mine
        return self._methods[real]

    def _call_sync(self, real: Any) -> Callable[..., int]:
        def call(file: int, flags: int) -> int:
            upto = len(self._log.steps)
            code = int(real(file, flags))
            if code == SQLITE_OK:
                with self._log.lock:
                    self._log.steps.append(Sync(self._files[file], upto))
            return code

        return call

    # -- Python -----------------------------------------------------------------------------------
    def _os_open(self, real: Any) -> Callable[..., int]:
        def call(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
            handle = int(real(path, flags, mode, **more))
            where = os.path.abspath(os.fsdecode(path))
            if where == self._folder:
                self._handles[handle] = ""
            else:
                self._opened(handle, where)
                if flags & os.O_TRUNC:
                    self._cut(handle, 0)
            return handle

        return call

    def _os_close(self, real: Any) -> Callable[..., None]:
        def call(handle: int) -> None:
            self._closed(handle)
            real(handle)

        return call

    def _os_write(self, real: Any) -> Callable[..., int]:
        def call(handle: int, data: Any) -> int:
            done = int(real(handle, data))
            if handle in self._places and isinstance(self._handles.get(handle), int):
                self._wrote(handle, bytes(data)[:done], self._places[handle])
                self._places[handle] += done
            return done

        return call

    def _os_ftruncate(self, real: Any) -> Callable[..., None]:
        def call(handle: int, size: int) -> None:
            real(handle, size)
            self._cut(handle, size)

        return call

    def _os_fsync(self, real: Any) -> Callable[..., None]:
        def call(handle: int) -> None:
            upto = len(self._log.steps)
            real(handle)
            what = self._handles.get(handle)
            with self._log.lock:
                if isinstance(what, int):
                    self._log.steps.append(Sync(what, upto))
                elif what is not None:
                    self._log.steps.append(SyncFolder(what, upto))

        return call

    def _os_rename(self, real: Any) -> Callable[..., None]:
        def call(old: Any, new: Any, **more: Any) -> None:
            real(old, new, **more)
            was = self._below(os.path.abspath(os.fsdecode(old)))
            name = self._below(os.path.abspath(os.fsdecode(new)))
            if was and name:
                with self._log.lock:
                    self._names[name] = self._names.pop(was)
                    self._log.steps.append(Rename(was, name, self._names[name]))

        return call

    def _os_unlink(self, real: Any) -> Callable[..., None]:
        def call(path: Any, **more: Any) -> None:
            where = _place(path, more.get("dir_fd"))
            real(path, **more)
            self._gone(where)

        return call

    def _os_mkdir(self, real: Any) -> Callable[..., None]:
        def call(path: Any, *mode: Any, **more: Any) -> None:
            real(path, *mode, **more)
            if name := self._below(os.path.abspath(os.fsdecode(path))):
                with self._log.lock:
                    self._log.steps.append(MakeFolder(name))

        return call


def _place(path: Any, folder: int | None) -> str:
    """Where a path lies that is given below an open folder, or below the working one."""
    name = os.fsdecode(path)
    return os.path.abspath(
        name if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    )
