"""Printing: the slip of what was done, once more as a copy, and what a clerk says about a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp import papers
from posapp.domain.errors import Refused
from posapp.domain.orders import Order
from posapp.domain.slips import Outcome, PrintJob, Slip

if TYPE_CHECKING:
    from posapp.counter.till import Done, Till
    from posapp.ports import PrintLane

KIND = "order"


class Printing:
    """Promises: nothing here undoes, delays or repeats what was done; every call returns at once; a slip
    that may have come out before is printed again as a marked copy only, and only when a clerk says so.
    """

    def __init__(self, till: Till, lane: PrintLane) -> None:
        self._till, self._lane = till, lane
        self._last: PrintJob | None = None

    @property
    def jobs(self) -> tuple[PrintJob, ...]:
        """Slips that did not come out, or of which nobody knows; the oldest first."""
        return self._lane.jobs

    def hand_over(self, done: Done) -> str:
        """Print the slip of a hand-over that was done; the job's id, empty where it has no slip, or the
        till no printer.
        """
        if not self._lane.prints or done.known is None or done.known.kind != KIND:
            return ""
        slip = self._slip(done.known.id, done.ref)
        return self._lane.print_slip(slip) if slip is not None else ""

    def heard(self, job: PrintJob) -> None:
        """A job's state as the lane told it: what can be printed again if nothing is open."""
        if job.outcome in (Outcome.PRINTED, Outcome.SENT, Outcome.UNSURE, Outcome.REFUSED):
            self._last = job

    def again(self, job: PrintJob | None = None) -> str:
        """Print a slip again: this one, else the oldest open one, else the last. The new job's id.

        While one is on its way nothing is printed, and the id is empty. Marked as a copy unless nothing of it was ever sent. Raises Refused("nothing-to-print") where
        there is none, or where what it tells of was taken back.
        """
        jobs = self._lane.jobs
        chosen = job or next((known for known in jobs if known.outcome is not Outcome.WAITING), None)
        if chosen is None and jobs:
            return ""
        chosen = chosen or self._last
        if chosen is None:
            raise Refused("nothing-to-print")
        kind, _, ident = chosen.about.partition(":")
        slip = self._slip(ident, chosen.ref) if kind == KIND else None
        if slip is None:
            raise Refused("nothing-to-print")
        copy = chosen.copy or chosen.outcome is not Outcome.REFUSED
        self._lane.settle(chosen.id)
        return self._lane.print_slip(papers.copy_of(slip) if copy else slip, copy=copy)

    def settle(self, job: str) -> None:
        """The clerk looked: it came out, or nobody wants it."""
        self._lane.settle(job)

    def _slip(self, number: str, ref: str) -> Slip | None:
        """The slip of a hand-over as the journal tells it now; None where it was taken back."""
        known = self._till.books.know(KIND, number)
        if known is None or not isinstance(known.value, Order):
            return None
        done = next((h for h in known.value.live_hand_overs() if h.ref == ref), None)
        if done is None:
            return None
        return papers.hand_over(
            known.value, done, store=self._till.store_name, clerk=done.clerk, till=done.till
        )
