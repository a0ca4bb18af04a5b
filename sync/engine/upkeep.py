"""What the sync process does for the folder beside sync: the ledger checked and copied, the reserve, the room."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from posapp.domain.errors import StorageFault
from posapp.storage import copies, room
from posapp.storage.check import check_ledger
from sync.engine.line import PASSING, Line

log = logging.getLogger(__name__)

_WHO = "room"


class Upkeep:
    """`look` from one thread, every half minute or so; ``ended`` cuts a copy short."""

    def __init__(self, folder: Path, key: bytes, line: Line, ended: threading.Event) -> None:
        self._folder = folder
        self._key = key
        self._line = line
        self._ended = ended
        self._copied: float | None = None
        self._checked: float | None = None
        self._told = room.Room.ENOUGH

    def look(self) -> None:
        """See to the room, then to the copy. Raises StorageFault where the ledger itself is damaged.

        That is looked for soon after the start, and each hour: by the copy that is made then and read back, or
        in the ledger itself where nothing was done that would need a copy.
        """
        try:
            self._see_to_room()
            if copies.due(self._folder, self._key, self._copied):
                made = copies.make(self._folder, self._key, self._ended.is_set)
                self._copied = self._checked = time.monotonic()
                log.info("copy %s is whole", made.name)
            elif self._checked is None or time.monotonic() - self._checked >= copies.EVERY_S:
                check_ledger(self._folder, self._key)
                self._checked = time.monotonic()
        except StorageFault as fault:
            if fault.reason not in PASSING and fault.reason != "copy-stopped":
                raise
            log.warning("no copy of the ledger: %s", fault)
        except OSError as error:
            log.warning("the folder was not looked after: %s", error)

    def _see_to_room(self) -> None:
        found = room.look(self._folder)
        if found is room.Room.TIGHT:
            if room.give_up(self._folder):
                log.warning("the disk is full: the reserve was given up")
            # Room enough again takes the reserve back, and with it the mark that it is missing.
            elif room.hold(self._folder):
                found = room.look(self._folder)
        elif found is room.Room.ENOUGH:
            room.hold(self._folder)
        if found is self._told:
            return
        self._told = found
        if found is room.Room.ENOUGH:
            self._line.heard(_WHO)
        else:
            self._line.trouble(_WHO, found.value, reachable=True)
