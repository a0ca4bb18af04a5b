"""The hub's tables. The sample shop's own lie in `sync.hub.shops.tables`, in the same metadata.

There is no table of changes beside the records: a record's ``seq`` is its place in its store's
feed, so the feed from 0 is always the complete, bounded state, and a change costs one row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

Big = BigInteger().with_variant(Integer, "sqlite")

store = Table(
    "store",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("address", String, nullable=False),
    Column("hours", String, nullable=False),
    Column("undo_seconds", Integer, nullable=False),
    # Under this key the store's pickup codes are hashed; its tills get it at enrolment.
    Column("key", String, nullable=False),
)

till = Table(
    "till",
    metadata,
    Column("id", String, primary_key=True),
    Column("store", String, ForeignKey("store.code"), nullable=False),
    Column("name", String, nullable=False),
    Column("token_hash", String, nullable=False, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("last_seq", Big, nullable=False),
    Column("last_hash", String, nullable=False),
    Column("enrolled_at", String, nullable=False),
    Column("revoked", Boolean, nullable=False),
    # By what the other tills of its store know it (DER, base64), and where it hears them while it leads.
    Column("certificate", String, nullable=False, server_default=""),
    Column("doors", String, nullable=False, server_default=""),
    # When it last asked how custody stands, at most a minute behind; 0 for never.
    Column("heard_ms", Big, nullable=False, server_default="0"),
)

lease = Table(
    "lease",
    metadata,
    Column("store", String, ForeignKey("store.code"), primary_key=True),
    # The lead till, to which the store's orders are lent.
    Column("till", String, ForeignKey("till.id"), nullable=False),
    # Raised whenever the lead's role moves: a claim of an older epoch is worth nothing.
    Column("epoch", Integer, nullable=False),
    Column("until_ms", Big, nullable=False),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("store", String, ForeignKey("store.code"), nullable=False),
    # Set where a till that exists is to be enrolled again, under its next epoch.
    Column("till", String),
    Column("expires_ms", Big, nullable=False),
    Column("used", Boolean, nullable=False),
)

fact = Table(
    "fact",
    metadata,
    Column("till", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("seq", Big, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("hash", String, nullable=False),
    Column("store", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("schema_v", Integer, nullable=False),
    Column("subject", String, nullable=False),
    Column("payload", Text, nullable=False),
    Column("clerk", String, nullable=False),
    Column("at", String, nullable=False),
    Column("arrived_ms", Big, nullable=False),
    Column("answer", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", Text, nullable=False),
    # The place in the feed from which on the fact's effect is known: it moves with its record.
    Column("feed_seq", Big, nullable=False),
    Column("settled", Boolean, nullable=False),
    # Set where the answer changed after it was given: the head of the feed at that time.
    Column("news", Big),
)
Index("fact_subject", fact.c.subject)
Index("fact_applied", fact.c.till, fact.c.epoch, fact.c.feed_seq, fact.c.seq)
Index(
    "fact_news",
    fact.c.till,
    fact.c.news,
    sqlite_where=text("news IS NOT NULL"),
    postgresql_where=text("news IS NOT NULL"),
)
UNSETTLED = text("answer <> 'accepted' AND NOT settled")
"""A fact that was not taken, and that nobody has settled: word for word as the index has it."""
Index("fact_case", fact.c.subject, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)

record = Table(
    "record",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("store", String, primary_key=True),
    Column("rev", Big, nullable=False),
    Column("seq", Big, nullable=False),
    # What the shop calls it; empty where the shop does not know of it.
    Column("source", String, nullable=False),
    # NULL: gone from this store.
    Column("body", Text),
)
Index("record_feed", record.c.store, record.c.seq, unique=True)

open_case = Table(
    "open_case",
    metadata,
    # As its record's, and as long as that says that it is open.
    Column("id", String, primary_key=True),
    Column("store", String, nullable=False),
    # rejected, parked, provisional or copied
    Column("what", String, nullable=False),
    Column("opened_ms", Big, nullable=False),
)

handle = Table(
    "handle",
    metadata,
    Column("token", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    sqlite_with_rowid=False,
)
Index("handle_record", handle.c.kind, handle.c.id)

store_head = Table(
    "store_head",
    metadata,
    Column("store", String, primary_key=True),
    Column("head", Big, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

intent = Table(
    "intent",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("write", String, nullable=False),
    Column("store", String, nullable=False),
    Column("order_id", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("lines", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("due_ms", Big, nullable=False),
    Column("owner", String, nullable=False),
    Column("until_ms", Big, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("why", String, nullable=False),
)
OPEN = text("intent.state IN ('held', 'writing')")
_OPEN = text("state IN ('held', 'writing')")
Index("intent_open", intent.c.due_ms, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("intent_order", intent.c.order_id)

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)
