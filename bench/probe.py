"""The till's window with a stopwatch in it: ``python -m bench.probe --data DIR``, on a screen of the bench.

It is the till as `posapp till` starts it, sync process and all; beside it stand a filter that notes when
the Enter of a scan arrives from the X server, a slot on the card's own `painted`, and a heart that beats in the window's
event loop. It is told what to do line by line on standard input and answers with a JSON object a line.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import (
    QAbstractNativeEventFilter,
    QCoreApplication,
    QObject,
    QSocketNotifier,
    Qt,
    QTimer,
)

from bench.data import KEY
from posapp.app import TillApp
from posapp.storage import files, mirror
from ui.card import ResultCard

if TYPE_CHECKING:
    from types import FrameType

    from ui.view import CardView

BEAT_MS = 2
NOTED_MS = 15.0
"""From here on it is looked up what the loop was at."""
ROW = "SELECT kind, id, body FROM token JOIN record USING (n) WHERE token = ?"
_WRAP = 1 << 32
KEY_PRESS, RETURN = 2, 36


class Heart:
    """Beats in the event loop; a pause between two beats is how long the loop was held.

    The pause is told whole, so a hold is never told shorter than it was, and at most one beat longer.
    """

    def __init__(self) -> None:
        self.doing = "start of the rest"
        self._timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last = time.perf_counter()
        self._worked = time.thread_time()
        self._seen: dict[str, int] = {}
        self._main = threading.get_ident()
        self._waits = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        self._waited = self._waited_ms()
        self._cpu = ctypes.CDLL(None).sched_getcpu
        self.holds: list[tuple[float, float, int, float, float, str, str]] = []
        """As `bench.till.Hold` has them."""

    def _waited_ms(self) -> float:
        """How long this thread has waited for a processor in all (Linux's sched-stats: nanoseconds)."""
        return int(os.pread(self._waits, 80, 0).split()[1]) / 1e6

    def start(self) -> None:
        """Begin to beat, and to look where the code is when a beat is late."""
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._waited = self._waited_ms()
        self._timer.start()
        threading.Thread(target=self._look, name="heart", daemon=True).start()

    def _beat(self) -> None:
        now, worked, waited = time.perf_counter(), time.thread_time(), self._waited_ms()
        held = (now - self._last) * 1000
        if held > NOTED_MS:
            where = max(self._seen, key=lambda at: self._seen[at]) if self._seen else ""
            work = (worked - self._worked) * 1000
            found = (self._last, now, self._cpu(), work, waited - self._waited, self.doing, where)
            self.holds.append(found)
        self._seen.clear()
        self._last, self._worked, self._waited = now, worked, waited

    def _look(self) -> None:
        while True:
            time.sleep(NOTED_MS / 2000)
            if (time.perf_counter() - self._last) * 1000 > NOTED_MS / 2:
                frame = sys._current_frames().get(self._main)
                at = _place(frame)
                self._seen[at] = self._seen.get(at, 0) + 1


def _place(frame: FrameType | None) -> str:
    """The innermost three of our own functions that run."""
    # Without a look at the sources, which would hold up the window itself.
    ours: list[str] = []
    while frame is not None and len(ours) < 3:
        code = frame.f_code
        if "/site-packages/" not in code.co_filename and "/bench/" not in code.co_filename:
            ours.append(f"{Path(code.co_filename).stem}.{code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " > ".join(reversed(ours))


class Keys(QAbstractNativeEventFilter):
    """Sees the X server's events before the till does: the filter installed last comes first."""

    def __init__(self, enter: Callable[[int], None]) -> None:
        super().__init__()
        self._enter = enter

    def nativeEventFilter(self, kind: object, message: object) -> tuple[bool, int]:
        event = ctypes.string_at(int(message), 8)  # type: ignore[call-overload]  # shiboken's pointer type
        if event[0] == KEY_PRESS and event[1] == RETURN:
            self._enter(int.from_bytes(event[4:8], "little"))
        return False, 0


class Probe(QObject):
    """Takes the orders of the bench. Main thread only."""

    def __init__(self, app: TillApp, folder: Path, expected: str) -> None:
        super().__init__()
        self._app = app
        card = app.window.findChild(ResultCard)
        assert card is not None
        self._card = card
        self._card.painted.connect(self._on_painted)
        self._raw = files.connect(mirror.path_in(folder), KEY)
        self._expected = expected
        self._enter = 0.0
        self._pressed = 0
        self._baseline = 0.0
        self._views: list[CardView] = []
        self.heart = Heart()
        self._orders: dict[str, Callable[[str], None]] = {
            "expect": self._expect,
            "baseline": self._show_in_hand,
            "doing": self._note,
            "holds": self._tell_holds,
            "settled": self._settled,
            "state": self._tell_state,
        }
        self._keys = Keys(self.enter)
        cast("QCoreApplication", QCoreApplication.instance()).installNativeEventFilter(self._keys)
        self._rest = b""
        self._notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._on_orders)

    # -- orders -----------------------------------------------------------------------------------
    def _on_orders(self) -> None:
        read = os.read(sys.stdin.fileno(), 1 << 16)
        if not read:
            self._notifier.setEnabled(False)
            self._app.window.close()
            return
        *lines, self._rest = (self._rest + read).split(b"\n")
        for line in lines:
            order, _, rest = line.decode().partition(" ")
            self._orders[order](rest)

    def _expect(self, number: str) -> None:
        """A scan comes: note its Enter, and when the card of this order is on the screen."""
        self._expected = number
        self._enter = 0.0
        self._say(ready=True)

    def enter(self, pressed: int) -> None:
        """The Enter of a scan has arrived; ``pressed`` is the X server's time of it."""
        self._enter = time.perf_counter()
        self._pressed = pressed

    def _show_in_hand(self, token: str) -> None:
        """The least there is to do: read the row, and have the card painted that is ready.

        It is the card of the scan before the last one, in the place of the last one's, as a scan puts
        the card of one order in the place of another's.
        """
        view = self._views[0]
        self._baseline = time.perf_counter()
        row = self._raw.execute(ROW, (token,)).fetchone()
        assert row is not None
        assert row[1] == view.code
        self._card.show_view(view)

    def _on_painted(self, at: float) -> None:
        if self._baseline:
            begun, self._baseline = self._baseline, 0.0
            self._say(baseline=(at - begun) * 1000)
        elif self._enter and self._expected and self._card.view.code == self._expected:
            self._expected = ""
            self._views = [*self._views[-1:], self._card.view]
            pressed = (at * 1000 - self._pressed + _WRAP / 2) % _WRAP - _WRAP / 2
            self._say(scan=(at - self._enter) * 1000, pressed=pressed)

    def _note(self, what: str) -> None:
        self.heart.doing = what

    def _tell_holds(self, _: str) -> None:
        holds, self.heart.holds = self.heart.holds, []
        self._say(holds=holds)

    def _settled(self, _: str) -> None:
        """Answer when everything that waits in the loop has had its turn."""
        QTimer.singleShot(0, self, lambda: self._say(settled=True, place=self._app.window.place))

    def _tell_state(self, _: str) -> None:
        """What the window shows, for the word on a scan that led to nothing."""
        home = self._app.window.home
        self._say(
            state={
                "place": self._app.window.place,
                "card": self._card.view.code,
                "headline": self._card.view.headline,
                "field": home.field.text(),
                "active": self._app.window.isActiveWindow(),
                "enter": bool(self._enter),
                "expected": self._expected,
            }
        )

    def _say(self, **words: object) -> None:
        print(json.dumps(words), flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.probe")
    parser.add_argument("--data", required=True)
    parser.add_argument("--expect", default="", metavar="NUMBER", help="a scan comes as soon as it is live")
    chosen = parser.parse_args()
    folder = Path(chosen.data)
    probe: list[Probe] = []

    def live(hub: str) -> None:
        gc.freeze()
        gc.enable()
        probe[0].heart.start()
        print(json.dumps({"live": hub}), flush=True)

    # As `posapp till` does it: what is loaded until the till is live is not looked through for garbage.
    gc.disable()
    with TillApp(folder, language="de", on_live=live) as app:
        probe.append(Probe(app, folder, chosen.expect))
        return app.run()


if __name__ == "__main__":
    sys.exit(main())
