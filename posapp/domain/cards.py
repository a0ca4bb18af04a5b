"""What a card terminal tells: the steps of a payment, how one ended, and the last receipt it keeps."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from posapp.domain.money import Money
from posapp.domain.values import dataclass


class Step(StrEnum):
    """What the terminal waits for, for the clerk's eyes."""

    CARD = "card"
    PIN = "pin"
    WAIT = "wait"
    REMOVE = "remove"
    LOOK = "look"


class Ended(StrEnum):
    """How a payment ended. *Unknown* is no end: the terminal has to be asked what it booked."""

    BOOKED = "booked"
    NOT_BOOKED = "not_booked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CardReceipt:
    """A receipt as the terminal keeps it: its own numbers, and what it was for.

    ``good`` is whether it was booked, None where the terminal does not say. ``at`` is by the terminal's
    own clock. ``card`` is the kind of card; never its number.
    """

    number: int
    trace: int
    amount: Money | None = None
    terminal: str = ""
    at: datetime | None = None
    good: bool | None = None
    card: str = ""


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """How a payment ended; ``why`` is the key of a sentence where it was not booked or is not known."""

    ended: Ended
    receipt: CardReceipt | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptTold:
    """The terminal was asked for its last receipt for a sale. None: it told nothing that can be used;
    ``trouble`` is the key of a sentence where it could not be asked at all.
    """

    sale: str
    receipt: CardReceipt | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class StepTold:
    """The payment of a sale has come so far."""

    sale: str
    step: Step


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """The payment of a sale ended, or its end is not known."""

    sale: str
    answer: CardAnswer


CardNews = ReceiptTold | StepTold | AnswerTold
