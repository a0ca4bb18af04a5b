"""What an order's card says while this till has no right to hand it over, and what the clerk can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.counter.custody import Right
from posapp.domain.codes import Kind
from posapp.domain.pickup import Judged
from posapp.domain.values import replace
from posapp.texts import N_, _
from ui.view import Action, CardView, Sound, Tone

if TYPE_CHECKING:
    from posapp.counter.scanning import Result
    from ui.presenter import Said

ASK_AGAIN = "ask_again"
RELEASE = "release"
REASON = "reason"
OVERRIDE = "override"
"""Said on a card that this till has no right to: that it shall leave all the same, why, and, once a
manager's badge was scanned, that it may."""

_SENTENCES = {
    Right.ASKED: N_("One moment please, the other tills are being asked."),
    Right.HELD: N_("{till} is serving this order. Please ask there."),
    Right.BEHIND: N_("{till} has handed it over a moment ago. Please hand over nothing."),
    Right.SILENT: N_(
        "Nobody can say at present whether this may leave. Please scan the label on the parcel itself, "
        "or ask a manager."
    ),
}
_BADGE = N_("Please scan a manager's badge now: {reason}")
_PROVISIONAL = N_("Without the line this stays provisional until the shop has seen it.")


def by_label(result: Result) -> bool:
    """Whether nobody can be asked, but the parcel itself is in the clerk's hand."""
    reading, judged = result.reading, result.judged
    return (
        result.standing.right is Right.SILENT
        and reading is not None
        and reading.kind is Kind.PARCEL
        and isinstance(judged, Judged)
        and judged.parcels_here == 1
    )


def lay_over(view: CardView, result: Result, said: Said) -> CardView:
    """The order's card as it may leave; or what to do instead, with other buttons."""
    right = result.standing.right
    if right is Right.HERE:
        return view
    if said.get(OVERRIDE) or by_label(result):
        return replace(view, sentence=_(_PROVISIONAL))
    sentence = _(_SENTENCES[right]).format(till=till_name(result.standing.till))
    if right is Right.ASKED:
        primary = replace(view.primary, enabled=False) if view.primary else None
        waiting = tuple(replace(action, enabled=False) for action in view.secondary)
        return replace(view, sentence=sentence, primary=primary, secondary=waiting)
    if said.get(RELEASE):
        reason = said.get(REASON)
        sentence = _(_BADGE).format(reason=reason) if reason else _("Please note the reason below.")
    silent = right is Right.SILENT
    again = Action(ASK_AGAIN, _("Ask again"), icon="refresh")
    release = Action(RELEASE, _("A manager releases it"), icon="user")
    return replace(
        view,
        tone=Tone.AMBER if silent else Tone.RED,
        icon="clock",
        headline=_("Please wait") if silent else _("At another till"),
        sound=(Sound.LOOK,) if silent else (Sound.STOP,),
        sentence=sentence,
        consequence="",
        primary=None,
        secondary=(again,) if said.get(RELEASE) or right is Right.BEHIND else (again, release),
    )


def till_name(ident: str) -> str:
    """A till as people in the store call it."""
    number = ident.rpartition("-")[2]
    return _("Till {number}").format(number=number) if number.isdigit() else _("Another till")
