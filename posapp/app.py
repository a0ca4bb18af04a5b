"""The till's composition root: the one module that knows everybody, and the window's life.

Order of the start, because a clerk waits for it: Qt, settings, the two files, the window, the first
paint. Only then the sync process, the scanners on cables and the sounds. Everything started is
entered in one `ExitStack`, so stopping is starting reversed.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication

from posapp import paths, settings, texts
from posapp.counter import desk
from posapp.counter.till import Till
from posapp.devices import Profiles
from posapp.domain import gs1
from posapp.domain.facts import subject
from posapp.hardware import WEDGE, Hardware
from posapp.storage.books import Books
from ui.bridge import Bridge, ClaimTold, LineState
from ui.tokens import STYLE
from ui.told import tell
from ui.window import TillWindow

if TYPE_CHECKING:
    from posapp.ports import Scanner
    from sync.link import EngineLink
    from ui.foyer import Foyer

log = logging.getLogger(__name__)


class TillApp:
    """One till's window with everything behind it. Use as a context manager, then `run`.

    Raises StorageFault on entry: in use, not enrolled, damaged, too new, key missing, revoked. One that is
    revoked while it runs closes itself; ``ended`` is then the reason.
    """

    ended = ""

    def __init__(
        self,
        folder: Path,
        *,
        language: str | None = None,
        scanners: Sequence[str] = (),
        on_live: Callable[[str], None] = lambda hub: None,
        bridge: Bridge | None = None,
    ) -> None:
        self._folder = folder
        self._language = language
        self._scanners = tuple(scanners)
        self._on_live = on_live
        self._given = bridge
        self._stack = ExitStack()
        self.link: EngineLink | None = None

    @property
    def scanners(self) -> list[Scanner]:
        """The scanners that are open."""
        return self.hardware.scanners

    def __enter__(self) -> TillApp:
        try:
            for _step in self.opening():
                pass
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything, in reverse order. Harmless twice, and after a failed start."""
        self._stack.close()

    def opening(self, foyer: Foyer | None = None) -> Iterator[str]:
        """Open the files, build the window; short steps, between which an event loop may turn.

        With a ``foyer`` the window moves into that one and is shown. Raises StorageFault; then `close`
        stops what was started.
        """
        from drivers.keys import StoredKeys

        stack = self._stack
        chosen = settings.load(self._folder)
        if self._language:
            from dataclasses import replace

            chosen = replace(chosen, language=self._language)
        self._settings = chosen
        texts.use(chosen.language)
        self.qt = QApplication.instance() or _application()
        stack.enter_context(paths.FolderLock(self._folder, "till"))
        books = Books(self._folder, self._folder / paths.LEDGER, StoredKeys().load(self._folder))
        stack.callback(books.close)
        books.journal.check_live()
        self.books = books
        self.hub = books.journal.meta("hub")
        yield "files"
        self.bridge = self._given or Bridge()
        till = Till(
            books,
            now=lambda: datetime.now(UTC),
            clerk=lambda: self._settings.clerk,
            wake=self._wake,
        )
        self.desk = desk.build(till, self._look_up, self._claim, self._release)
        self.bridge.line_changed.connect(self._on_line)
        self.bridge.claim_told.connect(self._on_claim)
        self.bridge.mirror_replaced.connect(books.reopen_mirror)
        self.window = TillWindow(
            self.desk, self.bridge, chosen, self._save_settings, wedge=foyer.wedge if foyer else None
        )
        self.hardware = Hardware(self._folder, self.window, self._scanners)
        self.window.workshop = self.hardware
        self.window.profiles = Profiles(self._folder, self.hardware.on_profile)
        typing = self.window.profiles.find(WEDGE)
        if typing is not None:
            self.window.wedge.adopt(typing)
        stack.callback(self._close_window)
        stack.callback(self.hardware.close)
        yield "window"
        if foyer is not None:
            self.window.when_live(self._live)
            foyer.give_way(self.window)

    def _close_window(self) -> None:
        """Close the window and let nothing that still waits for it reach the closed files."""
        self.bridge.blockSignals(True)
        self.window.close()
        for part in (self.window, self.bridge):
            part.deleteLater()
            QApplication.sendPostedEvents(part, QEvent.Type.DeferredDelete)

    def run(self) -> int:
        """Show the window and serve it until it is closed; the exit code."""
        self.show()
        with signals():
            return QApplication.exec()

    def show(self) -> None:
        """Show the window; what is not needed for the first paint is started right after it."""
        self.window.show()
        self.window.activateWindow()
        self.window.when_live(self._live)

    def _live(self) -> None:
        self._on_live(self.hub)
        self._start_rest(iter((self._start_log, self._start_sync, self._start_devices)))

    def _start_rest(self, steps: Iterator[Callable[[], None]]) -> None:
        """What the first paint does without, each in a turn of the event loop of its own."""

        def step() -> None:
            start = next(steps, None)
            if start is not None:
                start()
                QTimer.singleShot(0, self.window, step)

        QTimer.singleShot(0, self.window, step)

    def _start_log(self) -> None:
        from posapp import logs
        from ui.warm_up import warm_up

        warm_up(self.window, self.window.theme)
        logs.start(self._folder, "till")
        self._catch_errors()
        self._offer_undo()

    def _start_sync(self) -> None:
        from sync.link import EngineLink

        self.link = EngineLink(
            [sys.executable, "-m", "posapp", "sync", "--data", str(self._folder), "--attached"],
            partial(tell, self.bridge),
        )
        self._stack.callback(self.link.stop)
        self.link.start()

    def _start_devices(self) -> None:
        self.hardware.open(self._settings)
        self.window.start_sounds()
        threading.Thread(target=gs1.warm_up, name="codes", daemon=True).start()

    def _offer_undo(self) -> None:
        """What was done right before the window was closed or fell over can be taken back as ever."""
        from ui.kinds import presenters

        found = self.desk.last_act()
        if found is not None and self.window.undo_bar.isHidden():
            fact, done = found
            self.window.offer_undo(presenters()[fact.subject_kind].acted(self.desk, done, fact))

    # -- sync -------------------------------------------------------------------------------------
    def _wake(self) -> None:
        if self.link is not None:
            self.link.wake()

    def _look_up(self, code: str) -> None:
        if self.link is not None:
            self.link.look_up(code)

    def _claim(self, order: str, known: Sequence[str]) -> None:
        if self.link is not None:
            self.link.claim(order, known)

    def _release(self, order: str) -> None:
        if self.link is not None:
            self.link.release(order)

    def _on_line(self, state: LineState) -> None:
        if state.reason in ("till-revoked", "till-wiped"):
            self.ended = state.reason
            QApplication.quit()
        self.desk.scanning.online = state.online
        self.desk.custody.repeat()

    def _on_claim(self, told: ClaimTold) -> None:
        self.desk.custody.told(told.order, told.state, told.till)
        self.bridge.changed.emit((subject("order", told.order),))

    # -- the rest ---------------------------------------------------------------------------------
    def _save_settings(self, chosen: settings.Settings) -> None:
        self._settings = chosen
        # First, so that what cannot be saved holds at least until the end.
        self.hardware.adopt(chosen)
        settings.save(self._folder, chosen)

    def _catch_errors(self) -> None:
        """An exception nobody caught is logged with its traceback and told in a sentence; all goes on."""
        from ui.mishap import Mishap

        self.window.status.mishap = Mishap(self.window)
        tell = self.bridge.mishap.emit

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            log.error("an error nobody expected", exc_info=(kind, error, trace))
            tell()

        def in_thread(found: threading.ExceptHookArgs) -> None:
            log.error(
                "an error nobody expected, in %s",
                found.thread.name if found.thread else "a thread",
                exc_info=found.exc_value,
            )
            tell()

        for module, name, ours in ((sys, "excepthook", hook), (threading, "excepthook", in_thread)):
            self._stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, ours)


def signals() -> ExitStack:
    """SIGTERM and SIGINT close the window as a person would.

    Python runs its handlers only between bytecodes, which Qt's loop may not reach for long; a
    wake-up pipe that Qt watches brings it there at once.
    """
    import signal

    from PySide6.QtCore import QSocketNotifier

    stack = ExitStack()
    if sys.platform == "win32":
        return stack
    inside, outside = os.pipe()
    for end in (inside, outside):
        os.set_blocking(end, False)
        stack.callback(os.close, end)
    notifier = QSocketNotifier(inside, QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: os.read(inside, 64))
    stack.callback(notifier.setEnabled, False)
    stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(outside))
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.signal(number, lambda *_: QApplication.quit())
        stack.callback(signal.signal, number, before)
    return stack


def _application() -> QApplication:
    os.environ["QT_STYLE_OVERRIDE"] = STYLE
    return QApplication(sys.argv[:1])
