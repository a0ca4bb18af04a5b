"""The books: mirror and journal read as one.

A subject is its mirror record with the journal's open facts folded over it. There is no merge code,
so a pull can never undo what a clerk did. The mirror is read first, then the journal: a page that
is applied in between then hides nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from posapp.domain.errors import Refused, StorageFault
from posapp.domain.facts import CASE_SETTLED, Answer, Entry, Fact, parse_timestamp, subject
from posapp.domain.known import Known, Standing
from posapp.domain.orders import Index
from posapp.domain.subjects import Subject, fold, read_body
from posapp.domain.values import replace
from posapp.storage import room
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, open_writer, path_in

log = logging.getLogger(__name__)

SLICE = 30
"""Rows of a queue read at a time; a screen shows about ten."""


class _Mine(NamedTuple):
    """A subject this till has changed: of which state it was read, and its queue in the mirror."""

    seen: tuple[int, str]
    known: Known | None
    found_by: Index
    before: str


class Books:
    """One till's two files, opened together.

    Promises: what `commit` returned is durable; a rule is applied to what is known inside the very
    transaction that writes. ``monotonic`` is as in `Journal`. Raises StorageFault on opening.
    """

    def __init__(
        self, folder: Path, ledger: Path, key: bytes, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self._key = key
        self._mine: dict[str, _Mine] = {}
        self._versions: object = None
        self.journal = Journal(ledger, key, write=True, monotonic=monotonic)
        try:
            self._mirror = self._open_mirror()
        except BaseException:
            self.journal.close()
            raise
        self.claims = Claims(self.journal)
        self.till = self.journal.meta("till")
        self.store = self.journal.meta("store")

    def close(self) -> None:
        """Close both files."""
        self._mirror.close()
        self.journal.close()

    def reopen_mirror(self) -> None:
        """Turn to the newest mirror file, after sync has put another one in place."""
        if path_in(self.folder) != self._mirror.path:
            old, self._mirror = self._mirror, self._open_mirror()
            self._mine = {}
            old.close()

    def _open_mirror(self) -> Mirror:
        path = path_in(self.folder)
        try:
            return Mirror(path, self._key)
        except StorageFault as fault:
            if fault.reason != "not-enrolled":
                log.warning("the mirror is made anew: %s", fault)
            open_writer(self.folder, self._key).close()
            return Mirror(path_in(self.folder), self._key)

    # -- one subject ------------------------------------------------------------------------------
    def know(self, kind: str, ident: str) -> Known | None:
        """The subject with everything this till knows, or None."""
        above = self._mirror.applied_through
        found = self._mirror.get(kind, ident)
        value = read_body(found.kind, found.body) if found else None
        return self._laid_over(kind, ident, value, above)

    def by_token(self, token: str) -> list[Known]:
        """Every subject that can be scanned by ``token``."""
        above = self._mirror.applied_through
        known: dict[str, Known | None] = {}
        for found in self._mirror.by_token(token):
            value = read_body(found.kind, found.body)
            known[subject(found.kind, found.id)] = self._laid_over(found.kind, found.id, value, above)
        for name in self.journal.subjects_of(token):
            if name not in known:
                kind, _, ident = name.partition(":")
                known[name] = self.know(kind, ident)
        return [item for item in known.values() if item is not None]

    def _laid_over(self, kind: str, ident: str, value: Subject | None, above: int) -> Known | None:
        waiting: list[Entry] = []
        case: Entry | None = None
        for entry in self.journal.overlay(subject(kind, ident), above):
            if entry.answer in (Answer.REJECTED, Answer.PARKED):
                # A settled one is laid over until the mirror has come so far, but is a case no more.
                case = case or (entry if self.journal.case_open(entry.seq) else None)
            elif entry.answer is Answer.WAITING:
                waiting.append(entry)
            try:
                value = fold(value, entry.fact, self.till)
            except (Refused, KeyError) as error:
                # The mirror moved on under a fact of ours: the hub will say so, and a case opens.
                log.info("fact %s does not fit what the hub knows: %s", entry.fact.id, error)
        if value is None:
            return None
        return Known(kind, ident, value, tuple(waiting), case)

    # -- writing ----------------------------------------------------------------------------------
    def commit(
        self,
        kind: str,
        ident: str,
        decide: Callable[[Known | None], Fact],
        also: Callable[[Fact], object] | None = None,
    ) -> tuple[Entry, Known | None]:
        """Append one fact about a subject: durable when this returns.

        ``decide`` sees the subject as it is inside the transaction and returns the fact, or raises
        Refused; the subject's own rule is applied as well. ``also`` runs in the same transaction.
        Returns the journal's entry and the subject afterwards (None only where a case is settled
        whose subject this till has no longer). Raises Refused or StorageFault; then nothing was
        written.
        """
        done: list[Known | None] = [None]

        def inside() -> tuple[Fact, Sequence[str]]:
            known = self.know(kind, ident)
            fact = decide(known)
            if also:
                also(fact)
            if known is None and fact.kind == CASE_SETTLED:
                return fact, ()
            if known is None and room.tight(self.folder):
                # What was begun is finished with what is left; nothing new is begun.
                raise StorageFault(room.Room.TIGHT.value)
            value = fold(known.value if known else None, fact, self.till)
            waiting, case = (known.waiting, known.case) if known else ((), None)
            done[0] = Known(kind, ident, value, waiting, case)
            return fact, value.index().tokens

        try:
            entry = self.journal.append(inside)
        except StorageFault as fault:
            if fault.reason == "disk-full":
                # Nothing was saved; trying again now finds room.
                room.give_up(self.folder)
            raise
        if entry.fact.kind == CASE_SETTLED:
            return entry, self.know(kind, ident)
        known = done[0]
        return entry, known and replace(known, waiting=(*known.waiting, entry))

    # -- many subjects ----------------------------------------------------------------------------
    def queue(
        self, kind: str, queue: str, after: tuple[str, str] = ("", ""), limit: int = SLICE
    ) -> list[Known]:
        """A slice of a queue, longest waiting first, with this till's own facts laid over.

        ``after`` is (since, id) of the last one seen, ("", "") at the start. A subject that the
        till moved into the queue comes in its place; one that it moved out is left away.
        """
        changed = self._changed()
        moved = [
            ((mine.found_by.since, mine.known.id), mine.known)
            for mine in changed.values()
            if mine.known is not None and mine.known.kind == kind and mine.found_by.queue == queue
        ]
        merged: list[tuple[tuple[str, str], Known]] = []
        # A slice of which much was moved out is filled up: an empty one means that nothing follows.
        while True:
            rows = self._mirror.queue(kind, queue, after, limit)
            last = (rows[-1][0], rows[-1][1].id) if len(rows) == limit else None
            for since, found in rows:
                if subject(kind, found.id) in changed:
                    continue
                value = read_body(kind, found.body)
                if value is not None:
                    merged.append(((since, found.id), Known(kind, found.id, value)))
            merged += [
                (place, known) for place, known in moved if place > after and (last is None or place <= last)
            ]
            if last is None or len(merged) >= limit:
                return [known for _, known in sorted(merged, key=lambda pair: pair[0])][:limit]
            after = last

    def queue_mark(self, kind: str, queue: str, limit: int = SLICE) -> object:
        """Another one whenever the first slice of a queue is another one. Reads no bodies."""
        mine = [(name, one.seen) for name, one in self._changed().items() if name.startswith(f"{kind}:")]
        return self._mirror.queue_mark(kind, queue, limit), mine

    def marks(self, names: Collection[str]) -> dict[str, object]:
        """Of each subject a mark that is another one whenever it is to be read again."""
        mine = self._changed()
        revisions = self._mirror.revisions(names)
        return {name: (revisions.get(name, 0), mine[name].seen if name in mine else None) for name in names}

    def count(self, kind: str, queue: str) -> int:
        """How many subjects wait in a queue, counted no further than 1,000 in the mirror."""
        changed = self._changed().items()
        count = self._mirror.count(kind, queue)
        for mine in [mine for name, mine in changed if name.startswith(f"{kind}:")]:
            count += int(mine.found_by.queue == queue) - int(mine.before == queue)
        return max(0, count)

    def search(self, text: str, limit: int = 50) -> list[Known]:
        """Subjects by the beginnings of words (name, number, goods), newest first."""
        words = [word.casefold() for word in text.split()]
        if not words:
            return []
        changed = self._changed()
        known = {
            name: mine.known
            for name, mine in changed.items()
            if mine.known and _matches(mine.found_by, words)
        }
        for found in self._mirror.search(text, limit):
            value = read_body(found.kind, found.body)
            name = subject(found.kind, found.id)
            mine = changed[name].known if name in changed else value and Known(found.kind, found.id, value)
            if mine:
                known.setdefault(name, mine)
        return list(known.values())[:limit]

    def _changed(self) -> dict[str, _Mine]:
        """What this till's own facts are laid over, by name, the newest first.

        A day without a line leaves hundreds; only those are read again of which mirror or journal
        have something new.
        """
        versions = (self._mirror.path, self._mirror.version(), self.journal.version(), self.journal.written)
        if versions == self._versions:
            return self._mine
        above = self._mirror.applied_through
        marks = self.journal.overlaid(above)
        revisions = self._mirror.revisions(marks)
        mine: dict[str, _Mine] = {}
        for name, mark in marks.items():
            seen = (revisions.get(name, 0), mark)
            kept = self._mine.get(name)
            mine[name] = kept if kept and kept.seen == seen else self._read_mine(name, seen, above)
        self._mine, self._versions = mine, versions
        return mine

    def _read_mine(self, name: str, seen: tuple[int, str], above: int) -> _Mine:
        kind, _, ident = name.partition(":")
        found = self._mirror.get(kind, ident)
        value = read_body(found.kind, found.body) if found else None
        before = value.index().queue if value else ""
        known = self._laid_over(kind, ident, value, above)
        return _Mine(seen, known, known.value.index() if known else Index(), before)

    # -- the line ---------------------------------------------------------------------------------
    def standing(self) -> Standing:
        """When the hub was last heard and what waits for it."""
        heard = self.heard_at()
        waiting, oldest = self.journal.waiting()
        return Standing(
            heard,
            waiting,
            parse_timestamp(oldest) if oldest else None,
        )

    def heard_at(self) -> datetime | None:
        """When the hub was last heard."""
        heard = self._mirror.meta("heard_at")
        return parse_timestamp(heard) if heard else None

    def record(self, kind: str, ident: str) -> dict[str, object]:
        """The raw body of a record that has no rules of its own (the store's card); {} if none."""
        found = self._mirror.get(kind, ident)
        return dict(found.body) if found else {}


def _matches(index: Index, words: list[str]) -> bool:
    have = index.words.casefold().split()
    return all(any(part.startswith(word) for part in have) for word in words)
