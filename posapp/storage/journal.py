"""The journal: ``ledger.db``, append-only facts in a hash chain, and how each stands with the hub.

Promises: a fact is durable when `append` returned; a fact is never changed or deleted (triggers in
the file see to it); numbers have no gaps. Only counter classes append; only sync settles.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posapp.domain.errors import StorageFault
from posapp.domain.facts import (
    CASE_SETTLED,
    GENESIS,
    Answer,
    Entry,
    Fact,
    canonical,
    chain_hash,
    timestamp,
)
from posapp.storage import files, rows

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

SCHEMA = 3
"""The ledger's schema, kept in ``user_version``; the newest migration carries the same number."""

REVOKED = "revoked"
"""The entry of `Journal.meta` that ends a till: since when it knows that the hub has revoked it."""


class Journal:
    """The open ledger. ``write`` opens the one writing connection of this process.

    Use from any thread: one lock guards the connection. ``monotonic`` is the machine's own clock in
    seconds, the same for every process of one run of the machine; `boot` names that run. Raises StorageFault on opening:
    ledger-damaged, ledger-too-new, key-wrong, not-enrolled (no file).
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        write: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not path.exists():
            raise StorageFault("not-enrolled", file=str(path))
        self.path = path
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._connection = files.connect(path, key, write=write, durable=True)
        with files.faults(path):
            (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found != SCHEMA:
            self._connection.close()
            if found > SCHEMA:
                raise StorageFault("ledger-too-new", file=str(path))
            if not write:
                raise StorageFault("ledger-old", file=str(path))
            # Alembic brings SQLAlchemy along, so it is loaded only where there is work for it.
            from posapp.storage.migrations import upgrade

            upgrade(path, key)
            self._connection = files.connect(path, key, write=write, durable=True)
        self.boot = _boot_id()

    def close(self) -> None:
        """Close the file; the last one to close it folds the write-ahead log in."""
        with self._lock:
            self._connection.close()

    # -- appending ------------------------------------------------------------------------------
    def append(self, decide: Callable[[], tuple[Fact, Sequence[str]]]) -> Entry:
        """Write one fact: ``decide`` is called inside the transaction, so what it reads stays true.

        It returns the fact and the tokens by which its subject can be scanned from now on. When
        `append` returns, the fact is on the disk. Whatever ``decide`` raises is passed on and
        nothing was written; StorageFault likewise, "till-revoked" for a till that may do nothing more.
        """
        with self._lock, files.writing(self._connection, self.path) as connection:
            # Inside the transaction: once the hub was told that this was all, it is.
            self.check_live()
            fact, tokens = decide()
            row = connection.execute("SELECT seq, hash FROM fact ORDER BY seq DESC LIMIT 1").fetchone()
            last, prev_hash = row if row else (0, GENESIS)
            payload = canonical(fact.payload)
            seq = last + 1
            entry = Entry(seq, fact, payload, prev_hash, chain_hash(prev_hash, seq, fact, payload))
            rows.insert(connection, entry, self._now_ms(), self.boot)
            connection.executemany(
                "INSERT OR IGNORE INTO token(token, subject) VALUES (?,?)",
                [(token, fact.subject) for token in tokens],
            )
        return entry

    def take_back(self, entries: Iterable[Entry], tokens: Iterable[tuple[str, str]] = ()) -> int:
        """Append facts that this till had once, as they were; returns how many.

        Only what continues the chain to the byte is taken: the first one that does not ends it. Their
        answers come along. ``tokens`` are pairs of a token and its subject. One transaction.
        """
        taken = 0
        with self._lock, files.writing(self._connection, self.path) as connection:
            seq, prev_hash = self.head()
            for entry in entries:
                digest = chain_hash(prev_hash, seq + 1, entry.fact, entry.payload)
                if (entry.seq, entry.prev_hash, entry.hash) != (seq + 1, prev_hash, digest):
                    break
                rows.insert(connection, entry, 0, "")
                if entry.fact.kind == CASE_SETTLED:
                    self.close_case(str(entry.fact.payload.get("fact", "")), entry.fact.id)
                if entry.answer is not Answer.WAITING:
                    self._answer(
                        connection, entry.seq, entry.answer, entry.detail or {}, timestamp(entry.fact.at)
                    )
                seq, prev_hash, taken = entry.seq, entry.hash, taken + 1
            connection.executemany("INSERT OR IGNORE INTO token(token, subject) VALUES (?,?)", list(tokens))
        return taken

    def check_live(self) -> None:
        """Raises StorageFault("till-revoked") where the till was revoked and may do nothing more."""
        if self.meta(REVOKED):
            raise StorageFault("till-revoked")

    # -- reading --------------------------------------------------------------------------------
    def overlay(self, subject: str, above: int) -> list[Entry]:
        """The facts of ``subject`` a reader lays over the mirror, oldest first.

        Those numbered over ``above`` (what the mirror has seen of this till), those parked, and
        those rejected whose case is still open.
        """
        return self._entries(
            f"SELECT {rows.COLUMNS} FROM fact WHERE subject = ? AND (seq > ? OR answer = 'parked' OR "
            "seq IN (SELECT fact_seq FROM case_ WHERE closed_by IS NULL)) ORDER BY seq",
            (subject, above),
        )

    def overlaid(self, above: int) -> dict[str, str]:
        """Every subject that has an overlay, newest first, with a mark.

        The mark is another one whenever another fact is to be laid over, or one of them was answered
        or settled.
        """
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                "SELECT subject, max(seq) || ' ' || count(*) || ' ' || group_concat(coalesce(answer, '-')) "
                "|| ' ' || sum(seq IN (SELECT fact_seq FROM case_ WHERE closed_by IS NULL)) "
                "FROM fact WHERE seq > ? OR answer = 'parked' OR seq IN "
                "(SELECT fact_seq FROM case_ WHERE closed_by IS NULL) GROUP BY subject "
                "ORDER BY max(seq) DESC",
                (above,),
            ).fetchall()
        return dict(rows)

    def history(self, subject: str) -> list[Entry]:
        """All facts of this till about ``subject``, oldest first."""
        return self._entries(f"SELECT {rows.COLUMNS} FROM fact WHERE subject = ? ORDER BY seq", (subject,))

    def fact(self, fact_id: str) -> Entry | None:
        """The fact with this id."""
        found = self._entries(f"SELECT {rows.COLUMNS} FROM fact WHERE id = ?", (fact_id,))
        return found[0] if found else None

    def elapsed_s(self, fact_id: str) -> float | None:
        """Seconds since the fact was appended, by the machine's own clock, whatever the wall clock did.

        None for a fact that this journal has not, and where the machine was started anew since.
        """
        with self._lock, files.faults(self.path):
            row = self._connection.execute(
                "SELECT mono_ms FROM fact WHERE id = ? AND boot_id = ?", (fact_id, self.boot)
            ).fetchone()
        elapsed = self._now_ms() - int(row[0]) if row else -1
        return elapsed / 1000 if elapsed >= 0 else None

    def latest(self, count: int) -> list[Entry]:
        """The newest facts, newest first."""
        return self._entries(f"SELECT {rows.COLUMNS} FROM fact ORDER BY seq DESC LIMIT ?", (count,))

    def after(self, seq: int, limit: int) -> list[Entry]:
        """Facts numbered above ``seq`` in order, as the push sends them."""
        return self._entries(
            f"SELECT {rows.COLUMNS} FROM fact WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )

    def every(self) -> Iterator[Entry]:
        """The whole journal in order, in slices."""
        seq = 0
        while chunk := self.after(seq, 500):
            yield from chunk
            seq = chunk[-1].seq

    def subjects_of(self, token: str) -> list[str]:
        """Subjects this till gave the scannable ``token`` (a ticket opened without a line)."""
        with self._lock, files.faults(self.path):
            rows = self._connection.execute("SELECT subject FROM token WHERE token = ?", (token,)).fetchall()
        return [subject for (subject,) in rows]

    def waiting(self) -> tuple[int, str]:
        """How many facts the hub has not answered, and the time of the oldest ("" if none)."""
        with self._lock, files.faults(self.path):
            count, oldest = self._connection.execute(
                "SELECT count(*), coalesce(min(at), '') FROM fact WHERE answer IS NULL"
            ).fetchone()
        return int(count), str(oldest)

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the last fact; (0, GENESIS) for an empty journal."""
        with self._lock, files.faults(self.path):
            row = self._connection.execute("SELECT seq, hash FROM fact ORDER BY seq DESC LIMIT 1").fetchone()
        return (int(row[0]), bytes(row[1])) if row else (0, GENESIS)

    # -- settling (sync only) -------------------------------------------------------------------
    def unanswered(self) -> int:
        """The number before the first fact without an answer: from there the push goes on."""
        with self._lock, files.faults(self.path):
            (seq,) = self._connection.execute(
                "SELECT coalesce(min(seq) - 1, (SELECT coalesce(max(seq), 0) FROM fact)) "
                "FROM fact WHERE answer IS NULL"
            ).fetchone()
        return int(seq)

    def settle(self, answers: Sequence[tuple[int, Answer, Mapping[str, Any]]], at: str) -> None:
        """Store the hub's answers; a rejected or parked fact opens a case. Repeating is harmless."""
        with self._lock, files.writing(self._connection, self.path) as connection:
            for seq, answer, body in answers:
                self._answer(connection, seq, answer, body, at)

    @staticmethod
    def _answer(connection: Connection, seq: int, answer: Answer, body: Mapping[str, Any], at: str) -> None:
        connection.execute(
            "UPDATE fact SET answer = ?, answer_body = ?, answered_at = ? WHERE seq = ?",
            (answer.value, canonical(body), at, seq),
        )
        if answer in (Answer.REJECTED, Answer.PARKED):
            connection.execute("INSERT OR IGNORE INTO case_(fact_seq, opened_at) VALUES (?,?)", (seq, at))
        else:
            connection.execute(
                "UPDATE case_ SET closed_by = 'hub' WHERE fact_seq = ? AND closed_by IS NULL", (seq,)
            )

    # -- cases ------------------------------------------------------------------------------------
    def cases(self) -> list[tuple[Entry, str]]:
        """Open cases, oldest first: the fact the hub did not take, and when that was learnt."""
        with self._lock, files.faults(self.path):
            opened = dict(
                self._connection.execute(
                    "SELECT fact_seq, opened_at FROM case_ WHERE closed_by IS NULL"
                ).fetchall()
            )
        entries = self._entries(
            f"SELECT {rows.COLUMNS} FROM fact WHERE seq IN "
            "(SELECT fact_seq FROM case_ WHERE closed_by IS NULL) ORDER BY seq",
            (),
        )
        return [(entry, opened[entry.seq]) for entry in entries]

    def case_open(self, seq: int) -> bool:
        """Whether fact ``seq`` is a case that nobody has settled yet."""
        with self._lock, files.faults(self.path):
            row = self._connection.execute(
                "SELECT 1 FROM case_ WHERE fact_seq = ? AND closed_by IS NULL", (seq,)
            ).fetchone()
        return row is not None

    def close_case(self, fact_id: str, by: str) -> bool:
        """Close the case of ``fact_id``; call it inside the `append` of the fact ``by``."""
        with self._lock, files.faults(self.path):
            cursor = self._connection.execute(
                "UPDATE case_ SET closed_by = ? WHERE closed_by IS NULL AND fact_seq = "
                "(SELECT seq FROM fact WHERE id = ?)",
                (by, fact_id),
            )
        return bool(cursor.rowcount == 1)

    def case_settled(self, fact_id: str, by: str) -> None:
        """Another till's word has settled the case of a fact of this one. Repeating is harmless."""
        with self._lock, files.faults(self.path):
            found = self._connection.execute(
                "SELECT 1 FROM case_ JOIN fact ON fact.seq = fact_seq WHERE closed_by IS NULL AND id = ?",
                (fact_id,),
            ).fetchone()
        if found is not None:
            with self._lock, files.writing(self._connection, self.path):
                self.close_case(fact_id, by)

    # -- what the till knows of itself ----------------------------------------------------------
    def meta(self, key: str) -> str:
        """A value kept with the journal (till, epoch, store, token, ...); "" where there is none."""
        with self._lock, files.faults(self.path):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def metas(self, *keys: str) -> dict[str, str]:
        """Several values at one look; what there is not is left out."""
        marks = ",".join("?" * len(keys))
        with self._lock, files.faults(self.path):
            rows = self._connection.execute(
                f"SELECT key, value FROM meta WHERE key IN ({marks})",  # only marks
                keys,
            ).fetchall()
        return dict(rows)

    def set_meta(self, **values: str) -> None:
        """Keep values durably, all or none."""
        with self._lock, files.writing(self._connection, self.path) as connection:
            connection.executemany(
                "INSERT INTO meta(key, value) VALUES (?,?) "
                "ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                list(values.items()),
            )

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., list[Any]]]:
        """Read and write what lies beside the facts: gives ``execute(statement, values)``, which returns
        rows. Inside `append` it is part of that transaction, else it is one of its own.
        """

        def execute(statement: str, values: Sequence[object] = ()) -> list[Any]:
            return list(self._connection.execute(statement, values).fetchall())

        with self._lock:
            if self._connection.in_transaction:
                with files.faults(self.path):
                    yield execute
            else:
                with files.writing(self._connection, self.path):
                    yield execute

    def version(self) -> int:
        """A number that is another one after every change by another connection."""
        with self._lock, files.faults(self.path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    @property
    def written(self) -> int:
        """A number that is another one after every change by this connection."""
        return int(self._connection.total_changes)

    def checkpoint(self) -> None:
        """Fold what can be folded of the write-ahead log into the file, without waiting."""
        with self._lock, files.faults(self.path):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _now_ms(self) -> int:
        return int(self._monotonic() * 1000)

    def _entries(self, query: str, values: tuple[object, ...]) -> list[Entry]:
        with self._lock, files.faults(self.path):
            found = self._connection.execute(query, values).fetchall()
        try:
            return [rows.entry(row) for row in found]
        except (TypeError, ValueError, KeyError) as error:
            raise StorageFault("ledger-damaged", file=str(self.path)) from error


def verify(journal: Journal) -> tuple[int, str]:
    """Walk the chain: the number of good facts, and the first fault ("" where all is well)."""
    prev_hash, expected = GENESIS, 1
    facts = journal.every()
    while True:
        try:
            entry = next(facts, None)
        except StorageFault:
            return expected - 1, f"a fact after {expected - 1} cannot be read"
        if entry is None:
            return expected - 1, ""
        if entry.seq != expected:
            return expected - 1, f"fact {expected} is missing"
        if entry.prev_hash != prev_hash:
            return expected - 1, f"fact {entry.seq} does not follow the one before"
        if chain_hash(prev_hash, entry.seq, entry.fact, entry.payload) != entry.hash:
            return expected - 1, f"fact {entry.seq} was changed"
        prev_hash, expected = entry.hash, expected + 1


def _boot_id() -> str:
    """Which run of the machine this is, so that monotonic times can be compared.

    Where the system does not say it is this open journal's own: then only its own times compare.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        from uuid import uuid4

        return str(uuid4())
