"""Many who ask, one look: whoever asks while a look is under way is answered by the next one, together.

A page costs its till a tenth of what it would alone, and the more there are to answer, the larger the
looks get.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")

LANES = 2
"""So many looks at a time: while one waits for the database, another one's rows are read."""
MOST = 200
"""So many are answered by one look, so that it does not take long."""


class Gather(Generic[Asked, Told]):
    """Lives on one event loop. ``look`` answers a list in its order; an answer that is an exception is raised.

    At most ``most`` are answered by one look, and at most so many ``lanes`` of looks are under way. After one that
    answered a ``crowd`` the next begins ``apart_s`` after it did: it answers as many, and what is the same for every
    look is paid for less often.
    """

    def __init__(
        self,
        look: Callable[[Sequence[Asked]], Awaitable[Sequence[Told | Exception]]],
        most: int = MOST,
        *,
        lanes: int = LANES,
        crowd: int = MOST,
        apart_s: float = 0.0,
    ) -> None:
        self._look = look
        self._most = most
        self._count = lanes
        self._crowd = crowd
        self._apart_s = apart_s
        self._next = 0.0
        self._waiting: deque[tuple[Asked, asyncio.Future[Told]]] = deque()
        self._lanes: set[asyncio.Task[None] | None] = set()

    async def ask(self, one: Asked) -> Told:
        """The answer to this one."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if len(self._lanes) < self._count:
            # It begins in the loop's next turn, so that all who are woken in this one come along.
            self._lanes.add(asyncio.create_task(self._lane()))
        return await future

    async def _lane(self) -> None:
        try:
            await self._serve()
        finally:
            # Before anybody else's turn: who asks in it, while this one counted, would be answered by none.
            self._lanes.discard(asyncio.current_task())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            early = self._next - loop.time()
            if early > 0:
                # Whoever comes meanwhile comes along.
                await asyncio.sleep(early)
            taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._next = loop.time() + self._apart_s if len(taken) >= self._crowd else 0.0
            futures = [future for _, future in taken]
            try:
                answers = await self._look([one for one, _ in taken])
            except Exception as error:
                answers = [error] * len(taken)
            for future, answer in zip(futures, answers, strict=True):
                if future.done():
                    # Its caller has hung up.
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
