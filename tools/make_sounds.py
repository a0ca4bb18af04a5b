"""Makes the till's own tones: `python -m tools.make_sounds`, then commit resources/sounds.

A scanner's beep means "decoded"; these mean "accepted" or "refused", so they must sound like
nothing a scanner makes. The same run always writes the same bytes.
"""

from __future__ import annotations

import math
import sys
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

RATE = 22_050
PEAK = 0.8
EDGE_S = 0.006
FOLDER = Path(__file__).parent.parent / "resources" / "sounds"


@dataclass(frozen=True)
class Tone:
    """One stretch of sound; `hz` 0 is silence."""

    hz: int
    ms: int
    buzz: bool = False


SOUNDS: dict[str, tuple[Tone, ...]] = {
    "go": (Tone(880, 90), Tone(1320, 130)),
    "look": (Tone(660, 100), Tone(0, 50), Tone(660, 100)),
    "info": (Tone(660, 120),),
    "stop": (Tone(220, 160, buzz=True), Tone(0, 60), Tone(220, 200, buzz=True)),
    "done": (Tone(440, 100), Tone(0, 50), Tone(440, 100)),
    "tick": (Tone(1320, 80),),
    "chime": (Tone(880, 100), Tone(1100, 100), Tone(1320, 220)),
    "alarm": tuple(Tone(hz, 200, buzz=hz > 0) for hz in (220, 0, 220, 0, 220)),
}


def samples(tones: tuple[Tone, ...]) -> array[int]:
    """The tones one after the other, each faded in and out so that none clicks."""
    out = array("h")
    for tone in tones:
        count = RATE * tone.ms // 1000
        edge = RATE * EDGE_S
        for index in range(count):
            fade = min(1.0, index / edge, (count - 1 - index) / edge)
            out.append(round(32_767 * PEAK * fade * _wave(tone, index / RATE)))
    if sys.byteorder == "big":
        out.byteswap()
    return out


def _wave(tone: Tone, at: float) -> float:
    if tone.hz == 0:
        return 0.0
    turn = 2 * math.pi * tone.hz * at
    if not tone.buzz:
        return math.sin(turn)
    # A counter PC's small speaker hardly moves at 220 Hz: the odd overtones carry the buzz.
    return (math.sin(turn) + math.sin(3 * turn) / 2 + math.sin(5 * turn) / 3) / 1.4


def write(folder: Path) -> None:
    """Writes one mono 16-bit WAV file for each sound."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, tones in SOUNDS.items():
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples(tones).tobytes())


if __name__ == "__main__":
    write(FOLDER)
