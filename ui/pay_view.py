"""Paying an order by card, as it is laid over the order's card: what to do now, and what the buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.cards import Step
from posapp.domain.errors import Unavailable
from posapp.domain.pickup import MAY_HAND_OVER, Verdict
from posapp.domain.sales import Paying, Stage
from posapp.domain.values import replace
from posapp.texts import N_, _, sentence
from ui.verdicts import Look
from ui.view import Action, CardView, Tone

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.domain.pickup import Judged
    from ui.presenter import Said

BY_CARD, GIVE_UP, ASK = "pay:card", "pay:give_up", "pay:ask"
BOOKED, NOT_BOOKED = "pay:booked", "pay:not_booked"

_RUNNING = Look(Tone.AMBER, "credit-card", N_("Card payment"), ())
LOOKS: dict[Stage, Look] = {
    Stage.STARTING: _RUNNING,
    Stage.UNDER_WAY: _RUNNING,
    Stage.CANCELLING: _RUNNING,
    Stage.ASKING: Look(Tone.AMBER, "hourglass", N_("Was it booked?")),
    Stage.DOUBT: Look(Tone.RED, "credit-card-off", N_("Payment not clear")),
    Stage.ELSEWHERE: Look(Tone.AMBER, "credit-card", N_("Payment at another till")),
}
"""How the card looks while the payment comes first; at the other stages the order does."""

_STEPS: dict[Step | None, str] = {
    None: N_("The terminal is being asked. One moment, please."),
    Step.CARD: N_("Please ask the customer to hold the card to the terminal."),
    Step.PIN: N_("The customer confirms at the terminal, with the PIN if it asks for one."),
    Step.WAIT: N_("The terminal asks the bank. One moment, please."),
    Step.REMOVE: N_("Please ask the customer to take the card out of the terminal."),
    Step.LOOK: N_("Please look at the terminal: it wants something."),
}


def paid(judged: Judged) -> bool:
    """Whether the amount was taken by card."""
    return judged.paying is not None and judged.paying.stage is Stage.PAID


def begun(judged: Judged) -> bool:
    """Whether a card payment is on its way, so that nothing else is to be done with the order."""
    return judged.paying is not None and judged.paying.stage in LOOKS


def by_card(paying: Paying) -> str:
    """How it was paid, for the small print."""
    if paying.receipt:
        return _("By card here, receipt {number}").format(number=paying.receipt)
    return _("By card here")


def lay_over(view: CardView, judged: Judged) -> CardView:
    """The order's card with what paying by card adds to it, or in its place."""
    paying = judged.paying
    if paying is None:
        return view
    look = LOOKS.get(paying.stage)
    if look is not None:
        return replace(
            view,
            tone=look.tone,
            icon=look.icon,
            headline=_(look.headline),
            sound=look.sounds,
            sentence=_sentence(paying),
            bin="",
            bin_label="",
            band="",
            consequence="",
            primary=None,
            secondary=_actions(paying),
        )
    if paying.stage is Stage.PAID:
        return _over_paid(view, judged, paying)
    if judged.verdict not in MAY_HAND_OVER:
        return view
    return _offer(view, paying)


def _over_paid(view: CardView, judged: Judged, paying: Paying) -> CardView:
    if judged.verdict not in MAY_HAND_OVER:
        return replace(view, band=_("This order was paid here by card. Please ask the manager."))
    if judged.verdict is Verdict.PAY_HERE:
        return replace(view, amount="", sentence=_("Paid. Now hand over the goods."))
    return replace(view, amount="")


def _offer(view: CardView, paying: Paying) -> CardView:
    card = Action(BY_CARD, _("Pay by card"), icon="credit-card")
    if paying.why:
        view = replace(view, sentence=" ".join((sentence(Unavailable(paying.why)), view.sentence)))
    if view.primary is None:
        return replace(view, secondary=(*view.secondary, card))
    taken = replace(view.primary, key="")
    return replace(view, primary=replace(card, key="F12"), secondary=(taken, *view.secondary))


def _sentence(paying: Paying) -> str:
    if paying.stage is Stage.CANCELLING:
        return _("The terminal is giving up. It still says how it ended.")
    if paying.stage is Stage.ELSEWHERE:
        said = _("A card payment for this order was begun at till {till}. Please settle it there first.")
        return said.format(till=paying.where)
    if paying.stage is Stage.ASKING:
        return _(
            "The line broke off. The terminal is being asked. Please take no money and hand over nothing."
        )
    if paying.stage is Stage.DOUBT:
        why = sentence(Unavailable(paying.why))
        return why + " " + _("Please take no money again and hand over nothing until it is clear.")
    return _(_STEPS[paying.step])


def _actions(paying: Paying) -> tuple[Action, ...]:
    if paying.stage in (Stage.STARTING, Stage.UNDER_WAY):
        return (Action(GIVE_UP, _("Give up"), icon="x"),)
    if paying.stage is Stage.DOUBT:
        return (
            Action(ASK, _("Ask the terminal"), icon="refresh"),
            Action(BOOKED, _("Slip says: paid"), icon="check"),
            Action(NOT_BOOKED, _("Slip says: not paid"), icon="x"),
        )
    return ()


def press(desk: Desk, number: str, action: str, said: Said) -> Said | None:
    """Do what a button of paying says; None where it is not one of these. Raises Refused, StorageFault."""
    if action == BY_CARD:
        desk.checkout.pay(number)
    elif action == GIVE_UP:
        desk.checkout.cancel(number)
    elif action == ASK:
        desk.checkout.ask(number)
    elif action in (BOOKED, NOT_BOOKED):
        desk.checkout.settle(number, booked=action == BOOKED)
    else:
        return None
    return said
