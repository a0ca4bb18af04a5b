"""How a data folder becomes a till of a hub, and how a till's programs connect to that hub."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from posapp import paths
from posapp.domain.errors import Refused, StorageFault
from posapp.storage import copies
from posapp.storage.claims import Claims
from posapp.storage.journal import Journal
from posapp.storage.migrations import upgrade
from posapp.storage.mirror import open_writer
from sync import wire
from sync.engine.client import Hub, NotEnrolled, Trouble, hub_url
from sync.engine.neighbours import identity, keep
from sync.pins import Pins

if TYPE_CHECKING:
    from posapp.ports import Keys


def connected(journal: Journal, count: int = 1, *, keep: bool = True) -> list[Hub]:
    """Connections to the hub that a journal's till is enrolled at, by the keys it knows of that hub.

    New keys that the hub names are kept in the journal, which must be open for writing, unless ``keep``
    is False. Raises StorageFault("not-enrolled").
    """
    url, token = journal.meta("hub"), journal.meta("token")
    if not url or not token:
        raise StorageFault("not-enrolled", file=str(journal.path))
    known = journal.meta("hub_pins").split()
    pins = Pins(known, lambda told: journal.set_meta(hub_pins=told)) if keep else Pins(known)
    return [Hub(url, token, pins) for _ in range(count)]


def enrol(
    url: str,
    code: str,
    folder: Path,
    keys: Keys,
    name: str = "",
    *,
    again: bool = False,
    pins: Iterable[str] = (),
) -> wire.Enrolled:
    """Make ``folder`` a till of the hub at ``url``, with a one-time code of the hub's operator.

    Crash-safe: the files are made first, then the code is spent, then one transaction makes the
    till; cut anywhere, the folder is no till yet and a fresh code works. ``again`` gives a till a
    new token and epoch, with a code made for that till: it then sends all its facts once more.
    ``pins`` are the keys that the hub may show; without them, and with none known of before, its
    certificate must be one that this machine trusts. Keys that the hub names itself, on the connection
    made so, are pinned from then on. Raises StorageFault("enrolled-already", till=…), Refused("code-refused"),
    Refused("code-of-another-till"), Trouble, StorageFault.
    """
    ledger = folder / paths.LEDGER
    known = Pins(pins)
    hub = Hub(url, pins=known)
    try:
        with paths.FolderLock(folder, "enrol"):
            key = _key(folder, ledger, keys)
            if not ledger.exists() or not ledger.stat().st_size:
                if copies.any_in(folder):
                    raise StorageFault("ledger-gone", folder=str(folder))
                upgrade(ledger, key)
            journal = Journal(ledger, key, write=True)
            try:
                till = journal.meta("till")
                if till and not again:
                    raise StorageFault("enrolled-already", till=till)
                if not known and journal.meta("hub") == hub_url(url):
                    known = Pins(journal.meta("hub_pins").split())
                    hub.close()
                    hub = Hub(url, pins=known)
                open_writer(folder, key).close()
                enrolled = hub.enrol(code, name)
                known.told(enrolled.pins, hub.shown)
                if till and (till, journal.meta("store")) != (enrolled.till, enrolled.store):
                    raise Refused("code-of-another-till", till=enrolled.till)
                journal.set_meta(
                    till=enrolled.till,
                    token=enrolled.token,
                    epoch=str(enrolled.epoch),
                    store=enrolled.store,
                    store_key=enrolled.store_key,
                    generation=enrolled.generation,
                    revoked="",
                    hub=hub_url(url),
                    hub_pins=str(known),
                )
                _lease(journal)
            finally:
                journal.close()
    finally:
        hub.close()
    return enrolled


def _lease(journal: Journal) -> None:
    """Learn at once who grants here, so that a till whose line is cut right after can work."""
    (hub,) = connected(journal)
    try:
        told = hub.lease(wire.LeaseRequest(certificate=identity(journal).certificate))
    except (Trouble, NotEnrolled):
        return  # the engine asks again
    finally:
        hub.close()
    keep(journal, told)
    Claims(journal).keep_lease(told.lead, told.epoch, told.seconds, datetime.now(UTC), alone=told.alone)


def _key(folder: Path, ledger: Path, keys: Keys) -> bytes:
    """The folder's key; a new one only where nothing was written under an old one."""
    try:
        return keys.load(folder)
    except StorageFault as fault:
        if fault.reason != "key-missing" or (ledger.exists() and ledger.stat().st_size):
            raise
    return keys.create(folder)
