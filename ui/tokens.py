"""The colours and sizes of the till, as plain values without Qt.

Every pair of colours that carries words or a state is listed in `text_pairs` and `shape_pairs`, so
that its contrast is a test and not a hope.
"""

from __future__ import annotations

from typing import NamedTuple

from ui.view import Sound, Tone

STYLE = "Fusion"
"""Qt's own style that everything is drawn on, the same on every system."""
INK = "#14181F"
WHITE = "#FFFFFF"


class Tokens(NamedTuple):
    """One theme's colours, named by what they are for."""

    dark: bool
    bg: str
    surface: str
    text: str
    muted: str
    control: str
    hairline: str
    focus: str
    rail: str
    bar_line: str
    rail_text: str = "#E6EAEF"
    accent: str = "#0B57D0"
    on_accent: str = WHITE
    bar: str = INK
    on_bar: str = WHITE
    bar_action: str = "#8AB4FF"


LIGHT = Tokens(
    dark=False,
    bg="#EEF1F4",
    surface=WHITE,
    text=INK,
    muted="#4A5563",
    control="#6B7684",
    hairline="#C9D1DA",
    focus="#0B57D0",
    rail=INK,
    bar_line=INK,
)
DARK = Tokens(
    dark=True,
    bg="#10151C",
    surface="#1B222C",
    text="#F3F5F7",
    muted="#AEB8C4",
    control="#7F8B9A",
    hairline="#323C48",
    focus="#8AB4FF",
    rail="#0A0E13",
    bar_line="#7F8B9A",
)


class ToneLook(NamedTuple):
    """A tone's colour, the colour of what stands on it, and what it defaults to."""

    fill: str
    ink: str
    icon: str
    sound: Sound


TONES: dict[Tone, ToneLook] = {
    Tone.GREEN: ToneLook("#007F6B", WHITE, "circle-check", Sound.GO),
    Tone.AMBER: ToneLook("#FFC233", INK, "alert-triangle", Sound.LOOK),
    Tone.NEUTRAL: ToneLook("#0B57D0", WHITE, "info-circle", Sound.INFO),
    Tone.RED: ToneLook("#B00020", WHITE, "circle-x", Sound.STOP),
    Tone.DONE: ToneLook("#3B4654", WHITE, "package", Sound.DONE),
}

# Spacing follows a grid of 4.
GAP = 12
PAD_CARD = (32, 24)
RADIUS = 12
RADIUS_CARD = 16
TARGET_MIN = 44
TARGET = 56
TARGET_ROW = 60
TARGET_INPUT = 64
TARGET_PRIMARY = 72
RAIL_WIDTH = 112
RAIL_PITCH = 89
TOP_BAR = 56
FOCUS = 3
QUEUE_FROM = 1200

TEXT_RATIO = 4.5
SHAPE_RATIO = 3.0


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#RRGGBB` colours, as WCAG 2 defines it: 1 to 21."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour[1:3]) + 0.7152 * linear(colour[3:5]) + 0.0722 * linear(colour[5:7])


def text_pairs(tokens: Tokens) -> dict[str, tuple[str, str]]:
    """Every colour of words with what it stands on, by name; each needs at least 4.5."""
    amber = TONES[Tone.AMBER]
    return {
        "text on surface": (tokens.text, tokens.surface),
        "text on bg": (tokens.text, tokens.bg),
        "muted on surface": (tokens.muted, tokens.surface),
        "muted on bg": (tokens.muted, tokens.bg),
        "focus as text on surface": (tokens.focus, tokens.surface),
        "rail text": (tokens.rail_text, tokens.rail),
        "rail selected": (tokens.on_accent, tokens.accent),
        "badge": (amber.ink, amber.fill),
        "bar": (tokens.on_bar, tokens.bar),
        "bar action": (tokens.bar_action, tokens.bar),
        "right line": (TONES[Tone.GREEN].fill, WHITE),
        "wrong line": (TONES[Tone.RED].fill, WHITE),
        "card button": (INK, WHITE),
        **{f"card {tone}": (look.ink, look.fill) for tone, look in TONES.items()},
    }


def shape_pairs(tokens: Tokens) -> dict[str, tuple[str, str]]:
    """Every colour that alone tells a state, with its neighbour; each needs at least 3."""
    return {
        "control on surface": (tokens.control, tokens.surface),
        "control on bg": (tokens.control, tokens.bg),
        "focus on surface": (tokens.focus, tokens.surface),
        "focus on bg": (tokens.focus, tokens.bg),
        "ring on primary": (tokens.on_accent, tokens.accent),
        "bar's focus": (tokens.on_bar, tokens.bar),
        "bar's line on bg": (tokens.bar_line, tokens.bg),
        "rail's bar": (tokens.on_accent, tokens.rail),
        "stale band's line on red": (WHITE, TONES[Tone.RED].fill),
        "stale band's line on green": (WHITE, TONES[Tone.GREEN].fill),
        "attention band on green": (TONES[Tone.AMBER].fill, TONES[Tone.GREEN].fill),
    }
