"""Money is counted in whole cents of one currency, and written as each language writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp import texts
from posapp.domain.money import Money

amounts = st.integers(-(10**12), 10**12)


@given(st.lists(amounts, min_size=1))
def test_sums_are_exact(minors: list[int]) -> None:
    total = Money(0)
    for minor in minors:
        total += Money(minor)
    assert total == Money(sum(minors))


@given(amounts, st.integers(0, 1000))
def test_times_is_a_sum(minor: int, count: int) -> None:
    assert Money(minor, "CHF").times(count) == Money(minor * count, "CHF")


def test_currencies_are_never_mixed() -> None:
    with pytest.raises(ValueError, match="CHF"):
        Money(1, "EUR") + Money(1, "CHF")


@pytest.mark.parametrize(
    ("amount", "german", "english"),
    [
        (Money(121875), "1.218,75\N{NO-BREAK SPACE}€", "€1,218.75"),
        (Money(5), "0,05\N{NO-BREAK SPACE}€", "€0.05"),
        (Money(-1999), "-19,99\N{NO-BREAK SPACE}€", "-€19.99"),
        (Money(100, "CHF"), "1,00\N{NO-BREAK SPACE}CHF", "CHF\N{NO-BREAK SPACE}1.00"),
    ],
)
def test_an_amount_is_written_as_the_language_does(amount: Money, german: str, english: str) -> None:
    before = texts.language()
    try:
        texts.use("de")
        assert texts.money(amount) == german
        texts.use("en")
        assert texts.money(amount) == english
    finally:
        texts.use(before)


@given(amounts)
def test_what_is_written_names_every_cent(minor: int) -> None:
    digits = "".join(c for c in texts.money(Money(minor)) if c.isdigit())
    assert int(digits) == abs(minor)
