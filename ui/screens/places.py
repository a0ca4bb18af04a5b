"""Makes the places beside home, each from its own module, when the clerk first goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.screens.screen import Screen
    from ui.window import TillWindow


def make(name: str, window: TillWindow) -> Screen:
    """The place called ``name``. Raises KeyError for one that does not exist."""
    if name == "pickups":
        from ui.screens.pickups import PickupsScreen

        return PickupsScreen(window.desk, window.theme)
    if name == "attention":
        from ui.screens.attention import AttentionScreen

        return AttentionScreen(window.desk, window.theme)
    if name == "settings":
        from ui.screens.settings import SettingsScreen

        return SettingsScreen(window)
    raise KeyError(name)
