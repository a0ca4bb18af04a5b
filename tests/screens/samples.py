"""Orders that lead to each verdict, as a watch shop in Freiburg would have them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

from posapp.domain import tokens
from posapp.domain.codes import ALPHABET, BODY_LENGTH, Prefix, make
from posapp.domain.goods import Code, CodeUse, HandOver, Line, Paid, Parcel, ParcelState, code_token
from posapp.domain.money import Money
from posapp.domain.orders import Order
from posapp.domain.pickup import Verdict
from tests.kit.things import NOW, STORE, STORE_KEY

WATCH = Line("1", "Herrenuhr Meister Automatik 40 mm, Edelstahl", 1, price=Money(124900))
STRAP = Line("2", "Lederband braun 20 mm", 2, price=Money(3990))
HERE = Parcel("DHL-0034", ParcelState.IN_BIN, "B-07")
EARLIER = NOW - timedelta(days=1, hours=2)
SIGNING = bytes(range(32))
STORE_CARD = {
    "name": "Uhren Berger, Freiburg",
    "undo_seconds": 60,
    "token_keys": [tokens.public_key(SIGNING).hex()],
}


def code_of(number: str, use: str = "") -> str:
    """A pickup code for an order: another for each number and use, the same every time."""
    digest = hashlib.sha256(f"{number}/{use}".encode()).digest()
    body = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:BODY_LENGTH])
    return make(Prefix.PICKUP, body)


def token(number: str, days: int = 20, key: bytes = SIGNING) -> str:
    """A signed code for an order, good for so many days."""
    claims = tokens.Claims(number, tokens.store_mark(STORE), NOW + timedelta(days=days))
    return tokens.sign(key, claims)


def code(number: str, use: CodeUse = CodeUse.PICKUP, **more: object) -> Code:
    """The code as the order holds it."""
    return Code(code_token(STORE_KEY, code_of(number, "" if use is CodeUse.PICKUP else use)), use, **more)  # type: ignore[arg-type]  # the fields of Code by name


def order(number: str = "W-1001", customer: str = "Jörg Weiß", **more: object) -> Order:
    """An order that can be handed over, unless told otherwise."""
    ready = Order(
        number=number,
        store=STORE,
        customer=customer,
        lines=(WATCH, STRAP),
        parcels=(replace(HERE, label=f"DHL-{number}"),),
        codes=(code(number),),
        placed_at=NOW - timedelta(days=4),
        ready_at=NOW - timedelta(hours=5),
        hold_until=NOW + timedelta(days=6),
    )
    return replace(ready, **more)  # type: ignore[arg-type]  # the fields of Order by name


def handed(*lines: tuple[str, int]) -> HandOver:
    """A hand-over of yesterday."""
    return HandOver("0190-aa", EARLIER, lines, "Miriam Yılmaz", "B01-2", "code", in_shop=True)


_AWAY = Parcel("DHL-0099", ParcelState.ON_THE_WAY, lines=(("2", 2),), expected="2026-11-24")
_PARTLY = (replace(HERE, lines=(("1", 1),)), _AWAY)

ORDERS: dict[Verdict, Order] = {
    Verdict.READY: order("W-1001"),
    Verdict.READY_ATTENTION: order("W-1002", note="Geschenk: bitte ohne Preisschild und mit Schleife."),
    Verdict.PASS: order(
        "W-1003",
        "Aleksandra Wiśniewska",
        codes=(
            code("W-1003"),
            code("W-1003", CodeUse.PASS, name="Emil Groß", until=NOW + timedelta(days=2), lines=("1",)),
        ),
    ),
    Verdict.REST_OPEN: order("W-1004", hand_overs=(handed(("1", 1)),)),
    Verdict.PARTLY_HERE: order("W-1005", parcels=_PARTLY),
    Verdict.NOT_PUT_AWAY: order("W-1006", parcels=(Parcel("DHL-6", ParcelState.ARRIVED),)),
    Verdict.NOT_HERE_YET: order("W-1007", parcels=(_AWAY,), expected="2026-11-24", hold_until=None),
    Verdict.ANSWER_NEEDED: order("W-1008", question="Ist die Kundin mindestens 18 Jahre alt? Ausweisart?"),
    Verdict.PAY_HERE: order("W-1009", paid=Paid.PROMISED, due=Money(121875)),
    Verdict.EXPIRED: order("W-1010", hold_until=NOW - timedelta(days=2), ready_at=NOW - timedelta(days=12)),
    Verdict.ALREADY_HANDED_OVER: order("W-1011", hand_overs=(handed(("1", 1), ("2", 2)),)),
    Verdict.UNPAID: order("W-1012", paid=Paid.UNPAID),
    Verdict.CANCELLED: order("W-1013", cancelled_at=EARLIER, cancelled_by="Kundin"),
    Verdict.GOING_BACK: order("W-1014", parcels=(replace(HERE, state=ParcelState.IN_RETURN),)),
    Verdict.RETURNED: order("W-1015", returned_at=EARLIER),
    Verdict.OTHER_STORE: order("W-1016", store="B02"),
    Verdict.CODE_REPLACED: order("W-1017", codes=(code("W-1017", CodeUse.REPLACED),)),
    Verdict.PASS_REVOKED: order("W-1018", codes=(code("W-1018", CodeUse.REVOKED),)),
    Verdict.BLOCKED: order("W-1019", blocked="Betrugsverdacht"),
}
"""One order for each verdict that an order by itself leads to."""

_USES = {
    Verdict.PASS: CodeUse.PASS,
    Verdict.CODE_REPLACED: CodeUse.REPLACED,
    Verdict.PASS_REVOKED: CodeUse.REVOKED,
}


def scan_for(verdict: Verdict) -> str:
    """What to scan to come to a verdict of `ORDERS`."""
    use = _USES.get(verdict)
    return code_of(ORDERS[verdict].number, use.value if use else "")


TWINS = (
    order("W-2001", "Karin Huber", parcels=(replace(HERE, label="DHL-TWIN"),)),
    order("W-2002", "Karl-Heinz Hubertus von Greifenstein", parcels=(replace(HERE, label="DHL-TWIN"),)),
)
CASE = order("W-3001", "Paula Ost")
QUEUE = tuple(
    order(
        f"W-40{at:02}",
        name,
        parcels=(replace(HERE, label=f"DHL-4{at}", bin=f"{'ABC'[at % 3]}-{at:02}"),),
        lines=(WATCH,) if at % 2 else (WATCH, STRAP),
        ready_at=NOW - timedelta(hours=7 * at + 1),
    )
    for at, name in enumerate(
        (
            "Anna Schmidt",
            "Mehmet Özdemir",
            "Zoë Lindqvist",
            "Ferdinand Graf von Hohenstein-Waldburg",
            "Łukasz Żak",
            "Ute Koch",
            "Ion Popșa",
            "Dr. Sabine Klöckner",
        )
    )
)
EVERYTHING = (*ORDERS.values(), *TWINS, CASE, *QUEUE)
