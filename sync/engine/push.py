"""Push: the journal's facts to the hub, in order, without gaps, until each has its answer.

What may go wrong on the way, and what then happens:

- The answer is lost: the hub is asked where it is; what it has is sent again for its stored answer.
- The hub is behind (its backup was restored): everything after its last fact is sent again.
- The hub is further than this journal, or its hash differs: this till is a clone or was restored.
  The hub is shown where the two part, for the case; then nothing is sent any more until an operator has
  decided; the till goes on selling.
- A batch is too slow: it is halved, and grows again with each success.
- The hub fails on a batch (500): it is halved down to the one fact, which then holds the line,
  since the hub takes no gaps; it is tried again and again and the till says which one it is.
- The hub goes on failing over it, or the wire has no place for it: its content is withheld. The hub is
  sent its number, id and hash, so that the others arrive, and it becomes a case at both ends. After each
  start it is offered once, whole: the hub may have been mended.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from posapp.domain.errors import PosappError
from posapp.domain.facts import GENESIS, Answer, Entry, canonical, timestamp
from posapp.storage.claims import FORKED
from posapp.storage.journal import REVOKED, Journal
from sync import wire
from sync.engine.client import ForkTold, GapTold, Hub, Trouble
from sync.engine.line import LONGEST_PAUSE_S, Line, Tell
from sync.engine.messages import boxed, message_of
from sync.engine.neighbours import known

log = logging.getLogger(__name__)

BATCH = 100
BATCH_BYTES = wire.MAX_BODY_BYTES - (64 << 10)
ASK_EVERY_S = 600.0
"""How often the hub is asked where it is: a restored backup is noticed with nothing to send, too."""
POISON = frozenset({400, 413, 422, 500})
"""The hub has trouble with what was sent, not with itself."""
STRIKES = 5
"""So often the hub fails over one fact before its content is withheld; with the back-off, half a minute.
Twice as often for each one that follows: a hub that fails over everything is to be mended first."""
MOST_DOUBLINGS = 8
WITHHELD = "withheld"
"""The hub's reason for a fact whose content it has not got."""
_WHO = "push"


class Left(PosappError):
    """A revoked till has sent everything and the hub knows: its data is to be destroyed."""


class Push:
    """The pushing end. `step` sends one batch and settles it; one thread calls it."""

    def __init__(self, hub: Hub, journal: Journal, line: Line, tell: Tell) -> None:
        self._hub = hub
        self._journal = journal
        self._line = line
        self._tell = tell
        self._epoch = int(journal.meta("epoch") or 1)
        self._at: int | None = None
        self._size = BATCH
        self._asked_at = 0.0
        self._heard = int(journal.meta("heard") or 0)
        self._withheld: dict[int, str] = {}
        self._strikes = 0
        self._in_a_row = 0
        self._owed = [case for case, _ in journal.cases() if _may_be_taken_now(case)]
        self._keeps: bool | None = None

    def ask_again(self) -> None:
        """The hub's past is another one: ask where it is, and for all news. Any thread."""
        self._heard = 0
        self.look()

    def look(self) -> None:
        """Ask the hub where it is, also with nothing to send. Any thread."""
        self._asked_at = -ASK_EVERY_S
        self._line.wake()

    def news(self, mark: int) -> None:
        """The feed says that answers of this till changed, up to ``mark``. Any thread."""
        if mark > self._heard:
            self.look()

    def step(self) -> bool:
        """Send what comes next. Returns whether there may be more; raises Trouble, NotEnrolled,
        StorageFault; Left where a revoked till is to wipe itself."""
        if self._asked_at + ASK_EVERY_S < time.monotonic():
            self._at = None
        if self._at is None:
            self._at = self._locate()
        if self._owed:
            self._offer(self._owed.pop())
            return True
        entries, messages = self._batch(self._at)
        if not messages:
            self._leave(self._at)
            return False
        try:
            answer = self._hub.push(self._request(self._at, messages))
        except GapTold as gap:
            if gap.last_seq >= self._at:
                raise Trouble("hub-strange", status=409, reachable=True) from None
            self._at = self._common(gap.last_seq, gap.last_hash)
            return True
        except ForkTold as told:
            raise self._frozen(revoked=told.revoked) from None
        except Trouble as trouble:
            raise self._smaller(trouble, entries) from trouble
        self._strikes = 0
        self._take(answer, entries)
        self._at = entries[-1].seq
        self._size = min(BATCH, self._size * 2)
        if any(not message.withheld for message in messages):
            self._in_a_row = 0
        return True

    def _leave(self, at: int) -> None:
        """A revoked till that has sent everything may go. Raises Left once the hub has said so.

        One that holds what the hub never got, the content of a fact that it failed over, keeps it.
        """
        if not self._journal.meta(REVOKED) or self._journal.waiting()[0]:
            return
        if self._has_withheld():
            return
        try:
            answer = self._hub.push(self._request(at, (), leaving=True))
        except (GapTold, ForkTold):
            self._at = None
            raise Trouble("hub-strange", status=409, reachable=True) from None
        self._take(answer, ())
        if answer.left and answer.last_seq == self._journal.head()[0]:
            raise Left("till-wiped")

    def _has_withheld(self) -> bool:
        if self._keeps is None:
            self._keeps = any(entry.reason == WITHHELD for entry in self._journal.every())
        return self._keeps

    def _offer(self, entry: Entry) -> None:
        """Once after each start: a fact that was withheld, whole, to a hub that may be mended by now."""
        try:
            answer = self._hub.push(self._request(entry.seq - 1, [message_of(entry)]))
        except GapTold:
            # The hub is behind even this one: it comes with everything else.
            self._at = None
        except ForkTold as told:
            raise self._frozen(revoked=told.revoked) from None
        except Trouble as trouble:
            if trouble.status not in POISON:
                self._owed.append(entry)
                raise
            log.warning("the hub still fails over fact %d", entry.seq)
        else:
            self._take(answer, [entry])

    # -- where the hub is -------------------------------------------------------------------------
    def _locate(self) -> int:
        """Ask the hub where it is; the number to go on after."""
        answered = self._journal.unanswered()
        self._asked_at = time.monotonic()
        try:
            answer = self._hub.push(self._request(answered, ()))
        except GapTold as gap:
            at = self._common(gap.last_seq, gap.last_hash)
        except ForkTold as told:
            raise self._frozen(revoked=told.revoked) from None
        except Trouble as trouble:
            if trouble.reachable:
                self._strikes = 0
            raise
        else:
            self._take(answer, ())
            at = answer.last_seq
        self._heard_well()
        if at < answered:
            log.warning("the hub is at fact %d, this till had answers up to %d: sending again", at, answered)
        return min(at, answered)

    def _common(self, seq: int, digest: str, *, revoked: bool = False) -> int:
        """``seq``, if the hub's past up to there is ours. Raises Trouble("till-forked")."""
        if self._hash(seq) != digest:
            raise self._frozen(revoked=self._show_parting(seq) or revoked)
        return seq

    def _show_parting(self, seq: int) -> bool:
        """Show the hub, which has answered and knows of nothing, where its past up to ``seq`` and ours part: it makes a
        case of it. Whether it says that this till was revoked."""
        at = min(self._journal.unanswered(), seq)
        try:
            while at < seq and (found := self._batch(at))[0]:
                self._hub.push(self._request(at, found[1]))
                at = found[0][-1].seq
            self._hub.push(self._request(seq, ()))
        except ForkTold as told:
            return told.revoked
        except (GapTold, Trouble) as error:
            log.info("the hub was not shown the other past: %s", error)
        return False

    def _frozen(self, *, revoked: bool = False) -> PosappError:
        """What to raise where the hub knows another past of this till."""
        self._at = None
        if self._journal.meta(FORKED) != str(self._epoch):
            log.error(
                "another machine goes on under this till's number: it hands over as if it reached nobody"
            )
            self._journal.set_meta(**{FORKED: str(self._epoch)})
        if revoked:
            self._note_revoked()
            if self._brought():
                return Left("till-wiped")
        return Trouble("till-forked", status=423, reachable=True, retry_after=LONGEST_PAUSE_S)

    def _brought(self) -> bool:
        """Bring what the hub has not got of a till that is revoked and has no place on its chain any more.

        As a neighbour would, in boxes; the hub takes each on its own. Whether it has all of it now.
        """
        seal_to = known(self._journal, leading=False).seal_to
        entries = [entry for entry in self._journal.every() if entry.answer is Answer.WAITING]
        if self._has_withheld() or (entries and not seal_to):
            return False
        till, token = self._journal.meta("till"), self._journal.meta("token")
        for entry in entries:
            message = message_of(entry)
            if message.withheld:
                return False
            try:
                box = boxed(entry, message, seal_to, till=till, epoch=self._epoch, token=token)
            except ValueError as error:
                log.error("the hub's key cannot be used: %s", error)
                return False
            if self._hub.copies(wire.CopiesRequest(facts=[box])).states != ["taken"]:
                return False
        return True

    def _note_revoked(self) -> None:
        if not self._journal.meta(REVOKED):
            log.warning("this till was revoked: it sends what it has, then wipes itself")
            self._journal.set_meta(**{REVOKED: timestamp(datetime.now(UTC))})

    def _hash(self, seq: int) -> str:
        """The hash of fact ``seq``, "" where there is no such fact."""
        if seq == 0:
            return GENESIS.hex()
        found = self._journal.after(seq - 1, 1)
        return found[0].hash.hex() if found and found[0].seq == seq else ""

    # -- what is sent -----------------------------------------------------------------------------
    def _request(
        self, at: int, messages: Sequence[wire.FactMessage], *, leaving: bool = False
    ) -> wire.FactsRequest:
        return wire.FactsRequest(
            epoch=self._epoch,
            prev_seq=at,
            # Of a past that is shorter than the hub's: its end, which the hub has elsewhere.
            prev_hash=self._hash(at) or self._journal.head()[1].hex(),
            heard=self._heard,
            leaving=leaving,
            facts=list(messages),
        )

    def _batch(self, at: int) -> tuple[list[Entry], list[wire.FactMessage]]:
        """The next facts that fit one request: at most `BATCH`, and not too many bytes."""
        entries: list[Entry] = []
        messages: list[wire.FactMessage] = []
        room = BATCH_BYTES
        for entry in self._journal.after(at, self._size):
            message = message_of(entry, self._withheld.get(entry.seq, ""))
            room -= len(message.model_dump_json())
            if messages and room < 0:
                break
            entries.append(entry)
            messages.append(message)
        return entries, messages

    # -- trouble ----------------------------------------------------------------------------------
    def _smaller(self, trouble: Trouble, entries: Sequence[Entry]) -> Trouble:
        """What to do about a batch that did not get through."""
        if not trouble.reachable:
            self._at = None
        poisoned = trouble.status in POISON
        if len(entries) > 1 and (poisoned or trouble.timed_out):
            self._size = max(1, len(entries) // 2)
            if poisoned:
                # Down to the culprit quickly: what stands before it shall not wait for it.
                return Trouble(
                    trouble.reason, status=trouble.status, reachable=True, retry_after=random.uniform(0, 1)
                )
        elif poisoned:
            return self._stuck(entries[0].seq, trouble.status)
        return trouble

    def _stuck(self, seq: int, status: int) -> Trouble:
        self._size = 1
        self._strikes += 1
        log.error("stuck at fact %d (status %d), %d times", seq, status, self._strikes)
        if self._strikes >= STRIKES << min(self._in_a_row, MOST_DOUBLINGS) and seq not in self._withheld:
            log.error("the content of fact %d is withheld from now on", seq)
            self._withheld[seq] = f"http-{status}"
            self._in_a_row += 1
        # It counts only where the hub is well otherwise: it is asked each time.
        self._at = None
        return Trouble("fact-stuck", status=status, reachable=True, seq=seq)

    # -- what comes back --------------------------------------------------------------------------
    def _take(self, answer: wire.FactsAnswer, entries: Sequence[Entry]) -> None:
        """Settle what was answered: facts just sent, and earlier ones that the hub thought over."""
        settled = self._checked(answer, entries)
        if answer.revoked:
            self._note_revoked()
        if settled:
            self._journal.settle(settled, timestamp(datetime.now(UTC)))
        if answer.news != self._heard:
            # After settling: cut in between, the hub tells it once more.
            self._journal.set_meta(heard=str(answer.news))
            self._heard = answer.news
        self._heard_well()
        if settled:
            seqs = [seq for seq, _, _ in settled]
            self._tell({"answered": seqs})
            self._tell({"changed": sorted({entry.fact.subject for entry in self._named(seqs, entries)})})

    def _heard_well(self) -> None:
        # While a fact is stuck, that the hub answers everything else is no end of the trouble.
        if not self._strikes:
            self._line.heard(_WHO)

    def _checked(
        self, answer: wire.FactsAnswer, entries: Sequence[Entry]
    ) -> list[tuple[int, Answer, Mapping[str, Any]]]:
        """The answers to settle, if they are answers to what was asked."""
        if entries and answer.last_seq < entries[-1].seq:
            raise Trouble("hub-strange", reachable=True, why="a fact without an answer")
        # Before the answers: to who is a copy, news of the other one's facts would only look strange.
        self._common(answer.last_seq, answer.last_hash, revoked=answer.revoked)
        ids = {entry.seq: entry.fact.id for entry in entries}
        settled: dict[int, tuple[int, Answer, Mapping[str, Any]]] = {}
        for one in answer.answers:
            known = ids[one.seq] if one.seq in ids else self._id(one.seq)
            if known != one.id:
                raise Trouble("hub-strange", reachable=True, why="an answer to another fact")
            body = {"reason": one.reason, "detail": one.detail}
            try:
                canonical(body)
            except ValueError:
                raise Trouble("hub-strange", reachable=True, why="an answer with no JSON form") from None
            settled[one.seq] = (one.seq, Answer(one.answer), body)
        if not ids.keys() <= settled.keys():
            raise Trouble("hub-strange", reachable=True, why="a fact without an answer")
        if self._journal.meta(FORKED):
            # The hub was put right, and this is the till.
            self._journal.set_meta(**{FORKED: ""})
        return [settled[seq] for seq in sorted(settled)]

    def _id(self, seq: int) -> str:
        found = self._journal.after(seq - 1, 1)
        return found[0].fact.id if found and found[0].seq == seq else ""

    def _named(self, seqs: Sequence[int], entries: Sequence[Entry]) -> list[Entry]:
        """The entries with these numbers, also those answered late (a parked fact set free)."""
        sent = {entry.seq: entry for entry in entries}
        return [sent[seq] if seq in sent else self._journal.after(seq - 1, 1)[0] for seq in seqs]


def _may_be_taken_now(case: Entry) -> bool:
    """Whether a case is a fact that was withheld because the hub failed, and not for want of a place."""
    why = (case.detail or {}).get("detail", {}).get("why", "")
    return case.reason == WITHHELD and str(why).startswith("http-")
