"""Figures and bounds."""

import pytest

from bench import measure, report
from bench.measure import Row


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_percentiles_are_values_that_were_measured(percent: float, expected: float) -> None:
    assert measure.percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        measure.percentile([], 50)


def test_ratio_of_the_slowest_twentieths() -> None:
    assert measure.p95_ratio([3.0] * 20, [2.0] * 20) == 1.5


@pytest.mark.parametrize(
    ("row", "holds", "verdict"),
    [
        (Row("a", "", 1.5, 1.5), True, "1.50 x <= 1.5 x"),
        (Row("a", "", 1.51, 1.5), False, "1.51 x >  1.5 x"),
        (Row("a", "", 50.1, 50, "ms"), False, "50.1 ms >  50 ms"),
        (Row("a", "", None, 1.5), False, "not measured"),
        (Row("a", "", 2.0), True, "2.00 x"),
        (Row("a", ""), True, ""),
    ],
)
def test_a_row_is_held_to_its_bound(row: Row, holds: bool, verdict: str) -> None:
    assert (row.holds, row.verdict) == (holds, verdict)


def test_the_table_says_what_is_broken() -> None:
    lines = report.table(
        [Row("good", "1", 1.0, 2.0), Row("bad", "2", 3.0, 2.0), Row("told", "3")]
    ).splitlines()
    assert ["holds" in lines[2], "BROKEN" in lines[3], lines[4]] == [True, True, "| told | 3 |  |"]
    assert report.summary([Row("good, really", "1", 1.0, 2.0)]) == "good: 1.00 x <= 2 x"
