"""What is noted of a till comes and goes by facts, and is read as it was written."""

import pytest

from posapp.domain.errors import Refused
from posapp.domain.orders import Index
from posapp.domain.subjects import fold, read_body
from posapp.domain.tills import GUESSING_CLEARED, GUESSING_NOTICED, TillNotes
from tests.kit.things import NOW, fact

NOTICED = fact(GUESSING_NOTICED, {"store": "B01", "codes": 5}, about="t1")


def about_till(kind: str) -> TillNotes:
    from dataclasses import replace

    first = fold(None, replace(NOTICED, subject="till:t1"), "t1")
    after = fold(first, replace(NOTICED, kind=kind, subject="till:t1"), "t1")
    assert isinstance(after, TillNotes)
    return after


def test_guessing_is_noted_until_somebody_looked_after_it() -> None:
    again = about_till(GUESSING_NOTICED)
    assert (again.till, again.store, again.noticed, again.guessing_since) == ("t1", "B01", 2, NOW)
    cleared = about_till(GUESSING_CLEARED)
    assert (cleared.noticed, cleared.guessing_since) == (1, None)
    for notes in (again, cleared):
        assert read_body("till", notes.to_body()) == notes
        assert notes.index() == Index()


def test_other_facts_are_not_about_a_till() -> None:
    with pytest.raises(Refused, match="subject-unknown"):
        TillNotes.opened(fact("HandedOver", {}, about="t1"), "t1")
    with pytest.raises(KeyError):
        about_till("HandedOver")
