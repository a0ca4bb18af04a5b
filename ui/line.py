"""How the line to the hub is told in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from posapp.domain.known import HIDDEN_AFTER
from posapp.texts import N_, _, moment, ngettext
from ui.pills import Link
from ui.view import Tone

if TYPE_CHECKING:
    from datetime import datetime

    from posapp.domain.known import Standing
    from ui.bridge import LineState


class LineWords(NamedTuple):
    """The pill's words, and the bar's; an empty bar is not shown."""

    link: Link
    pill: str
    bar: str = ""
    tone: Tone = Tone.AMBER
    icon: str = "wifi-off"


# What will not mend by itself: pill and sentence.
_TROUBLES: dict[str, tuple[str, str]] = {
    "hub-strange": (
        N_("Hub disturbed"),
        N_("The hub gives answers that this till does not understand. Please call support."),
    ),
    "revoked": (
        N_("Till locked out"),
        N_("The hub does not accept this till any more. Please ask the operator for a new code."),
    ),
    "not-enrolled": (
        N_("Not enrolled"),
        N_("This till is not enrolled yet. Please ask the operator for a code."),
    ),
    "fork": (
        N_("Till locked out"),
        N_("Another till uses this till's number. Please hand over nothing and call support."),
    ),
    "too-old": (
        N_("posapp is too old"),
        N_("The hub needs a newer posapp. Please call support."),
    ),
    "ledger-damaged": (
        N_("Journal damaged"),
        N_("This till's journal is damaged. Please hand over nothing and call support."),
    ),
    "chain-broken": (
        N_("Journal damaged"),
        N_("This till's journal is not as it was written. Please hand over nothing and call support."),
    ),
    "hub-key-wrong": (
        N_("Hub not known"),
        N_(
            "Somebody else answers for the hub, so nothing is sent. Please call support; you can go on working."
        ),
    ),
    "fact-stuck": (
        N_("Hub disturbed"),
        N_("The hub fails over something that was done here. Please call support; you can go on working."),
    ),
}

# What is answered, but not as it should be. A hub that is only busy is none of the clerk's business.
_DISTURBED = {
    "hub-failed": N_("The hub has a problem of its own. You can go on working."),
    "disk-full": N_("This till's disk is full. Please make room."),
    "disk-failed": N_("This till's disk does not take what the hub sends. Please call support."),
}

# The till's own disk: pill and sentence.
_ROOM = {
    "room-low": (
        N_("Disk nearly full"),
        N_("This till's disk is nearly full. Please make room, or call support; you can go on working."),
    ),
    "room-short": (
        N_("Disk nearly full"),
        N_("This till's disk is nearly full: its journal is copied no more. Please make room now."),
    ),
    "room-tight": (
        N_("Disk full"),
        N_(
            "This till's disk is full. What was begun can be finished, nothing new is taken in. Please make room."
        ),
    ),
}


def words(state: LineState | None, standing: Standing, now: datetime) -> LineWords:
    """What is told of the line; ``state`` is None until sync has spoken for the first time."""
    waiting = (
        ngettext("{count} act waits", "{count} acts wait", standing.waiting).format(count=standing.waiting)
        if standing.waiting
        else ""
    )
    if state is None:
        return LineWords(Link.OFFLINE, _("Connecting …"))
    trouble = _TROUBLES.get(state.reason)
    if trouble is not None:
        bar = " – ".join(part for part in (_(trouble[1]), waiting) if part)
        return LineWords(Link.TROUBLE, _(trouble[0]), bar, Tone.RED, "alert-triangle")
    if state.reason in _DISTURBED:
        bar = " – ".join(part for part in (_(_DISTURBED[state.reason]), waiting) if part)
        return LineWords(Link.TROUBLE, _("Hub disturbed"), bar, Tone.AMBER, "alert-triangle")
    if state.reason in _ROOM:
        pill, sentence = _ROOM[state.reason]
        bar = " – ".join(part for part in (_(sentence), waiting) if part)
        return LineWords(Link.TROUBLE, _(pill), bar, Tone.AMBER, "alert-triangle")
    if state.online:
        return LineWords(Link.ONLINE, _("Online"))
    if standing.heard_at is None:
        bar = _("This till has not reached the hub yet, so it knows no orders. Please check the network.")
        return LineWords(Link.OFFLINE, _("Never connected"), bar)
    if now - standing.heard_at >= HIDDEN_AFTER:
        bar = _("The hub was not heard for a week, so customers' data is hidden. Please check the network.")
        return LineWords(Link.OFFLINE, _("Offline"), bar, Tone.RED, "alert-triangle")
    since = state.since or standing.heard_at
    bar = _("Offline since {time}").format(time=moment(since, now))
    if waiting:
        bar += f" – {waiting}"
    return LineWords(Link.OFFLINE, _("Offline"), _("{state}. You can go on working.").format(state=bar))
