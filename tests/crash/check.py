"""What must hold after any number of kills, as pure comparisons."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol


class Loss(Exception):
    """Something that was promised did not hold."""


@dataclass
class Account:
    """What one till said (``acknowledged``: ref -> order), and what was found wrong on the way."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    unseen: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """One line of the driver's; a torn one says nothing."""
        words = line.split()
        if len(words) == 3 and words[0] == "ack":
            self.acknowledged[words[1]] = words[2]
        elif len(words) == 3 and words[0] == "seen" and words[2] != "red":
            self.unseen.append(f"{words[1]} is {words[2]} after a new start")

    def check_journal(self, kept: Iterable[str]) -> None:
        """Every hand-over that was said is in the journal."""
        self.lost |= self.acknowledged.keys() - set(kept)


def missing(refs: Iterable[str], shop: Mapping[str, Sequence[str]]) -> set[str]:
    """Hand-overs that the shop does not hold."""
    return set(refs) - {ref for done in shop.values() for ref in done}


def twice(shop: Mapping[str, Sequence[str]], numbers: Iterable[str]) -> set[str]:
    """Orders among ``numbers``, and hand-overs of any order, that are in the shop more than once."""
    refs = Counter(ref for done in shop.values() for ref in done)
    return {number for number in numbers if len(shop.get(number, ())) > 1} | {
        ref for ref, times in refs.items() if times > 1
    }


class Living(Protocol):
    """A till that lives and is killed, over and over."""

    @property
    def account(self) -> Account:
        """What it acknowledged, and what of that is lost."""
        ...

    def live(self) -> None:
        """One life, to its kill."""
        ...


def play(tills: Sequence[Living], cycles: int, most: int, settle: Callable[[], None]) -> None:
    """So many lives, shared by tills that live at the same time; a reckoning after each round of ``most``.

    Ends with the first loss.
    """
    begun, done = time.monotonic(), 0
    with ThreadPoolExecutor(len(tills)) as pool:
        while done < cycles:
            count = min(most, cycles - done)
            shares = [count // len(tills) + (nth < count % len(tills)) for nth in range(len(tills))]
            list(pool.map(_lives, tills, shares))
            done += count
            if not any(till.account.lost for till in tills):
                settle()
            said = sum(len(till.account.acknowledged) for till in tills)
            lost = sum(len(till.account.lost) for till in tills)
            seconds = time.monotonic() - begun
            print(f"{done} cycles, {said} acknowledged, {lost} lost ({seconds:.0f} s)", flush=True)
            if lost:
                return


def _lives(till: Living, count: int) -> None:
    for _ in range(count):
        till.live()
        if till.account.lost:
            return
