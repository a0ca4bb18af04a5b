"""The story of a pickup, told by the program itself where there is no screen to look at.

Everything is real: the hub's process, the till's window, its two files, the sync process, a serial
scanner at the end of a pseudo-terminal. Each step is narrated, checked, and leaves a screenshot. The
exit code says whether everything happened as told.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, QTimer

from drivers.virtual import VirtualScanner
from posapp import texts
from posapp.app import TillApp
from posapp.counter.service import Intake
from posapp.domain.orders import HANDED_OVER
from posapp.domain.tickets import TICKET_OPENED, Job
from posapp.ports import DeviceState
from posapp.texts import _
from sync.hub import operator
from ui.screens.service import ServiceScreen
from ui.view import Tone

if TYPE_CHECKING:
    from posapp.hub_process import HubProcess

STEP_S = 30.0


class StoryFault(Exception):
    """Something did not happen as told."""


def play(folder: Path, hub: HubProcess, language: str, out: Path) -> int:
    """Tell the story; 0 where everything happened as told, else 1 with a sentence."""
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scanner = stack.enter_context(_SerialScanner())
        app = stack.enter_context(TillApp(folder, language=language, scanners=scanner.names))
        story = _Story(app, hub, folder, out, scanner)
        try:
            story.tell()
        except StoryFault as fault:
            print(_("That did not happen as told: {what}").format(what=fault), file=sys.stderr)
            return 1
    print(_("All of it happened as told. The pictures are in {folder}.").format(folder=out))
    return 0


class _Story:
    def __init__(
        self, app: TillApp, hub: HubProcess, folder: Path, out: Path, scanner: _SerialScanner
    ) -> None:
        self._app = app
        self._hub = hub
        self._out = out
        self._scanner = scanner
        self._pictures = 0
        self._url = operator.url_for(folder)
        self._codes: dict[str, list[str]] = {}
        self._number: dict[str, str] = {}
        for code in operator.codes(self._url):
            self._codes.setdefault(code["state"], []).append(code["code"])
            self._number[code["code"]] = code["number"]

    def tell(self) -> None:
        app, window = self._app, self._app.window
        window.resize(1280, 800)
        app.show()
        first, second = self._take("ready"), self._take("ready")
        self._until(_("the window is live"), lambda: app.link is not None)
        self._until(_("the orders are here"), lambda: app.books.count("order", "ready") > 0)
        self._until(_("the line is up"), lambda: app.desk.scanning.online)
        self._until(_("the scanner is ready"), lambda: self._scanner.ready(app))
        self._step(_("The store opens. What is ready for pickup lies in its bins."))

        self._scan(first, Tone.GREEN)
        self._step(_("Max shows his code. The card says what to hand over, and from which bin."))
        one = self._hand_over()
        self._step(_("Handed over: it is on this till's disk, and can be undone for a moment."))
        self._until(_("the shop has it"), lambda: self._in_shop(first) == [one])
        self._until(_("the till knows it"), lambda: self._ticks(first, one) == 3)
        self._step(_("The shop has it once, with the till's own reference {ref}.").format(ref=one))

        self._scan(first, Tone.RED)
        self._step(_("The same code again: already picked up, nothing leaves the store."))

        self._hub.stop()
        self._until(_("the till knows it"), lambda: not app.desk.scanning.online)
        self._step(_("The line is cut. The bar says so in plain words."))
        self._scan(second, Tone.GREEN)
        two = self._hand_over()
        self._step(_("The next customer is served all the same; the journal keeps it."))
        ticket = self._take_in()
        self._step(_("A watch is taken in for a battery change: a ticket, a bag, a promised day."))
        self._hub.start()
        self._until(_("the shop has it"), lambda: self._in_shop(second) == [two])
        self._until(_("the till knows it"), lambda: self._ticks(second, two) == 3)
        self._until(_("the hub has the ticket"), lambda: app.desk.service.ticks(ticket) == 2)
        self._step(_("The line is back. Hand-over and ticket arrived by themselves, exactly once."))

        for state, tone in (("not_here_yet", Tone.AMBER), ("unpaid", Tone.RED)):
            if self._codes.get(state):
                self._scan(self._take(state), tone)
                self._step(_("Another code, another answer: the card says what to do."))
        self._show_english_and_dark()

    def _show_english_and_dark(self) -> None:
        from dataclasses import replace

        window = self._app.window
        other = "en" if texts.language() == "de" else "de"
        before = window.settings
        words = _("The same till in the other language, in the dark.")
        window.apply(replace(before, language=other, theme="dark"))
        self._step(words)
        window.apply(before)

    # -- what a person would do and see -----------------------------------------------------------
    def _scan(self, code: str, tone: Tone) -> None:
        number = self._number[code]
        self._scanner.send(self._app, code)
        card = self._app.window.home.card
        self._until(
            _("the card shows {number}").format(number=number),
            lambda: number in card.view.code and card.view.tone is tone,
        )

    def _hand_over(self) -> str:
        """Press what F12 presses; the id of the fact that is on the disk afterwards."""
        journal = self._app.books.journal
        before, _hash = journal.head()
        self._app.window.home.press_primary()
        entries = journal.after(before, 10)
        if [entry.fact.kind for entry in entries] != [HANDED_OVER]:
            raise StoryFault(_("the journal has one more hand-over"))
        return entries[0].fact.id

    def _take_in(self) -> str:
        """Fill in the form and press what F12 presses; the id of the fact that opened the ticket."""
        window, journal = self._app.window, self._app.books.journal
        before, _hash = journal.head()
        window.go("service")
        screen = window.front
        assert isinstance(screen, ServiceScreen)
        watch = _("Steel watch, brown strap")
        screen.fill(Intake(Job.BATTERY, "Max Becker", watch, _("stands still"), None))
        screen.press_primary()
        entries = journal.after(before, 10)
        if [entry.fact.kind for entry in entries] != [TICKET_OPENED]:
            raise StoryFault(_("the journal has the ticket"))
        return entries[0].fact.id

    def _in_shop(self, code: str) -> list[str]:
        number = self._number[code]
        return [
            hand_over["ref"]
            for order in operator.orders(self._url)
            if order["number"] == number
            for hand_over in order["hand_overs"]
        ]

    def _ticks(self, code: str, ref: str) -> int:
        known = self._app.books.know("order", self._number[code])
        return self._app.desk.pickup.ticks(known, ref) if known else 0

    def _take(self, state: str) -> str:
        return self._codes[state].pop(0)

    # -- telling ----------------------------------------------------------------------------------
    def _step(self, words: str) -> None:
        picture = self._picture()
        print(f"{self._pictures:>2}. {words}  [{picture}]", flush=True)

    def _picture(self) -> str:
        self._pictures += 1
        name = f"{self._pictures:02}.png"
        self._settle()
        if not self._app.window.grab().save(str(self._out / name)):
            raise StoryFault(_("the picture {file} could not be written").format(file=self._out / name))
        return name

    def _settle(self) -> None:
        """Let Qt do what is due, so that the picture shows what a person would see."""
        loop = QEventLoop()
        QTimer.singleShot(250, loop.quit)
        loop.exec()

    def _until(self, what: str, happened: Callable[[], bool]) -> None:
        loop = QEventLoop()
        looking = QTimer()
        looking.setInterval(50)
        looking.timeout.connect(lambda: loop.quit() if happened() else None)
        ended = time.monotonic() + STEP_S
        QTimer.singleShot(int(STEP_S * 1000), loop, loop.quit)
        looking.start()
        if not happened():
            loop.exec()
        looking.stop()
        if time.monotonic() >= ended and not happened():
            raise StoryFault(what)


class _SerialScanner:
    """A serial scanner made of a pseudo-terminal; where there is none, a virtual one."""

    def __init__(self) -> None:
        self._master = -1
        self._slave = -1
        self.names: tuple[str, ...] = ("virtual:story",)

    def __enter__(self) -> _SerialScanner:
        if hasattr(os, "openpty"):
            import tty

            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            self.names = (os.ttyname(self._slave),)
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._master, self._slave):
            if end >= 0:
                os.close(end)

    def ready(self, app: TillApp) -> bool:
        """Whether the till listens to it."""
        return any(scanner.status.state is DeviceState.UP for scanner in app.scanners)

    def send(self, app: TillApp, code: str) -> None:
        """What the scanner sends for a code: its characters and a carriage return."""
        if self._master >= 0:
            os.write(self._master, code.encode() + b"\r")
        else:
            scanner = app.scanners[0]
            assert isinstance(scanner, VirtualScanner)
            scanner.scan(code)
