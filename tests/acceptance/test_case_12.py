"""Case 12: hostile codes, from a serial scanner into the till's own window.

One verdict each, nothing is opened, nothing glued to the next code, and nothing told of other stores'
customers.
"""

import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices

from drivers import open_scanner
from posapp.counter.scanning import Elsewhere
from posapp.domain import mat, tokens
from posapp.domain.codes import Prefix, make
from posapp.domain.goods import Code
from posapp.settings import Settings
from tests.drivers.ears import UP, Ear
from tests.drivers.test_serial import Port
from tests.kit.counter import Counter, open_counter
from tests.kit.things import CODE, NOW, order, token
from ui.bridge import Bridge, LookedUp
from ui.verdicts import LOOKS
from ui.view import CardView
from ui.window import TillWindow

ELSEWHERE = make(Prefix.PICKUP, "4GN7P2TX")
SECRET = "Gerlinde Fremdling"


class Lane:
    """A till with a scanner on a line in front of its window."""

    def __init__(self, counter: Counter, port: Port, ear: Ear) -> None:
        self.counter, self._port, self._ear = counter, port, ear
        self.bridge = Bridge()
        self.window = TillWindow(counter.desk, self.bridge, Settings(language="en"), lambda _: None)
        self.window.show()

    def scan(self, code: str | bytes) -> CardView:
        """Scan it: the card it leads to."""
        self._port.send((code if isinstance(code, bytes) else code.encode()) + b"\r")
        self.bridge.code_scanned.emit(self._ear.scans.get(timeout=20))
        return self.card

    @property
    def card(self) -> CardView:
        """The card in front."""
        return self.window.home.card.view


@pytest.fixture
def lane(tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    def never(*_address: object, **_more: object) -> bool:
        raise AssertionError("an address was opened")

    monkeypatch.setattr(QDesktopServices, "openUrl", never)
    monkeypatch.setattr(webbrowser, "open", never)
    port = Port(tmp_path / "usb-scanner")
    port.plug()
    with open_counter(tmp_path) as counter, Ear(open_scanner(str(tmp_path / "usb-scanner"))) as ear:
        assert ear.stands() == UP
        counter.tell(order(), order("W-2002", store="B02", customer=SECRET, codes=(Code(token(ELSEWHERE)),)))
        made = Lane(counter, port, ear)
        yield made
        made.window.close()
        made.window.deleteLater()
    port.unplug()


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "as long as a code can be": ("X" * 2953, "unreadable"),
    "longer than any message": ("1" * 513, "unreadable"),
    "control characters": (b"PK7KX\x00\x1b[2J\x07", "unreadable"),
    "escape and separator": (b"\x1d\x1d\x1d", "unreadable"),
    "turned writing": ("order\u202e4711", "unreadable"),
    "foreign address": ("https://evil.example/01/04006381333931", "unreadable"),
    "address that hides its host": ("http://shop.example@evil.example/", "unreadable"),
    "other scheme": ("file:///etc/passwd", "unknown"),
    "javascript": ("javascript:alert(1)", "unknown"),
    "six digits": ("425261", "unknown"),
    "wrong check": ("4006381333932", "unreadable"),
    "our code with a wrong check": ("PK7KX29DRTX", "unreadable"),
    "half of our code": ("PK7KX29", "unknown"),
    "two codes glued": (CODE + CODE, "unreadable"),
    "markup": ("<b>W-1001</b><img src=x>", "unknown"),
    "a statement": ("' OR 1=1 --", "unknown"),
    "places to fill in": ("{number} {0} %s", "unknown"),
    "a mat of another store": (mat.codes(bytes(32))[mat.Command.OK], "not_an_order"),
    "a signed code nobody signed": ("PS" + "X" * 137, "unreadable"),
    "not text": (bytes(range(128, 256)), "unreadable"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_case_12_one_verdict_each_and_the_next_scan_is_whole(lane: Lane, name: str) -> None:
    code, verdict = HOSTILE[name]
    before = lane.counter.facts()
    card = lane.scan(code)
    looks = {kind.value: look for kind, look in LOOKS.items()}
    assert (card.tone, card.primary) == (looks[verdict].tone, None)
    assert card.headline
    assert len(card.code) <= 64
    assert card.code.isprintable()
    assert lane.counter.facts() == before
    assert "W-1001" in lane.scan(CODE).code
    assert lane.card.primary is not None


def test_case_12_another_stores_code_tells_the_store_and_nothing_of_the_person(lane: Lane) -> None:
    shown = [lane.scan(ELSEWHERE)]
    lane.bridge.looked_up.emit(LookedUp(ELSEWHERE, "elsewhere", Elsewhere("Uhren Beck", "Markt 3")))
    shown.append(lane.card)
    for card in shown:
        words = repr(card)
        assert card.primary is None
        assert SECRET not in words
        assert "W-2002" not in words


def test_case_12_a_signed_code_of_another_store_or_of_long_ago_hands_nothing_out(lane: Lane) -> None:
    key = bytes(range(32))
    lane.counter.records(("store", "B01", {"name": "X", "token_keys": [tokens.public_key(key).hex()]}))
    for number, mark, at in (("W-9999", "B01", NOW), ("W-9999", "B02", NOW), ("W-1001", "B01", NOW)):
        past = at.replace(year=2020) if number == "W-1001" else at.replace(year=2030)
        card = lane.scan(tokens.sign(key, tokens.Claims(number, tokens.store_mark(mark), past)))
        assert card.primary is None
        assert SECRET not in repr(card)
