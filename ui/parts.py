"""The small parts that screens are built of, under one name."""

from __future__ import annotations

from ui.buttons import Button, Kind
from ui.elided import ElidedLabel
from ui.pills import Chip, Link, StatusPill
from ui.rail import Place, Rail
from ui.rows import Row, RowList, RowModel
from ui.undo_bar import UndoBar

__all__ = [
    "Button",
    "Chip",
    "ElidedLabel",
    "Kind",
    "Link",
    "Place",
    "Rail",
    "Row",
    "RowList",
    "RowModel",
    "StatusPill",
    "UndoBar",
]
