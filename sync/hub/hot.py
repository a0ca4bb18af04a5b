"""Hot statements: run thousands of times a second, so they go to the driver without SQLAlchemy's ceremony.

SQLAlchemy takes 100 µs of a processor for each statement beside the driver's 35, which is most of what
a fact costs. These are written like any other, compiled once, and run inside the same transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, TextClause, UpdateBase
from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite_dialect
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect

_CURSOR = "hot"


class Hot:
    """A statement whose parameters have one value each. Any thread."""

    def __init__(self, statement: Select[Any] | UpdateBase | TextClause) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], bool]] = {}

    def rows(self, connection: Connection, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run it; its rows, if it gives any. Raises SQLAlchemy's errors."""
        cursor, gives_rows = self._run(connection, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall() if gives_rows else []
        return found

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
        cursor, _ = self._run(connection, parameters)
        return int(cursor.rowcount)

    def many(self, connection: Connection, of: Sequence[dict[str, Any]]) -> None:
        """Run it for each of these."""
        for parameters in of:
            self._run(connection, parameters)

    def _run(self, connection: Connection, parameters: dict[str, Any]) -> tuple[Any, bool]:
        dialect = connection.dialect
        text, fixed, gives_rows = self._compiled.get(dialect.name) or self._compile(dialect)
        outer = connection.connection
        cursor = outer.info.get(_CURSOR)
        if cursor is None:
            cursor = outer.info[_CURSOR] = outer.cursor()
        try:
            cursor.execute(text, fixed | parameters if fixed else parameters)
        except dialect.loaded_dbapi.Error as error:
            gone = dialect.is_disconnect(error, outer.driver_connection, cursor)
            if gone:
                connection.invalidate(error)
            raise DBAPIError.instance(
                text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=gone, dialect=dialect
            ) from error
        return cursor, gives_rows

    def _compile(self, dialect: Dialect) -> tuple[str, dict[str, Any], bool]:
        if dialect.name == "sqlite":
            # Parameters by name, which the driver takes as well as those by place.
            dialect = sqlite_dialect(paramstyle="named")
        compiled = self._statement.compile(dialect=dialect)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        gives_rows = isinstance(self._statement, (Select, TextClause)) or bool(
            getattr(compiled, "effective_returning", ())
        )
        made = (str(compiled), fixed, gives_rows)
        self._compiled[dialect.name] = made
        return made
