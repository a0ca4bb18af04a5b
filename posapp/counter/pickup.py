"""Pickup: judge an order, hand it over, take a hand-over back within its time."""

from __future__ import annotations

from enum import StrEnum

from posapp.counter.custody import Custody
from posapp.counter.till import Done, Till
from posapp.domain.errors import Refused
from posapp.domain.facts import Fact, subject
from posapp.domain.known import Known
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER, Order
from posapp.domain.pickup import MAY_HAND_OVER, Judged, Verdict, judge
from posapp.domain.sales import Sale

KIND = "order"
ACTS = {HANDED_OVER: HAND_OVER_UNDONE}
"""What can be taken back, and the fact that does it."""

_REFUSALS = {
    Verdict.ALREADY_HANDED_OVER: "already-handed-over",
    Verdict.UNPAID: "order-unpaid",
    Verdict.CANCELLED: "order-cancelled",
    Verdict.BLOCKED: "order-blocked",
    Verdict.CASE_OPEN: "case-open",
    Verdict.NOT_HERE_YET: "not-here",
}


class Pickup:
    """Promises: what `hand_over` returned is on the disk, and no order is handed over twice at this
    till, however often the button is pressed. Prohibition: never call a device or the network here.
    """

    def __init__(self, till: Till, custody: Custody) -> None:
        self._till = till
        self._custody = custody

    def look(self, known: Known, token: str = "") -> tuple[StrEnum, Judged]:
        """The verdict for an order found by ``token``."""
        judged = self._judge(known, token)
        return judged.verdict, judged

    def hand_over(
        self, number: str, *, token: str = "", proof: str = "code", override: str = "", **said: object
    ) -> Done:
        """Hand over everything of the order that may leave now.

        ``proof`` is how the customer was known: ``code``, ``number``, ``name``, ``label`` (the parcel's
        own, in the clerk's hand). ``override`` is the reason for which a manager lets it leave without
        the right to. ``said`` holds what the verdict asked for: ``paid_here=True``, ``answer="..."``,
        ``extended=True`` (expired). Raises Refused where the order, read again inside the transaction,
        may not leave or is another till's, and StorageFault; then nothing was written.
        """

        def decide(known: Known | None) -> Fact:
            if known is None:
                raise Refused("subject-unknown", subject=number)
            judged = self._judge(known, token)
            if judged.verdict not in MAY_HAND_OVER:
                raise Refused(_REFUSALS.get(judged.verdict, "nothing-to-hand-over"), number=number)
            if judged.verdict is Verdict.PAY_HERE and not said.get("paid_here"):
                raise Refused("order-pay-first", number=number)
            sale = self._till.books.know("sale", number)
            if sale is not None and isinstance(sale.value, Sale) and sale.value.open:
                raise Refused("payment-open", number=number)
            return self._till.fact(
                HANDED_OVER,
                known.name,
                {
                    "lines": dict(judged.lines),
                    "proof": "pass" if judged.person or judged.verdict is Verdict.PASS else proof,
                    "verdict": judged.verdict.value,
                    "custody": self._custody.take(
                        known, proof=proof if judged.parcels_here == 1 else "", override=override
                    ),
                    **{key: value for key, value in said.items() if value},
                },
            )

        entry, known = self._till.books.commit(KIND, number, decide)
        self._till.wake()
        return Done(entry.fact.id, known, self._till.undo_s)

    def undo(self, number: str, ref: str) -> Done:
        """Take a hand-over back: a new fact. Raises Refused("undo-too-late") after its time,
        Refused("nothing-to-undo") where it was taken back before.
        """
        if not self._till.undo_left_s(ref):
            raise Refused("undo-too-late", number=number)

        def decide(known: Known | None) -> Fact:
            order = known.value if known else None
            if not isinstance(order, Order) or ref not in {one.ref for one in order.live_hand_overs()}:
                raise Refused("nothing-to-undo", number=number)
            return self._till.fact(HAND_OVER_UNDONE, subject(KIND, number), {"hand_over": ref})

        entry, known = self._till.books.commit(KIND, number, decide)
        self._till.wake()
        return Done(entry.fact.id, known)

    def ticks(self, known: Known, ref: str) -> int:
        """How many places hold a hand-over: 1 this till's disk, 2 a second till or the hub too, 3 the shop too."""
        order = known.value
        if isinstance(order, Order) and any(h.ref == ref and h.in_shop for h in order.hand_overs):
            return 3
        return self._till.ticks(ref)

    def _judge(self, known: Known, token: str) -> Judged:
        assert isinstance(known.value, Order)
        return judge(
            known.value,
            store=self._till.store,
            now=self._till.now(),
            token=token,
            case_open=known.case is not None,
        )
