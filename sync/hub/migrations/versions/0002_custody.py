"""Custody: to whom each store's orders are lent, what the hub granted, when each till told all."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("till", sa.Column("complete_ms", BIG, nullable=False, server_default="-1"))
    op.create_table(
        "lease",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.Column("claims", BIG, nullable=False),
        sa.ForeignKeyConstraint(["store"], ["store.code"]),
        sa.ForeignKeyConstraint(["till"], ["till.id"]),
        sa.PrimaryKeyConstraint("store"),
    )
    op.create_table(
        "claim",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=False),
        sa.Column("token", BIG, nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.ForeignKeyConstraint(["till"], ["till.id"]),
        sa.PrimaryKeyConstraint("store", "order_id"),
    )
