"""Hot statements: run thousands of times a second, so they go to the driver without SQLAlchemy's ceremony.

SQLAlchemy takes 100 µs of a processor for each statement beside the driver's 60, which is most of what
a fact costs. These are written like any other, compiled once, and run inside the same transactions.

On PostgreSQL they are prepared and go through the driver's own door to libpq (psycopg.pq): a third of the
driver's work for each, and one wait without the lock of the interpreter instead of several.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, TextClause, UpdateBase
from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from psycopg import Connection as PostgreSQL
    from sqlalchemy.engine.interfaces import Dialect
    from sqlalchemy.pool import PoolProxiedConnection

_CURSOR = "hot"
_PREPARED = "prepared"
_NAMED = re.compile(r"%\((\w+)\)s")
_NUMBERS = itertools.count(1)
_READ: dict[int, Callable[[bytes], Any]] = {20: int, 21: int, 23: int, 16: lambda text: text == b"t"}
"""By PostgreSQL's numbers of types (pg_type.dat): int8, int2, int4, bool. All others are read as text."""


class Hot:
    """A statement whose parameters have one value each. Any thread."""

    def __init__(self, statement: Select[Any] | UpdateBase | TextClause) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}
        self._name = f"hot_{next(_NUMBERS)}".encode()
        self._numbered: tuple[bytes, list[str]] = (b"", [])

    def rows(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run it; its rows, if it gives any. Raises SQLAlchemy's errors."""
        return self._run(connection, parameters)[0]

    def first(self, connection: Connection, **parameters: Any) -> tuple[Any, ...] | None:
        """Run it; its first row."""
        found = self.rows(connection, **parameters)
        return found[0] if found else None

    def value(self, connection: Connection, **parameters: Any) -> Any:
        """Run it; the first column of its first row, None where there is none."""
        found = self.rows(connection, **parameters)
        return found[0][0] if found else None

    def changed(self, connection: Connection, **parameters: Any) -> int:
        """Run it; how many rows it wrote."""
        return self._run(connection, parameters)[1]

    def many(self, connection: Connection, of: Sequence[dict[str, Any]]) -> None:
        """Run it for each of these."""
        for parameters in of:
            self._run(connection, parameters)

    def _run(self, connection: Connection, parameters: dict[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
        """The rows it gives, and how many it wrote or gave."""
        dialect = connection.dialect
        text, fixed = self._compiled.get(dialect.name) or self._compile(dialect)
        values = fixed | parameters if fixed else parameters
        outer = connection.connection
        try:
            if dialect.name == "postgresql":
                found = self._prepared(outer, values)
                if found is not None:
                    return found
            cursor = outer.info.get(_CURSOR)
            if cursor is None:
                cursor = outer.info[_CURSOR] = outer.cursor()
            cursor.execute(text, values)
            rows = [] if cursor.description is None else list(cursor.fetchall())
            return rows, int(cursor.rowcount)
        except dialect.loaded_dbapi.Error as error:
            gone = dialect.is_disconnect(error, outer.driver_connection, outer.info.get(_CURSOR))
            if gone:
                connection.invalidate(error)
            raise DBAPIError.instance(
                text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=gone, dialect=dialect
            ) from error

    def _prepared(
        self, outer: PoolProxiedConnection, values: dict[str, Any]
    ) -> tuple[list[tuple[Any, ...]], int] | None:
        """`_run` past the driver's ceremony; None where it is needed: it knows how a list is written, and begins
        what is no plain transaction."""
        from psycopg import pq
        from psycopg.errors import error_from_result

        driver: PostgreSQL = outer.driver_connection  # type: ignore[assignment]
        server = driver.pgconn
        begun = server.transaction_status
        if begun == pq.TransactionStatus.IDLE:
            if driver.autocommit or driver.isolation_level or driver.read_only or driver.deferrable:
                return None
        elif begun != pq.TransactionStatus.INTRANS:
            return None
        text, names = self._numbered
        written: list[Any] = []
        for name in names:
            value = values[name]
            if value is None:
                written.append(None)
            elif isinstance(value, str):
                written.append(value.encode())
            elif isinstance(value, (bool, int)):
                written.append(str(value).encode())
            else:
                return None
        if begun == pq.TransactionStatus.IDLE:
            # As the driver itself begins one; it looks at the connection when it is to end it.
            started = server.exec_(b"BEGIN")
            if started.status != pq.ExecStatus.COMMAND_OK:
                raise error_from_result(started)
        prepared: set[bytes] = outer.info.setdefault(_PREPARED, set())
        if self._name not in prepared:
            made = server.prepare(self._name, text)
            if made.status != pq.ExecStatus.COMMAND_OK:
                raise error_from_result(made)
            prepared.add(self._name)
        result = server.exec_prepared(self._name, written)
        if result.status == pq.ExecStatus.COMMAND_OK:
            return [], result.command_tuples or 0
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise error_from_result(result)
        readers = [_READ.get(result.ftype(at), _text) for at in range(result.nfields)]
        rows = [
            tuple(
                None if (raw := result.get_value(row, at)) is None else read(raw)
                for at, read in enumerate(readers)
            )
            for row in range(result.ntuples)
        ]
        return rows, len(rows)

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        if dialect.name == "sqlite":
            # Parameters by name, which the driver takes as well as those by place.
            dialect = sqlite_dialect(paramstyle="named")
        compiled = self._statement.compile(dialect=dialect)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        made = (str(compiled), fixed)
        if dialect.name == "postgresql":
            names = list(dict.fromkeys(_NAMED.findall(made[0])))
            places = {name: f"${at}" for at, name in enumerate(names, start=1)}
            bare = _NAMED.sub(lambda found: places[found[1]], made[0]).replace("%%", "%")
            self._numbered = (bare.encode(), names)
        self._compiled[dialect.name] = made
        return made


def _text(raw: bytes) -> str:
    return raw.decode()
