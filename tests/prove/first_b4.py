"""Nothing that the screen called done is lost or doubled, however the till dies."""

from tests.crash import loop

CLAIM = (
    "A till killed at random moments of its hand-overs loses nothing: each one that its screen had shown as "
    "done is in the journal and in the shop exactly once, and `posapp verify` is content; 500 kills in the long "
    "form, 40 in the bounded one."
)
BOUNDED, LONG = 40, 500


def run(long: bool) -> tuple[bool, str]:
    """The bounded form is the same with fewer kills."""
    return loop.run(LONG if long else BOUNDED, seed=1)
