"""The tables of the sample shop: a small shop's own database, beside the hub's for convenience.

Nothing in the hub reads them but through the shop port and the operator's commands.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from sync.hub.tables import Big, metadata

customer = Table(
    "shop_customer",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("phone", String, nullable=False),
)

product = Table(
    "shop_product",
    metadata,
    Column("sku", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("barcode", String, nullable=False),
    Column("price_minor", Integer, nullable=False),
)

order = Table(
    "shop_order",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("number", String, nullable=False, unique=True),
    Column("store", String, nullable=False),
    Column("customer", Big, ForeignKey("shop_customer.id"), nullable=False),
    Column("paid", String, nullable=False),
    Column("due_minor", Integer),
    Column("placed_at", String, nullable=False),
    Column("ready_at", String, nullable=False),
    Column("expected", String, nullable=False),
    Column("hold_until", String, nullable=False),
    Column("cancelled_at", String, nullable=False),
    Column("cancelled_by", String, nullable=False),
    Column("returned_at", String, nullable=False),
    Column("blocked", String, nullable=False),
    Column("note", String, nullable=False),
    Column("question", String, nullable=False),
    Column("changed_at", String, nullable=False),
)
Index("shop_order_changed", order.c.changed_at, order.c.id)

line = Table(
    "shop_line",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("order_id", Big, ForeignKey("shop_order.id"), nullable=False),
    Column("sku", String, ForeignKey("shop_product.sku"), nullable=False),
    Column("quantity", Integer, nullable=False),
)
Index("shop_line_order", line.c.order_id)

parcel = Table(
    "shop_parcel",
    metadata,
    Column("label", String, primary_key=True),
    Column("order_id", Big, ForeignKey("shop_order.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("bin", String, nullable=False),
    Column("expected", String, nullable=False),
    # Line id -> pieces; empty where the shop does not know what is inside.
    Column("lines", Text, nullable=False),
)
Index("shop_parcel_order", parcel.c.order_id)

code = Table(
    "shop_code",
    metadata,
    Column("code", String, primary_key=True),
    Column("order_id", Big, ForeignKey("shop_order.id"), nullable=False),
    Column("use", String, nullable=False),
    Column("name", String, nullable=False),
    Column("until", String, nullable=False),
)
Index("shop_code_order", code.c.order_id)

fulfilment = Table(
    "shop_fulfilment",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("order_id", Big, ForeignKey("shop_order.id"), nullable=False),
    # Our reference, the fact's id: what the shop knows a repeat by.
    Column("ref", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("at", String, nullable=False),
    Column("lines", Text, nullable=False),
)
Index("shop_fulfilment_order", fulfilment.c.order_id)

mail = Table(
    "shop_mail",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("order_id", Big, ForeignKey("shop_order.id"), nullable=False),
    Column("ref", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("due", String, nullable=False),
    Column("state", String, nullable=False),
)
Index("shop_mail_ref", mail.c.ref)
