"""The process with the tills: ``python -m bench.load.client FILE HOST:PORT ... --orders N``.

It takes orders on standard input, one JSON object a line, and answers each with a line of figures.
Seconds throughout.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench.load import work
from bench.load.site import TILLS_PER_STORE
from bench.load.tills import Address, Figures, Store, Till
from bench.measure import percentile
from sync.hub.service import raise_file_limit

PATIENCE_S = 3_600
LOOK_EVERY_S = 0.05
DRAIN_S = 30

Told = dict[str, Any]


class Client:
    """All tills, on one event loop."""

    def __init__(self, enrolled: Sequence[dict[str, str]], hubs: Sequence[Address], orders: int) -> None:
        self._figures = Figures()
        self._stores: dict[int, Store] = {}
        self.tills: list[Till] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        for n, one in enumerate(enrolled):
            number = int(one["store"])
            store = self._stores.setdefault(number, Store(number))
            # A balancer keeps the tills of a store together: docs/operator.md.
            till = Till(n, one["token"], store, hubs[number % len(hubs)], self._figures)
            if n % TILLS_PER_STORE == 0:
                till.work = work.acts(number, 0, orders, till.chain)
            self.tills.append(till)
        # In each store one till works: the others hear of it.
        self._working = self.tills[::TILLS_PER_STORE]
        self.orders: dict[str, Callable[..., Awaitable[Told]]] = {
            "begin": self.begin,
            "hold": self.hold,
            "push": self.push,
            "saturate": self.saturate,
            "work_up": self.work_up,
            "come_back": self.come_back,
            "snapshot": self.snapshot,
        }

    async def begin(self, at_once: int) -> Told:
        """Every till that works asks where the hub is, as an engine does when it starts; its line stays open."""
        begun = time.perf_counter()
        for first in range(0, len(self._working), at_once):
            await asyncio.gather(*(till.come_back() for till in self._working[first : first + at_once]))
        return self._told(begun)

    async def hold(self, within: float) -> Told:
        """Every till comes within so many seconds and follows its feed; told when all are held."""
        begun = time.perf_counter()
        for n, till in enumerate(self.tills):
            asyncio.get_running_loop().call_later(within * n / len(self.tills), self._start, till)
        await self._until(lambda: all(till.held for till in self.tills), PATIENCE_S)
        return self._told(begun)

    def _start(self, till: Till) -> None:
        self._keep(till.hold())

    async def push(self, rate: float, seconds: float) -> Told:
        """So many facts a second, each from another store's till, whether or not the hub keeps up."""
        begun = time.perf_counter()
        turn = list(self._working)
        random.shuffle(turn)
        tasks = []
        for n in range(int(rate * seconds)):
            due = begun + n / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            tasks.append(asyncio.create_task(self._act(turn[n % len(turn)])))
        done = sum(await asyncio.gather(*tasks))
        took = time.perf_counter() - begun
        await self._until(lambda: not self._missed(), DRAIN_S)
        return self._told(begun) | {"facts": done, "rate": done / took, "missed": self._missed()}

    async def _act(self, till: Till) -> bool:
        async with till.store.busy:
            return await till.act()

    async def saturate(self, tills: int, seconds: float) -> Told:
        """So many tills push one fact after the other, as fast as they are answered."""
        begun = time.perf_counter()
        until = begun + seconds

        async def one(of: Sequence[Till]) -> int:
            done = 0
            while time.perf_counter() < until:
                if not await self._act(of[done % len(of)]):
                    raise RuntimeError("too few orders for so many facts")
                done += 1
            return done

        # Each takes turns between stores of its own, as real orders come from all of them.
        parts = [self._working[n::tills] for n in range(tills)]
        done = sum(await asyncio.gather(*(one(part) for part in parts if part)))
        return self._told(begun) | {"facts": done, "rate": done / (time.perf_counter() - begun)}

    async def work_up(self, facts: int) -> Told:
        """In each store the one till does so many things without a line."""
        begun = time.perf_counter()
        for till in self._working:
            till.work_up(facts)
        return self._told(begun) | {"waiting": sum(till.chain.waiting for till in self.tills)}

    async def come_back(self) -> Told:
        """The line is back: until all that waited is accepted, known to every till, and all are held."""
        begun = time.perf_counter()
        for till in self._working:
            self._keep(till.come_back())
        await self._until(
            lambda: all(till.held and not till.missed and not till.chain.waiting for till in self.tills),
            PATIENCE_S,
        )
        return self._told(begun) | {"missed": self._missed()}

    async def snapshot(self, tills: int) -> Told:
        """So many tills read their store from the beginning at once."""
        begun = time.perf_counter()
        records = await asyncio.gather(*(till.snapshot() for till in self.tills[:tills]))
        return self._told(begun) | {"read": sum(records)}

    # -- figures ----------------------------------------------------------------------------------
    def _missed(self) -> int:
        return sum(till.missed for till in self.tills if till.held)

    def _told(self, begun: float) -> Told:
        figures = self._figures
        told = {
            "seconds": time.perf_counter() - begun,
            "woken": _spread(figures.woken),
            "pushed": _spread(figures.pushed),
            "refused": figures.refused[:3],
            "pages": figures.pages,
            "records": figures.records,
            "lost_lines": figures.lost_lines,
            "held": sum(till.held for till in self.tills),
            "cpu": time.process_time(),
        }
        for name, value in vars_of(Figures()).items():
            setattr(figures, name, value)
        return told

    async def _until(self, done: Callable[[], bool], patience: float) -> None:
        end = time.perf_counter() + patience
        while not done() and time.perf_counter() < end:
            await asyncio.sleep(LOOK_EVERY_S)

    def _keep(self, job: Any) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """End every till."""
        for task in self._tasks:
            task.cancel()


def vars_of(figures: Figures) -> Told:
    """A figure's fields by their names."""
    return {name: getattr(figures, name) for name in Figures.__slots__}


def _spread(values: Sequence[float]) -> Told:
    if not values:
        return {"n": 0}
    shares = {f"p{percent}": percentile(values, percent) for percent in (50, 95, 99)}
    return shares | {"max": max(values), "n": len(values)}


async def serve(client: Client) -> None:
    """Answer orders until standard input ends."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        told = await client.orders[order.pop("do")](**order)
        print(json.dumps(told), flush=True)
    client.stop()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.client")
    parser.add_argument("tills", type=Path)
    parser.add_argument("hubs", nargs="+")
    parser.add_argument("--orders", type=int, required=True)
    chosen = parser.parse_args()
    raise_file_limit()
    hubs = [Address(host, int(port)) for host, _, port in (hub.rpartition(":") for hub in chosen.hubs)]
    enrolled = json.loads(chosen.tills.read_text("utf-8"))
    # Ten thousand tills in one process are looked through for garbage in vain: in a store each has its own machine.
    gc.disable()
    print(json.dumps({"cpu": time.process_time()}), flush=True)
    uvloop.run(serve(Client(enrolled, hubs, chosen.orders)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
