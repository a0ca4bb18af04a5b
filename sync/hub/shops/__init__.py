"""The shop port: what the hub needs of a retailer's shop, whatever shop it is.

Promises every adapter keeps: our ref is stored with each hand-over and looked up before writing, so
a repeat is `Outcome.ALREADY`; rules the shop does not check itself (cancelled, paid, store, number
of pieces) are checked here; every answer carries the order as it is afterwards. `Unavailable` means
that the outcome is unknown: read again before writing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from posapp.domain.goods import Line, Paid, Parcel
from posapp.domain.money import Money


class Progress(StrEnum):
    """An order's state in the shop, derived from its lines and hand-overs."""

    OPEN = "open"
    PARTIAL = "partial"
    DONE = "done"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What the shop said to a write. The last two become a case; neither is ever tried again."""

    APPLIED = "applied"
    ALREADY = "already"
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ShopCode:
    """A code in clear, as only shop and customer have it; ``use`` as in `CodeUse`."""

    code: str
    use: str = "pickup"
    name: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShopHandOver:
    """A hand-over as the shop keeps it; ``ref`` is the fact's id, or the shop's own name for it."""

    ref: str
    at: datetime
    lines: tuple[tuple[str, int], ...]
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as the shop knows it, in our words."""

    id: str
    number: str
    store: str
    customer: str
    lines: tuple[Line, ...]
    parcels: tuple[Parcel, ...] = ()
    codes: tuple[ShopCode, ...] = ()
    hand_overs: tuple[ShopHandOver, ...] = ()
    paid: Paid = Paid.PAID
    due: Money | None = None
    placed_at: datetime | None = None
    ready_at: datetime | None = None
    expected: str = ""
    hold_until: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_by: str = ""
    returned_at: datetime | None = None
    blocked: str = ""
    note: str = ""
    question: str = ""

    def remaining(self) -> dict[str, int]:
        """Line id -> pieces that no hand-over took; complete lines are left out."""
        left = {line.id: line.quantity for line in self.lines}
        for hand_over in self.hand_overs:
            if not hand_over.cancelled:
                for line, quantity in hand_over.lines:
                    left[line] = left.get(line, 0) - quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    def progress(self) -> Progress:
        """How far the order is."""
        if self.cancelled_at is not None:
            return Progress.CANCELLED
        if not self.remaining():
            return Progress.DONE
        taken = any(not hand_over.cancelled for hand_over in self.hand_overs)
        return Progress.PARTIAL if taken else Progress.OPEN


@dataclass(frozen=True, slots=True)
class ShopAnswer:
    """What became of a write; ``why`` is a short key where the shop said no."""

    outcome: Outcome
    order: ShopOrder | None
    why: str = ""


class Shop(Protocol):
    """A retailer's shop. Blocking; every call may raise Unavailable."""

    def ping(self) -> str:
        """The shop's name."""
        ...

    def changed(self, cursor: str, limit: int) -> tuple[Sequence[ShopOrder], str]:
        """At most ``limit`` orders that changed since ``cursor`` ("" for the beginning), oldest first.

        At least once, with an overlap in time; the cursor is opaque and made of the shop's own
        stamps only. An empty sequence: nothing has changed since.
        """
        ...

    def open_orders(self) -> Iterator[Sequence[ShopOrder]]:
        """Every unfinished order, in slices."""
        ...

    def get(self, ident: str) -> ShopOrder | None:
        """One order by the shop's id, always fresh."""
        ...

    def find(self, text: str) -> Sequence[ShopOrder]:
        """Orders by number, pickup code, name or mail; the caller filters again."""
        ...

    def hand_over(
        self, ident: str, lines: Mapping[str, int], *, ref: str, store: str, at: datetime
    ) -> ShopAnswer:
        """Write that these pieces left the store."""
        ...

    def undo_hand_over(self, ident: str, hand_over: str, *, ref: str) -> ShopAnswer:
        """Take back the hand-over with the ref ``hand_over``; ALREADY where there is none."""
        ...
