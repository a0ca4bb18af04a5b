"""Migrations of the ledger, run by Alembic. They ride in the package and only ever add.

A verified copy of the file is laid beside it first; a ledger that is too new was refused before.
"""

from __future__ import annotations

import os
from pathlib import Path

from posapp.storage import files
from posapp.storage.copies import copy_to


def upgrade(path: Path, key: bytes) -> None:
    """Bring the ledger at ``path`` to the newest schema, making it where there is none.

    All steps of one migration and its version number are one transaction: a cut leaves the old
    schema or the new one. Raises StorageFault; then the file is as before.
    """
    import sqlalchemy
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlcipher3 import dbapi2

    if path.exists() and path.stat().st_size:
        # Through SQLite, which alone knows what of it still lies in the write-ahead log.
        copy_to(path, key, path.with_suffix(".before-upgrade"))
    else:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(handle)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    script = ScriptDirectory.from_config(config)
    engine = sqlalchemy.create_engine(
        "sqlite://",
        module=dbapi2,
        creator=lambda: files.connect(path, key, write=True, durable=True),
        poolclass=sqlalchemy.NullPool,
    )

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def steps(revision: object, context: object) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # alembic's own way

    try:
        with (
            files.faults(path),
            engine.connect() as connection,
            EnvironmentContext(config, script, fn=steps) as environment,
        ):
            environment.configure(connection=connection, transactional_ddl=True)
            with environment.begin_transaction():
                environment.run_migrations()
            connection.commit()
    except sqlalchemy.exc.DBAPIError as error:
        # SQLAlchemy wraps the driver's errors; which fault it is stands in the wrapped one.
        with files.faults(path):
            raise error.orig or error from error
    finally:
        engine.dispose()
