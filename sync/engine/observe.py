"""An engine whose folder another one serves: it tells its window what that one changes, and takes over."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from posapp import paths
from posapp.domain.errors import StorageFault
from posapp.domain.facts import parse_timestamp
from posapp.storage.journal import Journal
from posapp.storage.mirror import Mirror, open_writer, path_in
from sync import wire
from sync.engine.asks import answer_asks
from sync.engine.enrol import connected
from sync.engine.line import Tell
from sync.engine.pull import readable
from sync.engine.pulse import Pulse

log = logging.getLogger(__name__)

FINISH_S = 2.0
"""How long a look-up in flight may take once the end was asked for."""
LOOK_EVERY_S = 0.5
SILENT_S = wire.MAX_WAIT_S + 20
"""The line is taken for dead when the serving engine has noted nothing for so long."""


def observe(
    folder: Path,
    key: bytes,
    tell: Tell,
    ended: threading.Event,
    *,
    pulse: Pulse,
    asked: queue.SimpleQueue[tuple[str, object]],
    stack: ExitStack,
) -> bool:
    """Tell what another engine does here until it ends. True: its lock is ours now, in ``stack``."""
    log.info("another engine serves this folder: observing")
    with ExitStack() as open_now:
        journal = Journal(folder / paths.LEDGER, key)
        open_now.callback(journal.close)
        (hub,) = connected(journal, keep=False)
        open_now.callback(hub.close)
        over = threading.Event()

        def take(found: wire.FeedChange) -> None:
            writer = open_writer(folder, key)
            try:
                writer.apply(readable([found]))
            finally:
                writer.close()

        looking = threading.Thread(
            target=answer_asks, args=(asked, hub, take, tell, over.is_set), name="look-up", daemon=True
        )
        looking.start()
        open_now.callback(looking.join, FINISH_S)
        open_now.callback(hub.hang_up)
        open_now.callback(over.set)
        open_writer(folder, key).close()
        watched = _Watched(folder, key, journal, tell)
        open_now.callback(watched.close)
        tell({"serving": True})
        while not ended.wait(LOOK_EVERY_S):
            pulse.beat()
            watched.look()
            try:
                stack.enter_context(paths.FolderLock(folder, "sync"))
            except StorageFault:
                continue
            log.info("the other engine has ended: taking over")
            return True
    return False


class _Watched:
    """The two files as an observer sees them change."""

    def __init__(self, folder: Path, key: bytes, journal: Journal, tell: Tell) -> None:
        self._folder = folder
        self._key = key
        self._journal = journal
        self._tell = tell
        self._mirror = Mirror(path_in(folder), key)
        self._seen = (journal.version(), self._mirror.version())
        self._online: bool | None = None

    def close(self) -> None:
        self._mirror.close()

    def look(self) -> None:
        """Tell what is new since the last look."""
        path = path_in(self._folder)
        if path != self._mirror.path:
            self._mirror.close()
            self._mirror = Mirror(path, self._key)
            self._tell({"mirror": "new"})
        seen = (self._journal.version(), self._mirror.version())
        if seen != self._seen:
            self._seen = seen
            self._tell({"changed": ["*"]})
        heard = self._mirror.meta("heard_at")
        # From the future: the clock was set back, and what was noted before says nothing.
        online = bool(heard) and abs((datetime.now(UTC) - parse_timestamp(heard)).total_seconds()) < SILENT_S
        if online != self._online:
            self._online = online
            reason = "" if online else "hub-unreachable"
            self._tell({"line": {"online": online, "since": heard, "reason": reason}})
