"""The till's window at the scanner doctor, in a process of its own: ``python -m tests.kit.doctor_window``.

It obeys lines of JSON on its standard input (``{"place": ..., "language": ...}``), and says in a line of
JSON what the doctor made of each reading, and what each scan at home was.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication

from posapp import texts
from posapp.devices import Profiles
from posapp.domain.codes import Scan
from posapp.settings import Settings
from tests.kit.counter import open_counter
from ui.bridge import Bridge
from ui.screens.doctor import DoctorScreen
from ui.window import TillWindow


class Watched:
    """The window, its doctor, and what is said of them."""

    def __init__(self, window: TillWindow) -> None:
        self.window = window
        window.go("doctor")
        screen = window.front
        assert isinstance(screen, DoctorScreen)
        self.doctor = screen
        screen.keys.gathered.connect(lambda _keys: self.say_findings())
        window.bridge.code_scanned.connect(self.say_scan)

    def obey(self, order: dict[str, Any]) -> None:
        """Start afresh in a language, or only go to a place."""
        if "language" in order:
            self.window.apply(replace(self.window.settings, language=order["language"]))
        self.window.home.field.clear()
        self.window.go(order["place"])
        if order["place"] == "doctor":
            self.doctor.start_again()
        QTimer.singleShot(0, lambda: say(place=self.window.place))

    def say_findings(self) -> None:
        """What the doctor shows."""
        diagnosis = self.doctor.diagnosis
        say(
            findings={one.found.value: [one.what, one.more] for one in diagnosis.findings},
            sentences=self.doctor.findings.sentences,
            samples=sorted(diagnosis.samples),
            good=diagnosis.good,
            gap=diagnosis.profile.gap_ms,
            place=self.window.place,
        )

    def say_scan(self, scan: Scan) -> None:
        """A scan, and what has leaked of it."""
        say(scan=scan.text, field=self.window.home.field.text(), place=self.window.place)


def say(**told: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Show it until it is ended."""
    application = QApplication([])
    texts.use("en")
    with tempfile.TemporaryDirectory() as folder, open_counter(Path(folder)) as counter:
        window = TillWindow(counter.desk, Bridge(), Settings(language="en"), lambda _settings: None)
        window.profiles = Profiles(Path(folder))
        window.show()
        watched = Watched(window)
        notifier = QSocketNotifier(0, QSocketNotifier.Type.Read)

        def obey() -> None:
            line = sys.stdin.readline()
            if line:
                watched.obey(json.loads(line))
            else:
                application.quit()

        notifier.activated.connect(lambda *_: obey())
        application.exec()
        window.close()


if __name__ == "__main__":
    main()
