"""Figures and what may be said of them: percentiles, medians, ratios, and the bounds they are held to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, its figures as text, and the ratio where it has one.

    ``bound`` 0 means that the line explains and is held to nothing.
    """

    what: str
    figures: str
    value: float | None = None
    bound: float = 0.0
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether the value is within its bound; a bound that was not measured is broken."""
        if not self.bound:
            return True
        return self.value is not None and self.value <= self.bound

    @property
    def verdict(self) -> str:
        """The value against its bound, in words of the table."""
        if self.value is None:
            return "not measured" if self.bound else ""
        shown = f"{self.value:.2f} x" if self.unit == "x" else f"{self.value:.1f} {self.unit}"
        if not self.bound:
            return shown
        limit = f"{self.bound:g} x" if self.unit == "x" else f"{self.bound:g} {self.unit}"
        return f"{shown} {'<=' if self.holds else '> '} {limit}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of the values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """Median, p95, p99, largest and how many."""
    shown = " / ".join(f"{percentile(values, percent):.2f}" for percent in (50, 95, 99, 100))
    return f"{shown} {unit} (n={len(values)})"


def median(values: Sequence[float]) -> float:
    """The middle."""
    return statistics.median(values)


def p95_ratio(measured: Sequence[float], against: Sequence[float]) -> float:
    """How much longer the slowest twentieth of one begins than that of the other."""
    return percentile(measured, 95) / percentile(against, 95)
