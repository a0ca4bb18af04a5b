"""Sounds on Windows, through the system's own PlaySound. Imported by the sound thread only."""

from __future__ import annotations

import sys
import wave
from array import array
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import resources

if TYPE_CHECKING:
    from ui.view import Sound

if sys.platform == "win32":
    import winsound

    class WindowsPlayer:
        """PlaySound knows no volume, so softer copies of the files are made as they are needed."""

        def __init__(self) -> None:
            self._folder = TemporaryDirectory(prefix="posapp-sounds-")

        def start(self, name: Sound, volume: float) -> float:
            """See `Player.start`; PlaySound itself cuts the sound before."""
            original = resources.path(f"sounds/{name}.wav")
            file = original if volume >= 1.0 else self._softer(original, round(volume * 100))
            flags = winsound.SND_FILENAME | winsound.SND_ASYNC | winsound.SND_NODEFAULT
            try:
                winsound.PlaySound(str(file), flags)
            except RuntimeError as error:
                raise OSError(f"no sound device: {error}") from error
            with wave.open(str(original), "rb") as read:
                return read.getnframes() / read.getframerate()

        def stop(self) -> None:
            """See `Player.stop`."""
            winsound.PlaySound(None, 0)

        def _softer(self, original: Path, percent: int) -> Path:
            copy = Path(self._folder.name) / f"{original.stem}-{percent}.wav"
            if not copy.exists():
                soften(original, copy, percent)
            return copy


def soften(original: Path, copy: Path, percent: int) -> None:
    """Writes a 16-bit WAV file anew at a part of its volume."""
    with wave.open(str(original), "rb") as read, wave.open(str(copy), "wb") as write:
        write.setparams(read.getparams())
        samples = array("h", read.readframes(read.getnframes()))
        write.writeframes(array("h", (s * percent // 100 for s in samples)).tobytes())
