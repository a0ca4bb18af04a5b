"""How the till looks: the theme in force, its fonts and icons, and switching it while running."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetrics,
    QPainter,
    QPalette,
    QPixmap,
)

import resources
from ui import style
from ui.icons import Icons
from ui.tokens import DARK, LIGHT, STYLE, TONES, Tokens, ToneLook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtWidgets import QApplication

    from ui.view import Tone

TEXT_FAMILY = "Inter"
CODE_FAMILY = "Atkinson Hyperlegible"
_FONT_FILES = (
    "Inter-Regular.otf",
    "Inter-SemiBold.otf",
    "Inter-Bold.otf",
    "AtkinsonHyperlegible-Bold.ttf",
    "AtkinsonHyperlegible-Regular.ttf",
)
_SMALLEST_SCALE = 0.9
_LARGEST_SCALE = 1.5


class Face(StrEnum):
    """What a text is for; each has one family, size and weight."""

    RAIL = "rail"
    RAIL_SELECTED = "rail_selected"
    KEY = "key"
    BODY = "body"
    STRONG = "strong"
    SECTION = "section"
    LINE = "line"
    CARD = "card"
    PROMPT = "prompt"
    HEADLINE = "headline"
    HEADLINE_36 = "headline_36"
    HEADLINE_30 = "headline_30"
    HEADLINE_22 = "headline_22"
    CODE = "code"
    ROW = "row"
    ROW_CODE = "row_code"
    BIN = "bin"
    BIN_56 = "bin_56"
    BIN_30 = "bin_30"


class _Cut(NamedTuple):
    family: str
    px: int
    weight: int


_CUTS: dict[Face, _Cut] = {
    Face.RAIL: _Cut(TEXT_FAMILY, 13, 400),
    Face.RAIL_SELECTED: _Cut(TEXT_FAMILY, 13, 700),
    Face.KEY: _Cut(TEXT_FAMILY, 14, 600),
    Face.BODY: _Cut(TEXT_FAMILY, 16, 400),
    Face.STRONG: _Cut(TEXT_FAMILY, 16, 600),
    Face.SECTION: _Cut(TEXT_FAMILY, 20, 600),
    Face.LINE: _Cut(TEXT_FAMILY, 20, 400),
    Face.CARD: _Cut(TEXT_FAMILY, 22, 600),
    Face.PROMPT: _Cut(TEXT_FAMILY, 30, 600),
    Face.HEADLINE: _Cut(TEXT_FAMILY, 44, 700),
    Face.HEADLINE_36: _Cut(TEXT_FAMILY, 36, 700),
    Face.HEADLINE_30: _Cut(TEXT_FAMILY, 30, 700),
    Face.HEADLINE_22: _Cut(TEXT_FAMILY, 22, 700),
    Face.CODE: _Cut(CODE_FAMILY, 22, 400),
    Face.ROW: _Cut(TEXT_FAMILY, 18, 600),
    Face.ROW_CODE: _Cut(CODE_FAMILY, 22, 700),
    Face.BIN: _Cut(CODE_FAMILY, 84, 700),
    Face.BIN_56: _Cut(CODE_FAMILY, 56, 700),
    Face.BIN_30: _Cut(CODE_FAMILY, 30, 700),
}


class Theme(QObject):
    """The look in force; one per application, handed to every widget that paints itself.

    - Fonts are loaded once, at the first `apply`; icons and glyphs when first drawn.
    - `apply` may be called again at any time: new colours and sizes reach every widget at once.

    Signals: `changed` after each `apply`; who paints with the theme measures and paints again.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tokens: Tokens = LIGHT
        self.scale = 1.0
        self.icons = Icons()
        self._loaded = False
        self._fonts: dict[Face, QFont] = {}
        self._metrics: dict[Face, QFontMetrics] = {}

    def apply(self, app: QApplication, dark: bool = False, scale: float = 1.0) -> None:
        """Gives the application this look; `scale` is kept between 0.9 and 1.5."""
        if not self._loaded:
            self._loaded = True
            # Set from here it brings along every name of QStyle, 10 ms; `posapp.app` has Qt choose it.
            if os.environ.get("QT_STYLE_OVERRIDE") != STYLE:
                app.setStyle(STYLE)
            for name in _FONT_FILES:
                QFontDatabase.addApplicationFont(str(resources.path(f"fonts/{name}")))
            # Pixmaps may not outlive the application's connection to the screen.
            app.aboutToQuit.connect(self.icons.clear)
        self.tokens = DARK if dark else LIGHT
        self.scale = min(max(scale, _SMALLEST_SCALE), _LARGEST_SCALE)
        self._fonts.clear()
        self._metrics.clear()
        app.setFont(self.font(Face.BODY))
        app.setPalette(self._palette())
        app.setStyleSheet(style.sheet(self.tokens, self.px))
        self.changed.emit()

    def px(self, size: int) -> int:
        """A size of the design, in this theme's pixels."""
        return round(size * self.scale)

    def font(self, face: Face) -> QFont:
        """The font of a face; digits are all of one width, so amounts stand in columns."""
        found = self._fonts.get(face)
        if found is None:
            cut = _CUTS[face]
            found = QFont(cut.family)
            found.setPixelSize(self.px(cut.px))
            found.setWeight(QFont.Weight(cut.weight))
            found.setFeature(QFont.Tag("tnum"), 1)
            self._fonts[face] = found
        return found

    def metrics(self, face: Face) -> QFontMetrics:
        """The measures of a face."""
        found = self._metrics.get(face)
        if found is None:
            found = self._metrics[face] = QFontMetrics(self.font(face))
        return found

    def tone(self, tone: Tone) -> ToneLook:
        """A tone's colours; they are the same in both themes."""
        return TONES[tone]

    def warm_up(self, faces: Iterable[Face] = Face) -> None:
        """Draws each of the faces once, so that the first result paints as fast as the second.

        For idle moments after the window is up; all together take some ten milliseconds.
        """
        pixmap = QPixmap(8, 8)
        painter = QPainter(pixmap)
        for face in faces:
            letters = _CODE_LETTERS if _CUTS[face].family == CODE_FAMILY else _LETTERS
            painter.setFont(self.font(face))
            painter.drawText(0, 8, letters)
        painter.end()

    def _palette(self) -> QPalette:
        colours = self.tokens
        role = QPalette.ColorRole
        palette = QPalette()
        for which, colour in (
            (role.Window, colours.bg),
            (role.WindowText, colours.text),
            (role.Base, colours.surface),
            (role.AlternateBase, colours.bg),
            (role.Text, colours.text),
            (role.Button, colours.surface),
            (role.ButtonText, colours.text),
            (role.ToolTipBase, colours.surface),
            (role.ToolTipText, colours.text),
            (role.PlaceholderText, colours.muted),
            (role.Highlight, colours.accent),
            (role.HighlightedText, colours.on_accent),
            (role.Link, colours.focus),
        ):
            palette.setColor(which, QColor(colour))
        disabled = QPalette.ColorGroup.Disabled
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(disabled, which, QColor(colours.muted))
        return palette


_LETTERS = "ABCDEFGHIJKLMNOPRSTUVWZÄÖÜabcdefghijklmnopqrstuvwxyzäöüß0123456789.,:-"
_CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
