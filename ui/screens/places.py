"""The places of the rail; those beside home are made, each from its own module, when first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posapp.texts import N_

if TYPE_CHECKING:
    from ui.screens.screen import Screen
    from ui.window import TillWindow

PLACES: dict[str, tuple[str, str]] = {
    "scan": ("scan", N_("Scan")),
    "pickups": ("packages", N_("Pickups")),
    "service": ("tools", N_("Service")),
    "attention": ("scale", N_("Needs attention")),
    "settings": ("settings", N_("Settings")),
}
"""Each place of the rail from the top, with its icon and its name."""


def rail_of(name: str) -> str:
    """The place of the rail that a screen belongs to; those without one of their own are settings."""
    return name if name in PLACES else "settings"


def make(name: str, window: TillWindow) -> Screen:
    """The place called ``name``. Raises KeyError for one that does not exist."""
    if name == "pickups":
        from ui.screens.pickups import PickupsScreen

        return PickupsScreen(window.desk, window.theme)
    if name == "service":
        from ui.screens.service import ServiceScreen

        return ServiceScreen(window.desk, window.theme)
    if name == "attention":
        from ui.screens.attention import AttentionScreen

        return AttentionScreen(window.desk, window.theme)
    if name == "settings":
        from ui.screens.settings import SettingsScreen

        return SettingsScreen(window)
    if name == "devices":
        from ui.screens.devices import DevicesScreen

        return DevicesScreen(window)
    if name == "doctor":
        from ui.screens.doctor import DoctorScreen

        return DoctorScreen(window)
    raise KeyError(name)
