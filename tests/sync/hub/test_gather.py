"""Many who ask are answered by few looks, each of them by its own answer."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from sync.hub.gather import Gather


class Looks:
    """What was looked for together, and when; what is below 0 is not found."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun: list[float] = []
        self.entered, self.held = asyncio.Event(), asyncio.Event()
        self.held.set()

    async def look(self, asked: Sequence[int]) -> Sequence[int | Exception]:
        self.sizes.append(len(asked))
        self.begun.append(time.monotonic())
        self.entered.set()
        await self.held.wait()
        return [KeyError(one) if one < 0 else 2 * one for one in asked]


async def _ask(gather: Gather[int, int], *numbers: int) -> list[int | BaseException]:
    return list(await asyncio.gather(*(gather.ask(n) for n in numbers), return_exceptions=True))


def test_each_gets_its_own_answer() -> None:
    looks = Looks()

    async def run() -> None:
        gather = Gather[int, int](looks.look, most=3)
        answers = await _ask(gather, 1, -2, 3, 4, 5)
        assert answers[0] == 2
        assert isinstance(answers[1], KeyError)
        assert answers[2:] == [6, 8, 10]

    asyncio.run(run())
    assert sorted(looks.sizes) == [2, 3]


@pytest.mark.parametrize(("asked", "paused"), [(4, True), (3, False)])
def test_after_a_crowd_the_next_look_waits_for_another(asked: int, paused: bool) -> None:
    looks = Looks()

    async def run() -> None:
        gather = Gather[int, int](looks.look, most=8, lanes=1, crowd=4, apart_s=0.2)
        await _ask(gather, *range(asked))
        first = asyncio.create_task(_ask(gather, 7))
        if paused:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(first), 0.05)
        # While the first of these waits, the others come along.
        await asyncio.gather(first, _ask(gather, 8, 9))

    asyncio.run(run())
    assert sum(looks.sizes) == asked + 3
    if paused:
        assert looks.sizes == [asked, 3]
        assert looks.begun[1] - looks.begun[0] >= 0.19
    else:
        assert looks.begun[-1] - looks.begun[0] < 0.19


@pytest.mark.parametrize("lanes", [1, 2])
def test_who_asks_as_a_look_ends_is_answered(lanes: int) -> None:
    looks = Looks()

    async def run() -> None:
        gather = Gather[int, int](looks.look, most=1, lanes=lanes)

        async def one(first: int) -> None:
            for number in range(first, first + 5):
                assert await gather.ask(number) == 2 * number

        async with asyncio.timeout(5):
            await asyncio.gather(*(one(10 * lane) for lane in range(lanes)))

    asyncio.run(run())
    assert looks.sizes == [1] * 5 * lanes


def test_who_has_hung_up_holds_up_nobody() -> None:
    looks = Looks()

    async def run() -> None:
        looks.held.clear()
        gather = Gather[int, int](looks.look, lanes=1)
        gone = asyncio.create_task(gather.ask(1))
        stays = asyncio.create_task(gather.ask(2))
        await looks.entered.wait()
        gone.cancel()
        looks.held.set()
        assert await stays == 4

    asyncio.run(run())
