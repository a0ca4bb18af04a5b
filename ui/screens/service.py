"""Service intake: one form on one screen, filled in with the customer present."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from posapp.counter.service import Intake
from posapp.domain.codes import display, read
from posapp.domain.errors import PosappError
from posapp.domain.tickets import Job
from posapp.texts import N_, _, day, ngettext, sentence
from ui.parts import Button, Chip, Kind
from ui.screens.screen import Screen
from ui.ticket_view import JOBS
from ui.tokens import TONES
from ui.view import Action, Sound, Tone

if TYPE_CHECKING:
    from posapp.counter.desk import Desk
    from posapp.domain.codes import Scan
    from ui.theme import Theme

DAYS = (0, 1, 3, 7, 14)
"""Days from today that can be promised by one touch; the first is a job while the customer waits."""

_FIELDS = (
    ("customer", N_("Customer"), N_("First and last name")),
    ("phone", N_("Phone"), N_("To tell when it is ready")),
    ("object", N_("Object"), N_("Brand, model, colour")),
    ("bag", N_("Bag"), N_("Scan it, or leave empty for a new number")),
    ("wish", N_("Asked for"), N_("In the customer's words")),
)


class ServiceScreen(Screen):
    """Promises: nothing typed is lost by a scan, by a look at another place, or by a refusal."""

    def __init__(self, desk: Desk, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(desk, theme, parent)
        self._title = QLabel()
        self._title.setProperty("kind", "section")
        self._labels: dict[str, QLabel] = {}
        self._fields: dict[str, QLineEdit] = {}
        # Chips of one parent exclude each other, so each choice has a parent of its own.
        self._job_group, self._day_group = QWidget(self), QWidget(self)
        self._jobs = {job: Chip(theme, "", self._job_group) for job in Job}
        self._days = {days: Chip(theme, "", self._day_group) for days in DAYS}
        self._job_label, self._day_label = QLabel(), QLabel()
        self._say = QLabel()
        self._say.setWordWrap(True)
        self._say.hide()
        self._open = Button(theme, Kind.PRIMARY)
        self._open.clicked.connect(self.press_primary)
        self._lay_out()
        self._jobs[Job.REPAIR].setChecked(True)
        self._days[7].setChecked(True)
        self.retranslate()

    def _lay_out(self) -> None:
        px = self.theme.px
        outer = QVBoxLayout(self)
        outer.setContentsMargins(px(32), px(24), px(32), px(24))
        outer.setSpacing(px(16))
        outer.addWidget(self._title)
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(20))
        grid.setVerticalSpacing(px(4))
        for column in (0, 1):
            grid.setColumnStretch(column, 1)
        for label, group, row in (
            (self._job_label, self._job_group, 0),
            (self._day_label, self._day_group, 8),
        ):
            line = QHBoxLayout(group)
            line.setContentsMargins(0, 0, 0, px(12))
            line.setSpacing(px(12))
            for chip in group.findChildren(Chip):
                line.addWidget(chip)
            line.addStretch(1)
            grid.addWidget(label, row, 0, 1, 2)
            grid.addWidget(group, row + 1, 0, 1, 2)
        for at, (name, _label, _hint) in enumerate(_FIELDS):
            label, field = QLabel(), QLineEdit()
            field.setMaxLength(200)
            field.returnPressed.connect(self.focusNextChild)
            field.textEdited.connect(self._say.hide)
            label.setBuddy(field)
            self._labels[name], self._fields[name] = label, field
            # Two and two; what is asked for gets the whole width.
            row, column = 2 + 2 * (at // 2), at % 2
            wide = 2 if name == "wish" else 1
            grid.addWidget(label, row, column, 1, wide)
            box = QHBoxLayout()
            box.setContentsMargins(0, 0, 0, px(12))
            box.addWidget(field)
            grid.addLayout(box, row + 1, column, 1, wide)
        outer.addLayout(grid)
        outer.addWidget(self._say)
        outer.addStretch(1)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self._open)
        outer.addLayout(foot)
        order = [*self._jobs.values(), *self._fields.values(), *self._days.values(), self._open]
        for before, behind in pairwise(order):
            self.setTabOrder(before, behind)

    def retranslate(self) -> None:
        """Set every text again, in the language in use."""
        self._title.setText(_("Take in a repair or a battery change"))
        self._job_label.setText(_("What to do"))
        self._day_label.setText(_("Promised for"))
        for job, chip in self._jobs.items():
            chip.setText(_(JOBS[job]))
            chip.setAccessibleName(_(JOBS[job]))
        for days, chip in self._days.items():
            text = ngettext("{count} day", "{count} days", days).format(count=days)
            chip.setText(_("today") if days == 0 else text)
            promised = _("Promised for")
            chip.setAccessibleName(f"{promised} {day(date.today() + timedelta(days=days))}")
        for name, label, hint in _FIELDS:
            self._labels[name].setText(_(label))
            self._fields[name].setPlaceholderText(_(hint))
            self._fields[name].setAccessibleName(_(label))
        self._open.show_action(Action("open", _("Open the ticket"), "F12", "check"))

    def fill(self, intake: Intake) -> None:
        """Put an intake into the form, as it would have been typed."""
        self._jobs[intake.job].setChecked(True)
        for name, field in self._fields.items():
            field.setText(str(getattr(intake, name)))

    def enter(self) -> None:
        """Work begins at the first empty field."""
        for name in ("customer", "object", "wish"):
            if not self._fields[name].text():
                self._fields[name].setFocus()
                return
        self._open.setFocus()

    def take_scan(self, scan: Scan) -> bool:
        """A free bag's label belongs into the form; a bag in use opens its ticket, as any code."""
        bag = self.desk.service.free_bag(read(scan))
        if not bag:
            return False
        self._fields["bag"].setText(display(bag))
        self.sounded.emit((Sound.TICK,))
        return True

    def press_primary(self) -> bool:
        """Open the ticket; what is missing is said and the focus goes there."""
        intake = Intake(
            job=next(job for job, chip in self._jobs.items() if chip.isChecked()),
            promised=date.today()
            + timedelta(days=next(days for days, chip in self._days.items() if chip.isChecked())),
            **{name: field.text() for name, field in self._fields.items()},
        )
        try:
            done = self.desk.service.open(intake)
        except PosappError as error:
            self._refuse(error)
            return True
        for field in self._fields.values():
            field.clear()
        self._say.hide()
        if done.known is not None:
            self.open_subject.emit(done.known)
        return True

    def escape(self) -> bool:
        """The sentence goes first, the screen second; what was typed stays."""
        shown = self._say.isVisibleTo(self)
        self._say.hide()
        return shown

    def _refuse(self, error: PosappError) -> None:
        red = TONES[Tone.RED]
        pad, radius = self.theme.px(12), self.theme.px(12)
        self._say.setStyleSheet(
            f"background: {red.fill}; color: {red.ink}; padding: {pad}px; border-radius: {radius}px"
        )
        self._say.setText(sentence(error))
        self._say.show()
        self.sounded.emit((Sound.STOP,))
        field = self._fields.get(error.reason.removeprefix("ticket-").partition("-")[0])
        if field is not None:
            field.setFocus()
