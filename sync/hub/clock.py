"""One clock for all hubs on one database: leases and undo times hold whatever each machine's clock says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from sync.hub.database import Database

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""How often the database's server is asked; a quartz drifts by some milliseconds in that time."""
FAR_S = 2.0
"""Further apart than this, the machine's own clock is worth a line in the log."""


class SharedClock:
    """The time of PostgreSQL's server; on SQLite, which is one machine's, that of this machine.

    Between two looks it goes by the monotonic clock, so that it neither asks for each answer nor follows
    a machine's clock that somebody turns. Call from any thread; `look` may block and goes in one of its own.
    """

    def __init__(self, database: Database, own: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._own = own
        self._seen: tuple[datetime, float] | None = None
        self.look()

    def __call__(self) -> datetime:
        """Now, aware, in UTC."""
        if self._seen is None:
            return self._own()
        at, since = self._seen
        return at + timedelta(seconds=time.monotonic() - since)

    def look(self) -> int:
        """Set it by the database. Raises what the database raises; the clock then goes on as it was."""
        if self._database.is_sqlite:
            return 0
        with self._database.read() as connection:
            before = time.monotonic()
            at: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            after = time.monotonic()
        at = at.astimezone(UTC)
        self._seen = (at, (before + after) / 2)
        apart = (self._own() - at).total_seconds()
        if abs(apart) > FAR_S:
            log.warning("this machine's clock is %+.1f s from the database's, which counts", apart)
        return 0
