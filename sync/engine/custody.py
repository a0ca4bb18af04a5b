"""Custody at the till's end: the lease, claims asked for, and questions that the lead answers.

Asked in this order: the lead itself over the store's own network, where a way to it is known, else
the lead through the hub. What was granted is kept in the ledger, where the window finds it inside the
transaction that writes the hand-over.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from posapp.domain.custody import Claim, Held
from posapp.domain.errors import PosappError, StorageFault
from posapp.domain.facts import subject
from posapp.domain.orders import HANDED_OVER
from posapp.storage.claims import Claims, uptime_ms
from posapp.storage.journal import Journal
from sync import wire
from sync.engine.client import Hub, NotEnrolled, Trouble
from sync.engine.line import Line, Tell

log = logging.getLogger(__name__)

KIND = "claim"
RENEW_S = 900.0
"""How often custody is asked for while the line is up: far less than a lease is long."""
RETRY_S = 5.0
MAX_KNOWN = 200


class Way(Protocol):
    """A way to the lead till. Raises PosappError where it leads nowhere now."""

    def claim(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        """Ask for a claim."""
        ...


class Custody:
    """``hand_overs`` gives the facts' ids of an order's hand-overs as the mirror has them."""

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        line: Line,
        tell: Tell,
        hand_overs: Callable[[str], Sequence[str]],
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._line = line
        self._tell = tell
        self._hand_overs = hand_overs
        self._claims = Claims(journal)
        self._till = journal.meta("till")
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._renew_at = 0.0
        self.direct: Way | None = None

    # -- from other threads -----------------------------------------------------------------------
    def ask(self, order: str, known: Sequence[str]) -> None:
        """The window wants to hand this order over."""
        self._asked.put(lambda: self._claim(order, list(known)[:MAX_KNOWN]))

    def release(self, order: str) -> None:
        """The window does not need the order any more."""
        self._asked.put(lambda: self._give_back(order))

    def seen(self, kind: str, ident: str, body: Mapping[str, Any] | None) -> None:
        """A record came with the feed: it may be a question for this till."""
        if kind == KIND and body and "answer" not in body:
            asked = dict(body)
            self._asked.put(lambda: self._answer(ident, asked))

    # -- the thread -------------------------------------------------------------------------------
    def run(self) -> None:
        """Serve until the line stops."""
        while not self._line.stopping():
            now = uptime_ms() / 1000
            if now >= self._renew_at:
                self._renew_at = now + (RENEW_S if self._renew() else RETRY_S)
            try:
                job = self._asked.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                job()
            except StorageFault:
                raise
            except PosappError as error:
                log.info("custody: %s", error)

    def grant(self, asker: str, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        """The lead's answer to a till of its store. Any thread."""
        if not self._claims.leads(datetime.now(UTC)):
            return wire.ClaimAnswer(state="silent")
        if wanted.complete:
            self._claims.heard(asker)
        if wanted.release:
            self._claims.given_back(wanted.order, asker)
            return wire.ClaimAnswer(state="held")
        given = self._claims.grant(wanted.order, asker, known=wanted.known, done=self._done(wanted.order))
        if isinstance(given, Held):
            return wire.ClaimAnswer(state="behind" if given.behind else "held", till=given.till)
        return _granted(given)

    # -- jobs -------------------------------------------------------------------------------------
    def _renew(self) -> bool:
        try:
            told = self._hub.lease()
        except (Trouble, NotEnrolled) as error:
            log.info("lease: %s", error)
            return False
        before = self._claims.lease()
        self._claims.keep_lease(told.lead, told.epoch, told.seconds, datetime.now(UTC), alone=told.alone)
        if before != self._claims.lease():
            self._tell({"custody": told.lead})
        return True

    def _claim(self, order: str, known: list[str]) -> None:
        if self._claims.leads(datetime.now(UTC)):
            self._told(order, "granted", self._till)
            return
        wanted = wire.ClaimRequest(order=order, known=known, complete=self._complete())
        answer = self._first_answer(wanted)
        if answer is None:
            self._told(order, "silent", "")
            return
        if answer.state == "granted":
            self._claims.keep_granted(order, answer.token, answer.seconds)
        elif answer.state == "lead":
            self._renew_at = 0.0
        self._told(order, answer.state, answer.till)

    def _first_answer(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer | None:
        ways: list[Way] = [self._hub] if self.direct is None else [self.direct, self._hub]
        for way in ways:
            try:
                answer = way.claim(wanted)
            except (Trouble, NotEnrolled) as error:
                log.info("claim: %s", error)
                continue
            if answer.state != "silent":
                return answer
        return None

    def _give_back(self, order: str) -> None:
        if self._claims.leads(datetime.now(UTC)) or not self._claims.give_up(order):
            return
        self._first_answer(wire.ClaimRequest(order=order, release=True, complete=self._complete()))

    def _answer(self, order: str, asked: Mapping[str, Any]) -> None:
        if not self._claims.leads(datetime.now(UTC)) or asked.get("till") == self._till:
            return
        wanted = wire.ClaimRequest(
            order=order,
            known=[str(ref) for ref in asked.get("known", ())][:MAX_KNOWN],
            complete=bool(asked.get("complete")),
            release=bool(asked.get("release")),
        )
        answer = self.grant(str(asked.get("till", "")), wanted)
        self._hub.answer(
            wire.QuestionAnswer(question=str(asked.get("question", "")), order=order, answer=answer)
        )

    def _complete(self) -> bool:
        return self._journal.unanswered() == self._journal.head()[0]

    def _done(self, order: str) -> set[str]:
        """Every hand-over of the order that this till knows of, its own unsent ones too."""
        mine = self._journal.history(subject("order", order))
        return {*self._hand_overs(order), *(e.fact.id for e in mine if e.fact.kind == HANDED_OVER)}

    def _told(self, order: str, state: str, till: str) -> None:
        self._tell({"claim": {"order": order, "state": state, "till": till}})


def _granted(given: Claim) -> wire.ClaimAnswer:
    left = max(0, given.until_ms - uptime_ms()) // 1000
    return wire.ClaimAnswer(state="granted", token=given.token, seconds=left)
