"""Migrations of the hub's database, run by Alembic. They ride in the package and only ever add."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from posapp.domain.errors import StorageFault, Unavailable
from sync.hub.database import Database, check_server

HEAD = "0005"
"""The newest migration."""


def found(connection: Connection) -> str:
    """The revision of the database, "" where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(database: Database) -> None:
    """Bring the database to `HEAD`, in one transaction; nothing to do costs one look.

    Several processes may start at once: the first migrates, the others find it done. Raises
    StorageFault: hub-too-new where a newer posapp wrote it, postgresql-too-old; and Unavailable("database-unusable")
    where there is no getting at it.
    """
    try:
        with database.read() as connection:
            check_server(connection)
            if is_done(found(connection)):
                return
    except DBAPIError as error:
        why = str(error.orig).splitlines()[0][:200]
        raise Unavailable("database-unusable", where=database.where(), why=why) from error
    with database.write_alone() as connection:
        if not is_done(found(connection)):
            _run(connection)


def is_done(revision: str) -> bool:
    """Whether a database of this revision is up to date. Raises StorageFault("hub-too-new")."""
    if revision > HEAD:
        raise StorageFault("hub-too-new", found=revision, known=HEAD)
    return revision == HEAD


def _run(connection: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    script = ScriptDirectory.from_config(config)

    def steps(revision: object, context: object) -> object:
        return script._upgrade_revs(HEAD, revision)  # type: ignore[arg-type]  # alembic's own way

    with EnvironmentContext(config, script, fn=steps) as environment:
        # The transaction is the caller's, so that the lock, the steps and the number are one.
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
