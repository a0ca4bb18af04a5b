"""The hub's database behind two doors, `Database.read` and `Database.write`, the same on both kinds.

SQLite is one file with a write-ahead log, every commit on the disk when it returns, and every
writing transaction IMMEDIATE, so that nobody writes on top of what he has not read. PostgreSQL is
any server from 15 on. Sources: sqlite.org/wal.html for the version floor (the WAL-reset defect,
3.7.0 to 3.51.2).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from posapp.domain.errors import StorageFault

FLOOR = (3, 51, 3)
POSTGRESQL_FLOOR = 15
READERS = 6
WRITERS = 6
BUSY_MS = 20_000
"""How long a writer waits for another one before it gives up."""
IDLE_MS = 30_000
"""How long a transaction may do nothing: a hub that stands still, or whose machine is gone, holds no lock for ever."""
REACH_S = 10
SILENT_S = 30
"""How long PostgreSQL may take to answer the first time, and how long a dead line goes unnoticed."""
BY_INDEX = ("enable_hashjoin=off", "enable_mergejoin=off", "enable_seqscan=off", "jit=off")
"""PostgreSQL is to go by the indexes, of which every statement that runs often has one. It cannot know that a list in
a parameter is short, nor that a table which was empty when it made a plan is so no more: it would read whole tables."""
LOCK = 0x706F7361
"""PostgreSQL's advisory lock under which one process sets things up and the others wait."""
LIMITS = "54"
"""The class of what PostgreSQL has no place for, a key of 5,000 characters say: no trouble of its own."""
RETRY_STATES = frozenset({"40001", "40P01", "25P03"})
"""PostgreSQL ended one of two transactions that stood in each other's way, or one that stood still: run it
again."""


class Database:
    """Open by URL: ``sqlite:///file`` or ``postgresql://...``. Connects when first used.

    Use from any thread. A transaction must never span a call to the shop. Raises StorageFault
    ("sqlite-too-old") where no SQLite of this machine is good enough.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._reader = _sqlite_engine(self.url.database or "", write=False)
            self._writer = _sqlite_engine(self.url.database or "", write=True)
        else:
            address = self.url.set(drivername="postgresql+psycopg")
            self._reader = create_engine(
                address,
                pool_size=READERS,
                max_overflow=0,
                isolation_level="REPEATABLE READ",
                hide_parameters=True,
                connect_args=_postgresql("default_transaction_read_only=on"),
            )
            self._writer = create_engine(
                address,
                pool_size=WRITERS,
                max_overflow=0,
                hide_parameters=True,
                connect_args=_postgresql(f"lock_timeout={BUSY_MS}"),
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view over several reads; nothing may be written."""
        with self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: durable on leaving, rolled back on any exception."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def write_alone(self) -> Iterator[Connection]:
        """`write`, for what is done once by whoever comes first: the others wait here, and see it done."""
        with self.write() as connection:
            if not self.is_sqlite:
                # Whoever is in here may fill a shop with a million orders.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection

    def where(self) -> str:
        """The database's place as people know it, without its password."""
        return str(self.file() or self.url.render_as_string(hide_password=True))

    def file(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return Path(self.url.database or "") if self.is_sqlite else None

    def close(self) -> None:
        """Close every connection."""
        self._reader.dispose()
        self._writer.dispose()


def check_server(connection: Connection) -> None:
    """Raises StorageFault("postgresql-too-old") where the server is one that the hub was never tried on."""
    if connection.dialect.name != "postgresql":
        return
    version = connection.dialect.server_version_info or (0,)
    if int(version[0]) < POSTGRESQL_FLOOR:
        said = ".".join(str(part) for part in version)
        raise StorageFault("postgresql-too-old", version=said, floor=POSTGRESQL_FLOOR)


def out_of_reach(error: Exception) -> bool:
    """Whether the database itself is the trouble: gone, full, or without a free connection."""
    trouble = isinstance(error, (OperationalError, InterfaceError, PoolTimeout)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    return trouble and not worth_retrying(error) and not _state(error).startswith(LIMITS)


def worth_retrying(error: Exception) -> bool:
    """Whether a transaction failed only because of another one beside it."""
    if isinstance(error, IntegrityError):
        return True
    return _state(error) in RETRY_STATES


def _state(error: Exception) -> str:
    """PostgreSQL's name for an error, "" for any other."""
    return str(getattr(error.orig, "sqlstate", None) or "") if isinstance(error, DBAPIError) else ""


def _postgresql(setting: str) -> dict[str, Any]:
    """How to connect: with limits at both ends on how long the other one may be silent."""
    settings = (
        setting,
        *BY_INDEX,
        f"idle_in_transaction_session_timeout={IDLE_MS}",
        f"tcp_keepalives_idle={SILENT_S // 3}",
        f"tcp_keepalives_interval={SILENT_S // 3}",
        "tcp_keepalives_count=2",
    )
    return {
        "options": " ".join(f"-c {one}" for one in settings),
        # What is hot prepares itself (`sync.hub.hot`); the driver's own way drops all that is prepared at a rollback.
        "prepare_threshold": None,
        "connect_timeout": REACH_S,
        "keepalives_idle": SILENT_S // 3,
        "keepalives_interval": SILENT_S // 3,
        "keepalives_count": 2,
        "tcp_user_timeout": SILENT_S * 1000,
    }


def sqlite_driver() -> Any:
    """A driver with a SQLite that is good enough. Raises StorageFault("sqlite-too-old")."""
    if sqlite3.sqlite_version_info >= FLOOR:
        return sqlite3
    from sqlcipher3 import dbapi2

    if tuple(dbapi2.sqlite_version_info) < FLOOR:
        raise StorageFault("sqlite-too-old", version=dbapi2.sqlite_version)
    return dbapi2


def _sqlite_engine(file: str, *, write: bool) -> Engine:
    driver = sqlite_driver()

    def connect() -> Any:
        connection = driver.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in (
            f"busy_timeout = {BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "temp_store = MEMORY",
            "cache_size = -65536" if write else "cache_size = -16384",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if not write:
            connection.execute("PRAGMA query_only = ON")
        return connection

    engine = create_engine(
        "sqlite://",
        module=driver,
        creator=connect,
        poolclass=QueuePool,
        # One writer: waiting in a queue is fairer than SQLite's sleeping between tries.
        pool_size=1 if write else READERS,
        max_overflow=0,
        # An error's text goes to the log, and names do not.
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
