"""Pull: the hub's feed into the mirror, page by page, each with its cursor in one transaction.

A page is checked whole before any of it is written, and one that comes twice changes nothing. When
the hub's past was rebuilt (another generation, a cursor it does not know), or the mirror is not what
the hub has (`sync.digest`), a new one is pulled from the beginning beside the old one, which serves
until the new one is complete.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posapp.domain import cases
from posapp.domain.errors import StorageFault
from posapp.domain.facts import parse_timestamp, timestamp
from posapp.domain.known import HIDDEN_AFTER
from posapp.domain.orders import Order
from posapp.domain.subjects import read_body
from posapp.storage import room
from posapp.storage.claims import uptime_ms
from posapp.storage.journal import Journal
from posapp.storage.mirror import Change, MirrorWriter, begin_anew, open_writer, sweep, take_over
from sync import digest, wire
from sync.engine.client import Hub, NotEnrolled, Trouble
from sync.engine.line import Line, Tell
from sync.engine.progress import Progress

log = logging.getLogger(__name__)

PAGE = 100
FOLD_EVERY = 50
"""Pages after which the write-ahead log is folded into the file."""
NOTE_EVERY_S = 10.0
"""How often at most it is noted that the hub was heard and had nothing new."""
GONE_KEPT = 10_000
DAMAGED = frozenset({"ledger-damaged", "key-wrong"})
COMPARE_EVERY_S = 900.0
COMPARE_WITHIN_S = 20.0
"""How soon after the line came back: not all tills at once."""
ANEW_AGAIN_S = 3600.0
"""A mirror that differs again so soon is left as it is: to pull it once more would not mend it."""
_WHO = "pull"


class Pull:
    """The pulling end and the owner of the mirror. `step` takes one page; one thread calls it.

    `take` and `fold` may be called from another thread. ``rebuilt`` is called when the mirror is pulled
    from the beginning, ``look`` when the hub is to be asked where it is, ``news`` with each page's mark of
    answers that changed, ``seen`` with each change that the mirror has now. Raises StorageFault on opening.
    """

    def __init__(
        self,
        hub: Hub,
        folder: Path,
        key: bytes,
        journal: Journal,
        *,
        line: Line,
        tell: Tell,
        rebuilt: Callable[[], None],
        news: Callable[[int], None],
        look: Callable[[], None],
        seen: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._hub = hub
        self._rebuilt = rebuilt
        self._news = news
        self._look = look
        self._seen = seen
        self._folder = folder
        self._key = key
        self._journal = journal
        self._line = line
        self._tell = tell
        self._lock = threading.Lock()
        self._mirror = open_writer(folder, key)
        sweep(folder)
        self._fresh: MirrorWriter | None = None
        self._progress = Progress(tell)
        self._gone: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._caught_up = False
        self._ahead = 0
        self._cut = False
        self._compare_at = 0.0
        self._mended = -ANEW_AGAIN_S
        self._heard_all_ms = -1
        self._noted = 0.0
        self._heard = ""
        self._pages = 0

    def close(self) -> None:
        """Close the mirror; one that is not complete is thrown away when the next one begins."""
        if self._fresh is not None:
            self._fresh.close()
        with self._lock:
            self._mirror.close()

    def fold(self) -> None:
        """Fold the mirror's write-ahead log into its file, as far as readers allow."""
        with self._lock:
            self._mirror.checkpoint()

    def step(self) -> bool:
        """Take one page. Returns whether there is more; raises Trouble, NotEnrolled, StorageFault."""
        try:
            return self._step()
        except (Trouble, NotEnrolled) as trouble:
            self._caught_up = False
            self._cut = True
            if isinstance(trouble, Trouble) and trouble.status == 410:
                self._begin_anew("the cursor is too old")
            else:
                self._hide()
            raise
        except StorageFault as fault:
            if fault.reason not in DAMAGED or fault.details.get("file") == str(self._journal.path):
                raise
            self._begin_anew("the mirror is damaged")
            return True

    def _step(self) -> bool:
        into = self._fresh or self._mirror
        after = int(into.meta("cursor") or 0)
        held = self._caught_up and self._fresh is None
        if held and time.monotonic() >= self._compare_at and self._differs():
            return True
        asked, asked_ms = time.monotonic(), uptime_ms()
        page = self._hub.feed(after, PAGE, self._patience() if held else 0)
        if self._line.stopping():
            return False
        generation = into.meta("generation")
        if (generation and page.generation != generation) or page.head < after or page.next < after:
            self._begin_anew(f"generation {page.generation}, head {page.head}")
            return True
        changes = _checked(page, after)
        if page.applied_through > max(self._ahead, self._journal.head()[0]):
            # The hub has facts of this till that were not made here: it is to be asked whose past is whose.
            self._ahead = page.applied_through
            self._look()
        self._line.heard(_WHO)
        self._progress.at(after, page.next, page.head)
        self._caught_up = page.next >= page.head
        if changes or page.next != after or not generation or self._due(page):
            self._write(into, page, changes)
        if self._caught_up:
            self._heard_all_ms = asked_ms
            if self._cut:
                self._cut = False
                # Whatever became of the hub or of this till's number meanwhile, it is noticed before anything is done.
                self._look()
                self._compare_at = time.monotonic() + random.uniform(0, COMPARE_WITHIN_S)
        if self._caught_up and self._fresh is not None:
            self._switch(self._fresh)
        self._news(page.news)
        if held and not changes and time.monotonic() - asked < 1:
            # Asked to hold the call and did not: do not ask it a hundred times a second.
            self._line.pause(0.25)
        return True

    def _due(self, page: wire.FeedPage) -> bool:
        return (
            time.monotonic() - self._noted >= NOTE_EVERY_S
            or self._through(page) != self._mirror.applied_through
        )

    def _write(self, into: MirrorWriter, page: wire.FeedPage, changes: list[Change]) -> None:
        meta = {
            "cursor": str(page.next),
            "applied_through": str(self._through(page)),
            "generation": page.generation,
        }
        if self._caught_up:
            # Before the last page the mirror is as old as it was: part of it is still to come.
            self._heard = meta["heard_at"] = timestamp(datetime.now(UTC))
            self._noted = time.monotonic()
        for change in changes:
            if change.body is None:
                self._gone[change.kind, change.id] = change.rev
                if len(self._gone) > GONE_KEPT:
                    self._gone.popitem(last=False)
        for change in changes:
            # Before the page: if the power is cut in between, it comes again.
            if change.kind == cases.KIND and change.body and change.body.get("state") == cases.State.SETTLED:
                self._journal.case_settled(change.id, "store")
        changed = into.apply(changes, **meta)
        self._pages += 1
        if self._pages % FOLD_EVERY == 0:
            into.checkpoint()
            self._journal.checkpoint()
        if into is not self._mirror:
            return
        for change in changes:
            self._seen(change)
        if changed:
            self._tell({"changed": changed})

    def _through(self, page: wire.FeedPage) -> int:
        """What the page has seen of this till, but no fact whose answer has not come.

        A hub that knows another past of this till (a restored image) would otherwise hide what is
        done here under numbers that are its own.
        """
        return min(page.applied_through, self._journal.unanswered())

    def _hide(self) -> None:
        """Show nobody's data any more where the hub was not heard for a week; it comes back with the line."""
        heard = self._mirror.meta("heard_at")
        if not heard or not self._mirror.meta("cursor"):
            return
        if heard == self._heard:
            # Noted by this process: the machine's own clock knows how long ago, whatever the wall's did.
            silent = timedelta(seconds=time.monotonic() - self._noted)
        else:
            silent = datetime.now(UTC) - parse_timestamp(heard)
        if silent < HIDDEN_AFTER:
            return
        self._begin_anew("the hub was not heard for a week", room_for_all=False)
        if self._fresh is not None:
            # What is known of this till's acts stays known: they are not laid over an empty mirror anew.
            self._fresh.note(heard_at=heard, applied_through=str(self._mirror.applied_through))
            self._switch(self._fresh)

    def _patience(self) -> int:
        """How long the hub may hold the call, in seconds: until the mirror is to be compared."""
        return min(wire.MAX_WAIT_S, max(1, math.ceil(self._compare_at - time.monotonic())))

    def _differs(self) -> bool:
        """Compare the mirror with the hub. True: it is pulled again from the beginning."""
        mine: dict[str, wire.KindDigest] = digest.of(
            # What this version cannot read is a record all the same: `readable`.
            (kind.removesuffix("?"), ident, rev)
            for kind, ident, rev in self._mirror.names()
        )
        cursor = int(self._mirror.meta("cursor") or 0)
        try:
            found = self._hub.digest(cursor, digest.brief(mine))
        except Trouble as trouble:
            if not trouble.reachable:
                raise
            # It can wait, and the feed need not wait for it.
            log.warning("the mirror was not compared: %s", trouble)
            found = None
        if found is not None and (found.head, found.generation) != (cursor, self._mirror.meta("generation")):
            # Something came meanwhile; it is compared when that is here.
            self._compare_at = time.monotonic() + 1
            return False
        now = time.monotonic()
        self._compare_at = now + COMPARE_EVERY_S
        kinds = digest.differing(mine, found.kinds) if found is not None else []
        if not kinds:
            return False
        if now - self._mended < ANEW_AGAIN_S:
            log.error("the mirror was pulled again and is still not what the hub has: %s", ", ".join(kinds))
            return False
        self._mended = now
        self._compare_at = 0.0
        self._begin_anew(f"it is not what the hub has: {', '.join(kinds)}")
        return True

    # -- another mirror ---------------------------------------------------------------------------
    def _begin_anew(self, why: str, *, room_for_all: bool = True) -> None:
        log.warning("the mirror is pulled again from the beginning: %s", why)
        if room_for_all:
            room.need(self._folder, 0)
        if self._fresh is not None:
            self._fresh.close()
        self._fresh = begin_anew(self._folder, self._key)
        self._caught_up = False
        self._rebuilt()

    def _switch(self, fresh: MirrorWriter) -> None:
        """The new mirror is complete: it serves from now on."""
        self._fresh = None
        fresh = take_over(fresh, self._folder, self._key)
        with self._lock:
            old, self._mirror = self._mirror, fresh
            self._gone.clear()
        old.close()
        self._tell({"mirror": "new"})
        self._tell({"changed": ["*"]})
        sweep(self._folder)

    def hand_overs(self, order: str) -> list[str]:
        """The facts' ids of an order's hand-overs as the mirror has them."""
        with self._lock:
            found = self._mirror.get("order", order)
        value = read_body("order", found.body) if found else None
        return [done.ref for done in value.hand_overs] if isinstance(value, Order) else []

    def reach(self) -> tuple[str, int, int]:
        """Generation and cursor of the mirror, and the last fact of this till whose effect it has by then."""
        with self._lock:
            # In this order: the cursor may be one page ahead, never behind.
            applied = self._mirror.applied_through
            return self._mirror.meta("generation"), int(self._mirror.meta("cursor") or 0), applied

    def heard_all_ms(self) -> int:
        """What comes with the feed now was published after this time on `uptime_ms`; -1 while unknown."""
        return self._heard_all_ms

    # -- one record -------------------------------------------------------------------------------
    def take(self, found: wire.FeedChange) -> None:
        """Put one record that was asked for into the mirror, unless that has a newer one."""
        changes = readable([found])
        with self._lock:
            newer = [c for c in changes if self._gone.get((c.kind, c.id), 0) < c.rev]
            changed = self._mirror.apply(newer)
        if changed:
            self._tell({"changed": changed})


def _checked(page: wire.FeedPage, after: int) -> list[Change]:
    """The page's changes. Raises Trouble where it cannot be a page of a feed."""
    last = after
    for change in page.changes:
        if change.seq <= last:
            raise Trouble("hub-strange", reachable=True, why="changes out of order")
        last = change.seq
    if page.next < last or page.next > page.head or len(page.changes) > wire.MAX_PAGE:
        raise Trouble("hub-strange", reachable=True, why="a cursor beyond the page")
    if not page.changes and page.next == after and page.head > after:
        raise Trouble("hub-strange", reachable=True, why="an empty page before the end")
    return readable(page.changes)


def readable(changes: Iterable[wire.FeedChange]) -> list[Change]:
    """What of the changes this version can read.

    A record that a newer hub writes in a form unknown here may not hold up the feed, and what was
    known of it before is no longer true. It is kept under ``<kind>?``, where nobody finds it, and
    the old form goes: a scan then asks the hub.
    """
    taken = []
    for change in changes:
        try:
            if change.body is not None:
                read_body(change.kind, change.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("a record of kind %s cannot be read by this version", change.kind)
            taken.append(Change(change.kind, change.id, change.rev, None))
            taken.append(Change(f"{change.kind}?", change.id, change.rev, change.body))
        else:
            taken.append(Change(change.kind, change.id, change.rev, change.body))
    return taken
