"""A scan, wherever the clerk is: read the code, find what it means, judge it.

What a subject's scan means is told by its own use case (``Looker``), so a new kind of subject is
one more entry in the register given to `Scanning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from posapp.counter.custody import Custody, Standing
from posapp.counter.guessing import Guessing
from posapp.counter.till import Till
from posapp.domain import mat, tokens
from posapp.domain.codes import Kind, Reading, SameCode, Scan, Source, Unreadable, read
from posapp.domain.goods import code_token
from posapp.domain.known import Known
from posapp.domain.mat import Command
from posapp.domain.pickup import MAY_HAND_OVER, Verdict
from posapp.domain.tokens import Doubt
from posapp.domain.values import dataclass, replace

SHOWN_CHARACTERS = 40
MAT_REPEATS_MS = 1000
"""A command of the counter mat that is scanned again within this time counts once."""


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
    where it must be told. ``online`` tells whether the hub was in reach. ``wait_s`` is how long the
    next unknown code waits while somebody seems to be guessing; ``cleared``: a manager's badge has
    just ended that. ``standing`` is how it stands with the right to hand it over.
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
    wait_s: int = 0
    cleared: bool = False
    standing: Standing = Standing()


_SEARCHED = frozenset({Kind.PICKUP, Kind.TOKEN, Kind.CLAIM_TICKET, Kind.PARCEL, Kind.FREE})
"""What the hub may know where this till does not."""


class Looker(Protocol):
    """The use case's judgement of one subject: the verdict and what it rests on."""

    def __call__(self, known: Known, token: str) -> tuple[StrEnum, object]: ...


class Scanning:
    """Promises: never raises for anything that can be scanned; asks no network; writes nothing but
    that somebody seems to be guessing. What is ambiguous is a choice and never acts.

    A code this till has not got gives *searching* while the line is up: the window has sync ask for
    that one order and comes back with `found`.
    """

    def __init__(self, till: Till, lookers: Mapping[str, Looker], custody: Custody) -> None:
        self._till = till
        self._lookers = lookers
        self._custody = custody
        self._same = SameCode()
        self._same_command = SameCode(MAT_REPEATS_MS)
        self.guessing = Guessing(till)
        self._key = bytes.fromhex(till.books.journal.meta("store_key") or "")
        self.online = False

    def scan(self, scan: Scan) -> Result | None:
        """What the scan means; None for the same code again within half a second."""
        if self._same.repeats(scan):
            return None
        return self.read(read(scan, domains=self._told("link_domains")))

    def command(self, scan: Scan) -> tuple[bool, Command | None]:
        """Whether a scan is a command of this store's mat, and which one is to be done now: None where
        it only repeats the last. What a clerk types is no command, and neither is another store's.
        """
        reading = read(scan)
        found = mat.command(self._key, reading.value) if reading.kind is Kind.COMMAND else None
        if found is None or scan.source is Source.TYPED:
            return False, None
        return True, None if self._same_command.repeats(scan) else found

    def mat(self) -> dict[Command, str]:
        """The codes of this store's mat."""
        return mat.codes(self._key)

    def read(self, reading: Reading) -> Result:
        """What a code means, scanned or typed."""
        if reading.kind is Kind.TOKEN and reading.claims is None:
            verified = self._verified(reading)
            if isinstance(verified, Result):
                return verified
            reading = verified
        text = _fit(reading.value)
        if reading.kind is Kind.UNREADABLE:
            return Result(Verdict.UNREADABLE, text, reading, online=self.online)
        if reading.kind is Kind.BADGE and self.guessing.cleared_by_badge(reading.value):
            return Result(Verdict.NOT_AN_ORDER, text, reading, online=self.online, cleared=True)
        token, known = self._find(reading)
        if len(known) == 1:
            return replace(self.open(known[0], token), text=text, reading=reading)
        if known:
            return Result(
                Verdict.AMBIGUOUS, text, reading, token=token, choices=tuple(known), online=self.online
            )
        return self._unknown(Result(Verdict.UNKNOWN, text, reading, token=token, online=self.online))

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
            standing=self._custody.standing(known) if verdict in MAY_HAND_OVER else Standing(),
        )

    def again(self, result: Result) -> Result:
        """The same subject as it is now, after something changed."""
        if result.known is None:
            return result
        known = self._till.books.know(result.known.kind, result.known.id)
        if known is None:
            return result
        return replace(self.open(known, result.token), text=result.text, reading=result.reading)

    def found(self, searching: Result, elsewhere: Elsewhere | None = None, *, reached: bool = True) -> Result:
        """The end of a search: what sync brought, another store's, or unknown; ``reached`` tells
        whether the hub has answered.
        """
        if elsewhere is not None:
            return replace(searching, verdict=Verdict.OTHER_STORE, elsewhere=elsewhere)
        if searching.reading is not None:
            result = self.read(searching.reading)
            if result.verdict is not Verdict.SEARCHING:
                return result
        return self._not_found(searching, reached=reached)

    def _unknown(self, result: Result) -> Result:
        """Nothing here has this code: search where it can be asked for, else say what it is."""
        reading = result.reading
        assert reading is not None
        if reading.kind not in _SEARCHED:
            return replace(result, verdict=Verdict.NOT_AN_ORDER)
        if not self.online:
            return self._not_found(result, reached=False)
        if reading.kind is Kind.PICKUP and (wait_s := self.guessing.wait()):
            self.guessing.unknown(result.token)
            return replace(result, verdict=Verdict.GUESSING, wait_s=max(wait_s, self.guessing.wait()))
        return replace(result, verdict=Verdict.SEARCHING, stale=self._till.stale())

    def _not_found(self, result: Result, *, reached: bool) -> Result:
        reading = result.reading
        if reading is not None and reading.claims is not None and not reached:
            ours = reading.claims.store == tokens.store_mark(self._till.store)
            return replace(result, verdict=Verdict.GENUINE if ours else Verdict.OTHER_STORE)
        if reading is not None and reading.kind is Kind.PICKUP and self.guessing.unknown(result.token):
            return replace(result, verdict=Verdict.GUESSING, wait_s=self.guessing.wait())
        return replace(result, verdict=Verdict.UNKNOWN, stale=self._till.stale())

    def _verified(self, reading: Reading) -> Reading | Result:
        """A signed code as the order it names; or what is wrong with it."""
        keys = [bytes.fromhex(key) for key in self._told("token_keys") if _is_hex(key)]
        claims = tokens.verify(reading.value, keys)
        text = _fit(reading.value)
        if claims is Doubt.FORGED:
            return Result(Verdict.FORGED, text, reading, online=self.online)
        if isinstance(claims, Doubt):
            return Reading(Kind.UNREADABLE, text, Unreadable.UNPROVEN)
        named = Reading(Kind.TOKEN, claims.order, texts=(claims.order,), claims=claims)
        if claims.until < self._till.now():
            return Result(Verdict.TOKEN_EXPIRED, _fit(claims.order), named, online=self.online)
        return named

    def _told(self, what: str) -> frozenset[str]:
        """A list on the store's card, as the hub told it."""
        found = self._till.books.record("store", self._till.store).get(what)
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

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


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) > 0
    except ValueError:
        return False
