"""What the simulated stores do: for each order handed over, a service ticket from intake to hand-back.

Five facts an order. Everything is a function of store and number, so that the process that fills the
hub and the one with the tills need not tell each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from posapp.domain import codes
from posapp.domain.facts import GENESIS, Fact, canonical, chain_hash, subject, timestamp
from posapp.domain.goods import Line, Parcel, ParcelState
from posapp.domain.ids import new_fact_id
from posapp.domain.orders import HANDED_OVER
from posapp.domain.tickets import TICKET_HANDED_BACK, TICKET_MOVED, TICKET_OPENED
from sync.hub.shops import ShopCode, ShopOrder

Json = dict[str, Any]
FACTS_PER_ORDER = 5


def store_code(store: int) -> str:
    """The store's code."""
    return f"L{store:05}"


def order_number(store: int, n: int) -> str:
    """The number of a store's order."""
    return f"L{store:05}-{n:06}"


def shop_order(store: int, n: int, now: datetime) -> ShopOrder:
    """A paid order in its bin, as a shop would tell of it."""
    number = order_number(store, n)
    lines = tuple(
        Line(id=str(at + 1), title=("Armbanduhr Aurora", "Lederband Fjord")[at], quantity=1, sku=f"{n:05}")
        for at in range(1 + n % 2)
    )
    body = _drawn(store * 1_000_003 + n)
    return ShopOrder(
        id=number,
        number=number,
        store=store_code(store),
        customer=("Anna Krüger", "Ben Öztürk", "Clara Weiß")[n % 3],
        lines=lines,
        parcels=(Parcel(f"00340{store:06}{n:09}", ParcelState.IN_BIN, f"A-{n % 40:02}"),),
        codes=(ShopCode(codes.make(codes.Prefix.PICKUP, body)),),
        placed_at=now - timedelta(days=3),
        ready_at=now - timedelta(days=1),
    )


def _drawn(number: int) -> str:
    number = number * 2_654_435_761 % 2**40
    body = ""
    for _ in range(codes.BODY_LENGTH):
        number, at = divmod(number, len(codes.ALPHABET))
        body += codes.ALPHABET[at]
    return body


class Chain:
    """A till's journal as the hub sees it: what it made, and how far the hub has it."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._made: list[Json] = []
        self._sent_hash = GENESIS.hex()
        self.sent = 0

    @property
    def waiting(self) -> int:
        """How many facts the hub has not answered yet."""
        return len(self._made)

    def add(self, kind: str, of: str, payload: Json) -> str:
        """Append a fact; its id."""
        before = self._made[-1]["hash"] if self._made else self._sent_hash
        seq = self.sent + len(self._made) + 1
        made = Fact(new_fact_id(), kind, of, payload, "Ana", datetime.now(UTC))
        raw = canonical(payload)
        self._made.append(
            {
                "seq": seq,
                "id": made.id,
                "kind": kind,
                "schema_v": 1,
                "subject": of,
                "payload": raw.decode(),
                "clerk": made.clerk,
                "at": timestamp(made.at),
                "hash": chain_hash(bytes.fromhex(before), seq, made, raw).hex(),
            }
        )
        return made.id

    def request(self, most: int) -> Json:
        """A push of what comes next; of nothing where ``most`` is 0."""
        return {
            "epoch": self._epoch,
            "prev_seq": self.sent,
            "prev_hash": self._sent_hash,
            "facts": self._made[:most],
        }

    def took(self, count: int) -> None:
        """The hub answered the next ``count`` facts: they are kept no longer."""
        if count:
            self._sent_hash = self._made[count - 1]["hash"]
            self.sent += count
            del self._made[:count]


def acts(store: int, first_order: int, orders: int, chain: Chain) -> Iterator[str]:
    """A store's work at one of its tills, fact by fact: each step appends one and gives its id."""
    for n in range(first_order, first_order + orders):
        lines = {str(at + 1): 1 for at in range(1 + n % 2)}
        yield chain.add(
            HANDED_OVER, subject("order", order_number(store, n)), {"lines": lines, "proof": "code"}
        )
        about = subject("ticket", f"T{order_number(store, n)}")
        told = {
            "store": store_code(store),
            "job": "battery",
            "customer": "Emilia Fröhlich",
            "object": "Chronograph Helgoland",
            "bag": f"BG{store:05}{n:06}",
        }
        yield chain.add(TICKET_OPENED, about, told)
        yield chain.add(TICKET_MOVED, about, {"to": "in_work"})
        yield chain.add(TICKET_MOVED, about, {"to": "ready"})
        yield chain.add(TICKET_HANDED_BACK, about, {})
