"""A scan, wherever the clerk is: read the code, find what it means, judge it.

What a subject's scan means is told by its own use case (``Looker``), so a new kind of subject is
one more entry in the register given to `Scanning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from posapp.counter.till import Till
from posapp.domain.codes import Kind, Reading, SameCode, Scan, read
from posapp.domain.goods import code_token
from posapp.domain.known import Known
from posapp.domain.pickup import Verdict
from posapp.domain.values import dataclass, replace

SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The store an order belongs to; never anything about the customer."""

    name: str
    address: str = ""
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan led to.

    ``verdict`` is a `Verdict`, or the verdict of another kind of work. ``judged`` is what the
    subject's own rule found. ``token`` is what it was found by, to be given back with the act.
    ``text`` is what was scanned, shortened and fit to be shown. ``stale`` is the age of the data
    where it must be told. ``online`` tells whether the hub was in reach.
    """

    verdict: StrEnum
    text: str = ""
    reading: Reading | None = None
    known: Known | None = None
    judged: object = None
    token: str = ""
    elsewhere: Elsewhere | None = None
    choices: tuple[Known, ...] = ()
    stale: timedelta | None = None
    online: bool = True


class Looker(Protocol):
    """The use case's judgement of one subject: the verdict and what it rests on."""

    def __call__(self, known: Known, token: str) -> tuple[StrEnum, object]: ...


class Scanning:
    """Promises: never raises for anything that can be scanned; writes nothing; asks no network.

    A code this till has not got gives *searching* while the line is up: the window has sync ask for
    that one order and comes back with `found`.
    """

    def __init__(self, till: Till, lookers: Mapping[str, Looker]) -> None:
        self._till = till
        self._lookers = lookers
        self._same = SameCode()
        self._key = bytes.fromhex(till.books.journal.meta("store_key") or "")
        self.online = False

    def scan(self, scan: Scan) -> Result | None:
        """What the scan means; None for the same code again within half a second."""
        if self._same.repeats(scan):
            return None
        return self.read(read(scan))

    def read(self, reading: Reading) -> Result:
        """What a code means, scanned or typed."""
        text = _fit(reading.value)
        if reading.kind is Kind.UNREADABLE:
            return Result(Verdict.UNREADABLE, text, reading, online=self.online)
        token, known = self._find(reading)
        if len(known) == 1:
            return replace(self.open(known[0], token), text=text, reading=reading)
        if known:
            return Result(
                Verdict.AMBIGUOUS, text, reading, token=token, choices=tuple(known), online=self.online
            )
        if reading.kind in (Kind.PICKUP, Kind.CLAIM_TICKET, Kind.PARCEL, Kind.FREE):
            verdict = Verdict.SEARCHING if self.online else Verdict.UNKNOWN
            return Result(verdict, text, reading, token=token, stale=self._till.stale(), online=self.online)
        return Result(Verdict.NOT_AN_ORDER, text, reading, token=token, online=self.online)

    def open(self, known: Known, token: str = "") -> Result:
        """The judgement of a subject that was found, by scan, from a list or by search."""
        verdict, judged = self._lookers[known.kind](known, token)
        return Result(
            verdict,
            text=known.id,
            known=known,
            judged=judged,
            token=token,
            stale=self._till.stale(),
            online=self.online,
        )

    def again(self, result: Result) -> Result:
        """The same subject as it is now, after something changed."""
        if result.known is None:
            return result
        known = self._till.books.know(result.known.kind, result.known.id)
        if known is None:
            return result
        return replace(self.open(known, result.token), text=result.text, reading=result.reading)

    def found(self, searching: Result, elsewhere: Elsewhere | None = None) -> Result:
        """The end of a search: what sync brought, another store's, or unknown."""
        if elsewhere is not None:
            return replace(searching, verdict=Verdict.OTHER_STORE, elsewhere=elsewhere)
        if searching.reading is not None:
            result = self.read(searching.reading)
            if result.verdict is not Verdict.SEARCHING:
                return result
        return replace(searching, verdict=Verdict.UNKNOWN, stale=self._till.stale())

    def _find(self, reading: Reading) -> tuple[str, list[Known]]:
        """The token that finds something, and what; else the likeliest token and nothing.

        Every candidate text is tried, as an order number may look like a product's number, or be
        typed by a scanner in another layout.
        """
        if reading.kind is Kind.PICKUP:
            token = code_token(self._key, reading.value)
            return token, self._till.books.by_token(token)
        tokens = dict.fromkeys(text.upper() for text in (reading.value, *reading.texts))
        for token in tokens:
            if known := self._till.books.by_token(token):
                return token, known
        return reading.value.upper(), []


def _fit(text: str) -> str:
    """Fit to be shown: printable, and not longer than a line."""
    clean = "".join(c if c.isprintable() else "·" for c in text[: SHOWN_CHARACTERS + 1])
    return clean if len(clean) <= SHOWN_CHARACTERS else clean[:SHOWN_CHARACTERS] + "…"
