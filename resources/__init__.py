"""What the till ships beside its code: fonts, icons, sounds, style, texts, sample data.

Everything is found beside this module, so it works from a checkout, a wheel and a frozen
build alike. Names are relative to this package and use forward slashes: `path("icons/check.svg")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_root: list[Path] = []


def path(name: str) -> Path:
    """Where the resource lies on disk; `FileNotFoundError` if there is none of that name."""
    found = _folder() / name
    if not found.exists():
        raise FileNotFoundError(f"no resource named {name!r}")
    return found


def text(name: str) -> str:
    """The resource's content, read as UTF-8."""
    return path(name).read_text(encoding="utf-8")


def _folder() -> Path:
    if not _root:
        # Where `importlib.resources.files` would look, without the 5 ms that its import takes.
        from pathlib import Path

        folder = Path(__file__).parent
        if not folder.is_dir():
            raise RuntimeError("posapp cannot run from a zip file: Qt needs real files")
        _root.append(folder)
    return _root[0]
