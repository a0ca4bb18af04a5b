"""Sounds on Linux and macOS, through miniaudio. Imported by the sound thread only."""

from __future__ import annotations

import os
import sys
import wave
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

import miniaudio

import resources

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ui.view import Sound

_RATE = 22_050
_LATENCY_MS = 40
# A device still holds some of what it was given when the last sample has been fetched.
_TAIL_S = 0.12


class MiniaudioPlayer:
    """Opens the default device at the first sound and keeps it, stopped between sounds."""

    def __init__(self, backends: Sequence[miniaudio.Backend] = ()) -> None:
        self._backends = list(backends) or None
        self._device: miniaudio.PlaybackDevice | None = None
        self._samples: dict[Sound, array[int]] = {}

    def start(self, name: Sound, volume: float) -> float:
        """See `Player.start`."""
        try:
            device = self._device or self._open()
            device.stop()
            samples = self._load(name)
            stream = _stream(samples, volume)
            next(stream)
            device.start(stream)
        except miniaudio.MiniaudioError as error:
            self._device = None
            raise OSError(f"no sound device: {error}") from error
        return len(samples) / _RATE + _TAIL_S

    def stop(self) -> None:
        """See `Player.stop`."""
        if self._device is not None:
            self._device.stop()

    def _open(self) -> miniaudio.PlaybackDevice:
        if not self._backends and not _can_play():
            raise miniaudio.MiniaudioError("no sound card and no sound server")
        self._device = miniaudio.PlaybackDevice(
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=_RATE,
            buffersize_msec=_LATENCY_MS,
            backends=self._backends,
            app_name="posapp",
        )
        return self._device

    def _load(self, name: Sound) -> array[int]:
        if name not in self._samples:
            with wave.open(str(resources.path(f"sounds/{name}.wav")), "rb") as file:
                self._samples[name] = array("h", file.readframes(file.getnframes()))
        return self._samples[name]


def _can_play() -> bool:
    """Whether asking is worth while: without a card and a server, ALSA only fills standard error."""
    if sys.platform != "linux":
        return True
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/run/user/none"))
    server = os.environ.get("PULSE_SERVER") or any(
        (runtime / name).exists() for name in ("pulse/native", "pipewire-0")
    )
    return bool(server) or any(Path("/dev/snd").glob("pcm*p"))


def _stream(samples: array[int], volume: float) -> Generator[array[int], int, None]:
    """Hands the device as many samples as it asks for, then silence until it is stopped."""
    if volume < 1.0:
        samples = array("h", (round(sample * volume) for sample in samples))
    at = 0
    wanted = yield array("h")
    while True:
        part = samples[at : at + wanted]
        part.extend([0] * (wanted - len(part)))
        at += wanted
        wanted = yield part
