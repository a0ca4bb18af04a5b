"""Whether the X server pressed keys at the pace it was asked for.

A scanner is told from a person by the milliseconds between keys. On a machine that stands still in the middle of a
scan those are not the ones a case is about, and what the till made of them says nothing about the till. The server
itself tells when it pressed each key (the RECORD extension), so this is measured beside the window and its drivers.
"""

from itertools import pairwise
from typing import Any, ClassVar

import pytest
from _pytest.runner import runtestprotocol
from Xlib import X
from Xlib.display import Display
from Xlib.ext import record, xtest
from Xlib.protocol import rq

LATE_MS = 10
"""So much more than asked between two keys is another pace. A scanner's may be 35 ms apart, and is asked for 20 at most."""
TRIES = 6
_CAPS = 66


class Pace:
    """What was asked of one X server and what it did. `late_ms` is the worst of all servers since `forget`."""

    late_ms: ClassVar[int] = 0
    _all: ClassVar[list["Pace"]] = []

    def __init__(self, pressing: Display) -> None:
        self._pressing = pressing
        self._display = Display(pressing.get_display_name())
        self._asked: list[tuple[int, int, int | None]] = []
        self._did: list[tuple[int, int, int]] = []
        self._resting = True
        self._held: set[int] = set()
        ranges: Any = {
            "core_requests": (0, 0),
            "core_replies": (0, 0),
            "ext_requests": (0, 0, 0, 0),
            "ext_replies": (0, 0, 0, 0),
            "delivered_events": (0, 0),
            "device_events": (X.KeyPress, X.KeyRelease),
            "errors": (0, 0),
            "client_started": False,
            "client_died": False,
        }
        context = self._display.record_create_context(0, [record.AllClients], [ranges])
        self._display.flush()
        # Not `record_enable_context`: that one waits for an end that does not come.
        self._stream = record.EnableContext(
            self._take,
            display=self._display.display,
            defer=True,
            opcode=self._display.display.get_extension_major("RECORD"),
            context=context,
        )
        self._display.flush()
        self._all.append(self)

    def asked(self, key_code: int, kind: int, after_ms: int) -> None:
        """A key (an X key code) is to be pressed or released so long after the one before."""
        self._asked.append((kind, key_code, None if self._resting else after_ms))
        self._resting = False
        if kind == X.KeyPress and key_code != _CAPS:
            self._held.add(key_code)
        elif kind == X.KeyPress:
            self._held ^= {key_code}
        elif key_code != _CAPS:
            self._held.discard(key_code)

    def rest(self) -> None:
        """The next key follows the one before at no pace."""
        self._resting = True

    def hear(self) -> None:
        """Read what the server has told; does not wait."""
        self._display.pending_events()

    def close(self) -> None:
        """Hear the end of it."""
        self.settle()
        self._all.remove(self)
        self._display.close()

    @classmethod
    def forget(cls) -> None:
        """A test begins: no key is held, Caps Lock is off, whatever a test before it left."""
        for pace in cls._all:
            pace.let_go()
            pace.settle()
        cls.late_ms = 0

    @classmethod
    def worst_ms(cls) -> int:
        """By how much a gap between two keys was longer than asked, in milliseconds, since `forget`."""
        for pace in cls._all:
            pace.settle()
        return cls.late_ms

    def let_go(self) -> None:
        """Release what is held."""
        for key_code in self._held:
            if key_code == _CAPS:
                xtest.fake_input(self._pressing, X.KeyPress, key_code)
            xtest.fake_input(self._pressing, X.KeyRelease, key_code)
        self._held.clear()
        self._pressing.sync()

    def settle(self) -> None:
        """Compare what was asked with what was done, and begin anew."""
        self.hear()
        times = []
        did = iter(self._did)
        for kind, key_code, after_ms in self._asked:
            # Keys of another keyboard and repeated ones were not asked for.
            at = next((at for at, *key in did if key == [kind, key_code]), None)
            if at is None:
                break
            times.append((at, after_ms))
        for (before, _), (at, after_ms) in pairwise(times):
            if after_ms is not None:
                Pace.late_ms = max(Pace.late_ms, at - before - after_ms)
        self._asked.clear()
        self._did.clear()
        self.rest()

    def _take(self, reply: Any) -> None:
        data = reply.data if reply.category == record.FromServer else b""
        while len(data):
            event, data = rq.EventField("event").parse_binary_value(data, self._display.display, None, None)
            self._did.append((event.time, event.type, event.detail))


def run(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A case that fails at another pace than it asked for is tried again: of the case that says nothing.

    At the pace it asked for it fails at once, and after `TRIES` tries it fails at any. None: not for `item`.
    """
    if not isinstance(item, pytest.Function) or not {"Till", "XDisplay"} & vars(item.module).keys():
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for tried in range(1, TRIES + 1):
        Pace.forget()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = [report for report in reports if report.failed]
        late_ms = Pace.worst_ms()
        for report in failed:
            report.sections.append(
                ("pace", f"try {tried} of {TRIES}, keys up to {late_ms} ms later than asked")
            )
        if late_ms < LATE_MS or not failed:
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
