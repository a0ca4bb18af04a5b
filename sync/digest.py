"""Whether two copies of a store's records are the same, said in a few bytes for each kind of record.

Of each record its name and its revision count, not its content: what a copy lacks, has too much or has too old
is found. (A sanity check of this kind ends each synchronisation of Anki; it finds what no error told of.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from sync import wire

SEPARATOR = "\x1f"


def of(names: Iterable[tuple[str, str, int]]) -> dict[str, wire.KindDigest]:
    """The digest of records, by kind; ``names`` are their kinds, ids and revisions, in any order.

    A sum is the exclusive or of the first 64 bits of SHA-256 over the three, parted by the character U+001F.
    """
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    for kind, ident, rev in names:
        found = hashlib.sha256(f"{kind}{SEPARATOR}{ident}{SEPARATOR}{rev}".encode()).digest()
        counts[kind] = counts.get(kind, 0) + 1
        sums[kind] = sums.get(kind, 0) ^ int.from_bytes(found[:8], "big")
    return {kind: wire.KindDigest(count=count, sum=f"{sums[kind]:016x}") for kind, count in counts.items()}


def brief(kinds: Mapping[str, wire.KindDigest]) -> str:
    """One name (64 hex digits) for a whole digest."""
    lines = [f"{kind}{SEPARATOR}{kinds[kind].count}{SEPARATOR}{kinds[kind].sum}\n" for kind in sorted(kinds)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def differing(one: Mapping[str, wire.KindDigest], other: Mapping[str, wire.KindDigest]) -> list[str]:
    """The kinds that are not the same in both."""
    return sorted(kind for kind in {*one, *other} if one.get(kind) != other.get(kind))
