"""One life of a till at a card terminal by the real window, in a process that is then killed.

``python -m tests.crash.pay_driver --data DIR STEP CODE`` where STEP is ``pay`` (scan CODE, press F12) or
``look`` (scan CODE). Says ``card TONE HEADLINE`` whenever the card changes, ``waits PID`` with sync's pid
once the clerk has done the part, and waits. ``--plant`` is the fault that the proof must find: a till that
sends an open payment again after its start.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer

from posapp.app import TillApp
from posapp.counter.checkout import Checkout
from tests.crash.driver import say
from tests.kit.front import Front


def plant() -> None:
    """Send again what is open, instead of asking what became of it."""

    def again(checkout: Checkout, number: str) -> None:
        sale = checkout._sale(number)
        assert sale is not None
        assert checkout._lane is not None
        checkout._lane.pay(number, sale.amount)

    Checkout.ask = again  # type: ignore[assignment,method-assign]  # a fault, on purpose


def main() -> int:
    """Do one thing, say what the card shows, and wait to be killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.pay_driver")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--plant", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("step", choices=("pay", "look"))
    parser.add_argument("code")
    arguments = parser.parse_args()
    acts: list[Callable[[], None]] = []
    if arguments.plant:
        plant()

    def live(_hub: str) -> None:
        QTimer.singleShot(0, acts[0])

    with TillApp(arguments.data, language="en", on_live=live) as app:
        front = Front(app)
        said: list[str] = []

        def on_painted() -> None:
            card = f"card {front.card.tone.value} {front.card.headline}"
            if said[-1:] != [card]:
                said.append(card)
                say(card)

        def act() -> None:
            front.until(lambda: app.link and front.window.status.paying, what="the terminal's part")
            app.window.home.card.painted.connect(on_painted)
            if arguments.step == "pay":
                front.online()
            front.scan(arguments.code)
            if arguments.step == "pay":
                front.until(lambda: front.card.primary is not None, what="a card that can be paid")
                front.press(Qt.Key.Key_F12)
            say(f"waits {app.link.pid if app.link else 0}")

        acts.append(act)
        return app.run()


if __name__ == "__main__":
    sys.exit(main())
