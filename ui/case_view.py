"""A case as a card: what this till wrote, what the other side says against it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posapp.domain.cases import COPIED, PROVISIONAL, choices
from posapp.domain.custody import Provisional
from posapp.domain.errors import Refused
from posapp.domain.facts import parse_timestamp
from posapp.texts import N_, _, age, sentence
from ui.order_claim import till_name
from ui.order_facts import stamp
from ui.rows import Row
from ui.view import Action, CardView, Fact, Tone

if TYPE_CHECKING:
    from datetime import datetime

    from posapp.counter.attention import Case
    from posapp.domain.cases import Side

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
    "custody-moved": N_("Another till led the store by then. Was it handed over twice?"),
    "shop-refused": N_("The shop did not book the hand-over."),
    COPIED: N_("Two copies of this till are in use. Please switch one off and call support."),
}
_LABEL_ONLY = N_("It was handed over on the parcel's label alone, while no till could be asked.")
_ON_WORD = N_("It was handed over on a manager's word, while no till could be asked: {why}")
MOST_SIDES = 2
_CHOICES = {
    "left": (N_("Goods are gone"), "package-off"),
    "here": (N_("Goods are here"), "package"),
    "same": (N_("Same act"), "copy-check"),
    "off": (N_("Copy is off"), "device-desktop-off"),
    "again": (N_("Enrolled again"), "refresh"),
}
MOST_CHOICES = 3
_HINTS = {
    "left": N_("Gone: the customer has them, the shop corrects its books."),
    "here": N_("Here: nothing left the store."),
    "same": N_("The same act: it was only recorded twice."),
    "off": N_("Off: one is switched off for good."),
    "again": N_("Again: set up anew by support."),
}


def decisions(case: Case) -> tuple[Action, ...]:
    """What can be decided about it, at most `MOST_CHOICES`."""
    known = ((choice, *_CHOICES[choice]) for choice in choices(case.reason))
    return tuple(Action(choice, _(words), icon=icon) for choice, words, icon in known)


def hint(case: Case) -> str:
    """What each decision means."""
    return " ".join(_(_HINTS[choice]) for choice in choices(case.reason))


def title(case: Case) -> str:
    """Whose case it is."""
    name = getattr(case.known.value, "customer", "") if case.known else ""
    return str(name) or _number(case)


def row(case: Case, now: datetime) -> Row:
    """The case in the list: whose it is, who did it, how long it waits."""
    waited = age((now - case.opened_at).total_seconds())
    number, owner = _number(case), _owner(case)
    return Row(
        id=case.ref,
        title=title(case),
        detail=owner if owner != title(case) else "",
        end=waited,
        tone=Tone.AMBER if case.reason == PROVISIONAL else Tone.RED,
        icon="scale",
        spoken=", ".join((title(case), number, owner, why(case), waited)),
    )


def why(case: Case) -> str:
    """What the other side has against it."""
    if case.reason == PROVISIONAL:
        word = case.said.why
        return _(_LABEL_ONLY) if word in ("", Provisional.LABEL) else _(_ON_WORD).format(why=word)
    known = _AGAINST.get(case.reason)
    if known:
        return _(known)
    return sentence(Refused(case.reason or "unknown", number=case.number))


def card(case: Case) -> CardView:
    """Both sides, with all evidence there is."""
    copied = case.reason == COPIED
    return CardView(
        tone=Tone.AMBER if case.reason == PROVISIONAL else Tone.RED,
        icon="scale",
        headline=_("What is true?"),
        name=title(case),
        code=_number(case) if title(case) != _number(case) else "",
        sentence=why(case),
        facts=tuple(_parted(case) if copied else [*_said(case), *_against(case)]),
        consequence=_("Please decide below once that is done.")
        if copied
        else _("Please look for the goods, then decide below."),
    )


def _said(case: Case) -> list[Fact]:
    """What the till wrote whose act it is about."""
    said, facts = case.said, []
    if said.kind:
        facts.append(Fact(_owner_till(case), _act(said)))
    if said.at is not None:
        facts.append(Fact(_("When"), stamp(said.at)))
    if said.clerk:
        facts.append(Fact(_("Clerk"), said.clerk))
    return facts


def _parted(case: Case) -> list[Fact]:
    """Where two copies of a till part, and what each of them has there: a row of the card each."""
    facts = []
    seq = case.evidence.get("seq")
    if seq:
        earlier = case.evidence.get("or_before")
        facts.append(
            Fact(_("They part at entry"), _("{seq} or before").format(seq=seq) if earlier else str(seq))
        )
    marks = [str(case.evidence.get(key) or "") for key in ("hash", "sent_hash")]
    if any(marks):
        facts.append(Fact(_("Fingerprints"), " / ".join(mark or "-" for mark in marks)))
    for label, side in (
        *((_("The hub has"), other) for other in case.others[:1]),
        (_("A copy sent"), case.said),
    ):
        if side.kind:
            about = side.subject.partition(":")[2]
            facts.append(Fact(label, " · ".join(part for part in (_act(side), about) if part)))
            who = (stamp(side.at) if side.at else "", side.clerk)
            facts.append(Fact(_("When and who"), " · ".join(part for part in who if part)))
    return facts


def _act(side: Side) -> str:
    known = _DONE.get(side.kind)
    return _(known) if known else side.kind


def _against(case: Case) -> list[Fact]:
    """What the hub knows: what its rule said, else the other hand-overs of the order, the last first."""
    sides: list[tuple[datetime | None, Any, Any]] = [
        (_when(case.evidence.get("at")), case.evidence.get("till"), case.evidence.get("clerk"))
    ]
    if not any(sides[0]):
        sides = [(other.at, other.till, other.clerk) for other in reversed(case.others)][:MOST_SIDES]
    facts = []
    for at, till, clerk in sides:
        if at:
            facts.append(Fact(_("Before, at the hub"), stamp(at)))
        if till:
            facts.append(Fact(_("At till"), till_name(str(till))))
        if clerk:
            facts.append(Fact(_("By clerk"), str(clerk)))
    return facts


def _number(case: Case) -> str:
    return till_name(case.number) if case.subject.startswith("till:") else case.number


def _owner(case: Case) -> str:
    """Who answers for it: whoever did what is not agreed on."""
    return " · ".join(part for part in (_owner_till(case), case.said.clerk) if part)


def _owner_till(case: Case) -> str:
    return _("This till") if case.ours else till_name(case.said.till)


def _when(text: object) -> datetime | None:
    try:
        return parse_timestamp(str(text)) if text else None
    except ValueError:
        return None
