"""Paying by card at a real till: by F12, told on the card, cancelled, declined, in doubt, settled by a person."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from posapp import settings
from posapp.counter.checkout import KIND
from posapp.domain.orders import HANDED_OVER
from posapp.domain.sales import PAYMENT_BEGUN, PAYMENT_NOT_BOOKED, SALE_CLOSED, Sale
from tests.kit.dues import dues, open_dues
from tests.kit.front import Front, open_front
from tests.kit.shop import Shop, journal
from tests.peers.terminal.terminal import Cut, TerminalPeer, terminal
from ui import pay_view
from ui.view import Tone


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_dues(tmp_path / "hub", 2) as found:
        yield found


@pytest.fixture
def peer(till: Path) -> Iterator[TerminalPeer]:
    with terminal() as made:
        settings.save(till, replace(settings.load(till), terminal=made.url))
        yield made
    assert made.faults == []


@pytest.fixture
def to_pay(shop: Shop) -> Iterator[tuple[str, str]]:
    return dues(shop)


@pytest.fixture
def due(to_pay: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """The code and the number of an order that is to be paid here."""
    return next(to_pay)


def press(front: Front, action: str) -> None:
    """A button of the card, by hand."""
    actions = [a for a in (*front.card.secondary, front.card.primary) if a]
    at = next(i for i, a in enumerate(actions) if a.id == action)
    front.window.home.card.buttons[at].click()


def ids(front: Front) -> set[str]:
    return {a.id for a in (front.card.primary, *front.card.secondary) if a}


def kinds(till: Path) -> list[str]:
    return [entry.fact.kind for entry in journal(till)]


def strip(front: Front) -> str:
    """What the strip above the screen says."""
    paying = front.window.status.paying
    return "" if paying is None or paying.strip.isHidden() else str(paying.strip.strip.text)


def ready(front: Front) -> None:
    front.online()
    front.until(lambda: front.window.status.paying, what="the terminal's part of the window")


def test_an_order_is_paid_by_card_and_handed_over(
    shop: Shop, till: Path, peer: TerminalPeer, due: tuple[str, str]
) -> None:
    code, number = due
    peer.hold = True
    with open_front(till) as front:
        ready(front)
        front.scan(code)
        assert ids(front) == {pay_view.BY_CARD, "hand_over"}
        assert front.card.primary is not None
        assert front.card.primary.key == "F12"
        front.press(Qt.Key.Key_F12)
        front.until(lambda: "bank" in front.card.sentence, what="the steps are told")
        assert (front.card.headline, ids(front)) == ("Card payment", {pay_view.GIVE_UP})
        # The next customer waits for nobody's card, and the payment stays in sight.
        other, _ = shop.take()
        front.scan(other)
        front.until(lambda: number in strip(front), what="the strip")
        peer.present()
        front.until(lambda: not strip(front), what="booked")
        front.scan(code)
        front.shows(number, Tone.GREEN)
        assert "receipt 43" in str(front.card.facts)
        front.hand_over()
        front.until(lambda: shop.refs(number), what="the shop")
    assert kinds(till) == [PAYMENT_BEGUN, SALE_CLOSED, HANDED_OVER]
    handed = journal(till)[-1].fact.payload
    assert (handed["paid_here"], handed["paid_by"]) == (True, "card")
    assert peer.count("0601") == 1


def test_what_does_not_work_is_told_and_cash_may_be_taken(
    till: Path, peer: TerminalPeer, due: tuple[str, str]
) -> None:
    code, _ = due
    peer.pull()
    with open_front(till) as front:
        ready(front)
        front.scan(code)
        front.press(Qt.Key.Key_F12)
        front.until(lambda: "cannot be reached" in front.card.sentence, what="out of reach")
        assert kinds(till) == []
        peer.plug()
        peer.code = 0x05
        front.press(Qt.Key.Key_F12)
        front.until(lambda: "declined" in front.card.sentence, what="declined")
        peer.code, peer.hold = None, True
        front.press(Qt.Key.Key_F12)
        front.until(lambda: "bank" in front.card.sentence, what="under way")
        press(front, pay_view.GIVE_UP)
        front.until(lambda: "given up" in front.card.sentence, what="given up")
        assert front.card.tone is Tone.AMBER
        press(front, "hand_over")
        front.until(lambda: front.card.tone is Tone.DONE, what="handed over")
    failed = [PAYMENT_BEGUN, PAYMENT_NOT_BOOKED]
    assert kinds(till) == [*failed, *failed, HANDED_OVER]
    assert (peer.count("0601"), len(peer.record)) == (2, 1)


def test_a_line_that_breaks_settles_itself_or_is_settled_by_a_person(
    till: Path, peer: TerminalPeer, due: tuple[str, str]
) -> None:
    code, number = due
    peer.cut = Cut.TAKEN
    with open_front(till) as front:
        ready(front)
        front.scan(code)
        front.press(Qt.Key.Key_F12)
        front.until(lambda: "cannot be reached" in front.card.sentence, what="in doubt")
        assert (front.card.tone, front.card.bin) == (Tone.RED, "")
        assert "hand_over" not in ids(front)
        front.window.go("pickups")
        front.until(lambda: number in strip(front), what="told on every place")
        peer.plug()
        front.until(lambda: not strip(front), what="settled by itself")
        front.scan(code)
        front.shows(number, Tone.AMBER)
        assert "has not booked" in front.card.sentence
        # Now it books, and does not say so clearly.
        peer.cut, peer.tells_last = Cut.RESULT, False
        front.press(Qt.Key.Key_F12)
        front.until(lambda: front.card.tone is Tone.RED, what="in doubt")
        peer.plug()
        front.until(lambda: "last slip" in front.card.sentence, what="not clear")
        assert ids(front) == {pay_view.ASK, pay_view.BOOKED, pay_view.NOT_BOOKED}
        press(front, pay_view.BOOKED)
        front.shows(number, Tone.GREEN)
        known = front.app.books.know(KIND, number)
        assert known is not None
        assert isinstance(known.value, Sale)
        assert known.value.booked is not None
        assert known.value.booked.how == "person"
    assert kinds(till) == [PAYMENT_BEGUN, PAYMENT_NOT_BOOKED, PAYMENT_BEGUN, SALE_CLOSED]
    assert peer.count("0601") == 2


def test_a_terminals_address_that_is_none_stops_no_till(till: Path, shop: Shop) -> None:
    settings.save(till, replace(settings.load(till), terminal="the one in the corner"))
    with open_front(till) as front:
        front.online()
        code, number = shop.take()
        front.scan(code)
        front.shows(number, Tone.GREEN)
        assert front.window.status.paying is None
