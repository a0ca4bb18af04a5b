"""Every trouble has a sentence, in both languages; numbers, days and ages are as people write them."""

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from posapp import texts
from posapp.counter import pickup
from posapp.domain.errors import PosappError, Refused, StorageFault, Unavailable

ROOT = Path(texts.__file__).parent.parent
ERRORS = {"Refused", "Unavailable", "StorageFault", "Trouble", "NotEnrolled"}
# Never shown: each is caught where it is raised, or turned into an answer of the hub's.
INSIDE = {"gap", "till-forked", "fact-stuck", "shop-forgot", "lead-unreachable"}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = texts.language()
    yield
    texts.use(before)


def reasons(folder: str) -> dict[str, str]:
    """Reason -> where it is raised, for every error made with one in a folder."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ERRORS
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found[str(node.args[0].value)] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


@pytest.mark.parametrize("folder", ["posapp", "drivers", "sync/engine", "sync/hub", "ui"])
def test_every_reason_that_is_raised_has_a_sentence(folder: str) -> None:
    missing = {
        reason: place
        for reason, place in reasons(folder).items()
        if reason not in texts._SENTENCES and reason not in INSIDE
    }
    assert missing == {}


def test_every_reason_a_hand_over_is_refused_for_has_a_sentence() -> None:
    assert set(pickup._REFUSALS.values()) <= set(texts._SENTENCES)


def places(sentence: str) -> set[str]:
    return {name for _text, name, _form, _conversion in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("reason", texts._SENTENCES)
def test_a_sentence_says_what_happened_and_what_to_do(reason: str, language: str) -> None:
    texts.use(language)
    details = {name: f"<{name}>" for name in places(texts._SENTENCES[reason])}
    said = texts.sentence(PosappError(reason, **details))
    assert all(value in said for value in details.values())
    assert said.endswith(".") or "posapp " in said
    assert "{" not in said
    assert "…" not in said


def test_a_place_that_nobody_filled_stays_visible() -> None:
    texts.use("en")
    assert texts.sentence(Refused("order-cancelled")) == "Order … was cancelled. Please do not hand it over."


def test_a_reason_without_a_sentence_is_still_told() -> None:
    texts.use("en")
    assert "hovercraft (why=eels)" in texts.sentence(Unavailable("hovercraft", why="eels"))


def test_a_sentence_names_what_the_error_says() -> None:
    texts.use("en")
    assert texts.sentence(StorageFault("in-use", folder="/x")) == (
        "posapp runs already on /x. Please use the open window."
    )


def test_there_are_two_languages_and_no_other() -> None:
    texts.use("de")
    assert texts.language() == "de"
    with pytest.raises(ValueError, match="fr"):
        texts.use("fr")
    assert texts.language() == "de"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (47 * 3600, "47 h"),
        (49 * 3600, "2 days"),
    ],
)
def test_an_age_is_told_in_the_largest_fitting_unit(seconds: float, said: str) -> None:
    texts.use("en")
    assert texts.age(seconds) == said


def test_days_are_written_as_the_language_does() -> None:
    texts.use("de")
    assert texts.day(date(2026, 3, 1)) == "01.03.2026"
    texts.use("en")
    assert texts.day(date(2026, 3, 1)) == "1 Mar 2026"


def test_a_moment_names_the_day_only_where_it_is_another() -> None:
    texts.use("en")
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert texts.moment(now, now) == texts.clock(now)
    before = now - timedelta(days=2)
    assert texts.moment(before, now) == f"{texts.day(before)}, {texts.clock(before)}"
