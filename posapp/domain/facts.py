"""Facts: what was done at a till, append-only, chained by hash.

A fact is about one *subject* (``order:W-1001``). What it does to that subject is a rule of the
subject's own module (``Order.after``); this module only knows the envelope, the canonical bytes
and the chain, so a new kind of fact changes nothing here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from posapp.domain.ids import FactId
from posapp.domain.values import dataclass

GENESIS = bytes(32)
"""The hash before the first fact of a ledger."""


class Answer(StrEnum):
    """How a fact stands with the hub. A rejected fact is never dropped and never retried blindly."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing done at a till.

    ``payload`` is JSON: strings, integers, booleans, null, lists and string-keyed objects (no
    floats, so that its canonical bytes are the same everywhere). ``at`` is aware UTC.
    """

    id: FactId
    kind: str
    subject: str
    payload: Mapping[str, Any]
    clerk: str
    at: datetime
    schema_v: int = 1

    @property
    def subject_kind(self) -> str:
        """``order`` of ``order:W-1001``."""
        return self.subject.partition(":")[0]

    @property
    def subject_id(self) -> str:
        """``W-1001`` of ``order:W-1001``."""
        return self.subject.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as the journal holds it.

    ``payload`` are the canonical bytes exactly as written and sent; ``reason`` and ``detail`` are
    the hub's words where it said no.
    """

    seq: int
    fact: Fact
    payload: bytes
    prev_hash: bytes
    hash: bytes
    answer: Answer = Answer.WAITING
    reason: str = ""
    detail: Mapping[str, Any] | None = None


def subject(kind: str, ident: str) -> str:
    """The subject's name as facts carry it."""
    return f"{kind}:{ident}"


def canonical(payload: Mapping[str, Any]) -> bytes:
    """The one byte form of a payload: JSON, sorted keys, no spaces, UTF-8."""
    return json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def timestamp(at: datetime) -> str:
    """Aware UTC with microseconds, the form that is stored, sent and hashed."""
    if at.tzinfo is None:
        raise ValueError("a fact's time must be aware")
    # strftime would write the year 999 with three digits, and such times would not sort.
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_timestamp(text: str) -> datetime:
    """The reverse of `timestamp`. Raises ValueError for anything that is not ISO 8601 with a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"out of range: {text!r}") from None


def chain_hash(prev_hash: bytes, seq: int, fact: Fact, payload: bytes) -> bytes:
    """SHA-256 over the fact before and this one, each part length-prefixed so none can borrow.

    Till and epoch stay out: a till that is enrolled anew sends the same chain again.
    """
    # Loads OpenSSL, 3 ms: with the first fact, not with the window.
    import hashlib

    digest = hashlib.sha256()
    for part in (
        prev_hash,
        str(seq).encode(),
        fact.id.encode(),
        fact.kind.encode(),
        str(fact.schema_v).encode(),
        fact.subject.encode(),
        payload,
        fact.clerk.encode(),
        timestamp(fact.at).encode(),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


CASE_SETTLED = "CaseSettled"
"""A person decided what happens to a fact the hub did not take. Payload: ``fact`` (its id) and
``choice``: ``left`` (the goods are gone), ``here`` (the goods are here), ``same`` (one and the same
act, recorded twice). It is about the same subject and changes nothing in it."""
