"""Orders, parcels and facts to test with, and strategies that make all the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from posapp.domain.facts import Fact
from posapp.domain.goods import (
    Code,
    CodeUse,
    HandOver,
    Line,
    Paid,
    Parcel,
    ParcelState,
    code_token,
)
from posapp.domain.ids import FactId, new_fact_id
from posapp.domain.money import Money
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order

NOW = datetime(2026, 11, 21, 13, 30, tzinfo=UTC)
STORE = "B01"
STORE_KEY = bytes(range(32))
CODE = "PK7KX29DRTH"

IN_BIN = Parcel("LBL-1", ParcelState.IN_BIN, bin="A3")


def token(code: str = CODE) -> str:
    """Under what a pickup code is kept and found."""
    return code_token(STORE_KEY, code)


def order(number: str = "W-1001", **other: Any) -> Order:
    """An order that lies ready in bin A3: one strap, two pens; anything else by name."""
    ready = Order(
        number=number,
        store=STORE,
        customer="Jana Müller",
        lines=(
            Line("l1", "Lederarmband 20 mm", 1, sku="S-20", price=Money(3990)),
            Line("l2", "Füller", 2, price=Money(1250)),
        ),
        parcels=(replace(IN_BIN, label=f"LBL-{number}"),),
        codes=(Code(token()),) if number == "W-1001" else (),
        placed_at=NOW - timedelta(days=2),
        ready_at=NOW - timedelta(hours=5),
    )
    return replace(ready, **other)


def fact(kind: str, payload: Mapping[str, Any], *, about: str = "W-1001", at: datetime = NOW) -> Fact:
    """A fact about an order."""
    return Fact(new_fact_id(), kind, f"order:{about}", payload, "Ana", at)


def handed(lines: Mapping[str, Any] | None = None, **said: Any) -> Fact:
    """A hand-over of everything in `order`, or of these lines."""
    return fact(
        HANDED_OVER, {"lines": {"l1": 1, "l2": 2} if lines is None else lines, "proof": "code", **said}
    )


def undone(hand_over: str) -> Fact:
    """A hand-over taken back."""
    return fact(HAND_OVER_UNDONE, {"hand_over": hand_over})


# --- strategies ---

texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=8)
times = st.datetimes(timezones=st.just(UTC))
maybe_times = st.none() | times
amounts = st.integers(-10_000_000, 10_000_000)
counts = st.integers(1, 9)


def facts_of(payloads: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Fact]:
    """Any fact with such a payload."""
    return st.builds(
        Fact,
        id=st.uuids(version=4).map(lambda value: FactId(str(value))),
        kind=names,
        subject=names.map("order:{}".format),
        payload=payloads,
        clerk=texts,
        at=times,
        schema_v=st.integers(1, 99),
    )


plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
payloads: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    texts,
    st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_size=5,
)


@st.composite
def orders(draw: st.DrawFn, *, store: st.SearchStrategy[str] | None = None) -> Order:
    """Any order a shop could tell of: sensible or not, but of the right types."""
    currency = draw(st.sampled_from(["EUR", "CHF", "USD"]))
    ids = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    some = st.lists(st.tuples(st.sampled_from(ids), counts), max_size=3, unique_by=lambda pair: pair[0])
    pieces = some.map(lambda pairs: tuple(sorted(pairs)))
    money = amounts.map(lambda minor: Money(minor, currency))
    lines = tuple(
        Line(ident, draw(texts), draw(counts), draw(texts), draw(texts), draw(st.none() | money))
        for ident in ids
    )
    parcels = st.builds(
        Parcel, label=texts, state=st.sampled_from(ParcelState), bin=texts, lines=pieces, expected=texts
    )
    codes = st.builds(
        Code,
        token=names,
        use=st.sampled_from(CodeUse),
        name=texts,
        until=maybe_times,
        lines=st.lists(st.sampled_from(ids), max_size=2, unique=True).map(tuple),
    )
    hand_overs = st.builds(
        HandOver,
        ref=names,
        at=times,
        lines=pieces,
        clerk=texts,
        till=texts,
        proof=texts,
        undone=st.booleans(),
        in_shop=st.booleans(),
    )
    return Order(
        number=draw(names),
        store=draw(store or st.sampled_from([STORE, "B02"])),
        customer=draw(texts),
        lines=lines,
        parcels=tuple(draw(st.lists(parcels, max_size=3))),
        codes=tuple(draw(st.lists(codes, max_size=3))),
        hand_overs=tuple(draw(st.lists(hand_overs, max_size=3, unique_by=lambda h: h.ref))),
        paid=draw(st.sampled_from(Paid)),
        # The wire has one currency for an order: that of its amounts.
        due=draw(st.none() | money) if any(line.price for line in lines) or currency == "EUR" else None,
        placed_at=draw(maybe_times),
        ready_at=draw(maybe_times),
        expected=draw(texts),
        hold_until=draw(maybe_times),
        cancelled_at=draw(maybe_times),
        cancelled_by=draw(texts),
        returned_at=draw(maybe_times),
        blocked=draw(texts),
        note=draw(texts),
        question=draw(texts),
    )
