"""Custody: to which till each store's orders are lent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(["store"], ["store.code"]),
        sa.ForeignKeyConstraint(["till"], ["till.id"]),
        sa.PrimaryKeyConstraint("store"),
    )
