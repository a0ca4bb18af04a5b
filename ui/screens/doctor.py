"""The scanner doctor: three codes to scan, what they tell of the scanner in words, and its profile kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from posapp.devices import Profiles
from posapp.domain.codes import Source
from posapp.domain.diagnosis import Diagnosis, Found, diagnose
from posapp.domain.samples import Heard, Sample, understand
from posapp.texts import _
from ui.announce import announce
from ui.buttons import Button, Kind
from ui.doctor_keys import KeyGatherer
from ui.doctor_paper import TITLES
from ui.doctor_view import CodePicture, Findings
from ui.doctor_words import trace
from ui.screens.screen import Screen
from ui.tokens import GAP
from ui.view import Action, Sound

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QHideEvent, QShowEvent

    from posapp.domain.codes import Scan
    from posapp.domain.keys import Key
    from ui.window import TillWindow

WEDGE = "wedge:"


class DoctorScreen(Screen):
    """Promises: while it is in front it has every scan for itself, and every key that a scanner may have
    pressed; what was learned is kept once all three codes were understood, or when the clerk says so.
    """

    def __init__(self, window: TillWindow, parent: QWidget | None = None) -> None:
        super().__init__(window.desk, window.theme, parent)
        self._window = window
        self._profiles = window.profiles or Profiles()
        self._heard: list[Heard] = []
        self._learns = False
        self._said: Callable[[], str] | None = None
        self.diagnosis: Diagnosis = diagnose([])
        self.keys = KeyGatherer(window.wedge, self)
        self.keys.gathered.connect(self._on_keys)
        self._build()
        self.theme.changed.connect(self._restyle)
        self._restyle()

    def _build(self) -> None:
        self._title, self._step, self._note = QLabel(self), QLabel(self), QLabel(self)
        for label, kind in ((self._title, "prompt"), (self._step, "section"), (self._note, "muted")):
            label.setProperty("kind", kind)
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.picture = CodePicture(self.theme, self)
        self.findings = Findings(self.theme, self)
        self.raw = QPlainTextEdit(self)
        self.raw.setReadOnly(True)
        self.raw.setTabChangesFocus(True)
        self._side = QStackedWidget(self)
        self._side.addWidget(self.findings)
        self._side.addWidget(self.raw)
        self._buttons = {name: Button(self.theme, Kind.PLAIN, self) for name in ("raw", "sheet", "again")}
        self._buttons["keep"] = Button(self.theme, Kind.PRIMARY, self)
        acts = {"raw": self.show_raw, "sheet": self._on_sheet, "again": self.start_again, "keep": self.keep}
        left = QVBoxLayout()
        left.addWidget(self._step)
        left.addWidget(self.picture, 1)
        right = QVBoxLayout()
        right.addWidget(self._note)
        right.addWidget(self._side, 1)
        self._middle = QHBoxLayout()
        self._middle.addLayout(left, 1)
        self._middle.addLayout(right, 1)
        self._row = QHBoxLayout()
        for name, button in self._buttons.items():
            if name == "keep":
                self._row.addStretch(1)
            button.triggered.connect(lambda _id, act=acts[name]: act())
            self._row.addWidget(button)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self._title)
        self._column.addLayout(self._middle, 1)
        self._column.addLayout(self._row)
        self._layouts = (left, right, self._middle, self._row, self._column)

    # -- what the window asks -----------------------------------------------------------------------
    def retranslate(self) -> None:
        self._title.setText(_("Check the scanner"))
        self.raw.setAccessibleName(_("Keys and bytes"))
        for name, text, icon in (
            ("raw", _("Raw data"), "info-circle"),
            ("sheet", _("Sheet"), "printer"),
            ("again", _("Start again"), "refresh"),
        ):
            self._buttons[name].show_action(Action(name, text, icon=icon))
        self._show()

    def enter(self) -> None:
        self._buttons["again"].setFocus()

    def take_scan(self, scan: Scan) -> bool:
        """Scans of other devices than the keyboard; what the keyboard sends comes as keys."""
        if scan.source not in (Source.WEDGE, Source.TYPED):
            raw = scan.aim.encode() + scan.text.encode() if scan.source is not Source.SERIAL else scan.raw
            whole = self._learns and scan.source is Source.SERIAL
            self.hear(Heard(scan.device, scan.source, raw=raw, whole=whole))
        return True

    def press_primary(self) -> bool:
        return self.keep()

    def escape(self) -> bool:
        self.go.emit("settings")
        return True

    def showEvent(self, event: QShowEvent) -> None:
        self.keys.start()
        self._learn(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.keys.stop()
        self._learn(False)
        super().hideEvent(event)

    def _learn(self, on: bool) -> None:
        """Have scanners on a line send all there is, or codes alone again."""
        if self._window.workshop is not None:
            self._window.workshop.learn(on)
            self._learns = on

    # -- examining ------------------------------------------------------------------------------------
    @property
    def sample(self) -> Sample | None:
        """The code that is shown: the first that was not understood yet."""
        return next((one for one in Sample if one not in self.diagnosis.samples), None)

    def hear(self, heard: Heard) -> None:
        """One reading: what it tells is shown at once. Another device starts afresh."""
        if self._heard and self._heard[-1].device != heard.device:
            self._heard = []
        self._heard = [*self._heard[-11:], heard]
        # What was not understood is told of while it is the last; a later try makes up for it.
        told = [one for one in self._heard if one is heard or understand(one) is not None]
        self.diagnosis = diagnose(told, self._profiles.find(heard.device))
        self._said = None
        self.sounded.emit((Sound.TICK,))
        if self.diagnosis.complete:
            self.keep()
        self._show()
        announce(self, self._note.text(), now=False)

    def keep(self) -> bool:
        """Keep what was learned; from now on the scanner is read by it."""
        profile = self.diagnosis.profile
        if not self.diagnosis.samples:
            return False
        try:
            self._profiles.keep(profile)
        except OSError as error:
            why = error.strerror or str(error)
            self._said = lambda: _("The settings of this scanner could not be kept ({why}).").format(why=why)
        else:
            if profile.device == WEDGE:
                self._window.wedge.adopt(profile)
            self._said = lambda: _("Kept. From now on posapp reads this scanner so.")
        self._show()
        return True

    def start_again(self) -> None:
        """Forget what was heard; what was kept stays."""
        self._heard = []
        self._said = None
        self.diagnosis = diagnose([])
        if self.isVisible():
            self.keys.start()
        self._side.setCurrentWidget(self.findings)
        self._show()

    def _on_keys(self, keys: tuple[Key, ...]) -> None:
        self.hear(Heard(WEDGE, Source.WEDGE, keys))

    def show_raw(self) -> None:
        """Show keys and bytes in place of the findings, or the findings again."""
        raw = self._side.currentWidget() is self.raw
        self._side.setCurrentWidget(self.findings if raw else self.raw)

    def _on_sheet(self) -> None:
        """Write the sheet and open it in the system's viewer."""
        from PySide6.QtCore import QUrl
        from PySide6.QtGui import QDesktopServices

        from ui.doctor_paper import sheet

        path = self.desk.till.books.folder / "papers" / "scanner.pdf"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sheet(path)
        except OSError as error:
            why = error.strerror or str(error)
            self._said = lambda: _("The sheet could not be written ({why}).").format(why=why)
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
            self._said = lambda: _("The sheet lies in {file}.").format(file=path)
        self._show()

    # -- showing --------------------------------------------------------------------------------------
    def _show(self) -> None:
        sample = self.sample
        if sample is not None:
            number = list(Sample).index(sample) + 1
            step = _("Code {number} of 3: {name}").format(number=number, name=_(TITLES[sample]))
            self._step.setText(step)
            self.picture.show_sample(sample, step)
        for part in (self._step, self.picture):
            part.setVisible(sample is not None)
        self.findings.show_findings(self.diagnosis.findings)
        self.raw.setPlainText("\n\n".join(trace(one) for one in reversed(self._heard)))
        self._note.setText(self._sentence())
        keep = Action("keep", _("Keep"), "F12", "check", enabled=bool(self.diagnosis.samples))
        self._buttons["keep"].show_action(keep)

    def _sentence(self) -> str:
        diagnosis = self.diagnosis
        if not self._heard:
            return _(
                "Scan the code on the left, the square or the bars, from here or from the printed sheet."
            )
        said = self._said() if self._said is not None else ""
        if diagnosis.good:
            good = _("This scanner reads pickup codes, parcel labels and product codes exactly.")
            return f"{good} {said}".strip()
        if any(finding.fault and finding.found is not Found.UNKNOWN for finding in diagnosis.findings):
            wrong = _("This scanner has to be set up differently before it reads everything.")
            return f"{wrong} {said}".strip()
        if self.sample is Sample.GS1:
            return said or _(
                "So far all is well. Now the right square, or the bars: in them a separator is hidden that "
                "some scanners lose."
            )
        return said or _("So far all is well. Scan the next code.")

    def _restyle(self) -> None:
        px = self.theme.px
        for layout in self._layouts:
            layout.setSpacing(px(GAP))
        self._middle.setSpacing(px(20))
        self._column.setContentsMargins(px(16), px(16), px(16), px(16))
        self._show()
