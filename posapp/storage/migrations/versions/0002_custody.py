"""Custody: what this till has granted to its neighbours as lead, and what was granted to it."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """CREATE TABLE claim (
        order_id TEXT PRIMARY KEY,
        till TEXT NOT NULL,
        token INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        handed TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE heard (till TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE granted (
        order_id TEXT PRIMARY KEY,
        token INTEGER NOT NULL,
        until_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "PRAGMA user_version = 2",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
