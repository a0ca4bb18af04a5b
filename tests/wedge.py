"""A till seen and served from outside: raw keys in, the colours on its screen and the command line out."""

from __future__ import annotations

import json
import subprocess
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from Xlib import X
from Xlib.display import Display

from posapp.domain.orders import HANDED_OVER
from tests.waiting import until
from tests.x11 import XDisplay
from ui.tokens import TONES
from ui.view import Tone

STORE = "B01"
SHARE = 0.02
"""Of the screen: a card's coloured head has more of it, anything else less."""
SHOWN_S, SHOP_S = 15.0, 60.0
TRIES = 5


@dataclass
class Outside:
    """One till on a screen of its own. ``data`` is its folder, ``hub`` its hub's (the demo has one)."""

    display: XDisplay
    posapp: Path
    data: Path
    hub: Path
    _taken: set[str] = field(default_factory=set)

    def ask(self, *words: str, folder: Path | None = None) -> Any:
        """What a command of posapp answers, as JSON."""
        command = [str(self.posapp), *words, "--data", str(folder or self.data), "--json"]
        done = subprocess.run(command, env=self.display.env, capture_output=True, text=True, check=True)
        return done.stdout

    def take(self) -> tuple[str, str]:
        """A code nobody took before, of an order that is ready, and the order's number."""
        stores = {order["number"]: order["store"] for order in self.orders()}
        for code in json.loads(self.ask("codes", folder=self.hub)):
            mine = code["state"] == "ready" and stores[code["number"]] == STORE
            if mine and code["number"] not in self._taken:
                self._taken.add(code["number"])
                return code["code"], code["number"]
        raise LookupError("no order is ready")

    def orders(self) -> list[dict[str, Any]]:
        """What the shop holds."""
        found: list[dict[str, Any]] = json.loads(self.ask("hub", "orders", folder=self.hub))
        return found

    def refs(self, number: str) -> list[str]:
        """The hand-overs of an order that stand in the shop."""
        (order,) = [order for order in self.orders() if order["number"] == number]
        return [done["ref"] for done in order["hand_overs"]]

    def journal(self, number: str) -> list[str]:
        """The hand-overs of an order in the till's journal."""
        facts = [json.loads(line) for line in self.ask("journal").splitlines()]
        about = f"order:{number}"
        return [fact["id"] for fact in facts if (fact["kind"], fact["subject"]) == (HANDED_OVER, about)]

    def shows(self, tone: Tone) -> bool:
        """Whether a card of this colour is in front."""
        screen = Display(self.display.name)
        try:
            root = screen.screen().root
            size = root.get_geometry()
            image = root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF)
        finally:
            screen.close()
        colour = int(TONES[tone].fill.removeprefix("#"), 16)
        pixels = array("I", image.data)
        return pixels.count(colour) + pixels.count(colour | 0xFF000000) > SHARE * len(pixels)

    def scan(self, send: Callable[[], object], tone: Tone = Tone.GREEN) -> None:
        """Scan until the card has its colour: a till that has just begun may not have opened its scanner,
        or not have the order yet."""
        for _ in range(TRIES):
            send()
            try:
                until(lambda: self.shows(tone), SHOWN_S / TRIES)
            except TimeoutError:
                continue
            return
        raise AssertionError(f"no {tone.value} card was shown")

    def hand_over(self, number: str) -> str:
        """F12 on the card in front; the fact's id, once screen and journal agree that it is done."""
        self.display.press("F12")
        until(lambda: self.shows(Tone.DONE), SHOWN_S)
        (ref,) = self.journal(number)
        return ref

    def arrives(self, number: str, ref: str) -> None:
        """Wait until the shop has it; raises where that is not once, with the fact's own id."""
        until(lambda: self.refs(number), SHOP_S)
        if self.refs(number) != [ref]:
            raise AssertionError(f"the shop has {self.refs(number)} of {number}, not {ref} once")


def hand_over_one(display: XDisplay, posapp: Path, data: Path) -> str:
    """Scan a ready order of the demo by raw keys, hand it over by key; what the shop shows of it."""
    outside = Outside(display, posapp, data, data)
    display.wait_for_window("posapp")
    code, number = outside.take()
    outside.scan(lambda: display.type_code(code, delay_ms=2))
    ref = outside.hand_over(number)
    outside.arrives(number, ref)
    return f"{number} scanned by keys 2 ms apart, handed over by F12, in the shop once as {ref}"
