"""The strip that tells of slips that did not come out, of doubts, and of a printer that needs a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from posapp.domain.errors import Refused, Unavailable
from posapp.domain.slips import OPEN, Outcome, PrinterState, PrintJob, Trouble
from posapp.papers import TITLES
from posapp.texts import _, ngettext, sentence
from ui.buttons import Button, Kind
from ui.screens.strip import Strip
from ui.tokens import GAP
from ui.view import Action, Tone

if TYPE_CHECKING:
    from posapp.counter.printing import Printing
    from ui.presenter import Acted
    from ui.theme import Theme
    from ui.window import TillWindow


def words(job: PrintJob | None, state: PrinterState | None, more: int = 0) -> str:
    """What is said of the oldest open slip, else of the printer; empty where all is well."""
    if job is None:
        if state is not None and state.trouble is not None:
            return sentence(Unavailable(state.trouble))
        if state is not None and state.paper_low:
            return _("The paper roll is nearly used up. Please have a new one ready.")
        return ""
    name = f"{_(TITLES[job.paper])} {job.about.partition(':')[2]}".strip()
    why = sentence(Unavailable(job.trouble or Trouble.FAULT))
    if job.outcome is Outcome.UNSURE:
        said = _("{slip}: nobody knows whether it came out. {why} Then look at the paper.")
    elif state is not None and state.trouble is None:
        said = _("{slip} was not printed. The printer is ready again.")
    else:
        said = _("{slip} was not printed. {why}")
    text = said.format(slip=name, why=why)
    if more:
        text += " " + ngettext("{count} more slip waits.", "{count} more slips wait.", more).format(
            count=more
        )
    return text


class PrintStrip(QWidget):
    """Hidden while all is well. It never takes the focus and never holds up a scan.

    Signals: `again` and `settled` with the `PrintJob` that the clerk decided about.
    """

    again = Signal(object)
    settled = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._jobs: dict[str, PrintJob] = {}
        self._state: PrinterState | None = None
        self.strip = Strip(theme, Tone.AMBER, "alert-triangle", self)
        self.print_again = Button(theme, Kind.PLAIN, self)
        self.fine = Button(theme, Kind.PLAIN, self)
        self.print_again.triggered.connect(self._on_again)
        self.fine.triggered.connect(self._on_fine)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(GAP))
        row.addWidget(self.strip, 1)
        row.addWidget(self.print_again)
        row.addWidget(self.fine)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hide()

    @property
    def job(self) -> PrintJob | None:
        """The oldest slip that somebody has to look at."""
        return next((job for job in self._jobs.values() if job.outcome is not Outcome.WAITING), None)

    @property
    def busy(self) -> bool:
        """Whether a slip is on its way."""
        return any(job.outcome is Outcome.WAITING for job in self._jobs.values())

    def on_job(self, job: PrintJob) -> None:
        """A slip's state changed."""
        if job.outcome in OPEN:
            self._jobs[job.id] = job
        else:
            self._jobs.pop(job.id, None)
        self.retranslate()

    def on_state(self, state: PrinterState) -> None:
        """A printer's state changed."""
        self._state = state
        self.retranslate()

    def tell(self, text: str) -> None:
        """Say a sentence until the next news."""
        self.strip.say(text)
        self.show()

    def retranslate(self) -> None:
        """Say it all again, in the language in use."""
        job = self.job
        waiting = sum(known.outcome is not Outcome.WAITING for known in self._jobs.values())
        text = words(job, self._state, max(0, waiting - 1))
        self.strip.say(text)
        self.setVisible(bool(text))
        for button in (self.print_again, self.fine):
            button.setVisible(job is not None)
        if job is None:
            return
        refused = job.outcome is Outcome.REFUSED
        self.print_again.show_action(Action("again", _("Print") if refused else _("Print a copy"), "F6"))
        self.fine.show_action(Action("fine", _("Not needed") if refused else _("It came out")))

    def _on_again(self, _id: str) -> None:
        if self.job is not None:
            self.again.emit(self.job)

    def _on_fine(self, _id: str) -> None:
        if self.job is not None:
            self.settled.emit(self.job)


class PrintDesk(QObject):
    """What the window does about printing: a slip after each hand-over, F6, and the strip.

    It hears the lane through the bridge only, and is made after the first paint.
    """

    def __init__(self, window: TillWindow, printing: Printing) -> None:
        super().__init__(window)
        self._printing = printing
        self.strip = PrintStrip(window.theme, window)
        window.strips.addWidget(self.strip)
        window.status.printing = self.strip
        window.home.acted.connect(self._on_acted)
        window.bridge.print_job.connect(self._on_job)
        window.bridge.printer_changed.connect(self.strip.on_state)
        self.strip.again.connect(self._on_print)
        self.strip.settled.connect(self._on_settled)
        key = QShortcut(QKeySequence("F6"), window)
        key.setAutoRepeat(False)
        key.activated.connect(self._on_key)

    @Slot(object)
    def _on_acted(self, acted: Acted) -> None:
        self._printing.hand_over(acted.done)

    @Slot(object)
    def _on_job(self, job: PrintJob) -> None:
        self._printing.heard(job)
        self.strip.on_job(job)

    @Slot()
    def _on_key(self) -> None:
        self._again(None)

    @Slot(object)
    def _on_print(self, job: PrintJob) -> None:
        self._again(job)

    def _again(self, job: PrintJob | None) -> None:
        try:
            self._printing.again(job)
        except Refused as error:
            self.strip.tell(sentence(error))

    @Slot(object)
    def _on_settled(self, job: PrintJob) -> None:
        self._printing.settle(job.id)
