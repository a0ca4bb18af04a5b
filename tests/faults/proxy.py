"""A proxy on loopback that breaks HTTP on purpose, request by request, by a schedule that a seed repeats.

Each till gets a door (a port) of its own. What happens to a request depends only on the seed, its door,
its route and how many of that route came through the door before: never on time or on other tills.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

LONGEST_HEAD = 1 << 16
LATE_S = 0.5
"""A request that is to come late comes at the latest after this, also where no other follows."""


class Fault(StrEnum):
    """What may happen to a request. Between the lines the hub has done its work unless it says so."""

    PASS = "pass"
    DELAYED = "delayed"
    """Held for a while, then passed."""
    DRIPPED = "dripped"
    """The answer comes in crumbs: a slow loris."""
    TWICE = "twice"
    """Sent to the hub twice, on two connections; one of the answers comes."""
    DROPPED = "dropped"
    """The connection ends, and the hub never hears of it."""
    STALLED = "stalled"
    """The hub gets half of it and waits for the rest; the till's connection ends."""
    LOST = "lost"
    """The connection ends instead of an answer."""
    CUT = "cut"
    """The connection ends in the middle of the answer."""
    HELD = "held"
    """Half-open: no answer and no end, until the till gives up."""
    LATE = "late"
    """The connection ends; the request reaches the hub behind the door's next one."""
    GARBAGE = "garbage"
    """Bytes that are no HTTP come instead of the answer."""
    NOISE = "noise"
    """Bytes in the answer's body are other ones."""


UNHEARD = frozenset({Fault.LOST, Fault.CUT, Fault.HELD, Fault.LATE, Fault.GARBAGE, Fault.NOISE})
"""The hub did its work and the till does not learn it: a lost answer."""

Choice = Fault | int
"""An integer is a status that the proxy answers by itself; the hub does not hear of the request."""


@dataclass(frozen=True)
class Asked:
    """A request as the schedule sees it: ``n`` counts those of one door and route, from 0."""

    door: str
    route: str
    n: int
    body: bytes = b""


Choose = Callable[[Asked], Choice]


def dice(seed: int, asked: Asked) -> random.Random:
    """All chance in the handling of one request."""
    return random.Random(f"{seed} {asked.door} {asked.route} {asked.n}")


def mixed(seed: int, mix: Mapping[Choice, float]) -> Choose:
    """A schedule in which each choice has its share of all requests; the rest pass."""
    choices = [*mix, Fault.PASS]
    weights = [*mix.values(), 1 - sum(mix.values())]
    if weights[-1] < -1e-9 or min(mix.values(), default=0) < 0:
        raise ValueError("the shares are more than the whole")

    def choose(asked: Asked) -> Choice:
        return dice(seed, asked).choices(choices, [max(0.0, weight) for weight in weights])[0]

    return choose


def on(route: str, choose: Choose) -> Choose:
    """A schedule for one route; all others pass."""
    return lambda asked: choose(asked) if asked.route == route else Fault.PASS


class Proxy:
    """Stands before a hub, in a thread of its own; use as a context manager.

    ``delay_s`` bounds what is delayed and dripped. `counts` are the choices made so far by route.
    """

    def __init__(self, upstream: str, choose: Choose, *, seed: int = 0, delay_s: float = 0.05) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._choose = choose
        self._seed = seed
        self._delay_s = delay_s
        self.counts: Counter[tuple[str, Choice]] = Counter()
        self.schedule: list[tuple[Asked, Choice]] = []
        """What was decided, in order; without the bodies."""
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._passed: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._run(self._stop()).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def door(self, name: str, host: str = "127.0.0.1") -> str:
        """A new way through, at this address; its URL. The name is part of the schedule."""
        return f"http://{host}:{self._run(self._listen(name, host)).result(20)}"

    def move(self, upstream: str) -> None:
        """The hub has another address from now on."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)

    def _run(self, job: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(job, self._loop)

    async def _listen(self, name: str, host: str) -> int:
        async def come_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._spawn(_Line(self, name, reader, writer).serve())

        server = await asyncio.start_server(come_in, host, 0, limit=LONGEST_HEAD)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- for the lines ----------------------------------------------------------------------------
    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def decide(self, door: str, route: str, body: bytes) -> tuple[Choice, random.Random]:
        """What happens to the next request of this door and route, and the chance in it."""
        asked = Asked(door, route, self._numbers[door, route], body)
        self._numbers[door, route] += 1
        choice = self._choose(asked)
        self.counts[route, choice] += 1
        self.schedule.append((Asked(door, route, asked.n), choice))
        # Another stream of chance than the one that chose.
        return choice, random.Random(f"{self._seed} how {door} {route} {asked.n}")

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the hub. Raises OSError."""
        return await asyncio.open_connection(*self._upstream, limit=LONGEST_HEAD)

    async def ask(self, request: bytes) -> bytes:
        """The hub's whole answer, on a connection of its own. Raises OSError."""
        reader, writer = await self.dial()
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            await _gone(writer)

    def passed(self, door: str) -> None:
        """A request of this door has been through: what is late may follow."""
        event = self._passed.pop(door, None)
        if event is not None:
            event.set()

    def deliver_late(self, door: str, request: bytes) -> None:
        """Send a request behind the door's next one; nobody hears the answer."""
        after = self._passed.setdefault(door, asyncio.Event())

        async def deliver() -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(after.wait(), LATE_S)
            with suppress(OSError, EOFError):
                await self.ask(request)

        self._spawn(deliver())

    def stall(self, half: bytes) -> None:
        """Send half a request, and neither the rest nor an end."""

        async def hang() -> None:
            with suppress(OSError):
                reader, writer = await self.dial()
                try:
                    writer.write(half)
                    await reader.read()
                finally:
                    writer.transport.abort()

        self._spawn(hang())

    @property
    def delay_s(self) -> float:
        """The longest that something is held up."""
        return self._delay_s


class _Line:
    """One connection of a till, request after request."""

    def __init__(
        self, proxy: Proxy, door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._door = door
        self._reader = reader
        self._writer = writer
        self._hub: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self) -> None:
        try:
            while await self._one():
                pass
        except (OSError, EOFError):
            # The till hung up, or the hub is down: either way the line is dead.
            pass
        finally:
            await _gone(self._writer, *(() if self._hub is None else (self._hub[1],)))

    async def _one(self) -> bool:
        """One request; False where the line is dead after it."""
        request = await _message(self._reader)
        method, target = request.split(b" ", 2)[:2]
        route = f"{method.decode()} {urlsplit(target.decode()).path}"
        choice, chance = self._proxy.decide(self._door, route, request)
        try:
            return await self._meet(choice, chance, request)
        finally:
            if choice is not Fault.LATE:
                self._proxy.passed(self._door)

    async def _meet(self, choice: Choice, chance: random.Random, request: bytes) -> bool:
        proxy = self._proxy
        if not isinstance(choice, Fault):
            return await self._say(_status(choice))
        if choice in (Fault.DROPPED, Fault.STALLED, Fault.LATE):
            if choice is Fault.STALLED:
                proxy.stall(request[: chance.randrange(1, len(request))])
            elif choice is Fault.LATE:
                proxy.deliver_late(self._door, request)
            return False
        if choice is Fault.DELAYED:
            await asyncio.sleep(chance.uniform(0, proxy.delay_s))
        if choice is Fault.TWICE:
            answers = await asyncio.gather(proxy.ask(request), proxy.ask(request))
            return await self._say(chance.choice(answers))
        answer = await self._ask(request)
        return await self._tell(choice, chance, answer)

    async def _tell(self, choice: Choice, chance: random.Random, answer: bytes) -> bool:
        head = answer.index(b"\r\n\r\n") + 4
        if choice is Fault.CUT:
            await self._say(answer[: chance.randrange(1, len(answer))])
            # In half of the cases the end is one that looks orderly.
            if chance.random() < 0.5:
                self._writer.close()
            return False
        if choice is Fault.LOST:
            return False
        if choice is Fault.HELD:
            await self._reader.read()
            return False
        if choice is Fault.GARBAGE:
            await self._say(chance.randbytes(chance.randrange(1, 2000)))
            return False
        if choice is Fault.NOISE and len(answer) > head:
            at = chance.randrange(head, len(answer))
            size = min(chance.randrange(1, 40), len(answer) - at)
            # 0xff is in no UTF-8: noise never happens to be another good answer.
            answer = answer[:at] + b"\xff" * size + answer[at + size :]
        if choice is Fault.DRIPPED:
            crumb = max(1, len(answer) // 20)
            for at in range(0, len(answer), crumb):
                await self._say(answer[at : at + crumb])
                await asyncio.sleep(self._proxy.delay_s / 20)
            return True
        return await self._say(answer)

    async def _ask(self, request: bytes) -> bytes:
        """The hub's answer, on the line's own connection to it."""
        kept, self._hub = self._hub, None
        if kept is not None:
            # The hub may have ended the idle connection: as proxies do, try once more on a new one.
            with suppress(OSError, EOFError):
                return await self._exchange(kept, request)
        return await self._exchange(await self._proxy.dial(), request)

    async def _exchange(
        self, line: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
    ) -> bytes:
        try:
            line[1].write(request)
            answer = await _message(line[0])
        except BaseException:
            # Also where the proxy is stopped while the hub holds a call.
            await _gone(line[1])
            raise
        self._hub = line
        return answer

    async def _say(self, data: bytes) -> bool:
        self._writer.write(data)
        await self._writer.drain()
        return True


async def _gone(*writers: asyncio.StreamWriter) -> None:
    """End connections at once; what was not sent yet is lost."""
    # All of them before the first wait, in which this may be cancelled.
    for writer in writers:
        writer.transport.abort()
    for writer in writers:
        with suppress(OSError):
            await writer.wait_closed()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A whole request or answer as it came. Raises EOFError where there is none (any more)."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise EOFError("a head without end") from error
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.partition(b":")[2]))
        if line.startswith(b"transfer-encoding:"):
            raise EOFError("a body without a length")
    return head


def _status(status: int) -> bytes:
    body = b'{"error": "proxy", "message": "The proxy says so."}'
    return (
        f"HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
