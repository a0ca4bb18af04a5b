"""Custody: at any time exactly one party grants the right to hand an order over.

That party is the store's lead till; a till that cannot reach it asks it through the hub. The rule by
which it grants is `grant`. It rests on no clock that two machines would have to share: a claim has a
fencing token, lapses on its grantor's own clock, and is given to another till only once its holder
was heard from again, with all that it had done by then.

Pure: whoever grants keeps its `Book` where it likes.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from posapp.domain.values import dataclass, replace

LEASE_S = 72 * 3600
"""How long the hub lends a store's orders to its lead till; every contact renews it."""
CLAIM_S = 600
"""How long a claim is good: on its grantor's clock, and a minute less on its holder's."""
MARGIN_S = 60
_NUMBER_BITS = 32


class Provisional(StrEnum):
    """On what a till that reaches no grantor may hand over all the same; the fact says so."""

    LABEL = "label"
    MANAGER = "manager"


def token(epoch: int, number: int) -> int:
    """A fencing token: the store's epoch, raised whenever the lead role moves, then a counter."""
    return epoch << _NUMBER_BITS | number


def epoch_of(token: int) -> int:
    """The store's epoch in which a token was made."""
    return token >> _NUMBER_BITS


@dataclass(frozen=True, slots=True)
class Claim:
    """What a grantor holds of one order.

    ``till`` may hand it over until ``until_ms`` on the grantor's monotonic clock. ``handed`` are the
    hand-overs (facts' ids) the grantor was told of; whoever is granted the order next must know them.
    """

    order: str
    till: str
    token: int
    until_ms: int
    handed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """No: ``till`` has the order. ``behind`` where there are hand-overs the asker does not know."""

    till: str
    behind: bool = False


class Book(Protocol):
    """A grantor's memory. It must be durable, and nobody else may write it between two calls."""

    def claim(self, order: str) -> Claim | None:
        """What is held of the order."""
        ...

    def keep(self, claim: Claim) -> None:
        """Remember it, in the place of what was held of the same order."""
        ...

    def next_token(self) -> int:
        """A token greater than every one given before."""
        ...

    def heard_ms(self, till: str) -> int:
        """When this till last told everything it had done, on the grantor's clock; -1 for never."""
        ...


def grant(
    book: Book, order: str, till: str, *, now_ms: int, known: Collection[str], done: Collection[str] = ()
) -> Claim | Held:
    """Give ``till`` the right to hand ``order`` over, or say who has it.

    ``known`` are the hand-overs of the order the asker knows of, ``done`` those the grantor knows of
    besides the ones in its book. The holder may always ask again; its token stays the same while its
    claim does. A lapsed claim is free once its holder was heard from after it lapsed.
    """
    held = book.claim(order)
    if held is not None and held.till != till:
        lapsed = held.until_ms <= now_ms
        if not (lapsed and book.heard_ms(held.till) >= held.until_ms):
            return Held(held.till, behind=not set(held.handed) <= set(known))
    handed = held.handed if held is not None else ()
    if not set(handed) <= set(known) or not set(done) <= set(known):
        return Held(held.till if held is not None else "", behind=True)
    if held is not None and held.till == till and held.until_ms > now_ms:
        return held
    given = Claim(order, till, book.next_token(), now_ms + CLAIM_S * 1000, handed)
    book.keep(given)
    return given


def handed_over(book: Book, order: str, till: str, ref: str) -> None:
    """The grantor was told that ``till`` handed the order over, under a claim or without one."""
    held = book.claim(order)
    if held is None:
        book.keep(Claim(order, till, 0, 0, (ref,)))
    elif ref not in held.handed:
        book.keep(replace(held, handed=(*held.handed, ref)))


def given_back(book: Book, order: str, till: str) -> None:
    """The holder needs the order no more; what it handed over stays known."""
    held = book.claim(order)
    if held is not None and held.till == till:
        book.keep(replace(held, until_ms=-1))
