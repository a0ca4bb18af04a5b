"""What was learned of each scanner, kept in ``devices.toml`` in the till's data folder.

One table a device, by its address. What cannot be read is passed over with a warning: a till must start
whatever stands there, and the scanner doctor learns it again.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from posapp.domain.profiles import DeviceProfile, Dialect, Suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "devices.toml"


class Profiles:
    """The profiles of all devices; without a folder they are kept in memory only.

    Promises: reads the file when it is first asked, and only if it is there; `keep` has written it when
    it returns. `on_keep` is told of each profile kept. Raises OSError where the file cannot be written.
    """

    def __init__(
        self,
        folder: Path | None = None,
        on_keep: Callable[[DeviceProfile], object] = lambda profile: None,
    ) -> None:
        self._path = folder / FILE if folder else None
        self._on_keep = on_keep
        self._known: dict[str, DeviceProfile] | None = None

    def find(self, device: str) -> DeviceProfile | None:
        """A device's profile, if one was learned."""
        return self._all().get(device)

    def keep(self, profile: DeviceProfile) -> None:
        """Remember a profile from now on."""
        self._all()[profile.device] = profile
        if self._path is not None:
            _write(self._path, self._all())
        self._on_keep(profile)

    def _all(self) -> dict[str, DeviceProfile]:
        if self._known is None:
            self._known = _read(self._path) if self._path is not None else {}
        return self._known


def _read(path: Path) -> dict[str, DeviceProfile]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return {}
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        log.warning("%s is not used: %s", path, error)
        return {}
    profiles = {}
    for device, values in found.items():
        try:
            profiles[device] = _profile(device, values)
        except (TypeError, ValueError, AttributeError) as error:
            log.warning("%s: what it says of %s is not used: %s", path, device, error)
    return profiles


def _profile(device: str, values: Mapping[str, object]) -> DeviceProfile:
    known = DeviceProfile(device=device)
    taken: dict[str, object] = {}
    for name, value in values.items():
        expected = getattr(known, name)
        if isinstance(expected, Suffix | Dialect) and isinstance(value, str):
            taken[name] = type(expected)(value)
        elif type(value) is type(expected):
            taken[name] = value
        else:
            raise TypeError(name)
    return DeviceProfile(device=device, **taken)  # type: ignore[arg-type]  # checked above


def _write(path: Path, profiles: Mapping[str, DeviceProfile]) -> None:
    lines = []
    for device, profile in profiles.items():
        lines.append(f"[{_quoted(device)}]")
        for name in DeviceProfile.__match_args__:
            value = getattr(profile, name)
            if name != "device":
                number = isinstance(value, int)
                lines.append(f"{name} = {str(value).lower() if number else _quoted(value)}")
        lines.append("")
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines), "utf-8")
    os.replace(fresh, path)


def _quoted(text: str) -> str:
    """A basic string of TOML; what cannot be printed by its number, a group separator for one."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
