"""The journal as the first pickup needs it: facts, tokens, cases, what the till knows of itself."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """CREATE TABLE fact (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        schema_v INTEGER NOT NULL,
        subject TEXT NOT NULL,
        payload BLOB,
        clerk TEXT NOT NULL,
        at TEXT NOT NULL,
        mono_ms INTEGER NOT NULL,
        boot_id TEXT NOT NULL,
        prev_hash BLOB NOT NULL,
        hash BLOB NOT NULL,
        answer TEXT CHECK (answer IN ('accepted', 'rejected', 'parked')),
        answer_body BLOB,
        answered_at TEXT
    )""",
    "CREATE INDEX fact_subject ON fact(subject, seq)",
    "CREATE INDEX fact_unanswered ON fact(seq) WHERE answer IS NULL",
    "CREATE INDEX fact_parked ON fact(seq) WHERE answer = 'parked'",
    """CREATE TRIGGER fact_stays BEFORE DELETE ON fact
       BEGIN SELECT raise(ABORT, 'a fact is never deleted'); END""",
    """CREATE TRIGGER fact_fixed BEFORE UPDATE OF
       seq, id, kind, schema_v, subject, payload, clerk, at, mono_ms, boot_id, prev_hash, hash
       ON fact BEGIN SELECT raise(ABORT, 'a fact is never changed'); END""",
    "CREATE TABLE token (token TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (token, subject))"
    " WITHOUT ROWID",
    """CREATE TABLE case_ (
        fact_seq INTEGER PRIMARY KEY REFERENCES fact(seq),
        opened_at TEXT NOT NULL,
        closed_by TEXT
    )""",
    "CREATE INDEX case_open ON case_(fact_seq) WHERE closed_by IS NULL",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "PRAGMA user_version = 1",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
