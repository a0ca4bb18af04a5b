"""The world of `tests.crash.worlds` with processes: the hub's, and a sync process for each contact."""

from __future__ import annotations

import json
import os
import select
import time
from collections import Counter
from pathlib import Path

from posapp import paths
from posapp.domain.errors import StorageFault
from sync.hub import operator
from sync.hub.database import Database
from tests.crash.worlds import back_up, put_back, settled
from tests.kit import lives
from tests.kit.forks import Life, pipe
from tests.kit.station import Station, at_hub
from tests.waiting import until

SYNC_S = 180.0


class Processes:
    """`World` of real processes: the hub's, and a sync process for each contact."""

    def __init__(self, hub: Station) -> None:
        self._hub = hub
        self.database = Database(hub.database_url)

    def close(self) -> None:
        """Give the database back."""
        self.database.close()

    def enrol(self, folder: Path, again: str = "") -> None:
        """As `World` says."""
        self._hub.enrol(folder, again)

    def sync(self, folder: Path) -> str:
        """As `World` says: by ``posapp sync``, listened to until it has said what it has to say."""
        hears, wakes = pipe()
        told, tells = pipe()
        engine = Life(folder.with_suffix(".err"), lives.engine, folder, hears, tells)
        hears.close()
        tells.close()
        try:
            return self._listen(folder, told.fileno())
        finally:
            wakes.close()
            engine.end(10)
            told.close()

    def _listen(self, folder: Path, told: int) -> str:
        end, rest = time.monotonic() + SYNC_S, b""
        while time.monotonic() < end:
            if select.select([told], [], [], 0.05)[0]:
                part = os.read(told, 1 << 16)
                if not part:
                    raise TimeoutError("the sync process ended without a word")
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    message = json.loads(line)
                    reason = str(message.get("line", {}).get("reason", "")) or str(message.get("fatal", ""))
                    if reason in ("till-wiped", "till-forked", "till-refused"):
                        return reason
            elif self._settled(folder):
                return ""
        raise TimeoutError("the till says nothing and does not come to the hub's place")

    def _settled(self, folder: Path) -> bool:
        try:
            return (folder / paths.KEY).exists() and settled(self.database, folder)
        except StorageFault:
            # Wiped while it was looked at: the engine says so next.
            return False

    def restore(self, backup: Path) -> None:
        """As `World` says."""
        self._hub.kill()
        self.database.close()
        put_back(self._hub.database_url, backup)
        self._hub.start()
        self.database = Database(self._hub.database_url)

    def back_up(self, to: Path) -> Path:
        """A copy of the hub's database as it is now."""
        return back_up(self._hub.database_url, to)

    def poll(self) -> None:
        """The hub's own poller reads the shop."""

    def revoke(self, till: str) -> None:
        """The operator revokes a till."""
        operator.revoke(self._hub.database_url, till)

    def written(self) -> Counter[str]:
        """As `World` says."""
        until(lambda: not at_hub(self.database).unwritten, SYNC_S)
        return self._hub.written()
