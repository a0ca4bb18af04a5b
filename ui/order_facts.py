"""The small print of an order's card: facts in pairs, and its lines with what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.domain.goods import HERE, Paid, ParcelState
from posapp.domain.orders import Order
from posapp.domain.pickup import MAY_HAND_OVER, Judged, Verdict
from posapp.domain.sales import Stage
from posapp.texts import N_, _, clock, day, ngettext
from ui import pay_view
from ui.view import Fact, Line, LineState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from posapp.domain.goods import HandOver
    from ui.presenter import Said

_PAID = {
    Paid.PAID: N_("Paid"),
    Paid.UNPAID: N_("Not paid"),
    Paid.PROMISED: N_("To be paid here"),
}
_PROOFS = {
    "code": N_("pickup code"),
    "pass": N_("pass"),
    "number": N_("order number"),
    "name": N_("name"),
}
_PARCELS = {
    ParcelState.ANNOUNCED: N_("announced"),
    ParcelState.ON_THE_WAY: N_("on the way"),
    ParcelState.OTHER_STORE: N_("at another store"),
    ParcelState.DAMAGED: N_("damaged"),
    ParcelState.MISSING: N_("missing"),
    ParcelState.IN_RETURN: N_("in the return batch"),
    ParcelState.SENT_BACK: N_("sent back"),
}


def stamp(at: datetime) -> str:
    """Day and time; a till's clerk should not have to think which day was meant."""
    return _("{day}, {time}").format(day=day(at), time=clock(at))


def date_text(text: str) -> str:
    """A day as the shop told it ("2026-11-24"), readable; other words as they are."""
    from datetime import date

    try:
        return day(date.fromisoformat(text))
    except ValueError:
        return text


def goods(order: Order) -> str:
    """The first thing and how many more there are."""
    wanted = [line for line in order.lines if line.quantity > 0]
    if not wanted:
        return ""
    more = len(wanted) - 1
    if not more:
        return wanted[0].title
    return ngettext("{title} and {count} more", "{title} and {count} more", more).format(
        title=wanted[0].title, count=more
    )


def facts(order: Order, judged: Judged, said: Said) -> tuple[Fact, ...]:
    """What a clerk compares or tells the customer, by verdict."""
    return tuple(fact for fact in _facts(order, judged, said) if fact.value)


def _facts(order: Order, judged: Judged, said: Said) -> Iterator[Fact]:
    verdict = judged.verdict
    if verdict is Verdict.ALREADY_HANDED_OVER and judged.first:
        yield from _first(judged.first)
        return
    if verdict is Verdict.CANCELLED:
        if order.cancelled_at:
            yield Fact(_("Cancelled on"), stamp(order.cancelled_at))
        yield Fact(_("By"), order.cancelled_by)
        yield _bins(judged)
        return
    if verdict is Verdict.RETURNED and order.returned_at:
        yield Fact(_("Returned on"), stamp(order.returned_at))
        yield _bins(judged)
        return
    if said.get("answer"):
        yield Fact(_("Answer"), str(said["answer"]))
    here = judged.paying if judged.paying and judged.paying.stage is Stage.PAID else None
    yield Fact(_("Payment"), pay_view.by_card(here) if here else _(_PAID[order.paid]))
    if judged.parcels > 1 or verdict is Verdict.PARTLY_HERE:
        yield Fact(
            _("Parcels here"),
            _("{here} of {count}").format(here=judged.parcels_here, count=judged.parcels),
        )
    if verdict in (Verdict.NOT_HERE_YET, Verdict.PARTLY_HERE):
        yield Fact(_("Expected"), date_text(_expected(order)))
        yield Fact(_("Parcel"), ", ".join(dict.fromkeys(_on_the_way(order))))
    if verdict not in MAY_HAND_OVER:
        yield _bins(judged)
    elif order.hold_until and verdict is not Verdict.PARTLY_HERE:
        yield Fact(_("Held until"), day(order.hold_until))
    if verdict is Verdict.PASS:
        passed = next((c for c in order.codes if c.name == judged.person and c.until), None)
        if passed and passed.until:
            yield Fact(_("Pass valid until"), day(passed.until))


def _bins(judged: Judged) -> Fact:
    """Where the goods lie that may not leave: small, so that nobody fetches them out of habit."""
    return Fact(ngettext("Bin", "Bins", len(judged.bins)), ", ".join(judged.bins))


def _first(first: HandOver) -> Iterator[Fact]:
    yield Fact(_("Handed over on"), stamp(first.at))
    yield Fact(_("By"), first.clerk)
    yield Fact(_("Till"), first.till)
    proof = _PROOFS.get(first.proof)
    yield Fact(_("Proof"), _(proof) if proof else first.proof)


def _expected(order: Order) -> str:
    late = (p.expected for p in order.parcels if p.state not in HERE and p.expected)
    return next(late, "") or order.expected


def _on_the_way(order: Order) -> Iterator[str]:
    for parcel in order.parcels:
        words = _PARCELS.get(parcel.state)
        if words:
            yield _(words)


def lines(order: Order, judged: Judged) -> tuple[Line, ...]:
    """Each line: what may leave now, what has left and when, what is not here."""
    return tuple(_lines(order, judged))


def _lines(order: Order, judged: Judged) -> Iterator[Line]:
    may = dict(judged.lines)
    left = order.open_lines()
    for line in order.lines:
        if line.quantity <= 0:
            continue
        gone = line.quantity - left.get(line.id, 0)
        now = may.get(line.id, 0)
        if now:
            yield Line(line.title, _times(now))
        if gone:
            yield Line(line.title, _times(gone), LineState.GONE, _taken(order, line.id))
        waiting = line.quantity - gone - now
        if waiting and judged.verdict is Verdict.PARTLY_HERE:
            yield Line(line.title, _times(waiting), LineState.PENDING, _("not here yet"))
        elif waiting and judged.verdict is Verdict.PASS:
            yield Line(line.title, _times(waiting), LineState.PENDING, _("not on this pass"))
        elif waiting:
            yield Line(line.title, _times(waiting))


def _times(count: int) -> str:
    return f"{count} ×"


def _taken(order: Order, line: str) -> str:
    """When and by whom it was handed over last."""
    for hand_over in reversed(order.live_hand_overs()):
        if any(taken == line for taken, _count in hand_over.lines):
            return _("picked up {when}, {clerk}").format(when=stamp(hand_over.at), clerk=hand_over.clerk)
    return _("picked up")
