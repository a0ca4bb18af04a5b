"""Money: integer minor units with a currency, never a float."""

from __future__ import annotations

from posapp.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of one ISO 4217 currency; may be negative."""

    minor: int
    currency: str = "EUR"

    def __add__(self, other: Money) -> Money:
        """Raises ValueError where the currencies differ."""
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def times(self, count: int) -> Money:
        """This amount, ``count`` times."""
        return Money(self.minor * count, self.currency)
