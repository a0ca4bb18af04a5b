"""Who decides, what happens how often, and what was seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


class Rule(StrEnum):
    """Who decides; all but the first are wrong, and the simulator must see it."""

    LEAD = "the lead till decides, asked directly or through the hub"
    OWN_COPY = "each till decides from its own copy"
    NEITHER_ASKS = "the hub when in reach, else the lead till, neither asking the other"


@dataclass(frozen=True)
class Weather:
    """Mean times in milliseconds between what happens, and shares of all occasions."""

    step: int = 4 * SECOND
    night: float = 1 / 1500
    second: float = 0.02
    hub_up: int = 40 * MINUTE
    hub_down: int = 6 * MINUTE
    holidays: float = 1 / 30
    """The share of nights that last for days, with a till cut off from the hub for longer than a lease."""
    net_up: int = 60 * MINUTE
    net_down: int = MINUTE
    lost: float = 0.1
    """Of questions and pushes, as many on the way there as on the way back."""
    kill: int = 3 * HOUR
    reboot: int = 40 * HOUR
    clock: int = 80 * HOUR
    move: int = 60 * HOUR
    later: float = 0.05
    """The share of customers whose order is handed over a good while after it was scanned."""
    override: float = 0.1
    label: float = 0.3
    """Shares of the refused who have a manager at hand, or the parcel."""
    undo: float = 0.01
    partly: float = 0.05
    shop_lost: float = 0.1
    """Of the hub's calls to the shop, as many on the way there as on the way back."""
    shop_refuses: float = 0.002
    hub_killed: float = 0.005
    """Of the writes to the shop, as often before as after the shop has taken it."""
    image: int = 3 * HOUR
    """How old the copy of a till is that is put back, or runs beside it."""
    copied: int = 80 * HOUR
    put_right: int = HOUR
    """From then on until a person has seen to a copied till."""


FAIR = Weather()
ROUGH = Weather(
    hub_up=3 * MINUTE,
    hub_down=3 * MINUTE,
    net_up=4 * MINUTE,
    net_down=2 * MINUTE,
    kill=20 * MINUTE,
    move=15 * MINUTE,
    image=3 * MINUTE,
    copied=30 * MINUTE,
    put_right=3 * MINUTE,
)
"""More cut than whole; nothing of it lasts."""


@dataclass
class Figures:
    """What was seen. ``wrong`` is empty where everything held."""

    presented: int = 0
    handed_over: int = 0
    refused: int = 0
    overrides: int = 0
    collisions: int = 0
    """Goods that left on record a second time: each of them without a grant, or in an epoch that was over."""
    shown: int = 0
    """Collisions that are a case, at the hub and in the copy of every till."""
    moves: int = 0
    written: int = 0
    """Writes that the shop took; ``repeated``: those the hub asked for again, since no answer had come."""
    repeated: int = 0
    shop_refused: int = 0
    restored: int = 0
    cloned: int = 0
    forked: int = 0
    """Tills that were told at a contact that there is another one of them, or was."""
    forgotten: int = 0
    """Hand-overs that nothing but a disk knew of which was put back: one tick does not survive that."""
    healed_ms: int = 0
    """From the healing of all links until the last till had everything."""
    wrong: list[str] = field(default_factory=list)
    doubles: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        """Those of another run too."""
        for name in (
            "presented",
            "handed_over",
            "refused",
            "overrides",
            "collisions",
            "shown",
            "moves",
            "written",
            "repeated",
            "shop_refused",
            "restored",
            "cloned",
            "forked",
            "forgotten",
            "doubles",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.healed_ms = max(self.healed_ms, other.healed_ms)
        self.wrong += other.wrong
        self.outcomes += other.outcomes
