"""The scenes of paying by card: the terminal's part is played here, answer by answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posapp.domain.cards import (
    AnswerTold,
    CardAnswer,
    CardNews,
    CardReceipt,
    Ended,
    ReceiptTold,
    Step,
    StepTold,
)
from posapp.domain.money import Money
from posapp.domain.pickup import Verdict
from tests.screens.samples import ORDERS, scan_for
from ui.pay_strip import PayDesk

if TYPE_CHECKING:
    from tests.screens.scenes import Scene, Stage

NUMBER = ORDERS[Verdict.PAY_HERE].number
BEFORE = CardReceipt(42, 123, Money(1250), "68005523", None, True)
BOOKED = CardReceipt(43, 124, ORDERS[Verdict.PAY_HERE].due, "68005523", None, True, "girocard")


class _Lane:
    """A terminal that says what the scene says."""

    def ask(self, sale: str) -> None: ...

    def pay(self, sale: str, amount: Money) -> None: ...

    def look_up(self, sale: str) -> None: ...

    def leave(self, sale: str) -> None: ...

    def cancel(self) -> None: ...


def card_scenes() -> Iterator[tuple[str, Scene]]:
    """From the offer to the hand-over, by way of every trouble."""
    yield "pay_offered", _offer
    yield "pay_starting", _press
    yield "pay_card", lambda s: _tell(s, ReceiptTold(NUMBER, BEFORE), StepTold(NUMBER, Step.CARD))
    yield "pay_elsewhere_on_screen", lambda s: s.scan(scan_for(Verdict.READY_ATTENTION))
    yield "pay_declined", lambda s: _end(s, CardAnswer(Ended.NOT_BOOKED, None, "card-declined"))
    yield "pay_asking", _cut
    yield "pay_doubt", lambda s: _tell(s, ReceiptTold(NUMBER, trouble="terminal-unreachable"))
    yield "pay_unclear", lambda s: _tell(s, ReceiptTold(NUMBER))
    yield "pay_doubt_elsewhere", lambda s: s.window.go("pickups")
    yield "pay_paid", lambda s: _tell(s, ReceiptTold(NUMBER, BOOKED), show=True)


def _offer(stage: Stage) -> None:
    PayDesk(stage.window, _Lane())
    stage.scan(scan_for(Verdict.PAY_HERE))


def _press(stage: Stage) -> None:
    stage.window.front.press_primary()


def _tell(stage: Stage, *news: CardNews, show: bool = False) -> None:
    for one in news:
        stage.bridge.terminal_told.emit(one)
    if show:
        stage.scan(scan_for(Verdict.PAY_HERE))
    stage.window.front.refresh()


def _end(stage: Stage, answer: CardAnswer) -> None:
    _tell(stage, AnswerTold(NUMBER, answer), show=True)


def _cut(stage: Stage) -> None:
    _press(stage)
    _tell(stage, ReceiptTold(NUMBER, BEFORE))
    _tell(stage, AnswerTold(NUMBER, CardAnswer(Ended.UNKNOWN)))
