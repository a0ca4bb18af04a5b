"""The one style sheet of the application: shapes and sizes of Qt's plain controls, from the tokens.

Buttons, cards, rows and the rail paint themselves; this covers what screens take from Qt as it is.
Whoever adds a rule with an id or an attribute adds its `:focus` rule too, because the more specific
rule would otherwise beat the general one and hide the focus. A test checks it.
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

import resources
from ui import tokens as t

if TYPE_CHECKING:
    from collections.abc import Callable

_SHEET = Template("""
QMainWindow, QWidget[kind="page"] { background: $bg; }
QWidget[kind="panel"] { background: $surface; border: 1px solid $hairline;
    border-radius: ${radius}px; }
QToolTip { background: $surface; color: $text; border: 1px solid $control; padding: ${s8}px; }
QLabel { color: $text; background: transparent; }
QLabel[kind="muted"] { color: $muted; }
QLabel[kind="section"] { font-size: ${f20}px; font-weight: 600; }
QLabel[kind="prompt"] { font-size: ${f30}px; font-weight: 600; }

QLineEdit, QPlainTextEdit, QSpinBox, QComboBox { background: $surface; color: $text;
    border: 2px solid $control; border-radius: ${radius}px; padding: 0 ${s12}px;
    min-height: ${input}px; selection-background-color: $accent; selection-color: $on_accent;
    placeholder-text-color: $muted; }
QPlainTextEdit { padding: ${s8}px; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QComboBox:focus {
    border: 3px solid $focus; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QComboBox:disabled {
    color: $muted; background: $bg; }
QLineEdit[kind="scan"] { border: 2px solid $control; font-family: "Atkinson Hyperlegible";
    font-size: ${f30}px; }
QLineEdit[kind="scan"]:focus { border: 3px solid $focus; }
QComboBox::drop-down { border: 0; width: ${min}px; }
QComboBox::down-arrow { image: url("$down"); width: ${s24}px; height: ${s24}px; }
QSpinBox::up-button, QSpinBox::down-button { border: 0; width: ${min}px; }
QSpinBox::up-arrow { image: url("$up"); width: ${s24}px; height: ${s24}px; }
QSpinBox::down-arrow { image: url("$down"); width: ${s24}px; height: ${s24}px; }
QComboBox QAbstractItemView { background: $surface; color: $text; border: 2px solid $control;
    selection-background-color: $accent; selection-color: $on_accent; }

QPushButton, QToolButton { background: $surface; color: $text; border: 2px solid $control;
    border-radius: ${radius}px; padding: 0 ${s16}px; min-height: ${target}px;
    min-width: ${min}px; font-weight: 600; }
QPushButton:hover, QToolButton:hover { background: $bg; }
QPushButton:pressed, QToolButton:pressed { background: $hairline; }
QPushButton:disabled, QToolButton:disabled { color: $muted; border-color: $hairline; }
QPushButton:focus, QToolButton:focus { border: 3px solid $focus; }

QCheckBox, QRadioButton { color: $text; spacing: ${s12}px; min-height: ${min}px;
    padding: 0 ${s8}px; border: 3px solid transparent; border-radius: ${radius}px; }
QCheckBox:focus, QRadioButton:focus { border: 3px solid $focus; }
QCheckBox::indicator, QRadioButton::indicator { width: ${s24}px; height: ${s24}px;
    border: 2px solid $control; background: $surface; }
QCheckBox::indicator { border-radius: 6px; }
QRadioButton::indicator { border-radius: ${r14}px; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url("$check"); }
QRadioButton::indicator:checked { background: $accent; border: 6px solid $surface; }

QSlider { min-height: ${min}px; }
QSlider::groove:horizontal { height: 8px; border-radius: 4px; background: $control; }
QSlider::handle:horizontal { background: $accent; border: 3px solid $surface;
    width: ${s32}px; margin: -${s16}px 0; border-radius: ${s16}px; }
QSlider::handle:horizontal:focus { border: 3px solid $focus; }

QAbstractItemView { background: $surface; color: $text; border: 1px solid $hairline;
    border-radius: ${radius}px; outline: 0; }
QAbstractItemView:focus { border: 3px solid $focus; }
QListView[kind="rows"] { border: 0; background: transparent; }
QListView[kind="rows"]:focus { border: 0; }
QHeaderView::section { background: $bg; color: $muted; border: 0; padding: ${s8}px;
    font-weight: 600; }
QScrollArea { border: 0; background: transparent; }
QScrollBar:vertical { width: 16px; background: transparent; margin: 0; }
QScrollBar:horizontal { height: 16px; background: transparent; margin: 0; }
QScrollBar::handle { background: $control; border-radius: 5px; margin: 3px; }
QScrollBar::handle:vertical { min-height: ${min}px; }
QScrollBar::handle:horizontal { min-width: ${min}px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def sheet(tokens: t.Tokens, px: Callable[[int], int]) -> str:
    """The style sheet for these colours; `px` scales sizes."""
    shade = "dark" if tokens.dark else "light"
    return _SHEET.substitute(
        tokens._asdict(),
        # Through files in their final colour: a style sheet takes no pixmaps.
        check=_file("check-white"),
        up=_file(f"chevron-up-{shade}"),
        down=_file(f"chevron-down-{shade}"),
        radius=px(t.RADIUS),
        r14=px(14),
        min=px(t.TARGET_MIN),
        target=px(t.TARGET) - 4,
        input=px(t.TARGET_INPUT) - 4,
        f20=px(20),
        f30=px(30),
        **{f"s{size}": px(size) for size in (8, 12, 16, 24, 32)},
    )


def _file(name: str) -> str:
    return resources.path(f"style/{name}.svg").as_posix()
