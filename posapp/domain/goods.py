"""What an order is made of: lines, parcels, codes, hand-overs, each with its JSON form.

Reading passes over unknown fields; it raises KeyError, TypeError or ValueError where the JSON is not
what it should be. Writing leaves out what is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from posapp.domain.facts import parse_timestamp, timestamp
from posapp.domain.money import Money
from posapp.domain.values import dataclass


class Paid(StrEnum):
    """Where the money is. *Promised* is a state of its own: it will be paid at the counter."""

    PAID = "paid"
    UNPAID = "unpaid"
    PROMISED = "promised"


class ParcelState(StrEnum):
    """Where a parcel is."""

    ANNOUNCED = "announced"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    IN_BIN = "in_bin"
    OTHER_STORE = "other_store"
    DAMAGED = "damaged"
    MISSING = "missing"
    HANDED_OVER = "handed_over"
    IN_RETURN = "in_return"
    SENT_BACK = "sent_back"


class CodeUse(StrEnum):
    """What a code opens."""

    PICKUP = "pickup"
    PASS = "pass"
    REPLACED = "replaced"
    REVOKED = "revoked"


HERE = frozenset({ParcelState.ARRIVED, ParcelState.IN_BIN})
GOING_BACK = frozenset({ParcelState.IN_RETURN, ParcelState.SENT_BACK})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order; ``quantity`` is what is still wanted (cancelled pieces are off)."""

    id: str
    title: str
    quantity: int
    sku: str = ""
    barcode: str = ""
    price: Money | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any], currency: str) -> Self:
        """Read the JSON form; prices are in the order's currency."""
        price = body.get("price_minor")
        return cls(
            id=str(body["id"]),
            title=str(body["title"]),
            quantity=int(body["quantity"]),
            sku=str(body.get("sku", "")),
            barcode=str(body.get("barcode", "")),
            price=None if price is None else Money(int(price), currency),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        price = {"price_minor": self.price.minor} if self.price else {}
        kept = {"id": self.id, "title": self.title, "quantity": self.quantity}
        return kept | price | lean({"sku": self.sku, "barcode": self.barcode})


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel; ``lines`` says how many pieces of which line are inside."""

    label: str
    state: ParcelState
    bin: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    expected: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(
            label=str(body.get("label", "")),
            state=ParcelState(body["state"]),
            bin=str(body.get("bin", "")),
            lines=_counts(body.get("lines")),
            expected=str(body.get("expected", "")),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return lean(
            {
                "label": self.label,
                "state": self.state.value,
                "bin": self.bin,
                "lines": dict(self.lines),
                "expected": self.expected,
            }
        )


@dataclass(frozen=True, slots=True)
class Code:
    """A code that opens the order, held only as its keyed hash (`code_token`).

    ``name``, ``until`` and ``lines`` belong to a delegated pass: who may come, how long, for what.
    """

    token: str
    use: CodeUse = CodeUse.PICKUP
    name: str = ""
    until: datetime | None = None
    lines: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(
            token=str(body["token"]),
            use=CodeUse(body.get("use", "pickup")),
            name=str(body.get("name", "")),
            until=moment(body.get("until")),
            lines=tuple(str(line) for line in body.get("lines", ())),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return lean(
            {
                "token": self.token,
                "use": self.use.value,
                "name": self.name,
                "until": stamp(self.until),
                "lines": list(self.lines),
            }
        )


@dataclass(frozen=True, slots=True)
class HandOver:
    """Goods that left; ``ref`` is the fact's id, the same one the shop keeps.

    ``in_shop`` is true once the shop was read back and has it.
    """

    ref: str
    at: datetime
    lines: tuple[tuple[str, int], ...]
    clerk: str = ""
    till: str = ""
    proof: str = ""
    undone: bool = False
    in_shop: bool = False

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        return cls(
            ref=str(body["ref"]),
            at=parse_timestamp(body["at"]),
            lines=_counts(body["lines"]),
            clerk=str(body.get("clerk", "")),
            till=str(body.get("till", "")),
            proof=str(body.get("proof", "")),
            undone=bool(body.get("undone", False)),
            in_shop=bool(body.get("in_shop", False)),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        kept = {"ref": self.ref, "at": timestamp(self.at), "lines": dict(self.lines)}
        return kept | lean(
            {
                "clerk": self.clerk,
                "till": self.till,
                "proof": self.proof,
                "undone": self.undone,
                "in_shop": self.in_shop,
            }
        )


def code_token(key: bytes, code: str) -> str:
    """The keyed hash (HMAC-SHA-256, 128 bits, hex) under which a code is kept and looked up.

    A stolen mirror then shows no code that a thief could present.
    """
    # Loads OpenSSL, 3 ms: with the first scan, not with the window.
    import hashlib
    import hmac

    return "h:" + hmac.new(key, code.upper().encode(), hashlib.sha256).hexdigest()[:32]


def lean(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what is empty."""
    return {key: value for key, value in body.items() if value not in ("", None, [], {}, False)}


def moment(value: object) -> datetime | None:
    """A time that may be missing."""
    return parse_timestamp(str(value)) if value else None


def stamp(value: datetime | None) -> str:
    """A time that may be missing, as text."""
    return timestamp(value) if value else ""


def _counts(value: object) -> tuple[tuple[str, int], ...]:
    if not value:
        return ()
    if not isinstance(value, Mapping):
        raise TypeError("a count of lines must be an object")
    return tuple(sorted((str(line), int(quantity)) for line, quantity in value.items()))
