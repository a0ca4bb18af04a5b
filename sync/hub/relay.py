"""The relay: wakes held polls when their store's feed moves, whoever moved it.

One event a store, whatever the number of polls on it; one look at the heads every 200 ms, and none
while nobody waits. What this process wrote itself wakes its polls at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from sync.hub.feed import Moved

log = logging.getLogger(__name__)

PERIOD_S = 0.2
TURN_S = 0.1


class Ticket:
    """A store's next move; ``moved`` is when it came (`time.monotonic`), None where nobody knows.

    ``by`` is all that it was, where that is known here.
    """

    def __init__(self) -> None:
        self.moved: float | None = None
        self.by: Moved | None = None
        self.set = False
        self.waiting: list[asyncio.Future[None]] = []

    def move(self, moved: float | None, by: Moved | None = None) -> None:
        """Wake whoever waits for it."""
        self.moved, self.by, self.set = moved, by, True
        for one in self.waiting:
            if not one.done():
                one.set_result(None)
        self.waiting.clear()


class Relay:
    """Lives on one event loop; only `told` may be called from other threads.

    ``heads`` reads every store's head from the database, and runs in a thread.
    """

    def __init__(self, heads: Callable[[], Mapping[str, int]]) -> None:
        self._heads = heads
        self._known: dict[str, int] = {}
        self._events: dict[str, Ticket] = {}
        self._waiting = 0
        self._someone = asyncio.Event()
        self._ends: dict[int, list[asyncio.Future[None]]] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._task = asyncio.create_task(self._watch(), name="relay")

    def told(self, store: str, head: int, by: Moved | None = None) -> None:
        """A store's feed moved to ``head``, ``by`` this where all of it is known. From any thread."""
        if not self._closed:
            self._loop.call_soon_threadsafe(self._moved, store, head, time.monotonic(), by)

    @property
    def closed(self) -> bool:
        """Whether the hub is stopping: then nothing is held any more."""
        return self._closed

    @property
    def waiting(self) -> int:
        """How many polls are held."""
        return self._waiting

    @property
    def events(self) -> int:
        """How many stores somebody waits for."""
        return len(self._events)

    def seen(self, store: str, head: int) -> None:
        """Somebody has read the store's feed up to ``head``. On the loop."""
        if not self._closed:
            self._moved(store, head, None)

    def stands_at(self, store: str, head: int) -> bool:
        """Whether the store's feed, as far as is known here, ends there: then to wait is all there is to do."""
        return self._known.get(store) == head

    def ticket(self, store: str) -> Ticket:
        """The event of the store's next move: take it before reading, so that no move is missed."""
        return self._events.setdefault(store, Ticket())

    async def wait(self, ticket: Ticket, seconds: float) -> None:
        """Wait for the move, at most ``seconds`` and a little more; returns at once when the relay is closed."""
        if self._closed or ticket.set:
            return
        self._waiting += 1
        self._someone.set()
        one: asyncio.Future[None] = self._loop.create_future()
        ticket.waiting.append(one)
        self._end(one, self._loop.time() + seconds)
        try:
            await one
        finally:
            self._waiting -= 1

    def _end(self, one: asyncio.Future[None], at: float) -> None:
        """End its waiting then. All that end within a turn share one timer: each its own would cost more than they do."""
        turn = int(at / TURN_S) + 1
        ending = self._ends.get(turn)
        if ending is None:
            ending = self._ends[turn] = []
            self._loop.call_at(turn * TURN_S, self._ended, turn)
        ending.append(one)

    def _ended(self, turn: int) -> None:
        for one in self._ends.pop(turn, ()):
            if not one.done():
                one.set_result(None)

    def close(self) -> None:
        """Wake everybody and stop."""
        self._closed = True
        self._task.cancel()
        for event in self._events.values():
            event.move(None)

    def _moved(self, store: str, head: int, moved: float | None, by: Moved | None = None) -> None:
        if head > self._known.get(store, -1):
            self._known[store] = head
            event = self._events.pop(store, None)
            if event:
                event.move(moved, by)

    async def _watch(self) -> None:
        # What moved, moved after the look before this one began; of a first look nothing is known.
        before: float | None = None
        while True:
            if not self._waiting:
                self._someone.clear()
                await self._someone.wait()
                before = None
            now = time.monotonic()
            try:
                heads = await asyncio.to_thread(self._heads)
            except Exception as error:
                log.warning("the heads cannot be read: %s", error)
            else:
                known = self._known
                for store, head in heads.items():
                    if head > known.get(store, -1):
                        self._moved(store, head, before)
                before = now
            await asyncio.sleep(PERIOD_S)
