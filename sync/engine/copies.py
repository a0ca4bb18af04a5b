"""Copies: each till's unsent facts, sealed to the hub, at a neighbour; and those of neighbours, brought to it.

While a till's line is down, what was done there lies on one disk. By the lead's door (`sync.engine.door`)
it is copied to a second one: the others leave theirs with the lead, and take the lead's with them.
Whoever holds copies brings them to the hub whenever that can be reached, also for a till that is gone.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Sequence

from posapp.domain.errors import StorageFault
from posapp.storage.journal import Journal
from posapp.storage.neighbour_copies import (
    NOWHERE,
    Kept,
    NeighbourCopies,
    Place,
    copied_through,
    hash_at,
    note_copied,
)
from sync import wire
from sync.engine.client import Hub, NotEnrolled, Trouble
from sync.engine.door import COPIES, Lead
from sync.engine.line import PASSING, Line, Tell
from sync.engine.messages import boxed, message_of
from sync.engine.neighbours import Identity, Known, identity
from sync.engine.push import POISON

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often it is looked at what is to be done, without being woken."""
STALE_S = 2.0
"""A fact that has no answer for so long is copied, whatever is known of the line."""
DOWN_S, UP_S = 2.0, 15.0
"""How often the lead is asked for its own facts, with this till's line down and up."""
AT_ONCE_S = 0.05
DOOR_BYTES = 400 << 10
HUB_BYTES = wire.MAX_BODY_BYTES - (128 << 10)
BRING_S = 0.5
"""A pause between two messages to the hub: it counts them together with claims."""
ROUND_S = 5.0
RETRY_S = 10.0
LATER_S = 600.0
"""What the hub cannot take yet, or a hub that takes no copies, is tried again after so long."""

Key = tuple[str, int, int, str]


class Copies:
    """`exchange` answers neighbours, from any thread; `run` is the thread that asks the lead and the hub.

    Promises: what is said to be held is on this disk; a fact of this till counts as copied only where the
    neighbour named the hash that this journal has at that number.
    """

    def __init__(
        self, hub: Hub, journal: Journal, line: Line, tell: Tell, *, known: Callable[[], Known]
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._line = line
        self._tell = tell
        self._known = known
        self._epoch = int(journal.meta("epoch") or 1)
        self._kept = NeighbourCopies(journal)
        self._lead = Lead(journal)
        self._noting = threading.Lock()
        self._bare: set[int] = set()
        self._identity: Identity | None = None
        # What the lead said last that it holds; nothing is sent before it has said so.
        self._at_lead: dict[str, Place] = {}
        self._asked_at: float | None = None
        self._asked_for = -1
        self._oldest, self._oldest_since = 0, 0.0
        self._holds = True
        self._bring_at = 0.0
        self._after: Key | None = None
        self._refused: set[Key] = set()
        self._later: dict[Key, float] = {}
        self._at_once = wire.MAX_COPIES

    # -- any thread -------------------------------------------------------------------------------
    def exchange(self, asker: str, said: wire.Copies, since_ms: int = 0) -> wire.Copies:
        """Keep what a neighbour gives, and answer with what it is to keep. Raises ValueError, StorageFault."""
        return self._message(asker, self._take(asker, said))

    def _take(self, peer: str, said: wire.Copies) -> Place:
        """What a neighbour said: keep its facts, and note what it holds. Returns the latter."""
        if said.facts:
            self._kept.keep(
                peer,
                [
                    Kept(peer, one.epoch, one.seq, one.prev_hash, one.hash, base64.b64decode(one.box))
                    for one in said.facts
                ],
            )
            self._holds = True
        self._kept.forget_through(peer, Place(said.epoch, said.through, said.through_hash))
        held = Place(said.held_epoch, said.held, said.held_hash)
        self._note(held)
        return held

    def _note(self, held: Place) -> None:
        """A neighbour says that it holds this till's facts up to there: that is a second tick."""
        if not self._mine(held):
            return
        with self._noting:
            before = copied_through(self._journal)
            if held.seq <= before:
                return
            note_copied(self._journal, held.seq, {seq for seq in self._bare if seq <= held.seq})
        first = max(before, self._journal.unanswered())
        fresh = self._journal.after(first, held.seq - first) if held.seq > first else []
        if fresh:
            self._tell({"changed": sorted({entry.fact.subject for entry in fresh})})

    def _mine(self, place: Place) -> bool:
        """Whether this journal has that very fact."""
        return place.seq > 0 and hash_at(self._journal, place.seq) == place.hash

    def _message(self, peer: str, held: Place | None) -> wire.Copies:
        """What ``peer`` is told, which holds this till's facts up to ``held``; None: that is not known."""
        at = through = self._journal.unanswered()
        if held is not None and self._mine(held):
            at, through = max(at, held.seq), min(through, held.seq)
        theirs = self._kept.held(peer)
        return wire.Copies(
            epoch=self._epoch,
            through=through,
            through_hash=hash_at(self._journal, through),
            facts=[] if held is None else self._boxes(at),
            held_epoch=theirs.epoch,
            held=theirs.seq,
            held_hash=theirs.hash,
        )

    def _boxes(self, at: int) -> list[wire.SealedFact]:
        """The next facts after ``at``, sealed; none where the hub has no key for it."""
        seal_to, token, till = self._known().seal_to, self._journal.meta("token"), self._journal.meta("till")
        made: list[wire.SealedFact] = []
        left = DOOR_BYTES
        for entry in self._journal.after(at, wire.MAX_COPIES) if seal_to else ():
            message = message_of(entry)
            if message.withheld:
                self._bare.add(entry.seq)
            try:
                one = boxed(entry, message, seal_to, till=till, epoch=self._epoch, token=token)
            except ValueError as error:
                log.error("copies: the hub's key cannot be used: %s", error)
                break
            left -= len(one.box)
            if made and left < 0:
                break
            made.append(one)
        return made

    # -- the thread -------------------------------------------------------------------------------
    def run(self) -> None:
        """Serve until the line stops."""
        while not self._line.stopping():
            mark = self._line.mark()
            try:
                pause = self.look()
            except StorageFault as fault:
                if fault.reason not in PASSING:
                    raise
                log.warning("copies: %s", fault)
                pause = RETRY_S
            self._line.pause(pause, mark)

    def look(self) -> float:
        """Do what is due; the seconds until the next look."""
        now = time.monotonic()
        more = self._due(now) and self.ask()
        if now >= self._bring_at and self._holds and not self._line.down():
            self._bring_at = now + self.bring()
        return AT_ONCE_S if more else LOOK_S

    def _due(self, now: float) -> bool:
        known = self._known()
        if known.leading or not known.doors or known.lead not in known.certificates:
            return False
        answered, (head, _) = self._journal.unanswered(), self._journal.head()
        if answered + 1 != self._oldest:
            self._oldest, self._oldest_since = answered + 1, now
        held = self._at_lead.get(known.lead, NOWHERE)
        owed = head > max(answered, held.seq if self._mine(held) else 0)
        well = self._line.well()
        if owed and (not well or now - self._oldest_since >= STALE_S):
            every = LOOK_S if self._asked_for == head else 0.0
        else:
            every = UP_S if well else DOWN_S
        if self._asked_at is not None and now - self._asked_at < every:
            return False
        self._asked_at, self._asked_for = now, head
        return True

    def ask(self) -> bool:
        """Exchange with the lead; whether there is more to say at once."""
        known = self._known()
        lead = known.lead
        before, mine = self._at_lead.get(lead), self._kept.held(lead)
        try:
            self._identity = self._identity or identity(self._journal)
            told = self._lead.ask(
                self._identity,
                known,
                COPIES,
                lambda: self._message(lead, self._at_lead.get(lead)),
                wire.Copies,
            )
            held = self._at_lead[lead] = self._take(lead, told)
        except (Trouble, ValueError) as error:
            # After a while it may be another machine, or the same with another past.
            self._at_lead.pop(lead, None)
            log.info("copies: %s", error)
            return False
        unsent = self._journal.head()[0] > max(
            self._journal.unanswered(), held.seq if self._mine(held) else 0
        )
        more = (unsent and held != before and bool(known.seal_to)) or self._kept.held(lead) != mine
        if more:
            self._asked_at = None
        return more

    def bring(self) -> float:
        """Bring the hub the next copies; the seconds until the next time."""
        if self._after is None:
            # Before looking: what is kept meanwhile says so again.
            self._holds = False
        page = self._kept.page(self._after, wire.MAX_COPIES)
        if not page:
            self._holds = self._holds or self._after is not None
            self._after, self._at_once = None, wire.MAX_COPIES
            return ROUND_S
        self._holds = True
        now, left = time.monotonic(), HUB_BYTES
        wanted: list[Kept] = []
        after = self._after
        for one in page:
            if one.key not in self._refused and self._later.get(one.key, 0.0) <= now:
                left -= 2 * len(one.box)
                if wanted and (left < 0 or len(wanted) == self._at_once):
                    break
                wanted.append(one)
            after = one.key
        if wanted:
            try:
                states = self._hub.copies(wire.CopiesRequest(facts=[_told(one) for one in wanted])).states
            except NotEnrolled as error:
                log.info("copies: %s", error)
                return LATER_S
            except Trouble as trouble:
                return self._failed(trouble, wanted)
            self._heard(wanted, states, now)
        self._after = after
        return BRING_S

    def _failed(self, trouble: Trouble, brought: list[Kept]) -> float:
        log.info("copies: %s (status %d)", trouble, trouble.status)
        if trouble.status in POISON:
            # One by one, so that the one over which the hub fails holds up no other.
            if len(brought) == 1:
                self._later[brought[0].key] = time.monotonic() + LATER_S
            self._at_once = 1
            return BRING_S
        if trouble.status in (403, 404):
            return LATER_S
        return max(RETRY_S, trouble.retry_after or 0.0)

    def _heard(self, brought: list[Kept], states: Sequence[str], now: float) -> None:
        by_state: dict[str, list[Kept]] = {"taken": [], "waits": [], "refused": []}
        for one, state in zip(brought, states, strict=False):
            by_state[state].append(one)
        self._kept.delete([one.key for one in by_state["taken"]])
        self._later = {key: at for key, at in self._later.items() if at > now}
        self._later |= {one.key: now + LATER_S for one in by_state["waits"]}
        for one in by_state["refused"]:
            log.error("the hub refuses the copy of fact %d of till %s", one.seq, one.till)
            self._refused.add(one.key)
        if by_state["taken"]:
            log.info("brought %d facts of neighbours to the hub", len(by_state["taken"]))


def _told(one: Kept) -> wire.SealedFact:
    return wire.SealedFact(
        till=one.till,
        epoch=one.epoch,
        seq=one.seq,
        prev_hash=one.prev_hash,
        hash=one.hash,
        box=base64.b64encode(one.box).decode(),
    )
