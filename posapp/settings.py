"""The settings of one till: a frozen value read from ``posapp.toml`` in its data folder.

An unknown key is kept out with a warning; a wrong type stops the start and names file and key.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from posapp.domain.errors import StorageFault
from posapp.domain.values import dataclass, replace
from posapp.paths import SETTINGS

log = logging.getLogger(__name__)

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """``scale`` in percent (90 to 150), ``volume`` in percent; ``scanners`` are device names such as
    ``/dev/serial/by-id/...`` (``serial:`` in front is allowed); ``clerk`` is who stands at the till.
    ``printer``, ``labels`` and ``display`` are addresses (docs/printers.md), ``terminal`` is the card
    terminal's (docs/terminal.md), empty where there is none. ``door`` is where this till, as its store's
    lead, hears the other tills (`door_at`).
    """

    language: str = "de"
    theme: str = "light"
    scale: int = 100
    volume: int = 80
    clerk: str = "Kasse 1"
    scanners: tuple[str, ...] = ()
    printer: str = ""
    labels: str = ""
    display: str = ""
    terminal: str = ""
    door: str = ""

    def __post_init__(self) -> None:
        if self.language not in ("de", "en"):
            raise ValueError("language")
        if self.theme not in ("light", "dark"):
            raise ValueError("theme")
        if not 90 <= self.scale <= 150:
            raise ValueError("scale")
        if not 0 <= self.volume <= 100:
            raise ValueError("volume")
        # It goes into every fact, and the hub's messages have room for a name only.
        if len(self.clerk) > LONGEST_NAME:
            raise ValueError("clerk")
        door_at(self.door)


def door_at(text: str) -> tuple[str, int] | None:
    """Host and port, as in ``192.168.1.5:8333``, ``:8333`` (all interfaces) or ``[::1]:0`` (any free port);
    None for ``off``. Empty is any free port on all interfaces. Raises ValueError."""
    if text == "off":
        return None
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if text and not (colon and port.isdecimal() and int(port) < 65536 and (bracketed or ":" not in host)):
        raise ValueError("door")
    return host.strip("[]"), int(port or 0)


def load(folder: Path) -> Settings:
    """The folder's settings, or the defaults. Raises StorageFault("settings-wrong")."""
    path = folder / SETTINGS
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageFault("settings-wrong", file=str(path), key="") from error
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StorageFault("settings-wrong", file=str(path), key=str(error)) from error
    return _checked(found, path)


def save(folder: Path, settings: Settings) -> None:
    """Write the settings beside the old file and put it in its place in one step."""
    lines = []
    for name in Settings.__match_args__:
        value = getattr(settings, name)
        if isinstance(value, tuple):
            lines.append(f"{name} = [{', '.join(_quoted(v) for v in value)}]")
        else:
            lines.append(f"{name} = {value if isinstance(value, int) else _quoted(value)}")
    path = folder / SETTINGS
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n", "utf-8")
    os.replace(fresh, path)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c for c in escaped if c.isprintable()) + '"'


def _checked(found: Mapping[str, object], path: Path) -> Settings:
    settings = Settings()
    known = Settings.__match_args__
    for key, value in found.items():
        if key not in known:
            log.warning("unknown setting %s in %s is not used", key, path.name)
            continue
        expected = getattr(settings, key)
        taken: object = value
        if isinstance(expected, tuple) and isinstance(value, list):
            taken = tuple(value) if all(isinstance(item, str) for item in value) else None
        if type(taken) is not type(expected):
            raise StorageFault("settings-wrong", file=str(path), key=key)
        try:
            settings = replace(settings, **{key: taken})  # type: ignore[arg-type]  # checked above
        except ValueError as error:
            raise StorageFault("settings-wrong", file=str(path), key=key) from error
    return settings
