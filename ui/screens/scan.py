"""Home: scan or type, see the result, hand over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from posapp.domain.codes import Kind, Scan, Source
from posapp.domain.errors import PosappError
from posapp.domain.pickup import Verdict
from posapp.domain.values import replace
from posapp.texts import _, clock, sentence
from ui import kinds
from ui.bridge import EVERYTHING
from ui.card import ResultCard
from ui.presenter import BY_HAND, GO, Acted
from ui.screens.claims import FrontClaim
from ui.screens.code_field import CodeField
from ui.screens.idle import IdlePane
from ui.screens.matches import Matches
from ui.screens.ready import ReadyPanel
from ui.screens.recents import Recents
from ui.screens.screen import Screen
from ui.screens.tray import Tray
from ui.tokens import GAP, QUEUE_FROM
from ui.view import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from posapp.counter.desk import Desk
    from posapp.counter.queues import Row
    from posapp.counter.scanning import Result
    from posapp.domain.known import Known
    from ui.bridge import LookedUp
    from ui.screens.recents import Recent
    from ui.theme import Theme
    from ui.view import CardView

SEARCH_MS = 1500
SIDE_AT_LEAST, AFTER_CARD_MS = 360, 30


class ScanScreen(Screen):
    """Promises: a new scan always wins over what is shown, and what was shown stays in the lists; a
    typed text is never lost to a scan; a press does its work once, however often it comes.

    Signals: `acted` with an `Acted`, which the window offers to undo.
    """

    acted = Signal(object)

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(desk, theme, parent)
        self._recents = Recents(desk)
        self._front: Recent | None = None
        self._found: dict[str, Known] = {}
        self._searched: Matches | None = None
        self._asked = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._asked.timeout.connect(self._on_no_answer)
        self._claim = FrontClaim(desk, self.refresh, self)
        self._build()
        self.retranslate()

    def _build(self) -> None:
        theme = self.theme
        self.prompt = QLabel(self)
        self.prompt.setProperty("kind", "prompt")
        self.prompt.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.field = CodeField(self)
        self.field.setProperty("kind", "scan")
        self.field.setMaxLength(200)
        self.field.returnPressed.connect(self._on_typed)
        self.prompt.setBuddy(self.field)
        self.card = ResultCard(theme)
        self.card.action.connect(self._on_action)
        self.card.expired.connect(self._on_expired)
        self.tray = Tray(theme)
        self.tray.answered.connect(self._on_answered)
        self.tray.chosen.connect(self._on_chosen)
        self.tray.more.connect(lambda: self.go.emit("search"))
        self.idle = IdlePane(theme)
        self.idle.opened.connect(self._on_recent)
        self.idle.waiting_pressed.connect(lambda: self.go.emit("pickups"))
        self._result = QWidget()
        column = QVBoxLayout(self._result)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.card, 1)
        column.addWidget(self.tray)
        self._pane = QStackedWidget(self)
        self._pane.addWidget(self.idle)
        self._pane.addWidget(self._result)
        self.ready = ReadyPanel(theme, self._found, self)
        self.ready.opened.connect(self._on_row)
        work = QVBoxLayout()
        work.addWidget(self.prompt)
        work.addWidget(self.field)
        work.addWidget(self._pane, 1)
        sides = QHBoxLayout(self)
        sides.addLayout(work, 1)
        sides.addWidget(self.ready)
        self._layouts = (column, work, sides)
        theme.changed.connect(self._restyle)
        self._restyle()

    # -- what the window asks -----------------------------------------------------------------------
    def retranslate(self) -> None:
        self.prompt.setText(_("Scan or type a code"))
        self.field.setPlaceholderText(_("Code, order number or name"))
        self.field.setAccessibleName(_("Code, order number or name"))
        self.idle.retranslate()
        self.ready.retranslate()
        self.tray.retranslate()
        if self._front is not None:
            self.card.revise_view(self._front.view(self.desk))

    def refresh(self) -> None:
        list(self.renew(frozenset(EVERYTHING)))

    def renew(self, names: frozenset[str]) -> Iterator[None]:
        if self._front is not None:
            self._recents.read(self._front, names)
            before, view = self.card.view, self._front.view(self.desk)
            if (view.headline, view.tone) != (before.headline, before.tone):
                self._show(self._front, view)
            elif view != before:
                self.card.revise_view(view)
            yield
        if self._pane.currentWidget() is self.idle:
            self._recents.refresh()
            yield
        self._list()

    def enter(self) -> None:
        if self._front is None or not self.card.buttons:
            self.field.setFocus()
        else:
            self.card.buttons[-1].setFocus()

    def press_primary(self) -> bool:
        return self._front is not None and self.card.press_primary()

    def ok(self) -> bool:
        front = self._front
        return front is not None and front.result.verdict not in BY_HAND and self.press_primary()

    def escape(self) -> bool:
        if self._pane.currentWidget() is not self.idle:
            self._leave()
            self.field.setFocus()
        elif self.field.text():
            self.field.clear()
        else:
            return False
        return True

    def rest(self) -> None:
        """Nothing comes by itself any more."""
        self._front = None
        self._asked.stop()
        self._claim.front(None)

    # -- scanning -----------------------------------------------------------------------------------
    def scan(self, scan: Scan) -> None:
        """Whatever was scanned or typed, wherever the clerk was."""
        try:
            result = self.desk.scanning.scan(scan)
            if result is None:
                return
            if self._front is not None and self._claim.badge(self._front, result):
                return self._show(self._front)
            typed = scan.source is Source.TYPED
            if typed and self._by_name(scan.text, result):
                return
        except PosappError as error:
            self.show_error(error)
            return
        self.show_result(result)
        readable = result.verdict not in (Verdict.UNREADABLE, Verdict.UNKNOWN, Verdict.GUESSING)
        if typed and readable:
            self.field.clear()
        elif typed:
            self.field.setFocus()

    def open(self, known: Known) -> None:
        """A subject chosen from a list, as it is now."""
        try:
            self.show_result(self.desk.scanning.again(self.desk.scanning.open(known)))
        except PosappError as error:
            self.show_error(error)

    def show_result(self, result: Result) -> None:
        """Put a result in front; the hub is asked where this till does not know the code."""
        self._asked.stop()
        self._front, view = self._recents.add(result, clock(self.desk.till.now()))
        self._show(self._front, view)
        if result.verdict is Verdict.GUESSING:
            self.wrote.emit()
        if result.verdict is Verdict.SEARCHING and result.reading is not None:
            self._asked.start()
            self.desk.look_up(result.reading.value)

    def show_error(self, error: PosappError) -> None:
        """Something did not work: say so where the clerk looks, and what to do."""
        self._pane.setCurrentWidget(self._result)
        self.tray.show_error(sentence(error))
        self.sounded.emit((Sound.STOP,))

    def looked_up(self, answer: LookedUp) -> None:
        """The hub's answer; one that comes late still replaces "unknown"."""
        front = self._front
        reading = front.result.reading if front else None
        if front is None or reading is None or front.result.known or reading.value != answer.code:
            return
        self._asked.stop()
        if answer.outcome == "unreachable":
            result = self.desk.scanning.found(front.result, reached=False)
            self.show_result(replace(result, online=False))
        elif answer.outcome != "unknown" or front.result.verdict is Verdict.SEARCHING:
            self.show_result(self.desk.scanning.found(front.result, answer.elsewhere))

    def _on_no_answer(self) -> None:
        if self._front is not None and self._front.result.verdict is Verdict.SEARCHING:
            self.show_result(self.desk.scanning.found(self._front.result, reached=False))

    def _on_typed(self) -> None:
        text = self.field.text().strip()
        if text:
            self.scan(Scan.of("typed", Source.TYPED, [text], at_ms=time.monotonic_ns() // 1_000_000))

    # -- search -------------------------------------------------------------------------------------
    def _by_name(self, text: str, result: Result) -> bool:
        """A typed text that is no code and no number of ours may be a name."""
        free = result.reading is not None and result.reading.kind is Kind.FREE
        if not free or result.verdict not in (Verdict.SEARCHING, Verdict.UNKNOWN):
            return False
        rows = self.desk.queues.search(text)
        if len(rows) == 1:
            self.field.clear()
            self.open(rows[0].known)
        elif rows:
            self._show_found(text, rows)
        return bool(rows)

    def _show_found(self, text: str, rows: list[Row]) -> None:
        if self._searched is None:
            self._searched = Matches(self.theme)
            self._searched.opened.connect(self._on_row)
            self._pane.addWidget(self._searched)
        self._found.update({row.known.name: row.known for row in rows})
        self._searched.show_found(text, rows)
        self.rest()
        self._pane.setCurrentWidget(self._searched)
        self._searched.choose()
        self.field.clear()

    def _on_row(self, name: str) -> None:
        if name in self._found:
            self.open(self._found[name])

    def _on_recent(self, key: str) -> None:
        if (recent := self._recents.find(key)) is None:
            return
        if recent.result.known is not None:
            self.show_result(self.desk.scanning.again(recent.result))
        elif recent.result.reading is not None:
            self.show_result(self.desk.scanning.read(recent.result.reading))

    # -- the card -----------------------------------------------------------------------------------
    def _show(self, recent: Recent, view: CardView | None = None) -> None:
        view = view or recent.view(self.desk)
        result, ask = recent.result, recent.question()
        self.tray.clear()
        self.prompt.hide()
        self._pane.setCurrentWidget(self._result)
        waits = ask is not None and not (view.primary and view.primary.enabled)
        self.card.show_view(view, focus=not (waits or result.choices))
        self.sounded.emit(view.sound)
        if ask is not None and waits:
            self.tray.ask(ask.text)
        elif result.choices:
            self.tray.offer([kinds.presenters()[known.kind].choice(known) for known in result.choices])
        self._claim.front(recent)

    def _on_action(self, action: str) -> None:
        front = self._front
        if front is None:
            return
        if action == GO + "type":
            self.field.setFocus()
            self.field.selectAll()
        elif action.startswith(GO):
            self.go.emit(action.removeprefix(GO))
        elif front.acted is None:
            self._press(front, action)

    def _press(self, front: Recent, action: str) -> None:
        found = kinds.presenter(front.result)
        if found is None:
            return
        try:
            step = found.press(self.desk, front.result, action, front.said)
        except PosappError as error:
            self._refused(front, error)
            return
        if isinstance(step, Acted):
            self._recents.acted(front, step)
            self.acted.emit(step)
            QTimer.singleShot(AFTER_CARD_MS, self, self._list)
        else:
            front.said = step
            self._recents.read(front)
        self._show(front)

    def _refused(self, front: Recent, error: PosappError) -> None:
        """Nothing was written: show how things stand now, with the reason below."""
        self._recents.read(front)
        self._show(front)
        self.show_error(error)

    def _on_answered(self, answer: str) -> None:
        if self._front is not None:
            self._front.answer(answer)
            self._claim.answered(self._front)
            self._show(self._front)

    def _on_chosen(self, position: int) -> None:
        if self._front is not None and position < len(self._front.result.choices):
            self.open(self._front.result.choices[position])

    def _on_expired(self) -> None:
        if self._front is not None and self._front.acted is not None:
            had_focus = self.card.hasFocus()
            self._leave()
            if had_focus:
                self.field.setFocus()

    def undo(self, acted: Acted) -> str:
        """Take an act back and show its subject again; the sentence to be said of it."""
        try:
            acted.undo()
        except PosappError as error:
            self.show_error(error)
            return ""
        if (recent := self._recents.undone(acted)) is not None:
            self.show_result(self.desk.scanning.again(recent.result))
        elif acted.done.known is not None:  # no more among the last, or of before the window's restart
            self.open(acted.done.known)
        return acted.undone

    def _leave(self) -> None:
        """Back to idle; the result stays in the lists."""
        self.rest()
        self.tray.clear()
        self.prompt.show()
        self._pane.setCurrentWidget(self.idle)
        self._recents.refresh()
        self._list()

    # -- lists and layout -----------------------------------------------------------------------------
    def _list(self) -> None:
        if not self.isVisible():
            return
        if self._pane.currentWidget() is self.idle:
            self.idle.show_rows(self._recents.opened_rows(), self._recents.last_rows())
        count = sum(self.desk.queues.count(kind, found.ready) for kind, found in kinds.presenters().items())
        self.idle.show_waiting(count)
        if not self.ready.isHidden():
            self.ready.show_queue(self.desk.queues, count)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What is typed anywhere on this screen goes into the field."""
        text = event.text()
        held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        plain = not event.modifiers() & held
        if plain and text.isprintable() and text.strip():
            self.field.setFocus()
            self.field.insert(text)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        px, width = self.theme.px, self.window().width()
        wide = width >= px(QUEUE_FROM)
        self.ready.setFixedWidth(max(px(SIDE_AT_LEAST), width // 4))
        self.idle.waiting.setVisible(not wide)
        if self.ready.isHidden() is wide:
            self.ready.setVisible(wide)
            QTimer.singleShot(0, self, self._list)

    def _restyle(self) -> None:
        px = self.theme.px
        for layout in self._layouts:
            layout.setSpacing(px(GAP))
        self._layouts[-1].setContentsMargins(px(16), px(16), px(16), px(16))
