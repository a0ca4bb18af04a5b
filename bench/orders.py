"""The orders of the bench: invented, each a function of its number, so that every run has the same ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from posapp.domain import codes
from posapp.domain.goods import Code, HandOver, Line, Paid, Parcel, ParcelState, code_token
from posapp.domain.money import Money
from posapp.domain.orders import Order

STORE = "B01"
STORE_KEY = hashlib.sha256(b"the bench's store").digest()
OPEN = 4_000
"""So many of the newest orders still wait in the store; all before them have been handed over."""
NEWEST = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
_EVERY = timedelta(seconds=40)

_FIRST = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emilia",
    "Felix",
    "Greta",
    "Hannes",
    "Ida",
    "Jonas",
    "Klara",
    "Leon",
    "Marlene",
    "Noah",
    "Olga",
    "Paul",
    "Rosa",
    "Samuel",
    "Thea",
    "Veit",
    "Wanda",
    "Yusuf",
    "Zoë",
    "Ayşe",
    "Björn",
    "Çelik",
)
_LAST = (
    "Achterberg",
    "Bäumer",
    "Czerny",
    "Dittrich",
    "Eisele",
    "Fröhlich",
    "Grützmacher",
    "Hölderlin",
    "Ilgner",
    "Jäger",
    "Krüger",
    "Lindqvist",
    "Müller-Lüdenscheidt",
    "Nowak",
    "Öztürk",
    "Pfeiffer",
    "Quandt",
    "Rößler",
    "Schöning",
    "Thalbach",
    "Ullrich",
    "Vollmer",
    "Weiß",
    "Yılmaz",
    "Zöllner",
    "Ahrens",
    "Brandstätter",
    "Dorn",
    "Ehlers",
    "Falk",
)
_GOODS = tuple(
    f"{thing} {name}"
    for thing in ("Armbanduhr", "Chronograph", "Kette", "Ring", "Ohrstecker", "Lederband", "Wecker")
    for name in ("Aurora", "Bergen", "Capri", "Delta", "Elba", "Fjord", "Garda", "Helgoland", "Isar")
)


def number(n: int) -> str:
    """The order's number."""
    return f"W-{100_000 + n}"


def code(n: int) -> str:
    """The pickup code of an order, as printed for the customer but without spaces."""
    drawn = int.from_bytes(hashlib.blake2b(n.to_bytes(8, "big"), digest_size=8).digest(), "big")
    body = ""
    for _ in range(codes.BODY_LENGTH):
        drawn, at = divmod(drawn, len(codes.ALPHABET))
        body += codes.ALPHABET[at]
    return codes.make(codes.Prefix.PICKUP, body)


def token(n: int) -> str:
    """Under what the mirror finds the code."""
    return code_token(STORE_KEY, code(n))


def order(n: int, of: int) -> Order:
    """Order ``n`` of so many: old ones are done, the newest wait, a few of them with a catch."""
    placed = NEWEST - _EVERY * (of - n)
    ready = placed + timedelta(hours=26)
    lines = tuple(
        Line(
            id=str(at + 1),
            title=_GOODS[(n * 7 + at * 11) % len(_GOODS)],
            quantity=1 + (n + at) % 7 // 6,
            sku=f"{(n * 13 + at) % 9973:05}",
            barcode=f"40{(n * 17 + at) % 10**10:010}",
            price=Money(1990 + (n * 37 + at * 501) % 40_000, "EUR"),
        )
        for at in range(1 + n % 3)
    )
    waits = n > of - OPEN
    catch = n % 20 if waits else 0
    state = ParcelState.IN_BIN if waits else ParcelState.HANDED_OVER
    if catch in (1, 2, 3):
        state = ParcelState.ON_THE_WAY
    gone = HandOver(
        ref=f"0199{n:08x}-7000-8000-{n:012x}",
        at=ready + timedelta(hours=n % 70),
        lines=tuple((line.id, line.quantity) for line in lines),
        clerk=f"Kasse {1 + n % 3}",
        till="B01-1",
        proof="code",
        in_shop=True,
    )
    return Order(
        number=number(n),
        store=STORE,
        customer=f"{_FIRST[n % len(_FIRST)]} {_LAST[n // 7 % len(_LAST)]}",
        lines=lines,
        parcels=(
            Parcel(
                label=f"00340{n:015}",
                state=state,
                bin=f"{chr(65 + n % 8)}-{1 + n % 40:02}" if waits and state is ParcelState.IN_BIN else "",
                lines=tuple((line.id, line.quantity) for line in lines),
            ),
        ),
        codes=(Code(token(n)),),
        hand_overs=() if waits else (gone,),
        paid={4: Paid.UNPAID, 5: Paid.PROMISED}.get(catch, Paid.PAID),
        due=Money(2995, "EUR") if catch == 5 else None,
        placed_at=placed,
        ready_at=ready,
        note="Bitte die Gravur zeigen." if catch == 6 else "",
        question="Soll das Band gekürzt werden?" if catch == 7 else "",
    )
