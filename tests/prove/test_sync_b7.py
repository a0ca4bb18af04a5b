"""What the bar of the load says of a report that is not as claimed."""

from typing import Any

import pytest

from bench.load.run import Plan, Report
from tests.prove.sync_b7 import broken


def report(**changed: Any) -> Report:
    """One that holds, with some of it changed."""
    spread = {"p50": 0.1, "p95": 0.2, "p99": 0.5, "max": 0.9, "n": 300}
    found = Report(
        Plan(tills=30, seconds=10.0, rate=50.0),
        bare=[{"cost": 1.0, "rate": 900.0}],
        pushed=[{"cost": 2.5, "rate": 300.0}],
        held=30,
        per_till=25_000.0,
        sustained={"woken": spread, "pushed": spread, "rate": 50.0, "missed": 0},
        back={"seconds": 20.0, "missed": 0, "waiting": 100},
        snapshot={"read": 1000, "seconds": 1.0},
    )
    for name, value in changed.items():
        old = getattr(found, name)
        setattr(found, name, old | value if isinstance(old, dict) else value)
    return found


def test_a_report_as_claimed_holds() -> None:
    assert broken(report()) == []
    assert "2.5 x the bare" in report().figure()


@pytest.mark.parametrize(
    "changed",
    [
        {"held": 29},
        {"sustained": {"missed": 1}},
        {"sustained": {"woken": {"p50": 0.1, "p99": 1.1, "n": 3}}},
        {"sustained": {"rate": 40.0}},
        {"back": {"missed": 2}},
        {"back": {"seconds": 601.0}},
        {"pushed": [{"cost": 3.1, "rate": 300.0}]},
        {"refused": ["facts 500"]},
    ],
)
def test_anything_else_does_not(changed: dict[str, Any]) -> None:
    assert len(broken(report(**changed))) == 1
