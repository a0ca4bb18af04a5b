"""A case as a card: what this till wrote, what the other side says against it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.errors import Refused
from posapp.domain.facts import parse_timestamp
from posapp.texts import N_, _, age, sentence
from ui.order_facts import stamp
from ui.rows import Row
from ui.view import CardView, Fact, Tone

if TYPE_CHECKING:
    from datetime import datetime

    from posapp.counter.attention import Case

_DONE = {
    "HandedOver": N_("handed over"),
    "HandOverUndone": N_("hand-over taken back"),
    "PaymentBegun": N_("card payment begun"),
    "PaymentNotBooked": N_("card payment not booked"),
    "SaleClosed": N_("paid by card"),
}
_AGAINST = {
    "already-handed-over": N_("The hub knows an earlier hand-over of this order. Was it handed over twice?"),
    "order-cancelled": N_("The shop had cancelled this order before it was handed over."),
    "order-blocked": N_("The shop had blocked this order before it was handed over."),
    "order-unpaid": N_("The shop has no payment for this order."),
    "order-pay-first": N_("The shop waits for the amount that was to be paid here."),
    "more-than-ordered": N_("The shop knows fewer pieces than were handed over."),
    "nothing-to-undo": N_("The hub does not know the hand-over that was taken back."),
    "undo-too-late": N_("The shop had booked the hand-over before it was taken back."),
    "subject-unknown": N_("The hub does not know this order."),
    "payment-open": N_("Another till had begun a card payment for this order. Was it paid twice?"),
    "payment-settled": N_("The hub does not know this card payment as open. Was it paid twice?"),
    "sale-closed": N_("The hub knows this order as paid by card before. Was it paid twice?"),
    "behind-rejected": N_("It waits for an earlier case of the same order."),
    "internal": N_("The hub fails over what was done here. Please call support."),
    "withheld": N_("The hub cannot take what was done here. Please call support."),
}
CHOICES = (
    ("left", N_("Goods are gone"), "package-off"),
    ("here", N_("Goods are here"), "package"),
    ("same", N_("Same act"), "copy-check"),
)
HINTS = (
    N_("Gone: the customer has them, the shop corrects its books."),
    N_("Here: nothing left the store."),
    N_("The same act: it was only recorded twice."),
)


def title(case: Case) -> str:
    """Whose case it is."""
    name = getattr(case.known.value, "customer", "") if case.known else ""
    return str(name) or case.entry.fact.subject_id


def row(case: Case, now: datetime) -> Row:
    """The case in the list."""
    waited = age((now - case.opened_at).total_seconds())
    number = case.entry.fact.subject_id
    return Row(
        id=case.ref,
        title=title(case),
        detail=number,
        end=waited,
        tone=Tone.RED,
        icon="scale",
        spoken=", ".join((title(case), number, why(case), waited)),
    )


def why(case: Case) -> str:
    """What the other side has against it."""
    known = _AGAINST.get(case.reason)
    if known:
        return _(known)
    return sentence(Refused(case.reason or "unknown", number=case.entry.fact.subject_id))


def card(case: Case) -> CardView:
    """Both sides, with all evidence there is."""
    fact = case.entry.fact
    act = _DONE.get(fact.kind)
    done = _(act) if act else fact.kind
    facts = [
        Fact(_("This till"), done),
        Fact(_("When"), stamp(fact.at)),
        Fact(_("Clerk"), fact.clerk),
    ]
    evidence = case.evidence
    if at := _when(evidence.get("at")):
        facts.append(Fact(_("Before, at the hub"), stamp(at)))
    for key, label in (("till", N_("At till")), ("clerk", N_("By clerk"))):
        if evidence.get(key):
            facts.append(Fact(_(label), str(evidence[key])))
    return CardView(
        tone=Tone.RED,
        icon="scale",
        headline=_("What is true?"),
        name=title(case),
        code=fact.subject_id,
        sentence=why(case),
        facts=tuple(facts),
        consequence=_("Please look for the goods, then decide below."),
    )


def _when(text: object) -> datetime | None:
    try:
        return parse_timestamp(str(text)) if text else None
    except ValueError:
        return None
