"""The look: readable colours, letters for every name, a focus that shows, a switch while running."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QFontInfo, QRawFont

import resources
from ui import style
from ui.theme import Face, Theme
from ui.tokens import (
    DARK,
    LIGHT,
    SHAPE_RATIO,
    TEXT_RATIO,
    TONES,
    Tokens,
    contrast,
    shape_pairs,
    text_pairs,
)
from ui.view import Tone

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

BOTH = pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])


@BOTH
def test_words_can_be_read(tokens: Tokens) -> None:
    low = {name: contrast(*pair) for name, pair in text_pairs(tokens).items()}
    assert {name: ratio for name, ratio in low.items() if ratio < TEXT_RATIO} == {}


@BOTH
def test_shapes_that_tell_a_state_can_be_seen(tokens: Tokens) -> None:
    low = {name: contrast(*pair) for name, pair in shape_pairs(tokens).items()}
    assert {name: ratio for name, ratio in low.items() if ratio < SHAPE_RATIO} == {}


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#FFFFFF", "#007F6B") == pytest.approx(4.94, abs=0.01)


def test_no_two_tones_share_a_colour_an_icon_or_a_sound() -> None:
    for part in ("fill", "icon", "sound"):
        assert len({getattr(TONES[tone], part) for tone in Tone}) == len(Tone)


@BOTH
def test_every_specific_rule_has_its_own_focus_rule(tokens: Tokens) -> None:
    rules = re.findall(r"([^{}]+)\{[^}]*\}", style.sheet(tokens, round))
    selectors = {part.strip() for rule in rules for part in rule.split(",")}
    specific = {
        selector
        for selector in selectors
        if re.search(r"[#\[]", selector) and not re.match(r"QLabel|QWidget", selector)
    }
    plain = {selector for selector in specific if ":focus" not in selector}
    assert plain, "the sheet has specific rules"
    assert {selector for selector in plain if f"{selector}:focus" not in selectors} == set()


def test_every_face_is_drawn_with_a_font_we_ship(qapp: QApplication) -> None:
    theme = Theme()
    theme.apply(qapp)
    for face in Face:
        asked = theme.font(face)
        got = QFontInfo(asked)
        assert (got.family(), got.weight()) == (asked.family(), asked.weight())


def test_smallest_words_are_13_px(qapp: QApplication) -> None:
    theme = Theme()
    theme.apply(qapp)
    assert min(theme.font(face).pixelSize() for face in Face) == 13


@pytest.mark.parametrize("weight", ["Regular", "SemiBold", "Bold"])
def test_text_font_has_the_letters_of_our_customers(qapp: QApplication, weight: str) -> None:
    font = QRawFont(str(resources.path(f"fonts/Inter-{weight}.otf")), 16)
    missing = [letter for letter in "äöüßẞ€„“→✓ŁŞřěğİőș×–…" if not font.supportsCharacter(ord(letter))]
    assert missing == []


@pytest.mark.parametrize("weight", ["Regular", "Bold"])
def test_code_font_has_every_letter_of_a_code(qapp: QApplication, weight: str) -> None:
    font = QRawFont(str(resources.path(f"fonts/AtkinsonHyperlegible-{weight}.ttf")), 16)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
    assert [letter for letter in letters if not font.supportsCharacter(ord(letter))] == []


def test_theme_switches_while_running(qapp: QApplication) -> None:
    theme = Theme()
    seen: list[bool] = []
    theme.changed.connect(lambda: seen.append(theme.tokens.dark))
    theme.apply(qapp)
    light = qapp.styleSheet()
    theme.apply(qapp, dark=True)
    assert seen == [False, True]
    assert DARK.surface in qapp.styleSheet()
    assert qapp.styleSheet() != light
    assert qapp.palette().window().color().name().upper() == DARK.bg


@pytest.mark.parametrize(("asked", "got"), [(0.1, 0.9), (1.25, 1.25), (9.0, 1.5)])
def test_scale_is_kept_within_reason(qapp: QApplication, asked: float, got: float) -> None:
    theme = Theme()
    theme.apply(qapp, scale=asked)
    assert theme.scale == got
    assert theme.font(Face.BODY).pixelSize() == round(16 * got)


def test_warming_up_leaves_no_trace(qapp: QApplication) -> None:
    theme = Theme()
    theme.apply(qapp)
    theme.warm_up()


def test_icons_are_drawn_once_for_each_colour_and_size(qapp: QApplication) -> None:
    theme = Theme()
    first = theme.icons.pixmap("check", "#112233", 24)
    assert theme.icons.pixmap("check", "#112233", 24) is first
    assert theme.icons.pixmap("check", "#445566", 24) is not first
    sharp = theme.icons.pixmap("check", "#112233", 24, 2.0)
    assert (sharp.width(), sharp.deviceIndependentSize().width()) == (48, 24)


def test_icon_has_the_colour_asked_for(qapp: QApplication) -> None:
    image = Theme().icons.pixmap("circle-check", "#FF0000", 48).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(48) for y in range(48)}
    assert "#ff0000" in colours
    assert Theme().icons.icon("check", "#FF0000", 24).availableSizes()
