"""The books: mirror and journal read as one.

A subject is its mirror record with the journal's open facts folded over it. There is no merge code,
so a pull can never undo what a clerk did. The mirror is read first, then the journal: a page that
is applied in between then hides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from posapp.domain.errors import Refused, StorageFault
from posapp.domain.facts import CASE_SETTLED, Answer, Entry, Fact, parse_timestamp, subject
from posapp.domain.known import Known, Standing
from posapp.domain.orders import Index
from posapp.domain.subjects import Subject, fold, read_body
from posapp.domain.values import replace
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, open_writer, path_in

log = logging.getLogger(__name__)

SLICE = 60
"""Rows of a queue read at a time; a screen shows about ten."""


class Books:
    """One till's two files, opened together.

    Promises: what `commit` returned is durable; a rule is applied to what is known inside the very
    transaction that writes. Raises StorageFault on opening.
    """

    def __init__(self, folder: Path, ledger: Path, key: bytes) -> None:
        self.folder = folder
        self._key = key
        self.journal = Journal(ledger, key, write=True)
        try:
            self._mirror = self._open_mirror()
        except BaseException:
            self.journal.close()
            raise
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
            value = fold(known.value if known else None, fact, self.till)
            waiting, case = (known.waiting, known.case) if known else ((), None)
            done[0] = Known(kind, ident, value, waiting, case)
            return fact, value.index().tokens

        entry = self.journal.append(inside)
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
        above = self._mirror.applied_through
        changed = {
            name: known
            for name in self.journal.overlaid(above)
            if name.startswith(f"{kind}:") and (known := self.know(kind, name.partition(":")[2]))
        }
        merged: list[tuple[tuple[str, str], Known]] = []
        # A slice of which much was moved out is filled up: an empty one means that nothing follows.
        while True:
            rows = self._mirror.queue(kind, queue, after, limit)
            last = (rows[-1][0], rows[-1][1].id) if len(rows) == limit else None
            for since, found in rows:
                value = read_body(kind, found.body)
                if value is not None and subject(kind, found.id) not in changed:
                    merged.append(((since, found.id), Known(kind, found.id, value)))
            for known in changed.values():
                index = known.value.index()
                place = (index.since, known.id)
                if index.queue == queue and place > after and (last is None or place <= last):
                    merged.append((place, known))
            if last is None or len(merged) >= limit:
                return [known for _, known in sorted(merged, key=lambda pair: pair[0])][:limit]
            after = last

    def count(self, kind: str, queue: str) -> int:
        """How many subjects wait in a queue, counted no further than 1,000 in the mirror."""
        above = self._mirror.applied_through
        count = self._mirror.count(kind, queue)
        for name in self.journal.overlaid(above):
            if name.startswith(f"{kind}:"):
                ident = name.partition(":")[2]
                before = self._mirror.get(kind, ident)
                value = read_body(kind, before.body) if before else None
                known = self.know(kind, ident)
                count += int(known is not None and known.value.index().queue == queue)
                count -= int(value is not None and value.index().queue == queue)
        return max(0, count)

    def search(self, text: str, limit: int = 50) -> list[Known]:
        """Subjects by the beginnings of words (name, number, goods), newest first."""
        above = self._mirror.applied_through
        words = [word.casefold() for word in text.split()]
        if not words:
            return []
        known: dict[str, Known] = {}
        for name in self.journal.overlaid(above):
            kind, _, ident = name.partition(":")
            mine = self.know(kind, ident)
            if mine and _matches(mine.value.index(), words):
                known[name] = mine
        for found in self._mirror.search(text, limit):
            value = read_body(found.kind, found.body)
            name = subject(found.kind, found.id)
            if value is not None and name not in known:
                laid = self._laid_over(found.kind, found.id, value, above)
                if laid:
                    known[name] = laid
        return list(known.values())[:limit]

    # -- the line ---------------------------------------------------------------------------------
    def standing(self) -> Standing:
        """When the hub was last heard and what waits for it."""
        heard = self._mirror.meta("heard_at")
        waiting, oldest = self.journal.waiting()
        return Standing(
            parse_timestamp(heard) if heard else None,
            waiting,
            parse_timestamp(oldest) if oldest else None,
        )

    def record(self, kind: str, ident: str) -> dict[str, object]:
        """The raw body of a record that has no rules of its own (the store's card); {} if none."""
        found = self._mirror.get(kind, ident)
        return dict(found.body) if found else {}


def _matches(index: Index, words: list[str]) -> bool:
    have = index.words.casefold().split()
    return all(any(part.startswith(word) for part in have) for word in words)
