"""The ledger and the power: what was acknowledged is there when the lights come back."""

from tests.powercut import loop

CLAIM = (
    "100,000 simulated power cuts on the ledger (what was not synced is dropped, kept up to a point, re-ordered "
    "or torn at 512 bytes): nothing acknowledged is lost and no file is unreadable; the simulator catches a "
    "ledger set to synchronous=NORMAL. The bounded form cuts 5,000 times."
)
BOUNDED, LONG = 5_000, 100_000
PLANTED = 20
"""One in so many cuts is on a ledger that does not sync its commits: at least half of those must show."""


def run(long: bool) -> tuple[bool, str]:
    """The bounded form is the same with fewer cuts."""
    cuts = LONG if long else BOUNDED
    good = loop.run(cuts, seed=1)
    bad = loop.run(cuts // PLANTED, seed=1, normal=True)
    holds = good.cuts == cuts and not good.lost and not good.unreadable and bad.lost * 2 > bad.cuts
    return holds, f"{good}; with synchronous=NORMAL {bad.lost} of {bad.cuts} cuts lost something acknowledged"
