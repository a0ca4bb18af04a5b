"""A screen and a keyboard of our own: Xvfb, a window manager, and key events as a scanner makes them.

The keys go through XTEST: to the X server they come from hardware, so they have key codes, modifiers
and the server's time, and the program under test cannot tell them from a scanner's. Tools that "type
a text" are no substitute: they look the characters up in the current layout and so never show what a
scanner of one layout does to a host of another.

Nothing here sleeps. The pace between keys is kept by the X server, and whatever has to be waited for
is waited for by the event that tells of it.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest
from Xlib.xobject.drawable import Window

from tests.pace import Pace

_EVDEV = 8  # X key codes are evdev's plus 8
_SHIFT = 42
ENTER, TAB, ESCAPE = 28, 15, 1

# What a scanner set to the US layout presses for a character: evdev key code, with Shift or without.
_PLAIN = {
    **dict(zip("1234567890-=", range(2, 14), strict=True)),
    **dict(zip("qwertyuiop[]", range(16, 28), strict=True)),
    **dict(zip("asdfghjkl;'`", range(30, 42), strict=True)),
    **dict(zip("\\zxcvbnm,./", range(43, 54), strict=True)),
    " ": 57,
    "\r": ENTER,
    "\n": ENTER,
    "\t": TAB,
}
_SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))
US_KEYS = (
    {character: (code, False) for character, code in _PLAIN.items()}
    | {character.upper(): (code, True) for character, code in _PLAIN.items() if character.isalpha()}
    | {character: (_PLAIN[plain], True) for character, plain in _SHIFTED.items()}
)
_FUNCTION_KEYS = dict(zip([f"F{number}" for number in range(1, 13)], [*range(59, 69), 87, 88], strict=True))
_NAMED = _FUNCTION_KEYS | {
    "Enter": ENTER,
    "Tab": TAB,
    "Escape": ESCAPE,
    "Backspace": 14,
    "Space": 57,
    "Up": 103,
    "Down": 108,
    "Left": 105,
    "Right": 106,
    "Ctrl": 29,
    "Shift": _SHIFT,
    "Alt": 56,
    "CapsLock": 58,
}


class XDisplay:
    """An X server with a window manager, from ``with`` to the end of its block.

    Takes a free display number, so any number of test runs get along. Everything it started ends
    with it. Not for two threads at once.
    """

    def __init__(self, size: tuple[int, int] = (1280, 800), layout: str = "us") -> None:
        self._size = size
        self._layout = layout
        self._stack = ExitStack()
        self.name = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.name = stack.enter_context(_Server(self._size)).name
            self._display = Display(self.name)
            stack.callback(self._display.close)
            self.pace = Pace(self._display)
            stack.callback(self.pace.close)
            self._root: Window = self._display.screen().root
            self._root.change_attributes(event_mask=X.PropertyChangeMask)
            self._display.sync()
            stack.enter_context(_Child(["openbox", "--sm-disable"], env=self.env))
            self._wait(lambda: self._root_window("_NET_SUPPORTING_WM_CHECK") != 0, 30, "a window manager")
            self.set_layout(self._layout)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a program opens its window on this screen, through xcb."""
        return self.env_from(os.environ)

    def env_from(self, base: Mapping[str, str]) -> dict[str, str]:
        """The same, made from another environment than our own."""
        left_out = ("WAYLAND_DISPLAY", "XAUTHORITY", "QT_IM_MODULE", "XMODIFIERS")
        kept = {name: value for name, value in base.items() if name not in left_out}
        return kept | {"DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb", "XDG_SESSION_TYPE": "x11"}

    def set_layout(self, layout: str) -> None:
        """Gives the host another keyboard layout; programs learn of it before the next key."""
        subprocess.run(["setxkbmap", "-display", self.name, layout], check=True, timeout=30)
        self._display.sync()

    def active_window(self) -> int:
        """The id of the window that has the keyboard, 0 if none has."""
        return self._root_window("_NET_ACTIVE_WINDOW")

    def wait_for_window(self, title: str = "", timeout: float = 30) -> int:
        """Waits until a window whose title matches is the active one; its id. Raises TimeoutError."""
        self._wait(lambda: self._is_active(title), timeout, f"an active window {title!r}")
        return self.active_window()

    def type_code(self, text: str, delay_ms: int = 2, end: str = "\r") -> None:
        """Scans: presses what a US-layout scanner presses, key by key, and returns after the last.

        A shifted character has a real Shift around it. Raises KeyError for what no US key gives.
        """
        for character in text + end:
            code, shifted = US_KEYS[character]
            if shifted:
                self._key(_SHIFT, down=True)
            self._key(code, down=True, after_ms=delay_ms)
            self._key(code, down=False)
            if shifted:
                self._key(_SHIFT, down=False)
        self._display.sync()
        self.pace.hear()

    def press(self, *keys: str, delay_ms: int = 20) -> None:
        """Presses keys together as a person does: ``press("F12")``, ``press("Ctrl", "z")``."""
        codes = [_NAMED[key] if key in _NAMED else _PLAIN[key] for key in keys]
        for code in codes:
            self._key(code, down=True, after_ms=delay_ms)
        for code in reversed(codes):
            self._key(code, down=False, after_ms=delay_ms)
        self._display.sync()

    def _key(self, code: int, *, down: bool, after_ms: int = 0) -> None:
        kind = X.KeyPress if down else X.KeyRelease
        self.pace.asked(code + _EVDEV, kind, after_ms)
        xtest.fake_input(self._display, kind, code + _EVDEV, time=after_ms)

    def _is_active(self, title: str) -> bool:
        window = self.active_window()
        return window != 0 and re.search(title, self._title(window)) is not None

    def _title(self, window: int) -> str:
        found = self._display.create_resource_object("window", window).get_full_text_property(
            self._display.intern_atom("_NET_WM_NAME")
        )
        return found or ""

    def _root_window(self, name: str) -> int:
        found = self._root.get_full_property(self._display.intern_atom(name), X.AnyPropertyType)
        return int(found.value[0]) if found is not None and len(found.value) else 0

    def _wait(self, holds: Callable[[], bool], timeout: float, what: str) -> None:
        """Asks again at each change of the root window's properties: the window manager tells there."""
        until = time.monotonic() + timeout
        while not holds():
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what} did not appear on {self.name} within {timeout:g} s")
            if not self._display.pending_events():
                # Titles are set on the windows themselves: look again now and then all the same.
                select.select([self._display.fileno()], [], [], min(left, 0.1))
            while self._display.pending_events():
                self._display.next_event()


class _Child:
    """A process that ends with its block."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end(self._process)


class _Server(_Child):
    """Xvfb on a number that it finds free itself."""

    def __init__(self, size: tuple[int, int]) -> None:
        reading, writing = os.pipe()
        width, height = size
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24"]
        command += ["-nolisten", "tcp", "-noreset", "-dpi", "96"]
        try:
            self._process = subprocess.Popen(
                command,
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(writing)
        # The pipe closes when the server dies, so this ends either way.
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        if not number:
            end(self._process)
            raise RuntimeError("Xvfb did not start")
        self.name = f":{number}"


def end(process: subprocess.Popen[bytes], timeout: float = 10) -> None:
    """Asks a process to end and makes it end; returns when it is gone."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def missing_programs() -> list[str]:
    """What this module needs and the system lacks, for a test's word on why it did not run."""
    return [name for name in ("Xvfb", "openbox", "setxkbmap") if shutil.which(name) is None]
