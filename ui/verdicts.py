"""How each verdict looks and sounds, and the cards of scans that lead to no subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from posapp.domain.codes import Kind, Unreadable, display
from posapp.domain.pickup import Verdict
from posapp.texts import N_, _, age, day, ngettext
from ui.presenter import GO
from ui.tokens import TONES
from ui.view import Action, CardView, Fact, Sound, Tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from posapp.counter.scanning import Elsewhere, Result


class Look(NamedTuple):
    """A verdict's tone, icon and headline; the sound is its tone's unless told otherwise."""

    tone: Tone
    icon: str
    headline: str
    sound: tuple[Sound, ...] | None = None

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """What is played when the card appears."""
        return (TONES[self.tone].sound,) if self.sound is None else self.sound


LOOKS: dict[Verdict, Look] = {
    Verdict.READY: Look(Tone.GREEN, "circle-check", N_("Ready to hand over")),
    Verdict.READY_ATTENTION: Look(Tone.GREEN, "note", N_("Read the note first"), (Sound.GO, Sound.LOOK)),
    Verdict.PASS: Look(Tone.GREEN, "id-badge-2", N_("Pickup with a pass")),
    Verdict.REST_OPEN: Look(Tone.GREEN, "progress-check", N_("Hand over the rest")),
    Verdict.PARTLY_HERE: Look(Tone.AMBER, "packages", N_("Only {here} of {count} parcels here")),
    Verdict.NOT_PUT_AWAY: Look(Tone.AMBER, "map-pin", N_("Here, no bin yet")),
    Verdict.NOT_HERE_YET: Look(Tone.AMBER, "hourglass", N_("Not here yet")),
    Verdict.ANSWER_NEEDED: Look(Tone.AMBER, "message-question", N_("Answer the question")),
    Verdict.PAY_HERE: Look(Tone.AMBER, "cash", N_("Still to pay")),
    Verdict.EXPIRED: Look(Tone.AMBER, "clock-off", N_("Pickup time is over")),
    Verdict.AMBIGUOUS: Look(Tone.NEUTRAL, "list-search", N_("Several matches")),
    Verdict.NOT_AN_ORDER: Look(Tone.NEUTRAL, "tag", N_("Not an order")),
    Verdict.ALREADY_HANDED_OVER: Look(Tone.RED, "package-off", N_("Already picked up")),
    Verdict.UNPAID: Look(Tone.RED, "credit-card-off", N_("Not paid")),
    Verdict.CANCELLED: Look(Tone.RED, "ban", N_("Cancelled")),
    Verdict.GOING_BACK: Look(Tone.RED, "truck-return", N_("On its way back")),
    Verdict.RETURNED: Look(Tone.RED, "receipt-refund", N_("Already returned")),
    Verdict.OTHER_STORE: Look(Tone.RED, "building-store", N_("Other store")),
    Verdict.CODE_REPLACED: Look(Tone.RED, "replace", N_("Code replaced")),
    Verdict.PASS_REVOKED: Look(Tone.RED, "replace", N_("Pass revoked")),
    Verdict.BLOCKED: Look(Tone.RED, "lock", N_("Blocked")),
    Verdict.CASE_OPEN: Look(Tone.RED, "scale", N_("Case open")),
    Verdict.SEARCHING: Look(Tone.NEUTRAL, "cloud-search", N_("Searching …"), ()),
    Verdict.UNKNOWN: Look(Tone.RED, "circle-x", N_("Unknown code")),
    Verdict.UNREADABLE: Look(Tone.RED, "barcode-off", N_("Code unreadable")),
    Verdict.GENUINE: Look(Tone.AMBER, "shield-check", N_("Genuine, no record here")),
    Verdict.TOKEN_EXPIRED: Look(Tone.AMBER, "clock-off", N_("Code too old")),
    Verdict.FORGED: Look(Tone.RED, "shield-exclamation", N_("Code not genuine"), (Sound.ALARM,)),
    Verdict.GUESSING: Look(Tone.RED, "shield-exclamation", N_("Too many attempts"), (Sound.ALARM,)),
}

_THINGS: dict[Kind, tuple[str, str]] = {
    Kind.GTIN: (
        N_("Product"),
        N_("This is a product's barcode. Please scan the customer's pickup code."),
    ),
    Kind.BIN: (N_("Bin"), N_("This is a bin's label. Please scan the customer's pickup code.")),
    Kind.BAG: (
        N_("Service bag"),
        N_("This bag is not known here. Please look for its ticket by the customer's name."),
    ),
    Kind.BADGE: (
        N_("Staff badge"),
        N_("Badges are not needed at this till. Please scan the customer's pickup code."),
    ),
    Kind.LOYALTY: (
        N_("Loyalty card"),
        N_("Loyalty cards are not used here yet. Please ask for the pickup code."),
    ),
    Kind.COMMAND: (
        N_("Counter mat"),
        N_("This mat belongs to another store. Please use the mat of this store."),
    ),
}

_FAULTS: dict[Unreadable, str] = {
    Unreadable.CHECK_DIGIT: N_("The check character does not fit. Please scan again or type the code."),
    Unreadable.TORN: N_("Only a part of the code has arrived. Please scan again or type the code."),
    Unreadable.CONTROL_CHARACTERS: N_(
        "The scanner sent characters that cannot be read. Please scan again or type the code."
    ),
    Unreadable.TOO_LONG: N_("That is too long for a code. Please scan the pickup code only."),
    Unreadable.EMPTY: N_("The scanner sent nothing. Please scan again."),
    Unreadable.SEPARATORS_LOST: N_(
        "The scanner has lost the marks between two parts of this code. Please type the number, "
        "and have the scanner set up again."
    ),
    Unreadable.ADDRESS: N_("This is a web address. It was not opened. Please scan the pickup code."),
    Unreadable.UNPROVEN: N_(
        "This till cannot check this signed code yet. Please search by order number or name."
    ),
    Unreadable.MESSAGE: N_("This label is not as it should be. Please scan again or type the number."),
    Unreadable.IMPOSSIBLE_CHARACTER: N_(
        "Character {position} is not possible in a code. Please compare it with the customer's code."
    ),
}


def headline(verdict: str) -> str:
    """A verdict's headline where there is no subject to count parcels of, as on a printed sheet."""
    if verdict == Verdict.PARTLY_HERE:
        return _("Partly here")
    return _(LOOKS[Verdict(verdict)].headline)


def ago(span: timedelta) -> str:
    """How long ago, as a whole phrase, because languages bend the unit."""
    seconds = span.total_seconds()
    if seconds < 2 * 86400:
        return _("{age} ago").format(age=age(seconds))
    days = int(seconds // 86400)
    return ngettext("{count} day ago", "{count} days ago", days).format(count=days)


def stale_band(span: timedelta | None) -> str:
    """The age of the data and what it means; empty where it need not be told."""
    if span is None:
        return ""
    return _("As of {ago}. What came later is not known here yet.").format(ago=ago(span))


def card(result: Result) -> CardView:
    """The card of a scan without a subject: unknown, unreadable, another store's, another thing."""
    verdict = Verdict(result.verdict)
    look = LOOKS[verdict]
    make = _CARDS.get(verdict)
    view = make(result, look) if make else _plain(result, look)
    return view


def _plain(result: Result, look: Look, **more: object) -> CardView:
    shown = result.text
    if result.reading is not None and result.reading.kind is Kind.PICKUP:
        shown = display(result.reading.value)
    values: dict[str, object] = {
        "tone": look.tone,
        "icon": look.icon,
        "headline": _(look.headline),
        "sound": look.sounds,
        "code": shown,
        **more,
    }
    return CardView(**values)  # type: ignore[arg-type]  # the fields of CardView by name


def _searching(result: Result, look: Look) -> CardView:
    return _plain(result, look, sentence=_("Not known here. The hub is being asked."))


def _unknown(result: Result, look: Look) -> CardView:
    if result.online:
        sentence = _("The hub does not know it either. Please check the code, or search by name.")
    else:
        sentence = _(
            "It is not among the orders this till knows, and the hub cannot be asked now. "
            "Please search by name, or try again once the line is back."
        )
    return _plain(
        result,
        look,
        sentence=sentence,
        stale=stale_band(result.stale),
        secondary=(_search(),),
    )


def _unreadable(result: Result, look: Look) -> CardView:
    reading = result.reading
    reason = reading.reason if reading and reading.reason else Unreadable.EMPTY
    position = reading.position if reading else 0
    return _plain(
        result,
        look,
        sentence=_(_FAULTS[reason]).format(position=position),
        secondary=(Action(GO + "type", _("Type the code"), "", "keyboard"),),
    )


def _not_an_order(result: Result, look: Look) -> CardView:
    if result.cleared:
        return _plain(result, look, headline=_("All is clear"), icon="shield-check", sentence=_cleared())
    kind = result.reading.kind if result.reading else Kind.FREE
    headline, sentence = _THINGS.get(kind, (look.headline, N_("Please scan the customer's pickup code.")))
    icon = {Kind.BADGE: "id-badge-2", Kind.BIN: "map-pin", Kind.LOYALTY: "credit-card"}.get(kind, look.icon)
    return _plain(result, look, headline=_(headline), sentence=_(sentence), icon=icon)


def _genuine(result: Result, look: Look) -> CardView:
    """No goods leave on a signature alone: it proves where the code is from, not that the order is open."""
    return _plain(
        result,
        look,
        sentence=_(
            "The shop has signed this code, but this till has no record of order {number} and no line. "
            "Please hand over nothing yet: try again once the line is back, or call the manager."
        ).format(number=result.text),
        stale=stale_band(result.stale),
        secondary=(_search(),),
    )


def _token_expired(result: Result, look: Look) -> CardView:
    claims = result.reading.claims if result.reading else None
    said = _(
        "This code was good until {day}. Please search by order number or name, and ask for a second fact."
    )
    return _plain(
        result,
        look,
        sentence=said.format(day=day(claims.until) if claims else "…"),
        secondary=(_search(),),
    )


def _forged(result: Result, look: Look) -> CardView:
    said = _("This code was not signed by the shop. Please hand over nothing and call the manager.")
    return _plain(result, look, sentence=said)


def _guessing(result: Result, look: Look) -> CardView:
    said = [
        _(
            "Several unknown codes came one after the other at this till. "
            "Please hand over nothing on an unknown code and call the manager."
        )
    ]
    if result.wait_s:
        later = _("The next unknown code is looked up in {seconds} s. Known codes work at once.")
        said.append(later.format(seconds=result.wait_s))
    shown = Action(GO + "attention", _("Show in Needs attention"), "", "scale")
    return _plain(result, look, sentence=" ".join(said), secondary=(shown,))


def _cleared() -> str:
    return _("Unknown codes are looked up at once again.")


def _search() -> Action:
    return Action(GO + "search", _("Search"), "F3", "search")


def _ambiguous(result: Result, look: Look) -> CardView:
    return _plain(
        result,
        look,
        sentence=_("Please ask the customer for a second fact, then choose below."),
    )


def _other_store(result: Result, look: Look) -> CardView:
    return other_store(result.elsewhere, look)


def other_store(elsewhere: Elsewhere | None, look: Look = LOOKS[Verdict.OTHER_STORE]) -> CardView:
    """Which store it is, and nothing about the customer."""
    facts: tuple[Fact, ...] = ()
    if elsewhere is not None:
        told = (
            (_("Store"), elsewhere.name),
            (_("Address"), elsewhere.address),
            (_("Opening hours"), elsewhere.hours),
        )
        facts = tuple(Fact(label, value) for label, value in told if value)
    return CardView(
        tone=look.tone,
        icon=look.icon,
        headline=_(look.headline),
        sound=look.sounds,
        sentence=_("This order is picked up elsewhere. Please show the customer the way."),
        facts=facts,
    )


_CARDS: dict[Verdict, Callable[[Result, Look], CardView]] = {
    Verdict.SEARCHING: _searching,
    Verdict.UNKNOWN: _unknown,
    Verdict.UNREADABLE: _unreadable,
    Verdict.NOT_AN_ORDER: _not_an_order,
    Verdict.AMBIGUOUS: _ambiguous,
    Verdict.OTHER_STORE: _other_store,
    Verdict.GENUINE: _genuine,
    Verdict.TOKEN_EXPIRED: _token_expired,
    Verdict.FORGED: _forged,
    Verdict.GUESSING: _guessing,
}
