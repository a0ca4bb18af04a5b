"""The simulator sees what it must: a rule that is wrong doubles, and a seed replays."""

import pytest

from tests.sim.figures import Rule
from tests.sim.store import Store


@pytest.mark.parametrize("rule", [Rule.OWN_COPY, Rule.NEITHER_ASKS])
def test_a_wrong_rule_hands_over_twice(rule: Rule) -> None:
    found = Store(1, rule).run(6_000)
    assert found.doubles > 0


def test_under_the_rule_nothing_is_handed_over_twice_and_what_collides_is_shown() -> None:
    found = Store(3).run(6_000)
    assert found.wrong == []
    assert found.doubles == 0
    assert found.overrides > 0
    assert found.shown == found.collisions


def test_a_seed_replays_exactly() -> None:
    first, second = (Store(5).run(1_500) for _ in range(2))
    assert first == second
    assert first != Store(6).run(1_500)
