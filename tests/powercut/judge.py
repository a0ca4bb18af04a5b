"""Whether a till that had its power cut still has everything that anybody was told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.domain.facts import Answer, Fact
from posapp.domain.ids import new_fact_id
from posapp.storage import copies
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal, verify
from posapp.storage.migrations import upgrade
from tests.powercut.life import COPIED, told

Allowed = Mapping[str, set[str | None]]


class Lost(AssertionError):
    """Something that was told is not there, or something is there that nobody did."""


class Unreadable(AssertionError):
    """A file cannot be opened, or is not whole."""


def judge(folder: Path, allowed: Allowed, *, go_on: bool, thorough: bool = True) -> int:
    """The number of facts found, if all is well; with ``go_on`` the till works on for a moment.

    Each time all facts are read and their chain verified; what is not ``thorough`` leaves out the files'
    own structure, the copies and what facts wrote beside themselves.

    Opens the files as the till does: the real driver, the real journal. Raises Lost or Unreadable.
    """
    ledger = folder / paths.LEDGER
    made = "enrolled" in allowed
    try:
        key = StoredKeys().load(folder)
    except StorageFault as fault:
        if "key" in allowed and allowed["key"] != {None}:
            raise Unreadable(f"the key is gone: {fault}") from None
        if ledger.exists() and ledger.stat().st_size:
            raise Unreadable("a ledger without its key") from None
        return 0
    try:
        if not ledger.exists() or not ledger.stat().st_size:
            if made:
                raise Lost("the ledger is gone")
            # Cut while the folder was made a till: who enrols it again makes the ledger anew.
            upgrade(ledger, key)
        # Once the till is started before anybody checks its files, once after.
        if made and thorough and not go_on:
            check_folder(folder, key)
        journal = Journal(ledger, key, write=True)
        try:
            count = _compared(journal, allowed, go_on, thorough)
        finally:
            journal.close()
        if go_on:
            check_folder(folder, key)
        if thorough:
            _copies_hold(folder, key, allowed)
    except StorageFault as fault:
        raise Unreadable(str(fault)) from fault
    return count


def _copies_hold(folder: Path, key: bytes, allowed: Allowed) -> None:
    """The newest copy that is whole holds what was there when the last one was told."""
    heads = allowed.get(COPIED, {None}) - {None}
    if None in allowed.get(COPIED, {None}):
        return
    newest = Journal(copies.newest_good(folder, key), key)
    facts, _ = newest.head()
    newest.close()
    if facts < min(int(head) for head in heads if head):
        raise Lost(f"the newest copy holds {facts} facts, it was told to hold {heads}")


def _compared(journal: Journal, allowed: Allowed, go_on: bool, thorough: bool) -> int:
    if not thorough:
        allowed = {key: values for key, values in allowed.items() if not key.startswith("token:")}
    entries = list(journal.every())
    cases = {entry.seq for entry, _ in journal.cases()}
    found: dict[str, str | None] = {f"fact:{entry.fact.id}": told(entry) for entry in entries}
    for entry in entries:
        if entry.answer is not Answer.WAITING:
            found[f"answer:{entry.seq}"] = entry.answer.value
        if entry.answer is Answer.REJECTED:
            found[f"case:{entry.seq}"] = "open" if entry.seq in cases else "closed"
    for key in allowed:
        kind, _, name = key.partition(":")
        if kind == "meta":
            found[key] = journal.meta(name) or None
        elif kind == "token":
            found[key] = next(iter(journal.subjects_of(name)), None)
    compare(found, allowed)
    count, fault = verify(journal)
    if fault:
        raise Unreadable(fault)
    if go_on:
        fact = Fact(new_fact_id(), "HandedOver", "order:W-9", {}, "ana", datetime(2026, 2, 1, tzinfo=UTC))
        journal.append(lambda: (fact, ()))
        journal.checkpoint()
        if verify(journal) != (count + 1, ""):
            raise Unreadable("the till cannot go on")
    return count


def compare(found: Mapping[str, str | None], allowed: Allowed) -> None:
    """Everything is found as it may be, and nothing else. Raises Lost."""
    for key, values in allowed.items():
        if ":" in key and found.get(key) not in values:
            raise Lost(f"{key} is {found.get(key)}, not {' or '.join(map(str, values))}")
    strange = found.keys() - allowed.keys()
    if strange:
        raise Lost(f"nobody did {min(strange)}")
