"""Custody at the till's end: the lease, claims asked for, and questions that the lead answers.

Asked in this order: the lead itself over the store's own network (`sync.engine.door`), else the lead
through the hub. What was granted is kept in the ledger, where the window finds it inside the
transaction that writes the hand-over.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
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
from sync.engine.door import CLAIMS, COPIES, Answer, Door, Lead
from sync.engine.line import Line, Tell
from sync.engine.neighbours import Known, identity, keep, known

log = logging.getLogger(__name__)

KIND = "claim"
STORE = "store"
RENEW_S = 900.0
"""How often custody is asked for while the line is up: far less than a lease is long."""
RETRY_S = 5.0
MAX_KNOWN = 200
MAX_LATER = 1000
"""So many facts that the feed has not brought are looked through for hand-overs."""


ROUND_S = 60.0
"""After the lead did not answer directly but did through the hub, it is asked in that order so long."""


class Feed(Protocol):
    """What was pulled (`sync.engine.pull`)."""

    def hand_overs(self, order: str) -> Sequence[str]:
        """The facts' ids of an order's hand-overs as the mirror has them."""
        ...

    def reach(self) -> tuple[str, int, int]:
        """Generation and cursor, and the last fact of this till whose effect is known by then."""
        ...

    def heard_all_ms(self) -> int:
        """What comes with the feed now was published after this time on `uptime_ms`; -1 while unknown."""
        ...


class Custody:
    """``door`` is where neighbours are heard while this till leads (`sync.engine.door`), as `door_at` says.

    ``copies`` answers what they say there of copies (`sync.engine.copies`).
    """

    def __init__(
        self,
        hub: Hub,
        journal: Journal,
        line: Line,
        tell: Tell,
        *,
        feed: Feed,
        door_at: tuple[str, int] | None = None,
        copies: Answer | None = None,
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._line = line
        self._tell = tell
        self._feed = feed
        self._claims = Claims(journal)
        self._till = journal.meta("till")
        self._asked: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._renew_at = 0.0
        self._granting = threading.Lock()
        answers = {CLAIMS: (wire.DirectRequest, self.grant)} | (
            {COPIES: (wire.Copies, copies)} if copies else {}
        )
        self._door = Door(journal, door_at, answers)
        self._lead = Lead(journal)
        self._known = Known()
        self._round_until = 0.0
        self._named = wire.Leased(lead="", epoch=0, seconds=0, alone=False)
        """The first word of this till's being the lead."""
        self._pause = RETRY_S

    # -- from other threads -----------------------------------------------------------------------
    def ask(self, order: str, known: Sequence[str]) -> None:
        """The window wants to hand this order over."""
        self._asked.put(lambda: self._claim(order, list(known)[:MAX_KNOWN]))

    def release(self, order: str) -> None:
        """The window does not need the order any more."""
        self._asked.put(lambda: self._give_back(order))

    def seen(self, kind: str, ident: str, body: Mapping[str, Any] | None) -> None:
        """A record came with the feed: it may be a question for this till, or say that another one leads now."""
        if kind == STORE and body and "lead" in body:
            named = (str(body["lead"]), body.get("lead_epoch"))
            self._asked.put(lambda: self._led_by(named))
        if kind == KIND and body and "answer" not in body:
            asked = dict(body)
            since_ms = self._feed.heard_all_ms()
            self._asked.put(lambda: self._answer(ident, asked, since_ms))

    def told(self, told: wire.Leased) -> None:
        """What the hub says of custody and of this till's neighbours."""
        self._asked.put(lambda: self._keep(told))

    def doors(self) -> list[str]:
        """Where this till hears its neighbours now."""
        return self._door.addresses()

    @property
    def known(self) -> Known:
        """Who this till's neighbours are, and whether it leads them."""
        return self._known

    # -- the thread -------------------------------------------------------------------------------
    def run(self) -> None:
        """Serve until the line stops."""
        try:
            self._identity = identity(self._journal)
            self._tend()
            while not self._line.stopping():
                now = uptime_ms() / 1000
                if now >= self._renew_at:
                    self._renew_at = now + self._renew()
                self._work()
        finally:
            self._door.close()

    def _work(self) -> None:
        try:
            job = self._asked.get(timeout=0.2)
        except queue.Empty:
            return
        try:
            job()
        except StorageFault:
            raise
        except PosappError as error:
            log.info("custody: %s", error)

    def grant(self, asker: str, wanted: wire.ClaimRequest, since_ms: int | None = None) -> wire.ClaimAnswer:
        """The lead's answer to a till of its store. Any thread.

        ``since_ms`` (`uptime_ms`) is before the question was made; by default it was made now.
        """
        if not self._claims.leads(datetime.now(UTC)):
            return wire.ClaimAnswer(state="silent")
        with self._granting:
            late = self._overtaken(asker, wanted.number)
            if self._hears_all(asker, wanted) and not late:
                self._claims.heard(asker, since_ms)
            if wanted.release:
                # What the asker handed over may not have come with the feed: whoever is next must know it.
                for ref in set(wanted.known) - self._done(wanted.order):
                    self._claims.handed_over(wanted.order, asker, ref)
                if not late:
                    self._claims.given_back(wanted.order, asker)
                return wire.ClaimAnswer(state="held")
            done = self._done(wanted.order)
            given = self._claims.grant(wanted.order, asker, known=wanted.known, done=done)
        if isinstance(given, Held):
            return wire.ClaimAnswer(state="behind" if given.behind else "held", till=given.till)
        return _granted(given)

    def _overtaken(self, asker: str, number: int) -> bool:
        """Whether the asker has said something since, by another way."""
        newest = int(self._journal.meta(f"asked:{asker}") or 0)
        if number > newest:
            self._journal.set_meta(**{f"asked:{asker}": str(number)})
        return number < newest

    def _hears_all(self, asker: str, wanted: wire.ClaimRequest) -> bool:
        """Whether this till now knows everything that the asker has done."""
        if not isinstance(wanted, wire.DirectRequest):
            # It came with the feed, behind everything that the hub knew when it was asked.
            return wanted.complete
        for one in wanted.handed:
            if one.ref not in self._done(one.order):
                self._claims.handed_over(one.order, asker, one.ref)
        generation, cursor, _ = self._feed.reach()
        return wanted.complete and generation == wanted.generation and cursor >= wanted.through

    # -- jobs -------------------------------------------------------------------------------------
    def _renew(self) -> float:
        """Ask the hub how custody stands; the seconds until it is to be asked again."""
        doors, forgot = self._door.addresses(), self._claims.forgotten()
        said = wire.LeaseRequest(certificate=self._identity.certificate, doors=doors, forgot=forgot)
        try:
            told = self._hub.lease(said)
        except (Trouble, NotEnrolled) as error:
            log.info("lease: %s", error)
            self._tend()
            return RETRY_S
        if forgot:
            # Two steps: cut in between, the epoch is raised once more, which harms nobody.
            if not self._keep(told):
                return RETRY_S
            self._claims.begin_anew()
        if not self._keep(told):
            return RETRY_S
        if self._door.addresses() != doors:
            # Just opened or closed: the hub tells the neighbours at once.
            return 0.0
        if told.doors or told.alone or told.lead == self._till:
            self._pause = RETRY_S
            return RENEW_S
        # The lead may be about to open its door, or may have none at all.
        self._pause = min(2 * self._pause, RENEW_S)
        return self._pause / 2

    def _keep(self, told: wire.Leased) -> bool:
        """False, and nothing kept, where this till is to lead and may not know what was done before."""
        if not self._may_lead(told):
            return False
        before = self._claims.lease()
        keep(self._journal, told)
        self._claims.keep_lease(told.lead, told.epoch, told.seconds, datetime.now(UTC), alone=told.alone)
        if before != self._claims.lease():
            self._tell({"custody": told.lead})
        self._tend()
        return True

    def _may_lead(self, told: wire.Leased) -> bool:
        lease = self._claims.lease()
        leads = lease is not None and (lease.till, lease.epoch) == (told.lead, told.epoch)
        if told.lead != self._till or leads:
            return True
        if self._named.epoch != told.epoch or self._named.generation != told.generation:
            self._named = told
        generation, cursor, _ = self._feed.reach()
        return cursor >= self._named.head and told.generation in ("", generation)

    def _tend(self) -> None:
        lease = self._claims.lease()
        leading = lease is not None and not lease.alone and self._claims.leads(datetime.now(UTC))
        self._known = known(self._journal, leading=leading)
        self._door.tend(self._identity, self._known)

    def _led_by(self, named: tuple[str, object]) -> None:
        lease = self._claims.lease()
        if lease is None or (lease.till, lease.epoch) != named:
            # An operator has moved the role: the store is not to wait for the next time this is asked.
            self._renew_at = 0.0

    def _claim(self, order: str, refs: list[str]) -> None:
        if self._claims.leads(datetime.now(UTC)):
            self._told(order, "granted", self._till)
            return
        if self._claims.forked():
            # The other one of this till's machines may be asking, too: nobody could tell them apart.
            self._told(order, "silent", "")
            return
        began = uptime_ms()
        answer = self._first_answer(wire.ClaimRequest(order=order, known=refs, number=self._number()))
        if answer is None:
            self._told(order, "silent", "")
            return
        if answer.state == "granted":
            # From before it was given: this machine may have slept since.
            took_s = (uptime_ms() - began) // 1000
            self._claims.keep_granted(order, answer.token, answer.seconds - took_s)
        elif answer.state == "lead":
            self._renew_at = 0.0
        self._told(order, answer.state, answer.till)

    def _first_answer(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer | None:
        """By the first way that leads to somebody who grants. Asking twice does no harm: see `grant`."""
        ways = [self._ask_lead, self._ask_hub]
        if uptime_ms() / 1000 < self._round_until:
            ways.reverse()
        failed = False
        for way in ways:
            try:
                answer = way(wanted)
            except (Trouble, NotEnrolled) as error:
                log.info("claim: %s", error)
                failed = failed or way == self._ask_lead
                continue
            if answer.state != "silent":
                if failed:
                    self._round_until = uptime_ms() / 1000 + ROUND_S
                return answer
        return None

    def _ask_hub(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        return self._hub.claim(wanted.model_copy(update={"complete": self._complete()}))

    def _ask_lead(self, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        def question() -> wire.DirectRequest:
            generation, cursor, applied = self._feed.reach()
            later = self._journal.after(applied, MAX_LATER)
            handed = [
                wire.Handed(order=e.fact.subject.partition(":")[2], ref=e.fact.id)
                for e in later
                if e.fact.kind == HANDED_OVER
            ]
            return wire.DirectRequest(
                order=wanted.order,
                known=wanted.known,
                release=wanted.release,
                number=wanted.number,
                complete=len(later) < MAX_LATER and len(handed) <= MAX_KNOWN,
                generation=generation,
                through=cursor,
                handed=handed[:MAX_KNOWN],
            )

        return self._lead.ask(self._identity, self._known, CLAIMS, question, wire.ClaimAnswer)

    def _number(self) -> int:
        """Greater than every one before, also after a copy of the ledger was put back."""
        number = max(int(self._journal.meta("asked") or 0) + 1, time.time_ns() // 1_000_000)
        self._journal.set_meta(asked=str(number))
        return number

    def _give_back(self, order: str) -> None:
        if self._claims.leads(datetime.now(UTC)) or not self._claims.give_up(order):
            return
        # From here on nothing is handed over under the claim, so this is all.
        refs = sorted(self._done(order))
        if len(refs) <= MAX_KNOWN:
            number = self._number()
            self._first_answer(wire.ClaimRequest(order=order, known=refs, release=True, number=number))

    def _answer(self, order: str, asked: Mapping[str, Any], since_ms: int) -> None:
        if not self._claims.leads(datetime.now(UTC)) or asked.get("till") == self._till:
            return
        wanted = wire.ClaimRequest(
            order=order,
            known=[str(ref) for ref in asked.get("known", ())][:MAX_KNOWN],
            complete=bool(asked.get("complete")),
            release=bool(asked.get("release")),
            number=int(asked.get("number") or 0),
        )
        answer = self.grant(str(asked.get("till", "")), wanted, since_ms)
        self._hub.answer(
            wire.QuestionAnswer(question=str(asked.get("question", "")), order=order, answer=answer)
        )

    def _complete(self) -> bool:
        return self._journal.unanswered() == self._journal.head()[0]

    def _done(self, order: str) -> set[str]:
        """Every hand-over of the order that this till knows of, its own unsent ones too."""
        mine = self._journal.history(subject("order", order))
        return {*self._feed.hand_overs(order), *(e.fact.id for e in mine if e.fact.kind == HANDED_OVER)}

    def _told(self, order: str, state: str, till: str) -> None:
        self._tell({"claim": {"order": order, "state": state, "till": till}})


def _granted(given: Claim) -> wire.ClaimAnswer:
    left = max(0, given.until_ms - uptime_ms()) // 1000
    return wire.ClaimAnswer(state="granted", token=given.token, seconds=left)
