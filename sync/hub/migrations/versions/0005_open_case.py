"""Open cases: what nobody has settled, in a table of its own, so that it can be counted at any time."""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    table = op.create_table(
        "open_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("opened_ms", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    connection = op.get_bind()
    told = connection.execute(
        sa.text(
            "SELECT record.id, record.store, record.body, fact.answer FROM record"
            " LEFT JOIN fact ON fact.id = record.id WHERE record.kind = 'case' AND record.body IS NOT NULL"
        )
    )
    found = []
    for ident, store, body, answer in told.all():
        case = json.loads(body)
        if case["state"] in ("settled", "taken"):
            continue
        what = "copied" if case["reason"] == "till-copied" else answer or "rejected"
        found.append(
            {
                "id": ident,
                "store": store,
                "what": "provisional" if what == "accepted" else what,
                "opened_ms": int(datetime.fromisoformat(case["opened_at"]).timestamp() * 1000),
            }
        )
    if found:
        op.bulk_insert(table, found)
