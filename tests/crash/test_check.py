"""The crash loop's own eyes: each kind of loss is seen, and a planted fault ends the loop."""

import pytest

from tests.crash import loop
from tests.crash.check import Account, missing, twice


def test_a_hand_over_that_was_said_and_is_not_kept_is_lost() -> None:
    account = Account()
    for line in ("go", "ack r1 W-1", "ack r2 W-2", "ack r3", "ack r4 W-4 torn", "nonsense"):
        account.hear(line)
    assert account.acknowledged == {"r1": "W-1", "r2": "W-2"}
    account.check_journal(["r1", "r2", "r9"])
    assert account.lost == set()
    account.check_journal(["r1"])
    assert account.lost == {"r2"}


def test_an_order_that_is_ready_again_after_a_start_is_told() -> None:
    account = Account()
    account.hear("seen W-1 red")
    assert account.unseen == []
    account.hear("seen W-2 green")
    assert account.unseen == ["W-2 is green after a new start"]


def test_a_hand_over_that_never_came_to_the_shop_is_missing() -> None:
    assert missing(["r1", "r2"], {"W-1": ["r1"], "W-2": []}) == {"r2"}


@pytest.mark.parametrize(
    ("shop", "found"),
    [
        ({"W-1": ["r1"], "W-2": ["r2"]}, set()),
        ({"W-1": ["r1", "r9"], "W-2": []}, {"W-1"}),
        ({"W-1": ["r1"], "W-2": ["r1"]}, {"r1"}),
        ({"W-1": ["r1", "r1"]}, {"W-1", "r1"}),
        ({"W-7": ["r7", "r8"]}, set()),
    ],
)
def test_what_is_there_twice_is_found(shop: dict[str, list[str]], found: set[str]) -> None:
    """A third order that had two hand-overs from the beginning, of its two parts, is no double."""
    assert twice(shop, ["W-1", "W-2"]) == found


@pytest.mark.proof
def test_a_till_that_speaks_before_the_commit_is_caught() -> None:
    holds, figure = loop.run(6, seed=7, plant=True)
    assert not holds
    assert " 0 lost" not in figure
