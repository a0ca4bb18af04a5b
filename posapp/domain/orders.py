"""Orders for pickup: lines, parcels, hand-overs, and what each fact does to them.

Line states are the truth; the order's state is derived from them. The same rule, `Order.after`,
decides at the till (over what it knows) and at the hub (over what everybody knows).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, timestamp
from posapp.domain.goods import (
    GOING_BACK,
    HERE,
    Code,
    HandOver,
    Line,
    Paid,
    Parcel,
    ParcelState,
    lean,
    moment,
    stamp,
)
from posapp.domain.money import Money
from posapp.domain.values import dataclass, replace

HANDED_OVER = "HandedOver"
HAND_OVER_UNDONE = "HandOverUndone"


@dataclass(frozen=True, slots=True)
class Index:
    """How a subject is found: its queue and since when it is in it, scannable tokens, words."""

    queue: str = ""
    since: str = ""
    tokens: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as one side knows it. Frozen: `after` returns the order that follows."""

    number: str
    store: str
    customer: str
    lines: tuple[Line, ...]
    parcels: tuple[Parcel, ...] = ()
    codes: tuple[Code, ...] = ()
    hand_overs: tuple[HandOver, ...] = ()
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

    # -- what is left ---------------------------------------------------------------------------
    def live_hand_overs(self) -> tuple[HandOver, ...]:
        """Hand-overs that were not undone, oldest first."""
        return tuple(sorted((h for h in self.hand_overs if not h.undone), key=lambda h: h.at))

    def open_lines(self) -> dict[str, int]:
        """Line id -> pieces not handed over yet; lines that are complete are left out."""
        left = {line.id: line.quantity for line in self.lines}
        for hand_over in self.live_hand_overs():
            for line, quantity in hand_over.lines:
                if line in left:
                    left[line] -= quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    def lines_here(self) -> dict[str, int]:
        """Line id -> open pieces that lie in this store.

        A parcel whose content the shop did not tell counts for every line.
        """
        left = self.open_lines()
        here = [p for p in self.parcels if p.state in HERE]
        if any(not p.lines for p in here):
            return left
        gone = [p for p in self.parcels if p.state is ParcelState.HANDED_OVER]
        inside: dict[str, int] = {}
        for parcel in (*here, *gone):
            for line, quantity in parcel.lines:
                inside[line] = inside.get(line, 0) + quantity
        handed = {line.id: line.quantity - left.get(line.id, 0) for line in self.lines if line.quantity}
        if any(not p.lines for p in gone):
            # Nobody told what was in the parcel that left: all that left was.
            handed = {}
        return {
            line: min(quantity, left[line])
            for line in left
            if (quantity := inside.get(line, 0) - handed.get(line, 0)) > 0
        }

    # -- what a fact does -----------------------------------------------------------------------
    def after(self, fact: Fact, till: str) -> Order:
        """The order once ``fact``, done at ``till``, happened. Raises Refused where it may not.

        A fact that is in the order already changes nothing, so folding twice is harmless. Raises
        KeyError for a kind this version does not know.
        """
        return _RULES[fact.kind](self, fact, till)

    def _handed_over(self, fact: Fact, till: str) -> Order:
        if any(h.ref == fact.id for h in self.hand_overs):
            return self
        if self.cancelled_at is not None:
            raise Refused("order-cancelled", number=self.number)
        if self.blocked:
            raise Refused("order-blocked", number=self.number)
        if self.paid is Paid.UNPAID:
            raise Refused("order-unpaid", number=self.number)
        if self.paid is Paid.PROMISED and not fact.payload.get("paid_here"):
            raise Refused("order-pay-first", number=self.number)
        wanted = fact.payload.get("lines")
        if not isinstance(wanted, Mapping) or not wanted:
            raise Refused("nothing-to-hand-over", number=self.number)
        left = self.open_lines()
        for line, quantity in wanted.items():
            if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
                raise Refused("nothing-to-hand-over", number=self.number)
            if quantity > left.get(line, 0):
                first = self.live_hand_overs()
                if first:
                    raise Refused(
                        "already-handed-over",
                        number=self.number,
                        at=timestamp(first[0].at),
                        clerk=first[0].clerk,
                        till=first[0].till,
                        ref=first[0].ref,
                    )
                raise Refused("more-than-ordered", number=self.number)
        done = HandOver(
            ref=fact.id,
            at=fact.at,
            lines=tuple(sorted((str(line), int(quantity)) for line, quantity in wanted.items())),
            clerk=fact.clerk,
            till=till,
            proof=str(fact.payload.get("proof", "")),
        )
        return replace(self, hand_overs=(*self.hand_overs, done))

    def _hand_over_undone(self, fact: Fact, till: str) -> Order:
        ref = fact.payload.get("hand_over")
        for position, hand_over in enumerate(self.hand_overs):
            if hand_over.ref == ref:
                undone = replace(hand_over, undone=True)
                before, behind = self.hand_overs[:position], self.hand_overs[position + 1 :]
                return replace(self, hand_overs=(*before, undone, *behind))
        raise Refused("nothing-to-undo", number=self.number)

    # -- how it is found --------------------------------------------------------------------------
    def queue(self) -> str:
        """The queue the order waits in: ready, partly_here, expected, held, returning, or none."""
        if self.cancelled_at is not None or not self.open_lines():
            return ""
        if self.returned_at is not None or any(p.state in GOING_BACK for p in self.parcels):
            return "returning"
        if self.blocked or self.paid is Paid.UNPAID:
            return "held"
        here = sum(p.state in HERE for p in self.parcels)
        if not here:
            return "expected"
        waiting = sum(p.state not in HERE and p.state is not ParcelState.HANDED_OVER for p in self.parcels)
        return "partly_here" if waiting else "ready"

    def index(self) -> Index:
        """Tokens are upper case; codes only ever as keyed hashes."""
        queue = self.queue()
        since = self.ready_at or self.placed_at
        return Index(
            queue=queue,
            since=timestamp(since) if since else "",
            tokens=(
                self.number.upper(),
                *(p.label.upper() for p in self.parcels if p.label),
                *(c.token for c in self.codes),
            ),
            words=" ".join((self.number, self.customer, *(line.title for line in self.lines))),
        )

    # -- its JSON form ----------------------------------------------------------------------------
    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Order:
        """Read the wire's JSON. Unknown fields are passed over.

        Raises KeyError, TypeError or ValueError where it is not an order.
        """
        try:
            return cls._read(body)
        except (AttributeError, OverflowError) as error:
            raise ValueError("not an order") from error

    @classmethod
    def _read(cls, body: Mapping[str, Any]) -> Order:
        currency = str(body.get("currency", "EUR"))
        due = body.get("due_minor")
        return cls(
            number=str(body["number"]),
            store=str(body["store"]),
            customer=str(body.get("customer", "")),
            lines=tuple(Line.from_body(line, currency) for line in body["lines"]),
            parcels=tuple(Parcel.from_body(parcel) for parcel in body.get("parcels", ())),
            codes=tuple(Code.from_body(code) for code in body.get("codes", ())),
            hand_overs=tuple(HandOver.from_body(done) for done in body.get("hand_overs", ())),
            paid=Paid(body.get("paid", "paid")),
            due=None if due is None else Money(int(due), currency),
            placed_at=moment(body.get("placed_at")),
            ready_at=moment(body.get("ready_at")),
            expected=str(body.get("expected", "")),
            hold_until=moment(body.get("hold_until")),
            cancelled_at=moment(body.get("cancelled_at")),
            cancelled_by=str(body.get("cancelled_by", "")),
            returned_at=moment(body.get("returned_at")),
            blocked=str(body.get("blocked", "")),
            note=str(body.get("note", "")),
            question=str(body.get("question", "")),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form, without what is empty."""
        money = self.due or next((line.price for line in self.lines if line.price), None)
        kept = {
            "number": self.number,
            "store": self.store,
            "customer": self.customer,
            "currency": money.currency if money else "EUR",
            "lines": [line.to_body() for line in self.lines],
            "paid": self.paid.value,
        }
        due = {"due_minor": self.due.minor} if self.due else {}
        return (
            kept
            | due
            | lean(
                {
                    "parcels": [parcel.to_body() for parcel in self.parcels],
                    "codes": [code.to_body() for code in self.codes],
                    "hand_overs": [done.to_body() for done in self.hand_overs],
                    "placed_at": stamp(self.placed_at),
                    "ready_at": stamp(self.ready_at),
                    "expected": self.expected,
                    "hold_until": stamp(self.hold_until),
                    "cancelled_at": stamp(self.cancelled_at),
                    "cancelled_by": self.cancelled_by,
                    "returned_at": stamp(self.returned_at),
                    "blocked": self.blocked,
                    "note": self.note,
                    "question": self.question,
                }
            )
        )


_RULES = {HANDED_OVER: Order._handed_over, HAND_OVER_UNDONE: Order._hand_over_undone}
