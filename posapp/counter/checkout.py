"""Paying at the counter by card: begun in the journal, sent once, and settled by what the terminal has."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from posapp.domain.cards import (
    AnswerTold,
    CardNews,
    CardReceipt,
    Ended,
    ReceiptTold,
    StepTold,
)
from posapp.domain.errors import PosappError, Refused
from posapp.domain.facts import subject
from posapp.domain.goods import Paid
from posapp.domain.orders import Order
from posapp.domain.pickup import Judged
from posapp.domain.sales import (
    OPEN,
    PAYMENT_BEGUN,
    PAYMENT_NOT_BOOKED,
    SALE_CLOSED,
    How,
    Paying,
    Payment,
    Sale,
    Stage,
)
from posapp.domain.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from posapp.counter.pickup import Pickup
    from posapp.counter.till import Till
    from posapp.domain.known import Known
    from posapp.domain.money import Money
    from posapp.ports import PaymentLane

log = logging.getLogger(__name__)

KIND, ORDER = "sale", "order"
_RUNNING = (Stage.STARTING, Stage.UNDER_WAY, Stage.CANCELLING)


class Checkout:
    """Promises: a payment is on the disk before the terminal is asked for money; it is asked once for each
    payment; while one of this till is open, whatever happened to till, line or terminal, there is no other;
    a sale is closed once. Nobody's word but the terminal's or a person's ends a payment. Every call returns
    at once; what the terminal says comes back through `heard`, on the same thread as every other call.
    """

    def __init__(self, till: Till, pickup: Pickup) -> None:
        self._till, self._pickup = till, pickup
        self._lane: PaymentLane | None = None
        self._changed: Callable[[str], object] = lambda name: None
        self._now: dict[str, Paying] = {}

    def connect(self, lane: PaymentLane | None, changed: Callable[[str], object]) -> None:
        """There is a terminal, another one, or none any more: look up what is open, where it can be asked.
        ``changed`` hears the name of each order of which something is to be shown anew.
        """
        self._lane, self._changed = lane, changed
        # What the one before was only being asked for is not begun, and its answer will not come.
        for number in list(self._now):
            del self._now[number]
            self._changed(subject(ORDER, number))
        if lane is not None:
            for sale in self.open():
                self.ask(sale.id)

    def open(self) -> list[Sale]:
        """Sales with a payment of this till whose end nobody knows, the oldest first."""
        found = [known.value for known in self._till.books.queue(KIND, OPEN)]
        return [s for s in found if isinstance(s, Sale) and s.open and s.open.till == self._till.books.till]

    # -- what a card shows ----------------------------------------------------------------------------
    def look(self, known: Known, token: str = "") -> tuple[StrEnum, Judged]:
        """The verdict for an order, and how paying it by card stands."""
        verdict, judged = self._pickup.look(known, token)
        order = known.value
        if isinstance(order, Order) and order.paid is Paid.PROMISED:
            judged = replace(judged, paying=self.paying(order.number))
        return verdict, judged

    def paying(self, number: str) -> Paying | None:
        """How paying this order by card stands; None where there is no terminal and never was a payment."""
        sale, now = self._sale(number), self._now.get(number)
        if sale is not None and (done := sale.booked):
            return Paying(Stage.PAID, receipt=done.receipt, card=done.card)
        if sale is not None and (payment := sale.open):
            if payment.till != self._till.books.till:
                return Paying(Stage.ELSEWHERE, where=payment.till)
            return now or Paying(Stage.DOUBT, why="card-interrupted")
        if now is not None or self._lane is None:
            return now
        return Paying(Stage.OFFERED, why=sale.payments[-1].why if sale else "")

    def order(self, number: str) -> Known | None:
        """The order that a sale pays."""
        return self._till.books.know(ORDER, number)

    # -- what a clerk does ----------------------------------------------------------------------------
    def pay(self, number: str) -> None:
        """Begin to take an order's amount by card. Pressed again meanwhile, nothing happens.

        Raises Refused: there is no terminal, nothing to pay, it is paid, or a payment is open.
        """
        if self._lane is None:
            raise Refused("no-terminal")
        if self._running(number):
            return
        self._amount(number)
        sale = self._sale(number)
        if sale and sale.booked:
            raise Refused("sale-closed", number=number)
        open_now = [s.id for s in self.open()] + [other for other in self._now if self._running(other)]
        if sale and sale.open:
            open_now.insert(0, number)
        if open_now:
            raise Refused("payment-open", number=open_now[0])
        self._show(number, Paying(Stage.STARTING))
        # The journal is to hold the receipt before: it tells an old payment from a new one later.
        self._lane.ask(number)

    def cancel(self, number: str) -> None:
        """Give the payment up, if the terminal still can. Its end is told by the terminal."""
        now = self._now.get(number)
        if now is None or self._lane is None or now.stage is Stage.CANCELLING:
            return
        if now.stage is Stage.STARTING:
            self._show(number, Paying(Stage.OFFERED, why="card-cancelled"))
        elif now.stage is Stage.UNDER_WAY:
            self._show(number, replace(now, stage=Stage.CANCELLING))
            self._lane.cancel()

    def ask(self, number: str) -> None:
        """Ask the terminal what became of an open payment. Raises Refused("no-terminal")."""
        if self._lane is None:
            raise Refused("no-terminal")
        if not self._running(number):
            self._show(number, Paying(Stage.ASKING))
            self._lane.look_up(number)

    def settle(self, number: str, *, booked: bool) -> None:
        """A person has read the terminal's own slip. Raises Refused where nothing is to be settled."""
        sale = self._sale(number)
        payment = sale.open if sale else None
        if payment is None or self._running(number):
            raise Refused("payment-settled", number=number)
        self._end(number, payment, Ended.BOOKED if booked else Ended.NOT_BOOKED, How.PERSON)
        if self._lane is not None:
            self._lane.leave(number)

    # -- what the terminal says -----------------------------------------------------------------------
    def heard(self, news: CardNews) -> None:
        """Take what the terminal told. Raises StorageFault; the payment then stays open."""
        number = news.sale
        now = self._now.get(number)
        sale = self._sale(number)
        payment = sale.open if sale else None
        if isinstance(news, StepTold):
            if now is not None and now.stage in (Stage.UNDER_WAY, Stage.CANCELLING):
                self._show(number, replace(now, step=news.step))
        elif isinstance(news, AnswerTold):
            if payment is not None:
                self._answered(number, payment, news)
        elif payment is not None:
            self._looked(number, payment, news)
        elif now is not None and now.stage is Stage.STARTING:
            self._asked(number, news)

    def _asked(self, number: str, news: ReceiptTold) -> None:
        """The terminal answers: write down that money is asked for, then ask."""
        assert self._lane is not None
        if news.trouble:
            self._show(number, Paying(Stage.OFFERED, why=news.trouble))
            return
        last = news.receipt
        try:
            amount = self._amount(number)
            begun: dict[str, object] = {
                "store": self._till.store,
                "amount_minor": amount.minor,
                "currency": amount.currency,
                "terminal": last.terminal if last else "",
                "after": [last.number, last.trace] if last else None,
            }
            self._commit(number, PAYMENT_BEGUN, begun)
        except PosappError as error:
            self._show(number, Paying(Stage.OFFERED, why=error.reason))
            return
        self._show(number, Paying(Stage.UNDER_WAY))
        self._lane.pay(number, amount)

    def _answered(self, number: str, payment: Payment, news: AnswerTold) -> None:
        answer = news.answer
        if answer.ended is Ended.UNKNOWN:
            log.warning("the end of payment %s is not known: %s", payment.ref, answer.why)
            self._now.pop(number, None)
            self.ask(number)
        else:
            self._end(number, payment, answer.ended, How.TOLD, receipt=answer.receipt, why=answer.why)

    def _looked(self, number: str, payment: Payment, news: ReceiptTold) -> None:
        if self._running(number):
            return
        if news.trouble:
            self._show(number, Paying(Stage.DOUBT, why=news.trouble))
            return
        ended = payment.judge(news.receipt)
        log.info("payment %s was looked up: %s", payment.ref, ended)
        if ended is Ended.UNKNOWN:
            self._show(number, Paying(Stage.DOUBT, why="card-unclear"))
        else:
            self._end(number, payment, ended, How.LOOKED_UP, receipt=news.receipt, why="card-not-booked")

    def _end(
        self,
        number: str,
        payment: Payment,
        ended: Ended,
        how: How,
        *,
        receipt: CardReceipt | None = None,
        why: str = "",
    ) -> None:
        told: dict[str, object] = {"payment": payment.ref, "how": how.value}
        if ended is Ended.BOOKED and receipt is not None:
            told |= {"receipt": receipt.number, "trace": receipt.trace, "card": receipt.card}
        if ended is Ended.NOT_BOOKED:
            told |= {"why": why}
        # Should the disk refuse it, the payment stays open and is looked up again.
        self._now[number] = Paying(Stage.DOUBT, why="card-interrupted")
        self._commit(number, SALE_CLOSED if ended is Ended.BOOKED else PAYMENT_NOT_BOOKED, told)
        del self._now[number]
        self._changed(subject(ORDER, number))

    # -- the books --------------------------------------------------------------------------------------
    def _commit(self, number: str, kind: str, told: dict[str, object]) -> None:
        name = subject(KIND, number)
        self._till.books.commit(KIND, number, lambda known: self._till.fact(kind, name, told))
        self._till.wake()

    def _sale(self, number: str) -> Sale | None:
        known = self._till.books.know(KIND, number)
        return known.value if known and isinstance(known.value, Sale) else None

    def _amount(self, number: str) -> Money:
        """What is to be paid here. Raises Refused("nothing-to-pay")."""
        known = self.order(number)
        order = known.value if known else None
        if not isinstance(order, Order) or order.paid is not Paid.PROMISED or order.due is None:
            raise Refused("nothing-to-pay", number=number)
        if order.due.minor <= 0 or order.cancelled_at is not None or order.blocked:
            raise Refused("nothing-to-pay", number=number)
        return order.due

    def _running(self, number: str) -> bool:
        now = self._now.get(number)
        return now is not None and now.stage in _RUNNING

    def _show(self, number: str, paying: Paying) -> None:
        self._now[number] = paying
        self._changed(subject(ORDER, number))
