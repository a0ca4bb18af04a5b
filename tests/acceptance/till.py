"""The window of these cases on a screen of its own, and the keyboard and the scanner before it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from Xlib import X
from Xlib.ext import xtest

from tests.x11 import XDisplay, end

CODE = "PK7KX29DRTH"
OTHER = "PK4GN7P2TXV"
CTRL, SHIFT, CAPS, NUM, ALT = 29, 42, 58, 69, 56
KEYPAD = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}


class Till(XDisplay):
    """A screen with that window, active. Everything ends with the block."""

    def __init__(self, layout: str = "us", extra: Mapping[str, str] | None = None) -> None:
        super().__init__(layout=layout)
        self._extra = dict(extra or {})

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.acceptance.window"],
                env=self.env | self._extra,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self.wait_for_window("till")
            self.focus("field")
            self.state()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = getattr(self, "process", None)
        if process is not None:
            end(process)
            with suppress(BrokenPipeError):  # a window that crashed; the test says so
                process.stdin.close()
            process.stdout.close()
        super().__exit__(kind, error, trace)

    def say(self, **order: Any) -> None:
        """Give an order; nothing is waited for."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The window's next line."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.pace.rest()
        return found

    def focus(self, on: str) -> None:
        """Start afresh, with the focus there."""
        self.say(do="focus", on=on)
        self.answer()
        if on == "dialog":
            self.wait_for_window("pay")
        elif on != "list":
            self.wait_for_window("till")

    def learn(self, **values: Any) -> None:
        """Set the scanner up."""
        self.say(do="profile", values=values)
        self.answer()

    def state(self) -> dict[str, Any]:
        """How it stands after all keys so far."""
        self.press("F9")
        return self.answer()

    def key(self, code: int, *, down: bool, after_ms: int = 0) -> None:
        """One press or release, by evdev code."""
        self._key(code, down=down, after_ms=after_ms)

    def tap(self, code: int, after_ms: int = 0) -> None:
        """Press and release."""
        self.key(code, down=True, after_ms=after_ms)
        self.key(code, down=False)

    def click(self, x: int, y: int, after_ms: int = 0) -> None:
        """Press and release the mouse's first button there."""
        xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)
        xtest.fake_input(self._display, X.ButtonPress, 1, time=after_ms)
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        self._display.sync()

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """The event loop stands still meanwhile."""
        self.say(do="block")
        self.answer()
        try:
            yield
        finally:
            self.say(do="go on")
