"""Needs attention: cases to be decided, and what waits for the hub."""

from __future__ import annotations

from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from posapp.counter.attention import COUNTED
from posapp.domain.errors import PosappError
from posapp.texts import _, age, moment, ngettext, sentence
from ui import case_view
from ui.announce import announce
from ui.buttons import Button, Kind
from ui.card import ResultCard
from ui.screens.flow import Flow
from ui.screens.panels import ListPanel
from ui.screens.screen import Screen
from ui.screens.strip import Strip
from ui.tokens import GAP
from ui.view import Action, Sound, Tone

if TYPE_CHECKING:
    from posapp.counter.attention import Case
    from posapp.counter.desk import Desk
    from ui.theme import Theme


class AttentionScreen(Screen):
    """Promises: no case leaves the list but by a decision or by the hub; after a decision none is
    chosen, so a second tap never decides the next one.
    """

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(desk, theme, parent)
        self._case: Case | None = None
        self._decided = 0
        self.panel = ListPanel(theme, parent=self)
        self.panel.opened.connect(self.choose)
        self.standing = QLabel(self)
        self.standing.setWordWrap(True)
        self.standing.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.said = Strip(theme, Tone.DONE, "check", self)
        self._pane = QStackedWidget(self)
        self._empty = QLabel(self)
        self._empty.setProperty("kind", "section")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pane.addWidget(self._empty)
        self._pane.addWidget(self._make_case())
        self.guessing = Strip(theme, Tone.RED, "shield-exclamation", self)
        self.clear = Button(theme, Kind.PLAIN, self)
        self.clear.triggered.connect(lambda _id: self._on_clear())
        left = QVBoxLayout()
        left.addWidget(self.guessing)
        left.addWidget(self.clear)
        left.addWidget(self.panel, 1)
        left.addWidget(self._make_hub())
        right = QVBoxLayout()
        right.addWidget(self.said)
        right.addWidget(self._pane, 1)
        self._row = QHBoxLayout(self)
        self._row.addLayout(left, 1)
        self._row.addLayout(right, 2)
        self._layouts = (left, right, self._row)
        # From the list and the case straight to the decision.
        for before, after in pairwise((self.panel.list, self.card, *self.choices)):
            QWidget.setTabOrder(before, after)
        theme.changed.connect(self._restyle)
        self._restyle()

    def _make_case(self) -> QWidget:
        case = QWidget(self)
        self.card = ResultCard(self.theme)
        self._hint = QLabel(case)
        self._hint.setWordWrap(True)
        self._hint.setProperty("kind", "muted")
        self._hint.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        buttons = QWidget(case)
        flow = Flow(buttons, self.theme)
        self.choices = [Button(self.theme, Kind.PLAIN, buttons) for _n in range(case_view.MOST_CHOICES)]
        for button in self.choices:
            button.triggered.connect(self.decide)
            flow.addWidget(button)
        column = QVBoxLayout(case)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self.theme.px(GAP))
        column.addWidget(self.card, 1)
        column.addWidget(buttons)
        column.addWidget(self._hint)
        return case

    def _make_hub(self) -> QWidget:
        hub = QWidget(self)
        hub.setProperty("kind", "panel")
        hub.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._hub = QLabel(hub)
        self._hub.setProperty("kind", "section")
        column = QVBoxLayout(hub)
        pad = self.theme.px(20)
        column.setContentsMargins(pad, self.theme.px(16), pad, self.theme.px(16))
        column.addWidget(self._hub)
        column.addWidget(self.standing)
        return hub

    def retranslate(self) -> None:
        self._hub.setText(_("Waiting for the hub"))
        self.clear.show_action(Action("clear", _("All is clear"), icon="shield-check"))
        self.said.say("")
        self.refresh()

    def refresh(self) -> None:
        now = self.desk.till.now()
        since = self.desk.scanning.guessing.since
        told = _("Several unknown pickup codes came at this till since {time}. Was it somebody who tries?")
        self.guessing.say(told.format(time=moment(since, now)) if since else "")
        self.clear.setVisible(since is not None)
        count = self.desk.attention.count()
        heading = ngettext("{count} case to decide", "{count} cases to decide", count)
        shown = f"{count}{'+' if count >= COUNTED else ''}"
        self.panel.name(heading.format(count=shown), _("No case is open. Till and shop agree."))
        slices = ([case_view.row(case, now) for case in some] for some in self.desk.attention.slices())
        # Those that are not in sight are stood for by how many they are, and how many were decided here.
        self.panel.show_rows(next(slices, []), slices, mark=(count, self._decided))
        self.standing.setText(self._waiting())
        self._empty.setText(_("Choose a case at the left.") if count else _("There is nothing to decide."))
        self._case = self.desk.attention.case(self._case.ref) if self._case else None
        if self._case:
            self.card.revise_view(case_view.card(self._case))
            self._offer(self._case)
        self._pane.setCurrentIndex(1 if self._case else 0)

    def enter(self) -> None:
        self.panel.list.setFocus()

    def escape(self) -> bool:
        if not self._case:
            return False
        self._case = None
        self.refresh()
        return True

    def choose(self, ref: str) -> None:
        """Show one case with its evidence."""
        case = self.desk.attention.case(ref)
        if case is None:
            return
        self._case = case
        self.said.say("")
        self._pane.setCurrentIndex(1)
        self.card.show_view(case_view.card(case))
        self._offer(case)

    def _offer(self, case: Case) -> None:
        """What can be decided about it."""
        self._hint.setText(case_view.hint(case))
        decisions = case_view.decisions(case)
        for button, decision in zip_longest(self.choices, decisions):
            button.setVisible(decision is not None)
            if decision is not None:
                button.show_action(decision)

    def decide(self, choice: str) -> None:
        """Settle the case shown; a person's word is the last one."""
        if not self._case:
            return
        case, self._case = self._case, None
        self._decided += 1
        try:
            self.desk.attention.settle(case.ref, choice)
        except PosappError as error:
            self.refresh()
            self.said.say(sentence(error), tone=Tone.RED, icon="circle-x", now=True)
            self.sounded.emit((Sound.STOP,))
            return
        self.refresh()
        self.wrote.emit()
        words = next(one.text for one in case_view.decisions(case) if one.id == choice)
        said = _("Decided for {number}: {choice}.").format(number=case.number, choice=words)
        self.said.say(said, tone=Tone.DONE, icon="check")
        announce(self, said, now=True)
        self.panel.list.setFocus()

    def _on_clear(self) -> None:
        """A manager has looked after the unknown codes."""
        try:
            self.desk.scanning.guessing.clear()
        except PosappError as error:
            self.said.say(sentence(error), tone=Tone.RED, icon="circle-x", now=True)
        self.refresh()
        self.wrote.emit()

    def _waiting(self) -> str:
        till = self.desk.till
        standing, now = till.standing(), till.now()
        if not standing.waiting:
            words = [_("Nothing waits. The hub has everything.")]
        else:
            count = standing.waiting
            words = [ngettext("{count} act waits", "{count} acts wait", count).format(count=count) + "."]
            if standing.oldest is not None:
                waited = age((now - standing.oldest).total_seconds())
                words.append(_("The oldest for {age}.").format(age=waited))
            words.append(_("They are safe on this till and go out by themselves."))
        if standing.heard_at is None:
            words.append(_("The hub was never heard."))
        else:
            words.append(_("Last contact: {time}.").format(time=moment(standing.heard_at, now)))
        return " ".join(words)

    def _restyle(self) -> None:
        px = self.theme.px
        for layout in self._layouts:
            layout.setSpacing(px(GAP))
        self._row.setContentsMargins(px(16), px(16), px(16), px(16))
