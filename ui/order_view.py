"""Orders on screen: the card of each verdict, the row in a list, and what the card's buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from posapp.counter.custody import LABEL
from posapp.counter.pickup import KIND
from posapp.domain.codes import Kind
from posapp.domain.goods import Paid
from posapp.domain.orders import Order
from posapp.domain.pickup import MAY_HAND_OVER, Judged, Verdict
from posapp.domain.values import replace
from posapp.texts import N_, _, age, money, ngettext
from ui import order_claim, pay_view
from ui import order_facts as facts_of
from ui.order_claim import ASK_AGAIN, OVERRIDE, REASON, RELEASE
from ui.presenter import GO, Acted, Chip, Question, Said
from ui.rows import Row as RowView
from ui.verdicts import LOOKS, Look, other_store, stale_band
from ui.view import Action, CardView, Line, LineState, Sound, Tone

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.counter.queues import Row
    from posapp.counter.scanning import Result
    from posapp.counter.till import Done
    from posapp.domain.facts import Fact
    from posapp.domain.known import Known

HAND_OVER = "hand_over"
NOTE_READ = "note_read"
EXTEND = "extend"
CLEARS_AFTER_S = 5.0

_NEXT: dict[Verdict, str] = {
    Verdict.READY: N_("Hand over"),
    Verdict.READY_ATTENTION: N_("Read the note"),
    Verdict.PASS: N_("Hand over"),
    Verdict.REST_OPEN: N_("Hand over the rest"),
    Verdict.PARTLY_HERE: N_("Wait for the rest"),
    Verdict.NOT_PUT_AWAY: N_("Put away"),
    Verdict.NOT_HERE_YET: N_("Wait"),
    Verdict.ANSWER_NEEDED: N_("Ask the question"),
    Verdict.PAY_HERE: N_("Take the money"),
    Verdict.EXPIRED: N_("Extend or send back"),
    Verdict.UNPAID: N_("Ask the shop"),
    Verdict.BLOCKED: N_("Ask the manager"),
    Verdict.GOING_BACK: N_("Send back"),
    Verdict.CASE_OPEN: N_("Settle the case"),
    Verdict.ALREADY_HANDED_OVER: N_("Nothing"),
    Verdict.CANCELLED: N_("Send back"),
    Verdict.RETURNED: N_("Nothing"),
    Verdict.OTHER_STORE: N_("Show the way"),
}

_SENTENCES: dict[Verdict, str] = {
    Verdict.READY_ATTENTION: N_("Please read the note, then confirm it."),
    Verdict.PARTLY_HERE: N_("Ask the customer: wait for the rest, or take what is here?"),
    Verdict.NOT_PUT_AWAY: N_("It has arrived but lies in no bin yet. Please look among the new arrivals."),
    Verdict.NOT_HERE_YET: N_(
        "It has not arrived yet. Please tell the customer the day and hand over nothing."
    ),
    Verdict.ANSWER_NEEDED: N_("Please ask the customer and note the answer below."),
    Verdict.EXPIRED: N_("The goods are still here. Extend the time and hand over, or send them back."),
    Verdict.ALREADY_HANDED_OVER: N_("Please hand over nothing. If the customer disagrees, ask the manager."),
    Verdict.UNPAID: N_("Please hand over nothing and send the customer to the shop."),
    Verdict.CANCELLED: N_("Please hand over nothing. The goods go back to the shop."),
    Verdict.GOING_BACK: N_("Please hand over nothing. The customer can ask the shop to send it again."),
    Verdict.RETURNED: N_("The customer has returned it already. Please hand over nothing."),
    Verdict.CODE_REPLACED: N_("The customer got a newer code. Please ask for that one."),
    Verdict.PASS_REVOKED: N_("This pass is not valid any more. Please ask for the customer's own code."),
    Verdict.BLOCKED: N_("The shop or a manager holds this order. Please ask the manager."),
    Verdict.CASE_OPEN: N_("Till and shop disagree about this order. It has to be settled first."),
}

# Under these the order is not what this customer may see or take: names and goods stay covered.
_COVERED = frozenset({Verdict.CODE_REPLACED, Verdict.PASS_REVOKED})


class OrderPresenter:
    """The words of orders. Stateless."""

    kind: str = KIND
    chips: tuple[Chip, ...] = (
        Chip("ready", N_("Ready"), ("ready",)),
        Chip("expired", N_("Time is over"), ("ready",), (Verdict.EXPIRED,)),
        Chip("partly_here", N_("Partly here"), ("partly_here",)),
        Chip("expected", N_("Expected"), ("expected",)),
        Chip("held", N_("Blocked, unpaid"), ("held",)),
        Chip("returning", N_("Going back"), ("returning",)),
    )
    ready: tuple[str, ...] = ("ready",)

    def card(self, result: Result, said: Said) -> CardView:
        """The card of an order that was found, after what the clerk said on it."""
        order, judged, verdict = _parts(result)
        if verdict is Verdict.OTHER_STORE:
            return other_store(result.elsewhere)
        look = _look(judged, order, said)
        here, count = judged.parcels_here, judged.parcels
        view = CardView(
            tone=look.tone,
            icon=look.icon,
            headline=_(look.headline).format(here=here, count=count),
            sound=look.sounds,
            code=order.number,
            sentence=_sentence(order, judged, result, said),
            stale=stale_band(result.stale),
        )
        if verdict in _COVERED:
            return view
        primary, secondary = _actions(order, judged, said)
        told = replace(
            view,
            bin=" + ".join(judged.bins) if verdict in MAY_HAND_OVER else "",
            bin_label=ngettext("Bin", "Bins", len(judged.bins)) if judged.bins else "",
            name=_name(order, judged),
            amount=money(order.due) if order.due and _must_pay(order, judged) else "",
            facts=facts_of.facts(order, judged, said),
            lines=facts_of.lines(order, judged),
            band=order.note if verdict in MAY_HAND_OVER else "",
            consequence=_consequence(order, judged, result) if verdict in MAY_HAND_OVER else "",
            primary=primary,
            secondary=secondary,
        )
        told = pay_view.lay_over(told, judged)
        # A payment that has begun is brought to its end first.
        if verdict not in MAY_HAND_OVER or pay_view.begun(judged):
            return told
        return order_claim.lay_over(told, result, said)

    def question(self, result: Result, said: Said) -> Question | None:
        """The shop's question, until it is answered."""
        order, _judged, verdict = _parts(result)
        if verdict in MAY_HAND_OVER and order.question and not said.get("answer"):
            return Question("answer", order.question)
        if said.get(RELEASE) and not said.get(REASON):
            return Question(REASON, _("Why shall it leave all the same?"))
        return None

    def press(self, desk: Desk, result: Result, action: str, said: Said) -> Said | Acted:
        """Hand the order over, or confirm what comes before. Raises Refused and StorageFault."""
        order, judged, _verdict = _parts(result)
        if action == NOTE_READ:
            return {**said, NOTE_READ: True}
        if action == RELEASE:
            return {**said, RELEASE: True}
        if action == ASK_AGAIN:
            assert result.known is not None
            desk.custody.want(result.known, again=True)
            return said
        if (paying := pay_view.press(desk, order.number, action, said)) is not None:
            return paying
        more: dict[str, Any] = {"answer": said.get("answer")}
        if order.paid is Paid.PROMISED:
            more["paid_here"] = True
        if pay_view.paid(judged):
            more["paid_by"] = "card"
        if action == EXTEND:
            more["extended"] = True
        done = desk.pickup.hand_over(
            order.number,
            token=result.token,
            proof=_proof(result),
            override=str(said.get(OVERRIDE) or ""),
            **more,
        )
        return _acted(desk, done, order)

    def acted(self, desk: Desk, done: Done, fact: Fact) -> Acted:
        """A hand-over of before the restart."""
        assert done.known is not None
        assert isinstance(done.known.value, Order)
        return _acted(desk, done, done.known.value)

    def done_card(self, desk: Desk, acted: Acted, known: Known) -> CardView:
        """Handed over, and how many places hold it."""
        ticks = self.ticks(desk, acted, known)
        order = known.value
        assert isinstance(order, Order)
        places = (_("Saved on this till"), _("On a second till or at the hub"), _("Confirmed by the shop"))
        follows = _("follows by itself")
        left = order.open_lines()
        return CardView(
            tone=Tone.DONE,
            icon="package",
            headline=_("Handed over"),
            sound=(Sound.GO,),
            name=order.customer,
            code=order.number,
            sentence=_("The rest stays here until it is picked up.") if left else "",
            lines=tuple(
                Line(text, state=LineState.RIGHT if at < ticks else LineState.PENDING, note=note)
                for at, text in enumerate(places)
                for note in ("" if at < ticks else follows,)
            ),
            stays=CLEARS_AFTER_S,
        )

    def ticks(self, desk: Desk, acted: Acted, known: Known) -> int:
        """1 this till, 2 a second till or the hub too, 3 the shop too."""
        return desk.pickup.ticks(known, acted.done.ref)

    def row(self, row: Row) -> RowView:
        """The order in a list: bin, name, number and goods, how long it waits, what is next."""
        order = row.known.value
        assert isinstance(order, Order)
        assert isinstance(row.judged, Judged)
        verdict = Verdict(row.verdict)
        look = LOOKS[verdict]
        place = " ".join(row.judged.bins)
        waited = age(row.age.total_seconds()) if row.age is not None else ""
        following = _(_NEXT.get(verdict, ""))
        goods = facts_of.goods(order)
        at = _("bin {bin}").format(bin=place) if place else ""
        spoken = (at, order.customer, order.number, goods, waited, following)
        return RowView(
            id=row.known.name,
            code=place or "–",
            title=order.customer or order.number,
            detail=" · ".join(part for part in (order.number, goods) if part),
            end=" · ".join(part for part in (waited, following) if part),
            tone=look.tone,
            icon=look.icon,
            spoken=", ".join(part for part in spoken if part),
        )

    def choice(self, known: Known) -> str:
        """Number, first name with the initial of the last, and how much it is."""
        order = known.value
        assert isinstance(order, Order)
        first, _space, last = order.customer.rpartition(" ")
        name = f"{first} {last[:1]}." if first else f"{last[:1]}."
        pieces = sum(line.quantity for line in order.lines)
        items = ngettext("{count} item", "{count} items", pieces).format(count=pieces)
        return " · ".join((order.number, name, items) if order.customer else (order.number, items))


def _acted(desk: Desk, done: Done, order: Order) -> Acted:
    number = order.number
    return Acted(
        done,
        text=_("Handed over: {what}").format(what=", ".join(p for p in (number, order.customer) if p)),
        undone=_("Taken back: {number} is not handed over.").format(number=number),
        undo=lambda: desk.pickup.undo(number, done.ref),
    )


def _parts(result: Result) -> tuple[Order, Judged, Verdict]:
    assert result.known is not None
    order, judged = result.known.value, result.judged
    assert isinstance(order, Order)
    assert isinstance(judged, Judged)
    return order, judged, Verdict(result.verdict)


def _look(judged: Judged, order: Order, said: Said) -> Look:
    """The note once read, the question once answered, the amount once paid leave an order that is ready."""
    verdict = judged.verdict
    read = verdict is Verdict.READY_ATTENTION and said.get(NOTE_READ)
    answered = verdict is Verdict.ANSWER_NEEDED and said.get("answer")
    paid = verdict is Verdict.PAY_HERE and pay_view.paid(judged)
    return LOOKS[Verdict.READY] if read or answered or paid else LOOKS[verdict]


def _must_pay(order: Order, judged: Judged) -> bool:
    """Whether the clerk has still to take the amount."""
    return order.paid is Paid.PROMISED and not pay_view.paid(judged)


def _name(order: Order, judged: Judged) -> str:
    if judged.person:
        return _("{person} for {customer}").format(person=judged.person, customer=order.customer)
    return order.customer


def _proof(result: Result) -> str:
    """How the customer was known: opened from a list it was by name."""
    if result.reading is None:
        return "name"
    if result.reading.kind is Kind.PARCEL:
        return LABEL
    return "code" if result.reading.kind in (Kind.PICKUP, Kind.TOKEN) else "number"


def _sentence(order: Order, judged: Judged, result: Result, said: Said) -> str:
    verdict = judged.verdict
    if verdict is Verdict.PASS:
        return _("Please check the name on the pass: {person}.").format(person=judged.person)
    if verdict is Verdict.PAY_HERE:
        return _("Please take the amount first, then hand over.")
    if verdict is Verdict.REST_OPEN:
        return _("A part was picked up before. Please hand over only what is open.")
    settled = said.get(NOTE_READ) if verdict is Verdict.READY_ATTENTION else said.get("answer")
    if verdict in (Verdict.READY_ATTENTION, Verdict.ANSWER_NEEDED) and not settled:
        return _(_SENTENCES[verdict])
    if verdict in (Verdict.READY, Verdict.READY_ATTENTION, Verdict.ANSWER_NEEDED):
        if _proof(result) != "code":
            return _("Found without the code. Please have the customer say the name or show an ID.")
        return ""
    return _(_SENTENCES[verdict])


def _actions(order: Order, judged: Judged, said: Said) -> tuple[Action | None, tuple[Action, ...]]:
    verdict = judged.verdict
    if verdict is Verdict.CASE_OPEN:
        return None, (Action(GO + "attention", _("Open the case"), icon="scale"),)
    if verdict not in MAY_HAND_OVER:
        return None, ()
    if verdict is Verdict.READY_ATTENTION and not said.get(NOTE_READ):
        return Action(NOTE_READ, _("Note read"), "F12", "note"), ()
    # What is still to be asked below the card comes first.
    may = not order.question or bool(said.get("answer"))
    if verdict is Verdict.PARTLY_HERE:
        text = _("Amount taken, hand over part") if _must_pay(order, judged) else _("Hand over part")
        return None, (Action(HAND_OVER, text, icon="packages", enabled=may),)
    if verdict is Verdict.EXPIRED:
        text = (
            _("Amount taken, extend and hand over") if _must_pay(order, judged) else _("Extend and hand over")
        )
        return None, (Action(EXTEND, text, icon="clock", enabled=may),)
    if _must_pay(order, judged):
        return Action(HAND_OVER, _("Amount taken, hand over"), "F12", "cash", enabled=may), ()
    text = _("Hand over")
    if verdict is Verdict.NOT_PUT_AWAY:
        text = _("Hand over all the same")
    elif verdict is Verdict.REST_OPEN:
        text = _("Hand over the rest")
    return Action(HAND_OVER, text, "F12", "check", enabled=may), ()


def _consequence(order: Order, judged: Judged, result: Result) -> str:
    """What the act rests on and what follows from it."""
    known_by = {
        "code": _("code scanned"),
        "number": _("order number"),
        LABEL: _("parcel label"),
        "name": _("name"),
    }[_proof(result)]
    paid = _("amount taken here") if _must_pay(order, judged) else _("paid")
    data = _("older data") if result.stale is not None else _("current data")
    if result.online:
        then = _("the shop books it, the customer gets a mail.")
    else:
        then = _("saved here, the shop hears of it once the line is back.")
    return _("Rests on: {known_by}, {paid}, {data}. Then: {then}").format(
        known_by=known_by, paid=paid, data=data, then=then
    )
