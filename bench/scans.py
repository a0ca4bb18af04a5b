"""From the Enter of a scan to the painted card: against the least there is to do, idle and busy."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from bench import measure, orders
from bench.measure import Row
from bench.till import Till

ROUND = 25
"""Scans between two changes of the hub from resting to endless and back."""
WARM_UP = 10
APART = 50
"""Scans between two of the same code, at the least: read again within half a second it is the same scan, not another."""
MOST_CARD, MOST_BUSY = 1.5, 1.3


@dataclass
class Times:
    """Milliseconds of one kind of run, in the order they were measured."""

    scans: list[float] = field(default_factory=list)
    pressed: list[float] = field(default_factory=list)
    in_hand: list[float] = field(default_factory=list)


def measured(till: Till, count: int, scans: int) -> tuple[list[Row], dict[str, object]]:
    """Scan so many codes with the hub resting and as many with the engine pulling; rows and figures."""
    chosen = random.Random(count)
    # What waits in the store is scanned far more often than what is gone: half and half.
    waiting = range(max(0, count - orders.OPEN), count)

    recent: deque[int] = deque(maxlen=APART)

    def drawn() -> int:
        while True:
            n = chosen.choice(waiting) if chosen.random() < 0.5 else chosen.randrange(count)
            if n not in recent:
                recent.append(n)
                return n

    idle, busy = Times(), Times()
    last = drawn()
    till.doing("scan")
    for _ in range(WARM_UP):
        till.scan(last := drawn())
    given, rounds = 0, -(-scans // ROUND)
    for _ in range(rounds):
        for times in (idle, busy):
            if times is busy:
                till.pull()
                till.doing("scan while pulling")
                # The first page is on its way: what follows is measured among changes.
                till.scan(last := drawn())
            for _ in range(ROUND):
                this = drawn()
                arrived, pressed = till.scan(this)
                times.scans.append(arrived)
                times.pressed.append(pressed)
                times.in_hand.append(till.show_in_hand(last))
                last = this
        given += till.rest()
        till.doing("scan")
        till.settled()
    return rows(idle, busy, given), {
        "idle": vars(idle),
        "busy": vars(busy),
        "changes_pulled": given,
    }


def rows(idle: Times, busy: Times, given: int) -> list[Row]:
    """The lines of the table."""
    spread = measure.spread
    return [
        Row("card painted from data in hand + raw look-up of the row", spread(idle.in_hand)),
        Row(
            "scan: Enter at the window -> card painted, p95 against that",
            spread(idle.scans),
            measure.p95_ratio(idle.scans, idle.in_hand),
            MOST_CARD,
        ),
        Row(
            f"scan while the engine pulls ({given:,} changes), p95 against the scan idle",
            spread(busy.scans),
            measure.p95_ratio(busy.scans, idle.scans),
            MOST_BUSY,
        ),
        Row("card from data in hand while the engine pulls", spread(busy.in_hand)),
        Row("scan: Enter at the X server -> card painted", spread(idle.pressed)),
        Row(
            "the same while the engine pulls, p95 against idle",
            spread(busy.pressed),
            measure.p95_ratio(busy.pressed, idle.pressed),
            MOST_BUSY,
        ),
    ]
