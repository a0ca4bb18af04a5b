"""The till's own sounds, played without ever holding up the window.

A machine without a sound device is a state (`available` is False), not an error: the till then beeps
through Qt, and tries the device again with each sound.
"""

from __future__ import annotations

import sys
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from ui.view import Sound

if TYPE_CHECKING:
    from collections.abc import Callable

_STOP_WITHIN_S = 2.0


class Player(Protocol):
    """A way to make sounds; lives in the thread of `Sounds` alone."""

    def start(self, name: Sound, volume: float) -> float:
        """Starts a sound, cutting the one before, and says how many seconds it takes.

        `OSError` if there is nothing to play it on.
        """

    def stop(self) -> None:
        """Is silent at once."""


def system_player() -> Player:
    """What this system plays with; called in the thread that will use it."""
    if sys.platform == "win32":
        from ui.sound_windows import WindowsPlayer

        return WindowsPlayer()
    else:
        from ui.sound_miniaudio import MiniaudioPlayer

        return MiniaudioPlayer()


class Sounds:
    """Plays the sounds, one call after the other, in a thread of its own.

    - `play` returns at once; a new call cuts what is still sounding.
    - The thread starts with the first sound and ends with `close`.
    - `on_available` is called in that thread when a device appears or is gone.
    """

    def __init__(
        self,
        *,
        volume: float = 1.0,
        muted: bool = False,
        on_available: Callable[[bool], None] = lambda _: None,
        beep: Callable[[], None] = lambda: None,
        player: Callable[[], Player] = system_player,
    ) -> None:
        self.muted = muted
        self._volume = 1.0
        self.set_volume(volume)
        self._on_available = on_available
        self._beep = beep
        self._make_player = player
        self._available: bool | None = None
        self._calls: SimpleQueue[tuple[Sound, ...] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def available(self) -> bool | None:
        """Whether the last sound could be played; None before the first."""
        return self._available

    @property
    def volume(self) -> float:
        """From 0 to 1."""
        return self._volume

    def set_volume(self, volume: float) -> None:
        """Holds from the next sound on."""
        self._volume = min(max(volume, 0.0), 1.0)

    def play(self, *names: Sound) -> None:
        """Plays the sounds in this order, unless muted."""
        if self.muted or not names:
            return
        if self._available is False:
            self._beep()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
            self._thread.start()
        self._calls.put(names)

    def close(self) -> None:
        """Ends the thread, in the middle of a sound if need be."""
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join(_STOP_WITHIN_S)
            self._thread = None

    def _run(self) -> None:
        player: Player | None = None
        call = self._calls.get()
        while call is not None:
            try:
                player = player or self._make_player()
                next_call = self._play_all(player, call)
            except (OSError, ImportError):
                player = None
                self._tell(available=False)
                next_call = ()
            call = next_call if next_call != () else self._calls.get()
        if player is not None:
            player.stop()

    def _play_all(self, player: Player, names: tuple[Sound, ...]) -> tuple[Sound, ...] | None:
        """Plays them to the end, or until another call comes, which it returns; () if none came."""
        for name in names:
            seconds = player.start(name, self._volume)
            self._tell(available=True)
            try:
                return self._calls.get(timeout=seconds)
            except Empty:
                continue
        player.stop()
        return ()

    def _tell(self, *, available: bool) -> None:
        if available is not self._available:
            self._available = available
            self._on_available(available)
