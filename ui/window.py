"""The till's window: its places, the line, the undo bar, the keys, and the way of every scan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from posapp import texts
from posapp.texts import _
from ui import wedge
from ui.bridge import Bridge
from ui.mat import Mat
from ui.news import News
from ui.rail import Place, Rail
from ui.screens import places
from ui.screens.places import PLACES
from ui.screens.scan import ScanScreen
from ui.status import Status
from ui.theme import Theme
from ui.undo_bar import UndoBar
from ui.view import Action

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QPaintEvent, QResizeEvent

    from posapp.counter.desk import Desk
    from posapp.devices import Profiles
    from posapp.domain.codes import Scan
    from posapp.domain.known import Known
    from posapp.settings import Settings
    from ui.held_keys import HeldKeys
    from ui.help import HelpOverlay
    from ui.presenter import Acted
    from ui.screens.devices import Workshop
    from ui.screens.screen import Screen

LEAST_WIDTH = 820
"""What the screens need at 100 %."""


class TillWindow(QWidget):
    """Promises: a scan is taken on every place and never reaches a widget; what was done can be taken
    back on every place while its bar is shown; only the place in front is read again when something
    changes, the others when they are shown. No dialog is ever opened.

    ``save_settings`` is called with each change the clerk makes. Call `start_sounds` once the window
    is live.
    """

    def __init__(
        self,
        desk: Desk,
        bridge: Bridge,
        settings: Settings,
        save_settings: Callable[[Settings], None],
        wedge: HeldKeys | None = None,
    ) -> None:
        super().__init__()
        self._given = wedge
        self.desk = desk
        self.bridge = bridge
        self.settings = settings
        self._save = save_settings
        self._acted: Acted | None = None
        self._live: Callable[[], None] | None = None
        self._help: HelpOverlay | None = None
        self.profiles: Profiles | None = None
        self.workshop: Workshop | None = None
        # As large as is usual for a till, and never larger than the screen.
        self.resize(QSize(1280, 800).boundedTo(self.screen().availableSize()))
        self.theme = Theme(self)
        self._apply_look()
        self._build()
        self.retranslate()
        self._listen()

    # -- building -----------------------------------------------------------------------------------
    def _build(self) -> None:
        self.setProperty("kind", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(1024, 768)
        self.rail = Rail(self.theme, self)
        self.rail.chosen.connect(self.go)
        self.status = Status(
            self.desk, self.bridge, self.rail, self.theme, settings=self.settings, parent=self
        )
        topbar = self.status.topbar
        topbar.line_pressed.connect(lambda: self.go("attention"))
        topbar.help_pressed.connect(self.show_help)
        self.home = ScanScreen(self.desk, self.theme)
        self.home.acted.connect(self.offer_undo)
        self.screens: dict[str, Screen] = {}
        self.stack = QStackedWidget(self)
        self._add("scan", self.home)
        self.undo_bar = UndoBar(self.theme, self)
        self.undo_bar.undone.connect(lambda _id: self.undo())
        self.undo_bar.expired.connect(self._on_undo_over)
        beside = self.theme.px(16)
        # What is told above the screens; more strips are added once they have something to say.
        self.strips = QVBoxLayout()
        self.strips.setContentsMargins(beside, 0, beside, 0)
        self.strips.setSpacing(self.theme.px(8))
        self.strips.addWidget(self.status.bar)
        below = QVBoxLayout()
        below.setContentsMargins(beside, 0, beside, beside)
        below.addWidget(self.undo_bar)
        side = QVBoxLayout()
        side.setSpacing(0)
        side.setContentsMargins(0, 0, 0, 0)
        side.addWidget(topbar)
        side.addLayout(self.strips)
        side.addWidget(self.stack, 1)
        side.addLayout(below)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.rail)
        across.addLayout(side, 1)
        self.mat = Mat(self)
        self._bind_keys()

    def _bind_keys(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "F1": self.show_help,
            "F3": partial(self.go, "search"),
            "F12": self._on_primary,
            "Esc": self.back,
            "Ctrl+Z": self.undo,
        }
        keys |= {f"Ctrl+{at}": partial(self.go, place) for at, place in enumerate(PLACES, start=1)}
        for key, act in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            # A key that is held must not press what the first press has put in front.
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(act)

    def _listen(self) -> None:
        bridge = self.bridge
        bridge.code_scanned.connect(self.take_scan)
        self.news = News(self)
        bridge.looked_up.connect(self.home.looked_up)
        # The window it moves into may hear the keyboard's scanners already.
        self.wedge = self._given or wedge.install(self, bridge.code_scanned.emit)

    def _add(self, name: str, screen: Screen) -> None:
        self.screens[name] = screen
        self.stack.addWidget(screen)
        screen.go.connect(self.go)
        screen.open_subject.connect(self._on_open)
        screen.sounded.connect(self.status.play)
        screen.wrote.connect(self.status.refresh)

    def built(self, name: str) -> Screen:
        """The place; built before it is wanted, or when it is."""
        if name not in self.screens:
            self._add(name, places.make(name, self))
            self.screens[name].retranslate()
        return self.screens[name]

    # -- what app.py calls ----------------------------------------------------------------------------
    def when_live(self, call: Callable[[], None]) -> None:
        """Call back once, after the first paint, when a scan would be taken."""
        self._live = call

    def start_sounds(self) -> None:
        """Begin to be heard; the device is opened by the first sound."""
        self.status.start_sounds()

    def apply(self, settings: Settings) -> None:
        """Take over changed settings at once, and keep them."""
        before, self.settings = self.settings, settings
        self._save(settings)
        if (before.theme, before.scale) != (settings.theme, settings.scale):
            self._apply_look()
        self.status.apply(settings)
        if before.language != settings.language:
            texts.use(settings.language)
        self.retranslate()

    def retranslate(self) -> None:
        """Set every text again, in the language in use."""
        entries = [
            Place(name, icon, _(label), _("{place} (Ctrl+{number})").format(place=_(label), number=at))
            for at, (name, (icon, label)) in enumerate(PLACES.items(), start=1)
        ]
        self.rail.show_places(entries)
        self.rail.select(places.rail_of(self.place))
        self.rail.setAccessibleName(_("Places"))
        self.status.retranslate()
        if self._acted is not None:
            self.undo_bar.button.show_action(_undo_action())
        for screen in self.screens.values():
            screen.retranslate()

    # -- going about ----------------------------------------------------------------------------------
    @property
    def place(self) -> str:
        """The place in front."""
        front = self.stack.currentWidget()
        return next(name for name, screen in self.screens.items() if screen is front)

    @property
    def front(self) -> Screen:
        """The screen in front."""
        return self.screens[self.place]

    def go(self, to: str) -> None:
        """Show a place; ``search`` is the pickups' search field."""
        name = "pickups" if to == "search" else to
        screen = self.built(name)
        self.stack.setCurrentWidget(screen)
        self.rail.select(places.rail_of(name))
        screen.refresh()
        screen.enter()

    def take_scan(self, scan: Scan) -> None:
        """A scan from any device: the place in front may want it, else home shows what it is."""
        self.news.scan()
        if self._help is not None:
            self._help.hide()
        if self.front.take_scan(scan) or self.mat.take(scan):
            return
        if self.front is not self.home:
            self._to_home()
        self.home.scan(scan)

    def undo(self) -> None:
        """Take back what the bar names."""
        acted, self._acted = self._acted, None
        if acted is None:
            return
        self.undo_bar.dismiss()
        self._to_home()
        self.home.undo(acted)
        self.status.refresh()

    def _to_home(self) -> None:
        self.stack.setCurrentWidget(self.home)
        self.rail.select("scan")

    def _on_open(self, known: Known) -> None:
        self._to_home()
        self.home.open(known)

    def _on_primary(self) -> None:
        self.front.press_primary()

    def back(self) -> None:
        """One step back, and home from any other place."""
        if self._help is not None and self._help.isVisible():
            self._help.hide()
        elif not self.front.escape() and self.front is not self.home:
            self.go("scan")

    def show_help(self) -> None:
        """Show the keys, or take them away again."""
        if self._help is None:
            from ui.help import HelpOverlay

            self._help = HelpOverlay(self.theme, self.stack)
            self._help.go.connect(self.go)
        self._help.toggle()

    def offer_undo(self, acted: Acted) -> None:
        """Let the clerk take back what was done, as long as its time runs."""
        self._acted = acted
        self.undo_bar.show_undo(acted.text, _undo_action(), acted.done.undo_s)
        self.status.refresh()

    def _on_undo_over(self) -> None:
        self._acted = None

    def _apply_look(self) -> None:
        application = cast("QApplication", QApplication.instance())
        self.theme.apply(application, self.settings.theme == "dark", self._scale())

    def _scale(self) -> float:
        """The size chosen, but never more than the window has room for."""
        return min(self.settings.scale / 100, self.width() / LEAST_WIDTH)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._live is not None:
            call, self._live = self._live, None
            QTimer.singleShot(0, self, call)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._help is not None:
            self._help.setGeometry(self.stack.rect())
        if self._scale() != self.theme.scale:
            QTimer.singleShot(0, self, self._apply_look)

    def closeEvent(self, event: QCloseEvent) -> None:
        # The files may be closed right after: nothing may look into them any more.
        self.bridge.blockSignals(True)
        self.news.stop()
        self.home.rest()
        self.status.close()
        super().closeEvent(event)


def _undo_action() -> Action:
    return Action("undo", _("Undo"), _("Ctrl+Z"), "arrow-back-up")
