"""A simulated till: holds the feed, pushes what it made, and comes back after an outage as the engine does.

Nothing is asserted away: each fact a store's till pushed must reach every held till of the store, and
`Till.missed` counts those that did not.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from bench.load import work
from bench.load.connection import Connection, Lost, get, post
from sync import wire
from sync.engine.line import back_off
from sync.engine.pull import PAGE
from sync.engine.push import BATCH

UNTIMED = 0.0


@dataclass(slots=True)
class Figures:
    """What all tills of the process measured since they were last asked. Seconds."""

    woken: list[float] = field(default_factory=list)
    pushed: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    pages: int = 0
    records: int = 0
    lost_lines: int = 0


@dataclass(slots=True)
class Address:
    """Where a till's hub is."""

    host: str
    port: int


@dataclass(slots=True)
class Store:
    """What the tills of one store share: the facts pushed, in the feed's order, and when."""

    number: int
    pushed: list[tuple[bytes, float]] = field(default_factory=list)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Till:
    """One till. Its calls go over two lines, as the engine's do: one holds the feed, one pushes."""

    def __init__(self, number: int, token: str, store: Store, address: Address, figures: Figures) -> None:
        self.store = store
        self.chain = work.Chain(1)
        self.work: Iterator[str] = iter(())
        self.cursor = 0
        self.caught_up = False
        self.held = False
        self._number = number
        self._token = token
        self._address = address
        self._figures = figures
        self._seen = 0
        self._pushing: Connection | None = None
        self._holding: Connection | None = None

    @property
    def missed(self) -> int:
        """How many of the store's facts it was not told of yet."""
        return len(self.store.pushed) - self._seen

    # -- the feed ---------------------------------------------------------------------------------
    async def hold(self) -> None:
        """Follow the feed until cancelled: catch up, then hold; back off and come again when the line is lost."""
        failures = 0
        try:
            while True:
                try:
                    self._holding = await Connection.opened(
                        self._address.host, self._address.port, self._number
                    )
                    while True:
                        await self._step(self._holding)
                        failures = 0
                except Lost:
                    self.caught_up = self.held = False
                    self._figures.lost_lines += 1
                    failures += 1
                    await asyncio.sleep(back_off(failures))
        finally:
            if self._holding is not None:
                self._holding.close()

    async def _step(self, line: Connection) -> None:
        wait = wire.MAX_WAIT_S if self.caught_up else 0
        self.held = bool(wait)
        status, body = await line.ask(
            get(f"/v1/feed?after={self.cursor}&limit={PAGE}&wait={wait}", self._token)
        )
        now = time.perf_counter()
        if status != 200:
            self._figures.refused.append(f"feed {status}")
            raise Lost(str(status))
        page = json.loads(body)
        self.cursor = page["next"]
        self.caught_up = page["next"] >= page["head"]
        self._figures.pages += 1
        self._figures.records += len(page["changes"])
        self._notice(body, now)

    def _notice(self, body: bytes, now: float) -> None:
        pushed = self.store.pushed
        while self._seen < len(pushed) and pushed[self._seen][0] in body:
            if pushed[self._seen][1]:
                self._figures.woken.append(now - pushed[self._seen][1])
            self._seen += 1

    # -- facts ------------------------------------------------------------------------------------
    async def act(self) -> bool:
        """Do the next thing at the counter and push it at once; False where there is nothing left to do."""
        fact = next(self.work, None)
        if fact is None:
            return False
        begun = time.perf_counter()
        self.store.pushed.append((fact.encode(), begun))
        await self.push()
        self._figures.pushed.append(time.perf_counter() - begun)
        return True

    async def push(self) -> None:
        """Send all that waits, in the engine's batches. Raises Lost."""
        if self._pushing is None or self._pushing.closed:
            self._pushing = await Connection.opened(self._address.host, self._address.port, self._number)
        try:
            while self.chain.waiting:
                await self._send(self._pushing, BATCH)
        except Lost:
            self._pushing = None
            raise

    async def come_back(self) -> None:
        """Push after an outage: ask where the hub is, then send, trying again as the engine does."""
        failures = 0
        while True:
            try:
                if self._pushing is None:
                    self._pushing = await Connection.opened(
                        self._address.host, self._address.port, self._number
                    )
                await self._send(self._pushing, 0)
                await self.push()
                return
            except Lost:
                self._pushing = None
                failures += 1
                await asyncio.sleep(back_off(failures))

    async def _send(self, line: Connection, most: int) -> None:
        status, body = await line.ask(post("/v1/facts", self._token, self.chain.request(most)))
        if status != 200:
            self._figures.refused.append(f"facts {status}: {body[:200]!r}")
            raise Lost(str(status))
        answers = json.loads(body)["answers"]
        for answer in answers:
            if answer["answer"] != "accepted":
                self._figures.refused.append(f"{answer['answer']} {answer['reason']}")
        self.chain.took(min(len(answers), most))

    def work_up(self, count: int) -> None:
        """Do so many things without a line: they wait."""
        for fact in islice(self.work, count):
            self.store.pushed.append((fact.encode(), UNTIMED))

    async def snapshot(self) -> int:
        """Read the feed from the beginning, as a new till does; how many records it has."""
        line = await Connection.opened(self._address.host, self._address.port, self._number)
        after = count = 0
        try:
            while True:
                status, body = await line.ask(get(f"/v1/feed?after={after}&limit={PAGE}", self._token))
                if status != 200:
                    raise Lost(str(status))
                page = json.loads(body)
                count += len(page["changes"])
                after = page["next"]
                if after >= page["head"]:
                    return count
        finally:
            line.close()
