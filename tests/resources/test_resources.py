"""Everything the till ships is there, readable and licensed."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

import resources
from tools import make_sounds
from ui.tokens import TONES
from ui.view import Sound, Tone

# The icons that the verdicts of the counter name, and those the screens are steered with.
ICONS = [
    "circle-check",
    "note",
    "id-badge-2",
    "progress-check",
    "packages",
    "map-pin",
    "hourglass",
    "message-question",
    "cash",
    "clock-off",
    "list-search",
    "tag",
    "package-off",
    "credit-card-off",
    "ban",
    "truck-return",
    "receipt-refund",
    "building-store",
    "replace",
    "device-desktop-off",
    "lock",
    "scale",
    "circle-x",
    "cloud-search",
    "barcode-off",
    "shield-exclamation",
    "history",
    "check",
    "checks",
    "package",
    "package-import",
    "camera",
    "map-pin-off",
    "copy-check",
    "device-watch-check",
    "tools",
    "barcode",
    "scan",
    "list-check",
    "tool",
    "alert-triangle",
    "search",
    "settings",
    "wifi-off",
    "cloud-check",
    "user",
    "printer",
    "arrow-back-up",
    "sun",
    "moon",
    "language",
    "volume",
    "volume-off",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "chevron-down",
    "x",
    "plus",
    "clock",
    "filter",
    "battery",
    "device-watch",
]


@pytest.mark.parametrize("name", ICONS)
def test_icon_takes_a_colour_and_says_nothing_else(name: str) -> None:
    source = resources.text(f"icons/{name}.svg")
    assert "currentColor" in source
    assert "<script" not in source
    assert "href" not in source


@pytest.mark.parametrize("tone", Tone)
def test_every_tone_has_an_icon_and_a_sound(tone: Tone) -> None:
    assert resources.path(f"icons/{TONES[tone].icon}.svg").is_file()
    assert resources.path(f"sounds/{TONES[tone].sound}.wav").is_file()


@pytest.mark.parametrize("sound", Sound)
def test_sound_is_short_and_whole(sound: Sound) -> None:
    with wave.open(str(resources.path(f"sounds/{sound}.wav")), "rb") as file:
        seconds = file.getnframes() / file.getframerate()
    assert 0.05 < seconds < 1.1


def test_sounds_are_what_the_script_makes(tmp_path: Path) -> None:
    make_sounds.write(tmp_path)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    shipped = {file.name: file.read_bytes() for file in resources.path("sounds").glob("*.wav")}
    assert made == shipped


def test_each_sound_is_listed_once() -> None:
    assert sorted(make_sounds.SOUNDS) == sorted(Sound)


@pytest.mark.parametrize(
    "licence", ["fonts/OFL-Inter.txt", "fonts/OFL-AtkinsonHyperlegible.txt", "icons/LICENSE-tabler.txt"]
)
def test_third_party_files_come_with_their_licence(licence: str) -> None:
    assert re.search(r"OPEN FONT LICENSE|MIT License", resources.text(licence))


def test_missing_resource_is_told_at_once() -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such\.svg"):
        resources.path("icons/no-such.svg")


def test_importing_resources_imports_nothing_heavy() -> None:
    code = "import sys, resources; print('importlib.resources' in sys.modules, 'PySide6' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
