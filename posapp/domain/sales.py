"""A sale at the counter: what is paid, each try to pay it by card, and its close, once.

A sale bears the number of the order that is paid, so that it is the same sale at every till. A try is
in the journal before the terminal hears of it (``PaymentBegun``). It stays open until the terminal or a
person has said what became of it; while one is open there is no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from posapp.domain.cards import CardReceipt, Ended, Step
from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, parse_timestamp, timestamp
from posapp.domain.goods import lean
from posapp.domain.money import Money
from posapp.domain.orders import Index
from posapp.domain.values import dataclass, replace

PAYMENT_BEGUN = "PaymentBegun"
"""A card payment is about to be sent. Payload: ``store``, ``amount_minor``, ``currency``, ``terminal``,
``after``: the terminal's last receipt before, as ``[number, trace]``, or null where it told none."""
PAYMENT_NOT_BOOKED = "PaymentNotBooked"
"""It was not booked. Payload: ``payment`` (the fact that began it), ``how``, ``why``."""
SALE_CLOSED = "SaleClosed"
"""It was booked, and the sale is paid. Payload: ``payment``, ``how``, ``receipt``, ``trace``, ``card``."""

OPEN = "open"
SLACK = timedelta(minutes=15)
"""How far the terminal's clock and a payment's own length may part its receipt from its beginning."""


def sale_of(name: str) -> str:
    """The subject under which it is kept how ``order:W-1001`` was paid."""
    return f"sale:{name.partition(':')[2]}"


class How(StrEnum):
    """By what an end is known: told at once, looked up at the terminal afterwards, or a person's word."""

    TOLD = "told"
    LOOKED_UP = "looked_up"
    PERSON = "person"


class Stage(StrEnum):
    """How paying an order by card stands for the clerk."""

    OFFERED = "offered"
    STARTING = "starting"
    UNDER_WAY = "under_way"
    CANCELLING = "cancelling"
    ASKING = "asking"
    DOUBT = "doubt"
    ELSEWHERE = "elsewhere"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Paying:
    """Paying by card as a screen shows it; ``why`` is the key of a sentence, ``where`` another till."""

    stage: Stage
    step: Step | None = None
    why: str = ""
    where: str = ""
    receipt: int = 0
    card: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """One try to pay by card; ``ref`` is the fact that began it, ``ended`` None while nobody knows.

    ``after`` is the terminal's last receipt before it (number, trace), None where it told none.
    """

    ref: str
    till: str
    clerk: str
    at: datetime
    amount: Money
    terminal: str = ""
    after: tuple[int, int] | None = None
    ended: Ended | None = None
    end_ref: str = ""
    how: str = ""
    why: str = ""
    receipt: int = 0
    trace: int = 0
    card: str = ""

    def judge(self, last: CardReceipt | None) -> Ended:
        """What the terminal's last receipt says of this payment. Only what is certain is an end.

        The receipt of before says *not booked*. Another one says *booked* where terminal, amount and
        time fit. A failed one says *not booked* only where it is the very next. Where the terminal told
        no receipt of before, an older customer's of the same amount could be taken for this one's.
        """
        if last is None or self.after is None:
            return Ended.UNKNOWN
        if self.terminal and last.terminal and last.terminal != self.terminal:
            return Ended.UNKNOWN
        if (last.number, last.trace) == self.after:
            return Ended.NOT_BOOKED
        in_time = last.at is None or abs(last.at - self.at) <= SLACK
        if last.amount != self.amount or last.good is None or not in_time:
            return Ended.UNKNOWN
        if last.good:
            return Ended.BOOKED
        following = last.number == self.after[0] % 9999 + 1
        return Ended.NOT_BOOKED if following else Ended.UNKNOWN

    @classmethod
    def from_body(cls, body: Mapping[str, Any], currency: str) -> Payment:
        """Read the JSON form."""
        ended = body.get("ended")
        return cls(
            ref=str(body["ref"]),
            till=str(body.get("till", "")),
            clerk=str(body.get("clerk", "")),
            at=parse_timestamp(body["at"]),
            amount=Money(int(body["amount_minor"]), currency),
            terminal=str(body.get("terminal", "")),
            after=_pair(body.get("after")),
            ended=Ended(ended) if ended else None,
            end_ref=str(body.get("end_ref", "")),
            how=str(body.get("how", "")),
            why=str(body.get("why", "")),
            receipt=int(body.get("receipt", 0)),
            trace=int(body.get("trace", 0)),
            card=str(body.get("card", "")),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        kept = {"ref": self.ref, "at": timestamp(self.at), "amount_minor": self.amount.minor}
        return kept | lean(
            {
                "till": self.till,
                "clerk": self.clerk,
                "terminal": self.terminal,
                "after": list(self.after) if self.after else None,
                "ended": self.ended.value if self.ended else "",
                "end_ref": self.end_ref,
                "how": self.how,
                "why": self.why,
                "receipt": self.receipt or None,
                "trace": self.trace or None,
                "card": self.card,
            }
        )


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale as one side knows it; ``id`` is the number of the order that is paid. At most one of its
    payments is open, and at most one was booked: that one closed it.
    """

    id: str
    store: str
    payments: tuple[Payment, ...]

    @property
    def amount(self) -> Money:
        """What is paid, as the last try had it."""
        return self.payments[-1].amount

    @property
    def open(self) -> Payment | None:
        """The payment nobody knows the end of."""
        return next((payment for payment in self.payments if payment.ended is None), None)

    @property
    def booked(self) -> Payment | None:
        """The payment that closed the sale."""
        return next((payment for payment in self.payments if payment.ended is Ended.BOOKED), None)

    @classmethod
    def opened(cls, fact: Fact, till: str) -> Sale:
        """The sale that its first ``PaymentBegun`` opens. Raises Refused for anything else."""
        if fact.kind != PAYMENT_BEGUN:
            raise Refused("subject-unknown", subject=fact.subject_id)
        return cls(fact.subject_id, str(fact.payload.get("store", "")), (_begun(fact, till),))

    def after(self, fact: Fact, till: str) -> Sale:
        """The sale once ``fact`` happened. Raises Refused where it may not, KeyError for a kind this
        version does not know. A fact that is in already changes nothing.
        """
        rule = _RULES[fact.kind]
        known = any(fact.id in (payment.ref, payment.end_ref) for payment in self.payments)
        return self if known else rule(self, fact, till)

    def _begin(self, fact: Fact, till: str) -> Sale:
        if self.booked:
            raise Refused("sale-closed", number=self.id)
        if self.open:
            raise Refused("payment-open", number=self.id)
        return replace(self, payments=(*self.payments, _begun(fact, till)))

    def _not_booked(self, fact: Fact, till: str) -> Sale:
        return self._ended(fact, Ended.NOT_BOOKED)

    def _closed(self, fact: Fact, till: str) -> Sale:
        if self.booked:
            raise Refused("sale-closed", number=self.id)
        return self._ended(fact, Ended.BOOKED)

    def _ended(self, fact: Fact, ended: Ended) -> Sale:
        told, payment = fact.payload, self.open
        if payment is None or told.get("payment") != payment.ref:
            raise Refused("payment-settled", number=self.id)
        done = replace(
            payment,
            ended=ended,
            end_ref=fact.id,
            how=str(told.get("how", "")),
            why=str(told.get("why", "")),
            receipt=_number(told.get("receipt")),
            trace=_number(told.get("trace")),
            card=str(told.get("card", "")),
        )
        # The open one is always the last: none begins while one is open.
        return replace(self, payments=(*self.payments[:-1], done))

    def index(self) -> Index:
        """Not scanned and not searched: its order is. Queue: open, while a payment is."""
        payment = self.open
        return Index(queue=OPEN, since=timestamp(payment.at)) if payment else Index()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Sale:
        """Read the JSON form. Raises KeyError, TypeError or ValueError where it is no sale."""
        currency = str(body.get("currency", "EUR"))
        payments = tuple(Payment.from_body(payment, currency) for payment in body["payments"])
        if not payments or any(payment.ended is None for payment in payments[:-1]):
            raise ValueError("a sale without a payment, or with two open ones")
        return cls(str(body["id"]), str(body["store"]), payments)

    def to_body(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "id": self.id,
            "store": self.store,
            "currency": self.amount.currency,
            "closed": self.booked is not None,
            "payments": [payment.to_body() for payment in self.payments],
        }


_RULES = {PAYMENT_BEGUN: Sale._begin, PAYMENT_NOT_BOOKED: Sale._not_booked, SALE_CLOSED: Sale._closed}


def _begun(fact: Fact, till: str) -> Payment:
    told = fact.payload
    try:
        minor, after = told["amount_minor"], _pair(told.get("after"))
        if isinstance(minor, bool) or not isinstance(minor, int) or minor <= 0:
            raise ValueError("no amount")
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("sale-unreadable", number=fact.subject_id) from error
    return Payment(
        ref=fact.id,
        till=till,
        clerk=fact.clerk,
        at=fact.at,
        amount=Money(minor, str(told.get("currency", "EUR"))),
        terminal=str(told.get("terminal", "")),
        after=after,
    )


def _pair(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    number, trace = value
    return int(number), int(trace)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
