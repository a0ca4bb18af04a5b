"""The start of the till's window: a scan is taken at once, the till itself moves in behind it.

The field is on screen and live before the till's files are open and its screens are built. What they
need is imported by a thread, and built in turns of the event loop, so that the field goes on living.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from posapp import settings, texts
from posapp.domain.errors import StorageFault
from posapp.texts import _
from ui.bridge import Bridge
from ui.foyer import Foyer
from ui.tokens import STYLE

if TYPE_CHECKING:
    from posapp.app import TillApp


def run(
    folder: Path,
    *,
    language: str | None,
    scanners: Sequence[str],
    on_live: Callable[[], None],
    on_ready: Callable[[str], None],
) -> int:
    """Show the till and serve it until it is closed; the exit code.

    ``on_live`` is called when a scan is taken, ``on_ready`` with the hub's address when the whole till
    is there. Raises StorageFault where the folder cannot be served; nothing was changed then.
    """
    chosen = settings.load(folder)
    texts.use(language or chosen.language)
    os.environ["QT_STYLE_OVERRIDE"] = STYLE
    application = QApplication([])
    with ExitStack() as stack:
        opening = _Opening(folder, language, scanners, on_ready, stack)
        foyer = opening.foyer = Foyer(_("Scan or type a code"), dark=chosen.theme == "dark")
        stack.callback(foyer.close)

        def live() -> None:
            on_live()
            opening.load()

        foyer.when_live(live)
        foyer.show()
        foyer.activateWindow()
        code = application.exec()
        if opening.fault is not None:
            raise opening.fault
        if opening.app is not None and opening.app.ended:
            raise StorageFault(opening.app.ended, folder=str(folder))
    return code


class _Opening:
    """Brings the till behind its field, a step in each turn of the event loop."""

    foyer: Foyer

    def __init__(
        self,
        folder: Path,
        language: str | None,
        scanners: Sequence[str],
        on_ready: Callable[[str], None],
        stack: ExitStack,
    ) -> None:
        self._folder = folder
        self._language = language
        self._scanners = scanners
        self._on_ready = on_ready
        self._stack = stack
        self._bridge = Bridge()
        self.app: TillApp | None = None
        self.fault: StorageFault | None = None
        self._bridge.loaded.connect(self._open)

    def load(self) -> None:
        """Import the till on a thread of its own; the field lives on meanwhile."""
        threading.Thread(target=self._import, name="loading", daemon=True).start()

    def _import(self) -> None:
        try:
            import posapp.app  # noqa: F401
        finally:
            # What could not be imported says so again, on the main thread.
            self._bridge.loaded.emit()

    def _open(self) -> None:
        from posapp.app import TillApp, signals

        app = TillApp(
            self._folder,
            language=self._language,
            scanners=self._scanners,
            on_live=self._on_ready,
            bridge=self._bridge,
        )
        self.app = app
        steps = app.opening(self.foyer)
        self._stack.callback(app.close)
        self._stack.enter_context(signals())

        def step() -> None:
            try:
                more = next(steps, None)
            except StorageFault as fault:
                self.fault = fault
                QApplication.quit()
                return
            if more is not None:
                QTimer.singleShot(0, self.foyer, step)

        step()


def needs_display() -> bool:
    """Whether there is no screen to show a window on and none was chosen by hand."""
    return (
        sys.platform.startswith("linux")
        and not os.environ.get("DISPLAY")
        and not os.environ.get("WAYLAND_DISPLAY")
        and not os.environ.get("QT_QPA_PLATFORM")
    )


def show_notice(fault: StorageFault, folder: Path) -> None:
    """Show why there is no till, in a window of its own until it is closed.

    One that was revoked goes on sending meanwhile what the hub has not got.
    """
    from sync.link import EngineLink
    from ui.notice import Notice

    application = QApplication.instance() or QApplication(sys.argv[:1])
    notice = Notice(texts.sentence(fault))
    notice.show()
    if fault.reason != "till-revoked":
        application.exec()
        return
    command = [sys.executable, "-m", "posapp", "sync", "--data", str(folder), "--attached"]
    link = EngineLink(command, lambda event: None)
    link.start()
    try:
        application.exec()
    finally:
        link.stop()
