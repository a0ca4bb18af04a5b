"""How the line to the hub is told in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from posapp.domain.known import HIDDEN_AFTER
from posapp.texts import N_, _, moment, ngettext, number
from ui.pills import Link
from ui.view import Tone

if TYPE_CHECKING:
    from datetime import datetime

    from posapp.domain.known import Standing
    from ui.bridge import Fetching, LineState


class LineWords(NamedTuple):
    """The pill's words, and the bar's; an empty bar is not shown.

    ``moves``: the bar counts, so that only its first words are worth being read aloud.
    """

    link: Link
    pill: str
    bar: str = ""
    tone: Tone = Tone.AMBER
    icon: str = "wifi-off"
    moves: bool = False


class _Trouble(NamedTuple):
    pill: str
    bar: str
    tone: Tone = Tone.RED


_JOURNAL, _KEY, _DISK = N_("Journal damaged"), N_("Key missing"), N_("Disk full")
_HUB, _OUT, _OLD = N_("Hub disturbed"), N_("Till locked out"), N_("posapp is too old")
_NOTHING_SENT = N_("Nothing is sent")

# Every reason that sync can tell; a test finds the one without words. Red is what does not mend by itself.
TROUBLES: dict[str, _Trouble] = {
    # the hub
    "hub-strange": _Trouble(
        _HUB, N_("The hub gives answers that this till does not understand. Please call support.")
    ),
    "hub-failed": _Trouble(_HUB, N_("The hub has a problem of its own. You can go on working."), Tone.AMBER),
    "fact-stuck": _Trouble(
        _HUB,
        N_("The hub fails over something that was done here. Please call support; you can go on working."),
    ),
    "hub-key-wrong": _Trouble(
        N_("Hub not known"),
        N_(
            "Somebody else answers for the hub, so nothing is sent. Please call support; you can go on working."
        ),
    ),
    "hub-certificate-wrong": _Trouble(
        N_("Hub not known"),
        N_(
            "This computer does not trust the hub's certificate, so nothing is sent. "
            "Please check date and time, and call support; you can go on working."
        ),
    ),
    "hub-address-wrong": _Trouble(
        N_("Hub not known"),
        N_(
            "The hub's address in this till's data is wrong, so nothing is sent. Please call support; you can go on working."
        ),
    ),
    # the till at the hub
    "revoked": _Trouble(
        _OUT, N_("The hub does not accept this till any more. Please ask the operator for a new code.")
    ),
    "fork": _Trouble(
        _OUT,
        N_("Another till uses this till's number. Please hand over nothing and call support."),
    ),
    "till-revoked": _Trouble(
        _OUT, N_("The operator has ended this till. Please hand over nothing and call support.")
    ),
    "not-enrolled": _Trouble(
        N_("Not enrolled"), N_("This till is not enrolled yet. Please ask the operator for a code.")
    ),
    "too-old": _Trouble(
        _OLD,
        N_(
            "The hub needs a newer posapp: what you do is sent, but nothing new comes. "
            "Please call support; you can go on working."
        ),
    ),
    "hub-too-old": _Trouble(
        N_("Hub too old"),
        N_(
            "The hub is too old for this posapp: what you do is sent, but nothing new comes. "
            "Please call support; you can go on working."
        ),
    ),
    # the till's own files
    "ledger-damaged": _Trouble(
        _JOURNAL, N_("This till's journal is damaged. Please hand over nothing and call support.")
    ),
    "chain-broken": _Trouble(
        _JOURNAL,
        N_("This till's journal is not as it was written. Please hand over nothing and call support."),
    ),
    "key-wrong": _Trouble(
        _JOURNAL,
        N_(
            "The key does not fit this till's journal, or the journal is damaged. "
            "Please hand over nothing and call support."
        ),
    ),
    "key-missing": _Trouble(
        _KEY, N_("The key to this till's journal is missing. Please hand over nothing and call support.")
    ),
    "key-open": _Trouble(
        _NOTHING_SENT,
        N_("Other users of this computer can read this till's key, so nothing is sent. Please call support."),
    ),
    "ledger-too-new": _Trouble(
        _OLD,
        N_("This till's journal was written by a newer posapp, so nothing is sent. Please update posapp."),
    ),
    "ledger-old": _Trouble(
        _NOTHING_SENT,
        N_(
            "This till's journal was written by an older posapp, so nothing is sent. "
            "Please close posapp and start it again."
        ),
    ),
    "ledger-locked": _Trouble(
        _NOTHING_SENT,
        N_("Another program holds on to this till's data. Please close it, or call support."),
        Tone.AMBER,
    ),
    "in-use": _Trouble(
        _NOTHING_SENT, N_("Another program holds on to this till's data. Please close it, or call support.")
    ),
    "settings-wrong": _Trouble(
        _NOTHING_SENT,
        N_("This till's settings cannot be read, so nothing is sent. Please call support."),
    ),
    "folder-unusable": _Trouble(
        _NOTHING_SENT, N_("This till's folder cannot be used, so nothing is sent. Please call support.")
    ),
    "sqlite-too-old": _Trouble(
        _OLD, N_("A part of posapp is too old to be safe. Please have posapp installed again.")
    ),
    # the till's own disk
    "disk-full": _Trouble(_DISK, N_("This till's disk is full. Please make room."), Tone.AMBER),
    "disk-failed": _Trouble(
        N_("Disk disturbed"),
        N_("This till's disk does not take what is to be kept. Please call support."),
        Tone.AMBER,
    ),
    "room-low": _Trouble(
        N_("Disk nearly full"),
        N_("This till's disk is nearly full. Please make room, or call support; you can go on working."),
        Tone.AMBER,
    ),
    "room-short": _Trouble(
        N_("Disk nearly full"),
        N_("This till's disk is nearly full: its journal is copied no more. Please make room now."),
        Tone.AMBER,
    ),
    "room-tight": _Trouble(
        _DISK,
        N_(
            "This till's disk is full. What was begun can be finished, nothing new is taken in. Please make room."
        ),
        Tone.AMBER,
    ),
    # posapp itself
    "sync-silent": _Trouble(
        N_("Starting again"),
        N_("The connection to the hub hung and is being started again. You can go on working."),
        Tone.AMBER,
    ),
    "defect": _Trouble(
        _NOTHING_SENT,
        N_("A fault in posapp keeps this till from sending. Please call support; you can go on working."),
    ),
}
TROUBLES |= {
    "pin-needs-https": TROUBLES["hub-address-wrong"],
    "till-wiped": TROUBLES["till-revoked"],
}

SILENT = frozenset({"hub-busy"})
"""A hub that has much to do is none of the clerk's business."""
OFFLINE = frozenset({"hub-unreachable", "sync-stopped"})
"""These are told as what they mean at the counter: no line, since when, and that the work goes on."""


def words(
    state: LineState | None,
    standing: Standing,
    now: datetime,
    *,
    fetching: Fetching | None = None,
    sending: bool = False,
) -> LineWords:
    """What is told of the line; ``state`` is None until sync has spoken for the first time.

    ``fetching`` is told while the line is up; ``sending``: what waits is too, since it takes a while.
    """
    waiting = (
        ngettext("{count} act waits", "{count} acts wait", standing.waiting).format(count=standing.waiting)
        if standing.waiting
        else ""
    )
    if state is None:
        return LineWords(Link.OFFLINE, _("Connecting …"))
    trouble = TROUBLES.get(state.reason, TROUBLES["defect"] if state.fatal else None)
    if trouble is not None:
        bar = " – ".join(part for part in (_(trouble.bar), waiting) if part)
        tone = Tone.RED if state.fatal else trouble.tone
        return LineWords(Link.TROUBLE, _(trouble.pill), bar, tone, "alert-triangle")
    if state.online:
        bar = _progress(fetching, standing.waiting if sending else 0)
        tone, icon = (Tone.NEUTRAL, "refresh") if bar else (Tone.AMBER, "")
        return LineWords(Link.ONLINE, _("Online"), bar, tone, icon, moves=bool(bar))
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


def _progress(fetching: Fetching | None, waiting: int) -> str:
    parts = []
    if fetching is not None:
        said = _("Fetching the orders: {done} of {of}")
        parts.append(said.format(done=number(fetching.done), of=number(fetching.of)))
    if waiting:
        said = ngettext("Sending: {count} act waits", "Sending: {count} acts wait", waiting)
        parts.append(said.format(count=number(waiting)))
    return " – ".join(parts)
