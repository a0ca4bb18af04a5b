"""The hub as the first pickup needs it: stores, tills, facts, records, intents; the sample shop."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fact",
        sa.Column("till", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("schema_v", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("clerk", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("arrived_ms", BIG, nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("feed_seq", BIG, nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("news", BIG, nullable=True),
        sa.PrimaryKeyConstraint("till", "epoch", "seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("fact_applied", "fact", ["till", "epoch", "feed_seq", "seq"], unique=False)
    op.create_index(
        "fact_case",
        "fact",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("answer <> 'accepted' AND NOT settled"),
        postgresql_where=sa.text("answer <> 'accepted' AND NOT settled"),
    )
    op.create_index(
        "fact_news",
        "fact",
        ["till", "news"],
        unique=False,
        sqlite_where=sa.text("news IS NOT NULL"),
        postgresql_where=sa.text("news IS NOT NULL"),
    )
    op.create_index("fact_subject", "fact", ["subject"], unique=False)
    op.create_table(
        "handle",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("token", "kind", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("handle_record", "handle", ["kind", "id"], unique=False)
    op.create_table(
        "intent",
        sa.Column("n", BIG, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("write", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_ms", BIG, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until_ms", BIG, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(
        "intent_open",
        "intent",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("state IN ('held', 'writing')"),
        postgresql_where=sa.text("state IN ('held', 'writing')"),
    )
    op.create_index("intent_order", "intent", ["order_id"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "record",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("rev", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "id", "store"),
    )
    op.create_index("record_feed", "record", ["store", "seq"], unique=True)
    op.create_table(
        "shop_customer",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "shop_product",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("barcode", sa.String(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
    )
    op.create_table(
        "store",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("hours", sa.String(), nullable=False),
        sa.Column("undo_seconds", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "store_head",
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("head", BIG, nullable=False),
        sa.PrimaryKeyConstraint("store"),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "enrolment",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("till", sa.String(), nullable=True),
        sa.Column("expires_ms", BIG, nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["store"],
            ["store.code"],
        ),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_table(
        "shop_order",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("customer", BIG, nullable=False),
        sa.Column("paid", sa.String(), nullable=False),
        sa.Column("due_minor", sa.Integer(), nullable=True),
        sa.Column("placed_at", sa.String(), nullable=False),
        sa.Column("ready_at", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("hold_until", sa.String(), nullable=False),
        sa.Column("cancelled_at", sa.String(), nullable=False),
        sa.Column("cancelled_by", sa.String(), nullable=False),
        sa.Column("returned_at", sa.String(), nullable=False),
        sa.Column("blocked", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("changed_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer"],
            ["shop_customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("shop_order_changed", "shop_order", ["changed_at", "id"], unique=False)
    op.create_table(
        "till",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("last_seq", BIG, nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("enrolled_at", sa.String(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["store"],
            ["store.code"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "shop_code",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_order.id"],
        ),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("shop_code_order", "shop_code", ["order_id"], unique=False)
    op.create_table(
        "shop_fulfilment",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ref"),
    )
    op.create_index("shop_fulfilment_order", "shop_fulfilment", ["order_id"], unique=False)
    op.create_table(
        "shop_line",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sku"],
            ["shop_product.sku"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shop_line_order", "shop_line", ["order_id"], unique=False)
    op.create_table(
        "shop_mail",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("due", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shop_mail_ref", "shop_mail", ["ref"], unique=False)
    op.create_table(
        "shop_parcel",
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("bin", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["shop_order.id"],
        ),
        sa.PrimaryKeyConstraint("label"),
    )
    op.create_index("shop_parcel_order", "shop_parcel", ["order_id"], unique=False)
