"""Sounds never hold up the window, cut each other, and do without a device."""

from __future__ import annotations

import sys
import threading
import wave
from array import array
from pathlib import Path
from queue import SimpleQueue

import pytest

import resources
from ui.sound import Sounds
from ui.sound_windows import soften
from ui.view import Sound

WITHIN = 5.0


class Speaker:
    """A player that notes what it is told; each sound takes `seconds`."""

    def __init__(self, seconds: float = 0.0, broken: bool = False) -> None:
        self.seconds = seconds
        self.broken = broken
        self.heard: SimpleQueue[tuple[str, float]] = SimpleQueue()
        self.thread = ""

    def start(self, name: Sound, volume: float) -> float:
        self.thread = threading.current_thread().name
        if self.broken:
            raise OSError("no sound device")
        self.heard.put((name, volume))
        return self.seconds

    def stop(self) -> None:
        self.heard.put(("silence", 0.0))

    def next(self) -> str:
        return self.heard.get(timeout=WITHIN)[0]


def test_sounds_of_one_call_follow_each_other() -> None:
    speaker = Speaker()
    sounds = Sounds(player=lambda: speaker)
    sounds.play(Sound.GO, Sound.LOOK)
    assert [speaker.next() for _ in range(3)] == ["go", "look", "silence"]
    assert speaker.thread == "sounds"
    sounds.close()


def test_new_sound_cuts_the_old_one() -> None:
    speaker = Speaker(seconds=60)
    sounds = Sounds(player=lambda: speaker)
    sounds.play(Sound.ALARM, Sound.ALARM)
    assert speaker.next() == "alarm"
    sounds.play(Sound.GO)
    assert speaker.next() == "go"
    sounds.close()
    assert speaker.next() == "silence"


def test_muted_till_is_silent_and_starts_no_thread() -> None:
    speaker = Speaker()
    sounds = Sounds(player=lambda: speaker, muted=True)
    sounds.play(Sound.STOP)
    sounds.close()
    assert speaker.heard.empty()
    assert not speaker.thread


@pytest.mark.parametrize(("asked", "got"), [(-1.0, 0.0), (0.4, 0.4), (7.0, 1.0)])
def test_volume_stays_between_nothing_and_all(asked: float, got: float) -> None:
    speaker = Speaker()
    sounds = Sounds(player=lambda: speaker, volume=asked)
    assert sounds.volume == got
    sounds.play(Sound.TICK)
    assert speaker.heard.get(timeout=WITHIN) == ("tick", got)
    sounds.close()


def test_missing_device_is_a_state_and_the_till_beeps() -> None:
    speaker = Speaker(broken=True)
    states: SimpleQueue[bool] = SimpleQueue()
    beeps: list[bool] = []
    sounds = Sounds(player=lambda: speaker, on_available=states.put, beep=lambda: beeps.append(True))
    sounds.play(Sound.GO)
    assert states.get(timeout=WITHIN) is False
    assert sounds.available is False
    speaker.broken = False
    sounds.play(Sound.GO)
    assert beeps == [True]
    assert states.get(timeout=WITHIN) is True
    assert speaker.next() == "go"
    sounds.close()


def test_closing_twice_is_fine() -> None:
    sounds = Sounds(player=Speaker)
    sounds.close()
    sounds.play(Sound.GO)
    sounds.close()
    sounds.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows plays through its own PlaySound")
def test_miniaudio_plays_every_sound_on_its_null_device() -> None:
    import miniaudio

    from ui.sound_miniaudio import MiniaudioPlayer

    player = MiniaudioPlayer([miniaudio.Backend.NULL])
    for sound in Sound:
        assert 0.05 < player.start(sound, 0.5) < 1.5
    player.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows plays through its own PlaySound")
def test_miniaudio_without_a_device_is_an_os_error() -> None:
    import miniaudio

    from ui.sound_miniaudio import MiniaudioPlayer

    # A backend of another system is never there.
    player = MiniaudioPlayer([miniaudio.Backend.DSOUND])
    with pytest.raises(OSError, match="no sound device"):
        player.start(Sound.GO, 1.0)
    player.stop()


def test_softer_copy_is_the_same_sound_at_half_the_height(tmp_path: Path) -> None:
    original, copy = resources.path("sounds/go.wav"), tmp_path / "go.wav"
    soften(original, copy, 50)
    loud, soft = (_samples(file) for file in (original, copy))
    assert len(loud) == len(soft)
    assert max(soft) == pytest.approx(max(loud) / 2, abs=1)


def _samples(file: Path) -> array[int]:
    with wave.open(str(file), "rb") as read:
        return array("h", read.readframes(read.getnframes()))
