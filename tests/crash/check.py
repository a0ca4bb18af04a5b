"""What must hold after any number of kills, as pure comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


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
