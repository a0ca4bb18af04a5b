"""Contact: when each till was last heard, whether or not it had anything to send."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("till", sa.Column("heard_ms", BIG, nullable=False, server_default="0"))
