"""Doors: by which certificate a store's tills know one another, and where the lead hears them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("till", sa.Column("certificate", sa.String(), nullable=False, server_default=""))
    op.add_column("till", sa.Column("doors", sa.String(), nullable=False, server_default=""))
