"""How long the window's event loop is held, over everything that happens at a counter."""

from __future__ import annotations

import time

from bench import orders
from bench.measure import Row
from bench.pulse import Pulse
from bench.till import Hold, Till

MOST_MS = 50.0
HAND_OVERS = 20
PAUSE_S = 3.0


def a_day(till: Till, count: int) -> None:
    """Hand over, take back, go everywhere, search, and all of it again while the engine pulls."""
    # A pause, as between two customers.
    time.sleep(PAUSE_S)
    ready = [n for n in range(max(0, count - orders.OPEN), count) if n % 20 > 7]
    # From both ends, so that the queue's first rows change too.
    turns = [ready[:HAND_OVERS], ready[-HAND_OVERS:]]
    for pulling, these in zip((False, True), turns, strict=True):
        beside = " while pulling" if pulling else ""
        if pulling:
            till.pull()
        till.doing(f"scan and hand-over{beside}")
        for n in these:
            till.scan(n)
            till.press("F12")
        till.doing(f"undo{beside}")
        till.press("Ctrl", "z")
        for place in "2341":
            till.doing(f"change of place, Ctrl+{place}{beside}")
            till.press("Ctrl", place)
        till.doing(f"search{beside}")
        till.press("F3")
        till.type("kruger")
        till.press("Enter")
        till.press("Escape")
        till.press("Ctrl", "1")
        till.doing(f"help{beside}")
        till.press("F1")
        till.press("Escape")
        if pulling:
            till.rest()
    till.doing("after the day")
    till.settled()


def rows(holds: list[Hold], pulse: Pulse) -> list[Row]:
    """The longest hold against its bound, and what ran in the longest of each kind.

    Time in which the machine itself stood still is told, and is no hold of ours.
    """
    what = "longest hold of the window's event loop"
    if not holds:
        return [Row(what, "none over 15 ms", 0.0, MOST_MS, "ms")]
    ours = {hold: hold.ms - pulse.still(hold.cpu, hold.start, hold.end) for hold in holds}
    longest = max(ours, key=lambda hold: ours[hold])
    told = [
        Row(
            what,
            f"during: {longest.doing}; {len(holds)} over 15 ms; with the machine's own pauses at most "
            f"{max(hold.ms for hold in holds):.1f} ms",
            ours[longest],
            MOST_MS,
            "ms",
        )
    ]
    kinds: dict[str, Hold] = {}
    for hold in sorted(ours, key=lambda hold: ours[hold], reverse=True):
        kinds.setdefault(hold.doing, hold)
    told += [
        Row(
            f"- {hold.doing}",
            f"{hold.worked:.1f} ms of work, {hold.waited:.1f} ms of waiting for a processor, machine stood "
            f"still for {hold.ms - ours[hold]:.1f} ms; {hold.where or 'not seen'}",
            ours[hold],
            unit="ms",
        )
        for hold in list(kinds.values())[:8]
    ]
    return told
