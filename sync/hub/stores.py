"""Partner stores: taken in, and changed, by an operator's word."""

from __future__ import annotations

import re

from posapp.domain.errors import Refused
from sync.hub import keys, poller
from sync.hub.database import Database
from sync.hub.keys import Store

CODE = re.compile(r"[A-Z0-9]{1,12}")
"""Its tills are named by it and a number: ``B07-1``."""
UNDO_SECONDS = 60
MOST_UNDO_SECONDS = 86_400
MOST_TEXT = 200


def put(
    database: Database,
    code: str,
    *,
    name: str | None = None,
    address: str | None = None,
    hours: str | None = None,
    undo_seconds: int | None = None,
) -> tuple[Store, bool]:
    """Take a store in, or change what is given of it; the store, and whether it is new.

    The shop's open orders are then read once more: those for a new store were passed over before. Raises Refused:
    store-code-wrong, store-name-missing, store-text-wrong, store-undo-wrong.
    """
    if not CODE.fullmatch(code):
        raise Refused("store-code-wrong", code=code)
    for text in (name, address, hours):
        if text is not None and (len(text) > MOST_TEXT or not text.isprintable()):
            raise Refused("store-text-wrong", most=MOST_TEXT)
    if undo_seconds is not None and not 0 <= undo_seconds <= MOST_UNDO_SECONDS:
        raise Refused("store-undo-wrong", most=MOST_UNDO_SECONDS)
    with database.write_alone() as connection:
        known = keys.stores(connection, (code,)).get(code)
        title = known.name if known and name is None else (name or "").strip()
        if not title:
            raise Refused("store-name-missing")
        before = known or Store(code, "", "", "", UNDO_SECONDS, b"")
        keys.put_store(
            connection,
            code,
            name=title,
            address=before.address if address is None else address.strip(),
            hours=before.hours if hours is None else hours.strip(),
            undo_seconds=before.undo_seconds if undo_seconds is None else undo_seconds,
        )
        if known is None:
            poller.sweep_soon(connection)
        return keys.stores(connection, (code,))[code], known is None
