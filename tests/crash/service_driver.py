"""One step at the service desk by the real window, in a process that is then killed.

``python -m tests.crash.service_driver --data DIR STEP [CODE]`` where STEP is ``open``, ``step`` (scan
CODE, press F12) or ``look``. Says ``step KIND REF`` once the screen shows it, then ``queue CHIP IDS``
for both service queues, then ``waits``, and waits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QRadioButton

from posapp.app import TillApp
from posapp.counter.service import Intake
from posapp.domain.tickets import Job
from posapp.texts import _
from tests.crash.driver import say
from tests.kit.front import Front
from ui.screens.pickups import PickupsScreen
from ui.screens.service import ServiceScreen
from ui.view import Tone

INTAKE = Intake(Job.BATTERY, "Jörg Weiß", "Nordlicht 36", "steht seit Montag", None, phone="0761 555 010")


def take_in(front: Front) -> None:
    """Fill in the form and open the ticket by F12."""
    front.window.go("service")
    screen = front.window.front
    assert isinstance(screen, ServiceScreen)
    screen.fill(INTAKE)
    front.press(Qt.Key.Key_F12)
    front.until(lambda: front.window.place == "scan" and front.card.name == INTAKE.customer)


def step(front: Front, code: str) -> None:
    """Scan the bag or the claim ticket, and do the likeliest next step by F12."""
    front.scan(code)
    front.until(lambda: front.card.primary is not None and front.card.name == INTAKE.customer)
    front.press(Qt.Key.Key_F12)
    front.until(lambda: front.card.tone is Tone.DONE)


def queues(front: Front) -> None:
    """Say what the two queues of the service desk show."""
    front.window.go("pickups")
    screen = front.window.front
    assert isinstance(screen, PickupsScreen)
    for name in ("Service open", "Service ready"):
        chip = next(c for c in screen.findChildren(QRadioButton) if c.text().startswith(_(name)))
        chip.setChecked(True)
        rows = screen.panel.list.rows
        ids = [rows.row(rows.index(at, 0)).id for at in range(rows.rowCount())]
        say(f"queue {name.split()[1]} {','.join(ids)}")


def main() -> int:
    """Do one thing, say so, and wait to be killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.service_driver")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("step", choices=("open", "step", "look"))
    parser.add_argument("code", nargs="?", default="")
    arguments = parser.parse_args()
    acts: list[Callable[[], None]] = []

    def live(_hub: str) -> None:
        QTimer.singleShot(0, acts[0])

    with TillApp(arguments.data, language="en", on_live=live) as app:
        front = Front(app)

        def act() -> None:
            before, _hash = app.books.journal.head()
            if arguments.step == "open":
                take_in(front)
            elif arguments.step == "step":
                step(front, arguments.code)
            for entry in app.books.journal.after(before, 10):
                say(f"step {entry.fact.kind} {entry.fact.id} {entry.fact.subject_id}")
            queues(front)
            say(f"waits {app.link.pid if app.link else 0}")

        acts.append(act)
        return app.run()


if __name__ == "__main__":
    sys.exit(main())
