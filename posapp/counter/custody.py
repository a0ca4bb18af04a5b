"""Who may hand an order over now: asked for when it is put in front of the clerk, taken when it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum

from posapp.counter.till import Till
from posapp.domain.custody import Held, Provisional
from posapp.domain.errors import Refused
from posapp.domain.known import Known
from posapp.domain.orders import Order
from posapp.domain.values import dataclass

ANSWER_S = 9.0
"""Sync answers within this, whatever the lines do; after that it is taken for dead."""
LABEL = "label"
"""The proof of an order that was found by its parcel's own label: the parcel is in the clerk's hand."""


class Right(StrEnum):
    """How it stands with the right to hand an order over at this till."""

    HERE = "here"
    ASKED = "asked"
    HELD = "held"
    BEHIND = "behind"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Standing:
    """``till`` has the order where it is `Right.HELD` or `Right.BEHIND`."""

    right: Right = Right.HERE
    till: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    standing: Standing
    until: float
    known: tuple[str, ...] = ()


class Custody:
    """Promises: `take` is called inside the transaction that hands over, and refuses where this till
    has no right to; `standing` returns at once.

    ``ask`` and ``release`` speak to sync and return at once; what it says comes to `told`. Sync not
    answering at all is taken for silence after `ANSWER_S`.
    """

    def __init__(
        self,
        till: Till,
        ask: Callable[[str, Sequence[str]], None],
        release: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._till = till
        self._claims = till.books.claims
        self._ask = ask
        self._release = release
        self._monotonic = monotonic
        self._told: dict[str, _Told] = {}

    def standing(self, known: Known) -> Standing:
        """How it stands with this order; `Right.ASKED` also where nobody was asked yet."""
        refs = _refs(known)
        if self._claims.leads(self._till.now()):
            held = self._claims.holder(known.id, known=refs)
            return _held(held) if held else Standing()
        if self._claims.granted(known.id):
            return Standing()
        told = self._told.get(known.id)
        if told is None or told.standing.right is Right.HERE:
            # Nobody was asked yet, or what was granted has run out.
            return Standing(Right.ASKED)
        if told.standing.right is Right.ASKED and told.until <= self._monotonic():
            return Standing(Right.SILENT)
        return told.standing

    def want(self, known: Known, *, again: bool = False) -> None:
        """Ask for the order where that is needed and nobody was asked yet, or ``again``."""
        told = self._told.get(known.id)
        fresh = told is not None and told.standing.right is not Right.HERE
        if self.standing(known).right is Right.HERE or (fresh and not again):
            return
        refs = _refs(known)
        self._told[known.id] = _Told(Standing(Right.ASKED), self._monotonic() + ANSWER_S, refs)
        self._ask(known.id, refs)

    def repeat(self) -> None:
        """Sync has begun to listen, or the line has changed: what is still asked is asked again."""
        for order, told in self._told.items():
            if told.standing.right is Right.ASKED:
                self._ask(order, told.known)

    def told(self, order: str, state: str, till: str) -> None:
        """What sync was answered: a state of a claim, ``lead`` where this till has become it."""
        right = {"granted": Right.HERE, "lead": Right.HERE}.get(state)
        if right is None:
            right = Right(state) if state in (Right.HELD, Right.BEHIND) else Right.SILENT
        self._told[order] = _Told(Standing(right, till), self._monotonic())

    def release(self, order: str) -> None:
        """The clerk has turned to something else: others may have the order."""
        if self._told.pop(order, None) is not None:
            self._release(order)

    def take(self, known: Known, *, proof: str, override: str) -> dict[str, object]:
        """What the fact says of its right. ``override`` is a manager's reason, empty for none.

        Raises Refused: served-elsewhere, handed-over-elsewhere, claim-missing.
        """
        order, refs = known.id, _refs(known)
        if self._claims.leads(self._till.now()):
            given = self._claims.take(order, known=refs)
            if not isinstance(given, Held):
                return {"token": given}
            if not override:
                raise Refused(
                    "handed-over-elsewhere" if given.behind else "served-elsewhere",
                    number=order,
                    till=given.till,
                )
        elif token := self._claims.granted(order):
            return {"token": token}
        if override:
            return {"provisional": Provisional.MANAGER.value, "reason": override}
        told = self._told.get(order)
        if told is not None and told.standing.right in (Right.HELD, Right.BEHIND):
            raise Refused(
                "served-elsewhere" if told.standing.right is Right.HELD else "handed-over-elsewhere",
                number=order,
                till=told.standing.till,
            )
        if proof == LABEL:
            return {"provisional": Provisional.LABEL.value}
        raise Refused("claim-missing", number=order)


def _refs(known: Known) -> tuple[str, ...]:
    order = known.value
    return tuple(done.ref for done in order.hand_overs) if isinstance(order, Order) else ()


def _held(held: Held) -> Standing:
    return Standing(Right.BEHIND if held.behind else Right.HELD, held.till)
