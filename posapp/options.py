"""Values on the command line that more than one command takes."""

from __future__ import annotations


def count(text: str) -> int:
    """A number of orders. Raises ValueError, which the command line turns into its own words."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10_000_000:
        raise ValueError(text)
    return int(text)
