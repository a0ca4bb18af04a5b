"""The verdict of a scan: one enum with all the screen needs, and the rule that finds it.

Transport trouble is never a verdict; how old the data is stands beside the verdict (*stale*).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from posapp.domain.goods import GOING_BACK, HERE, CodeUse, HandOver, Paid, ParcelState
from posapp.domain.orders import Order
from posapp.domain.sales import Paying
from posapp.domain.values import dataclass

STALE_AFTER = timedelta(minutes=2)
"""Older than this, the age of the data is shown over the verdict: a held poll answers every 25 s."""


class Verdict(StrEnum):
    """What a scan may mean for the clerk. Each has one tone, icon, word and sound in the ui."""

    READY = "ready"
    READY_ATTENTION = "ready_attention"
    PASS = "pass"
    REST_OPEN = "rest_open"
    PARTLY_HERE = "partly_here"
    NOT_PUT_AWAY = "not_put_away"
    NOT_HERE_YET = "not_here_yet"
    ANSWER_NEEDED = "answer_needed"
    PAY_HERE = "pay_here"
    EXPIRED = "expired"
    AMBIGUOUS = "ambiguous"
    NOT_AN_ORDER = "not_an_order"
    ALREADY_HANDED_OVER = "already_handed_over"
    UNPAID = "unpaid"
    CANCELLED = "cancelled"
    GOING_BACK = "going_back"
    RETURNED = "returned"
    OTHER_STORE = "other_store"
    CODE_REPLACED = "code_replaced"
    PASS_REVOKED = "pass_revoked"
    BLOCKED = "blocked"
    CASE_OPEN = "case_open"
    SEARCHING = "searching"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    GENUINE = "genuine"
    TOKEN_EXPIRED = "token_expired"
    FORGED = "forged"
    GUESSING = "guessing"


MAY_HAND_OVER = frozenset(
    {
        Verdict.READY,
        Verdict.READY_ATTENTION,
        Verdict.PASS,
        Verdict.REST_OPEN,
        Verdict.PARTLY_HERE,
        Verdict.NOT_PUT_AWAY,
        Verdict.ANSWER_NEEDED,
        Verdict.PAY_HERE,
        Verdict.EXPIRED,
    }
)
"""Verdicts under which goods may leave, some after one more step (read, ask, take the money)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with what it rests on.

    ``lines`` are the pieces that may leave now (line id -> count), empty where none may. ``person``
    is the name on a delegated pass, ``first`` the hand-over that came before, ``parcels_here`` of
    ``parcels`` lie in the store; ``paying`` is how paying by card stands.
    """

    verdict: Verdict
    lines: tuple[tuple[str, int], ...] = ()
    bins: tuple[str, ...] = ()
    parcels_here: int = 0
    parcels: int = 0
    person: str = ""
    first: HandOver | None = None
    paying: Paying | None = None


def judge(  # noqa: PLR0912  # one question after the other, each with its answer: a table
    order: Order, *, store: str, now: datetime, token: str = "", case_open: bool = False
) -> Judged:
    """The verdict for ``order`` at ``store``; ``token`` is the keyed hash of the code scanned.

    The order of the questions is the order in which a wrong answer costs most: whose goods are
    these, may they leave at all, have they left, are they here, what is still to do.
    """
    counted = [p for p in order.parcels if p.state is not ParcelState.HANDED_OVER]
    here = [p for p in counted if p.state in HERE]
    bins = tuple(dict.fromkeys(p.bin for p in here if p.bin))
    live = order.live_hand_overs()
    code = next((c for c in order.codes if c.token == token), None) if token else None
    # A pass may be for some of the goods only, whatever else there is to say of the order.
    some = code.lines if code is not None and code.use is CodeUse.PASS else ()
    may = tuple((line, n) for line, n in sorted(order.lines_here().items()) if not some or line in some)
    person = code.name if code is not None and code.use is CodeUse.PASS else ""

    def no(verdict: Verdict) -> Judged:
        return Judged(
            verdict,
            bins=bins,
            parcels_here=len(here),
            parcels=len(counted),
            first=live[0] if live else None,
        )

    def yes(verdict: Verdict) -> Judged:
        return Judged(verdict, may, bins, len(here), len(counted), person, live[0] if live else None)

    if order.store != store:
        return Judged(Verdict.OTHER_STORE)
    if case_open:
        return no(Verdict.CASE_OPEN)
    if order.blocked:
        return no(Verdict.BLOCKED)
    if order.cancelled_at is not None:
        return no(Verdict.CANCELLED)
    if order.returned_at is not None:
        return no(Verdict.RETURNED)
    if not order.open_lines():
        return no(Verdict.ALREADY_HANDED_OVER)
    if code is not None and code.use is CodeUse.REPLACED:
        return no(Verdict.CODE_REPLACED)
    if code is not None and (
        code.use is CodeUse.REVOKED
        or (code.use is CodeUse.PASS and code.until is not None and code.until < now)
    ):
        return no(Verdict.PASS_REVOKED)
    if some and not any(line in order.open_lines() for line in some):
        return no(Verdict.ALREADY_HANDED_OVER)
    if any(p.state in GOING_BACK for p in order.parcels):
        return no(Verdict.GOING_BACK)
    if order.paid is Paid.UNPAID:
        return no(Verdict.UNPAID)
    if not here or not may:
        return no(Verdict.NOT_HERE_YET)
    if order.hold_until is not None and order.hold_until < now:
        return yes(Verdict.EXPIRED)
    if len(here) < len(counted):
        return yes(Verdict.PARTLY_HERE)
    if any(not p.bin for p in here):
        return yes(Verdict.NOT_PUT_AWAY)
    if order.paid is Paid.PROMISED:
        return yes(Verdict.PAY_HERE)
    if order.question:
        return yes(Verdict.ANSWER_NEEDED)
    if code is not None and code.use is CodeUse.PASS:
        return yes(Verdict.PASS)
    if live:
        return yes(Verdict.REST_OPEN)
    if order.note:
        return yes(Verdict.READY_ATTENTION)
    return yes(Verdict.READY)
