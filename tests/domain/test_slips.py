"""Slips as values and their one layout: nothing is lost, nothing overlaps, codes keep whole dots."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posapp.domain.slips import Align, Code, Columns, Cut, Pair, Paper, Rule, Slip, Space, Symbology, Text
from posapp.domain.slips_layout import Bars, Line, Sheet, TooSmall, Words, lay_out, wrap
from posapp.symbols import modules

CODE = "PK7KX29DRTH"


def measure(words: str, letters: float, bold: bool) -> float:
    return len(words) * letters * (0.6 if bold else 0.5)


def slip(*items: Any, **other: Any) -> Slip:
    return Slip(Paper.TEST, "Test", items, **other)


def drawn(sheets: tuple[Sheet, ...]) -> list[str]:
    return [mark.words for sheet in sheets for mark in sheet.marks if isinstance(mark, Words)]


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=30)


@given(st.lists(words, min_size=1, max_size=12), st.integers(1, 40))
def test_wrapping_keeps_every_letter_in_order(parts: list[str], room: int) -> None:
    lines = wrap(" ".join(parts), lambda line: len(line) <= room)
    assert "".join(lines).replace(" ", "") == "".join(parts)
    assert all(len(line) <= room for line in lines)


def test_what_is_cut_off_shows_that_it_was() -> None:
    assert wrap("one two three four", lambda line: len(line) <= 8, 2) == ["one two", "three…"]
    assert wrap("one two", lambda line: len(line) <= 8, 2) == ["one two"]
    assert wrap("a\n\nb", lambda line: len(line) <= 8) == ["a", "", "b"]


@given(st.lists(st.builds(Text, words, size=st.integers(1, 3)), min_size=1, max_size=20), st.booleans())
def test_lines_stay_on_their_paper_and_below_each_other(items: list[Text], label: bool) -> None:
    made = slip(*items, height_mm=40.0 if label else 0.0)
    sheets = lay_out(made, measure, modules)
    assert "".join(drawn(sheets)).replace(" ", "") == "".join(item.words for item in items).replace(" ", "")
    for sheet in sheets:
        bottom = 0.0
        for mark in sheet.marks:
            assert isinstance(mark, Words)
            assert mark.top >= bottom - 1e-6
            bottom = mark.top + mark.letters
            assert made.margin_mm <= mark.left + 1e-6
            assert (
                mark.left + measure(mark.words, mark.letters, mark.bold)
                <= made.width_mm - made.margin_mm + 1e-6
            )


def test_a_pair_stands_on_one_line_while_there_is_room() -> None:
    (sheet,) = lay_out(slip(Pair("Order", "W-1001")), measure, modules)
    right, left = sorted((m for m in sheet.marks if isinstance(m, Words)), key=lambda m: -m.left)
    assert (left.words, right.words, left.top) == ("Order", "W-1001", right.top)
    assert right.left + measure(right.words, right.letters, False) == pytest.approx(76)
    (sheet,) = lay_out(slip(Pair("Order", "W" * 38)), measure, modules)
    first, second = (m for m in sheet.marks if isinstance(m, Words))
    assert (first.words, second.words, first.top < second.top) == ("Order", "W" * 38, True)


@pytest.mark.parametrize("dots_per_mm", [8.0, 300 / 25.4])
@pytest.mark.parametrize("kind", list(Symbology))
def test_a_code_has_whole_dots_and_its_quiet_zone(kind: Symbology, dots_per_mm: float) -> None:
    content = "0104006381333931" if kind is Symbology.GS1_128 else CODE
    (sheet,) = lay_out(slip(Code(content, kind, align=Align.CENTER)), measure, modules, 1 / dots_per_mm)
    (bars,) = (mark for mark in sheet.marks if isinstance(mark, Bars))
    assert (bars.module * dots_per_mm) % 1 == pytest.approx(0, abs=1e-6)
    quiet = 4 if kind is Symbology.QR else 10
    assert all(row.startswith("0" * quiet) and row.endswith("0" * quiet) for row in bars.rows)
    assert bars.left + bars.module * len(bars.rows[0]) <= 76 + 1e-6


def test_a_code_that_cannot_be_read_is_not_printed() -> None:
    with pytest.raises(TooSmall):
        lay_out(slip(Code("X" * 60, Symbology.CODE128)), measure, modules)


def test_cuts_and_full_sheets_begin_a_new_one() -> None:
    sheets = lay_out(slip(Cut(), Text("one"), Cut(), Text("two"), Cut()), measure, modules)
    assert [drawn((sheet,)) for sheet in sheets] == [["one"], ["two"]]
    full = lay_out(slip(*[Text(str(n)) for n in range(9)], height_mm=20.0), measure, modules)
    assert [len(sheet.marks) for sheet in full] == [2, 2, 2, 2, 1]
    assert {sheet.height for sheet in full} == {20.0}


def test_columns_share_the_width_and_end_together() -> None:
    made = slip(
        Columns(((Text("left", 2), Rule()), (Code(CODE, caption="x"), Space())), (1, 2)), Text("below")
    )
    (sheet,) = lay_out(made, measure, modules)
    (line,) = (mark for mark in sheet.marks if isinstance(mark, Line))
    assert line.width == pytest.approx(24)
    below = next(mark for mark in sheet.marks if isinstance(mark, Words) and mark.words == "below")
    assert all(below.top > mark.top for mark in sheet.marks if mark is not below)
    assert made.codes() == (Code(CODE, caption="x"),)
    assert made.words() == ("left", "below")


def test_a_copy_says_so_first() -> None:
    assert slip(Pair("a", "b")).marked("COPY").words() == ("COPY", "a", "b")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (Symbology.CODE128, "Größe"),
        (Symbology.CODE128, ""),
        (Symbology.CODE128, "a\x1db"),
        (Symbology.QR, "x" * 3000),
    ],
)
def test_what_a_code_cannot_hold_is_refused(kind: Symbology, content: str) -> None:
    with pytest.raises(ValueError, match=r"Code 128|control|too long"):
        modules(kind, content)
