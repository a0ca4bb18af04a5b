"""A grantor's memory for tests of the rule: as `posapp.domain.custody.Book` wants it, in memory."""

from __future__ import annotations

from collections.abc import Callable

from posapp.domain import custody
from posapp.domain.custody import Claim


class Book:
    """``epoch`` is asked of whoever keeps it."""

    def __init__(self, epoch: Callable[[], int]) -> None:
        self.claims: dict[str, Claim] = {}
        self.heard: dict[str, int] = {}
        self.number = 0
        self._epoch = epoch

    def claim(self, order: str) -> Claim | None:
        return self.claims.get(order)

    def keep(self, claim: Claim) -> None:
        self.claims[claim.order] = claim

    def next_token(self) -> int:
        self.number += 1
        return custody.token(self._epoch(), self.number)

    def heard_ms(self, till: str) -> int:
        return self.heard.get(till, -1)
