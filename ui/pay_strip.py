"""What the window does about the card terminal: it hears it, and tells on every place what is not settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from posapp.domain.errors import PosappError, Unavailable
from posapp.domain.sales import Stage
from posapp.texts import _, money, sentence
from ui.buttons import Button, Kind
from ui.screens.strip import Strip
from ui.tokens import GAP
from ui.view import Action, Tone

if TYPE_CHECKING:
    from posapp.domain.cards import CardNews
    from posapp.domain.sales import Paying, Sale
    from ui.theme import Theme
    from ui.window import TillWindow


def words(sale: Sale, paying: Paying) -> str:
    """What is said of a payment that is open."""
    amount = money(sale.amount)
    if paying.stage is Stage.DOUBT:
        said = _("{number}: nobody knows yet whether {amount} was booked by card. {why}")
        return said.format(number=sale.id, amount=amount, why=sentence(Unavailable(paying.why)))
    if paying.stage is Stage.ASKING:
        said = _("{number}: the terminal is being asked whether it booked {amount}.")
    else:
        said = _("{number}: {amount} is being paid by card.")
    return said.format(number=sale.id, amount=amount)


class PayStrip(QWidget):
    """Hidden while nothing is open, and while the order's own card says it. It never takes the focus.

    Signals: `shown` with the number of the order that the clerk wants to see.
    """

    shown = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = ""
        self.strip = Strip(theme, Tone.AMBER, "credit-card", self)
        self.show_order = Button(theme, Kind.PLAIN, self)
        self.show_order.triggered.connect(lambda _id: self.shown.emit(self._number))
        row = QHBoxLayout(self)
        # Apart from the top bar's buttons, which a thumb must not hit instead.
        row.setContentsMargins(0, theme.px(GAP), 0, 0)
        row.setSpacing(theme.px(GAP))
        row.addWidget(self.strip, 1)
        row.addWidget(self.show_order)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hide()

    def tell(self, number: str, text: str, tone: Tone = Tone.AMBER) -> None:
        """Say a sentence about an order, or nothing."""
        self._number = number
        self.strip.say(text, tone=tone)
        self.show_order.show_action(Action("show", _("Show the order"), icon="credit-card"))
        self.show_order.setVisible(bool(number))
        self.setVisible(bool(text))


class PayDesk(QObject):
    """Hears the terminal through the bridge only; made after the first paint, where there is a terminal or
    something open from before. The ``lane`` is only handed on: it is the checkout that talks to it.
    """

    def __init__(self, window: TillWindow, lane: Any) -> None:
        super().__init__(window)
        self._window, self._checkout = window, window.desk.checkout
        self.strip = PayStrip(window.theme, window)
        window.strips.addWidget(self.strip)
        window.status.paying = self
        self.strip.shown.connect(self._on_show)
        window.bridge.terminal_told.connect(self._on_told)
        window.home.card.painted.connect(self.refresh)
        window.stack.currentChanged.connect(self.refresh)
        self.use(lane)

    def use(self, lane: Any) -> None:
        """Pay at this terminal from now on, or at none."""
        self._checkout.connect(lane, self._on_changed)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Say how the oldest open payment stands, unless its card is in front."""
        home = self._window.home
        front = home.card.view.code if self._window.front is home and home.card.isVisible() else ""
        for sale in self._checkout.open():
            paying = self._checkout.paying(sale.id)
            if sale.id != front and paying is not None:
                doubt = paying.stage is Stage.DOUBT
                self.strip.tell(sale.id, words(sale, paying), Tone.RED if doubt else Tone.AMBER)
                return
        self.strip.tell("", "")

    def _on_changed(self, name: str) -> None:
        self._window.bridge.changed.emit((name,))
        self.refresh()

    @Slot(object)
    def _on_told(self, news: CardNews) -> None:
        try:
            self._checkout.heard(news)
        except PosappError as error:
            # The payment stays open in the journal; its card offers to ask again.
            self.refresh()
            self._window.home.show_error(error)

    @Slot(str)
    def _on_show(self, number: str) -> None:
        known = self._checkout.order(number)
        if known is not None:
            self._window.home.open_subject.emit(known)


def open_pay_desk(window: TillWindow, lane: Any) -> None:
    """The window's part in paying by card, where it has any; once there is one it goes on with ``lane``."""
    if window.status.paying is not None:
        window.status.paying.use(lane)
    elif lane is not None or window.desk.checkout.open():
        PayDesk(window, lane)
