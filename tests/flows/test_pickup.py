"""A pickup as it goes in a store: a real window, real files, a real hub, a scanner on a cable."""

import json
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt

from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER
from tests.kit.front import Front, open_front
from tests.kit.scanner import CableScanner
from tests.kit.shop import Shop, environment, journal, open_shop
from ui.view import CardView, Tone

CONTROL = Qt.KeyboardModifier.ControlModifier


def facts(folder: Path) -> list[str]:
    return [entry.fact.kind for entry in journal(folder)]


def test_scan_hand_over_and_the_shop_has_it_once(shop: Shop, till: Path) -> None:
    code, number = shop.take()
    with CableScanner() as scanner, open_front(till, scanners=(scanner.device,)) as front:
        front.online()
        front.listening()
        scanner.send(code)
        front.shows(number, Tone.GREEN)
        ref = front.hand_over()
        front.until(lambda: front.ticks(number, ref) == 3, what="three ticks")
        scanner.send(code)
        front.shows(number, Tone.RED)
        front.press(Qt.Key.Key_F12)
    asked = [sys.executable, "-m", "posapp", "hub", "orders", "--data", str(shop.folder), "--json"]
    told = json.loads(subprocess.run(asked, capture_output=True, env=environment(), check=True).stdout)
    (order,) = [order for order in told if order["number"] == number]
    assert [done["ref"] for done in order["hand_overs"]] == [ref]
    assert [entry.fact.id for entry in journal(till)] == [ref]


def test_what_was_taken_back_the_shop_never_hears_of(shop: Shop, till: Path) -> None:
    """A later hand-over, in the shop, shows that the hub has read as far as that."""
    code, number = shop.take()
    after, later = shop.take()
    with open_front(till) as front:
        front.online()
        front.scan(code)
        front.hand_over()
        front.press(Qt.Key.Key_Z, CONTROL)
        front.shows(number, Tone.GREEN)
        front.scan(after)
        front.shows(later, Tone.GREEN)
        ref = front.hand_over()
        front.until(lambda: shop.refs(later) == [ref], what="the later one is in the shop")
        assert front.app.books.standing().waiting == 0
        assert front.app.desk.attention.cases() == []
        front.scan(code)
        front.shows(number, Tone.GREEN)
    assert shop.refs(number) == []
    assert facts(till) == [HANDED_OVER, HAND_OVER_UNDONE, HANDED_OVER]


def test_after_a_restart_of_the_window_the_last_hand_over_can_still_be_taken_back(tmp_path: Path) -> None:
    with open_shop(tmp_path / "hub", undo_s=600) as shop:
        till = shop.enrol(tmp_path / "till")
        code, number = shop.take()
        with open_front(till) as front:
            front.online()
            front.scan(code)
            front.hand_over()
        with open_front(till) as front:
            front.until(front.window.undo_bar.isVisible, what="the undo bar")
            assert number in front.window.undo_bar.accessibleName()
            front.press(Qt.Key.Key_Z, CONTROL)
            front.shows(number, Tone.GREEN)
            assert not front.window.undo_bar.isVisible()
        assert facts(till) == [HANDED_OVER, HAND_OVER_UNDONE]


# --- scans that lead to no hand-over ---

STATES = ("not_here_yet", "unpaid", "cancelled", "already_handed_over", "blocked", "code_replaced")
UNREADABLE = {
    "torn": b"PK7KX29DR",
    "wrong check digit": b"PK7KX29DRTX",
    "control characters": b"PK7KX2\x029DRTH",
    "8 KiB": b"A" * 8192,
}


def said(card: CardView) -> tuple[str, str, str]:
    """What tells one scan's card from another's."""
    return card.headline, card.sentence, card.code


def answered(front: Front, scanner: CableScanner, raw: str | bytes, what: str) -> CardView:
    """The card that a scan leads to; F12 does nothing on it."""
    before = said(front.card)
    scanner.send(raw)
    # Not the card itself: news of the line draws the same one again.
    front.until(lambda: said(front.card) != before, what=what)
    card = front.card
    front.press(Qt.Key.Key_F12)
    assert front.card.tone is not Tone.DONE
    return card


def test_each_scan_that_may_not_go_on_has_its_own_word_and_writes_nothing(shop: Shop, till: Path) -> None:
    told: dict[str, CardView] = {}
    codes = {state: shop.take(state) for state in STATES}
    foreign, _ = shop.take("other_store")
    with CableScanner() as scanner, open_front(till, scanners=(scanner.device,)) as front:
        front.online()
        front.listening()
        for state, (code, number) in codes.items():
            told[state] = answered(front, scanner, code, state)
            assert number in told[state].code
        for what, raw in UNREADABLE.items():
            told[what] = answered(front, scanner, raw, what)
        searching = answered(front, scanner, foreign, "searching")
        front.until(lambda: front.card.headline != searching.headline, what="another store's")
        told["other store"] = front.card
    words = {what: (card.headline, card.sentence) for what, card in told.items()}
    assert len(set(words.values())) == len(words), words
    assert all(card.tone is not Tone.GREEN for card in told.values())
    assert all(card.name == "" for what, card in told.items() if what in (*UNREADABLE, "other store"))
    assert facts(till) == []
