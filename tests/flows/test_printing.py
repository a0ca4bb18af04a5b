"""Slips at a real till: printed after the hand-over, told where they are not, never in the clerk's way."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer

from posapp import settings
from posapp.domain.orders import HANDED_OVER
from tests.kit.front import Front, open_front
from tests.kit.shop import Shop, journal
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.wire import TcpCable
from ui.print_strip import PrintStrip
from ui.view import Tone


@pytest.fixture
def peer() -> EscPosPeer:
    return EscPosPeer()


@pytest.fixture
def cable(peer: EscPosPeer, till: Path) -> Iterator[TcpCable]:
    with TcpCable(peer) as made:
        settings.save(till, replace(settings.load(till), printer=made.url))
        yield made


def strip(front: Front) -> PrintStrip:
    """The strip, once the window is ready."""
    found = front.until(lambda: front.window.status.printing, what="the printer's strip")
    assert isinstance(found, PrintStrip)
    return found


def slips(peer: EscPosPeer, number: str) -> list[bool]:
    """Whether each slip of an order is a copy."""
    return ["*** COPY ***" in paper.text for paper in peer.papers() if number in paper.text]


def test_a_hand_over_prints_its_slip_and_f6_a_copy(
    shop: Shop, till: Path, cable: TcpCable, peer: EscPosPeer
) -> None:
    code, number = shop.take()
    with open_front(till) as front:
        front.online()
        told = strip(front)
        front.scan(code)
        front.hand_over()
        front.until(lambda: slips(peer, number) == [False], what="the slip")
        front.until(lambda: not told.busy, what="nothing under way")
        assert told.isHidden()
        front.press(Qt.Key.Key_F6)
        front.until(lambda: slips(peer, number) == [False, True], what="the copy")
    assert peer.unknown == []


def test_without_paper_the_hand_over_stands_and_the_strip_says_what_to_do(
    shop: Shop, till: Path, cable: TcpCable, peer: EscPosPeer
) -> None:
    code, number = shop.take()
    peer.fault("paper-out")
    with open_front(till) as front:
        front.online()
        told = strip(front)
        front.scan(code)
        front.hand_over()
        front.until(lambda: "out of paper" in told.strip.text, what="the sentence")
        assert number in told.strip.text
        assert told.isVisible()
        # The next customer waits for no printer.
        front.scan(code)
        front.shows(number, Tone.RED)
        peer.mend("paper-out")
        front.until(lambda: "ready again" in told.strip.text, what="the printer is back")
        assert slips(peer, number) == []
        front.press(Qt.Key.Key_F6)
        front.until(lambda: slips(peer, number) == [False], what="the slip")
        front.until(told.isHidden, what="nothing open")
    assert [entry.fact.kind for entry in journal(till)] == [HANDED_OVER]


def test_a_doubt_is_still_told_after_a_restart_until_somebody_looks(
    shop: Shop, till: Path, cable: TcpCable, peer: EscPosPeer
) -> None:
    code, number = shop.take()
    peer.paper_lines = 3
    with open_front(till) as front:
        front.online()
        told = strip(front)
        front.scan(code)
        front.hand_over()
        front.until(lambda: "nobody knows" in told.strip.text, what="the doubt")
    peer.mend("paper-out")
    with open_front(till) as front:
        told = strip(front)
        front.until(
            lambda: "nobody knows" in told.strip.text and number in told.strip.text, what="the doubt again"
        )
        told.fine.click()
        front.until(told.isHidden, what="settled")
    with open_front(till) as front:
        front.online()
        assert strip(front).isHidden()
    assert slips(peer, number) == [False]


def test_printing_never_holds_the_window_for_long(shop: Shop, till: Path, cable: TcpCable) -> None:
    code, _ = shop.take()
    gaps: list[float] = []
    with open_front(till) as front:
        front.online()
        told = strip(front)
        front.scan(code)
        last = time.perf_counter()

        def tick() -> None:
            nonlocal last
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

        front.hand_over()
        last = time.perf_counter()
        timer = QTimer(interval=1)
        timer.timeout.connect(tick)
        timer.start()
        front.until(lambda: not told.busy and len(gaps) > 300, what="the first slip, with all it loads")
        timer.stop()
    assert max(gaps) < 0.25


def test_a_printers_address_that_is_none_stops_no_till(shop: Shop, till: Path) -> None:
    code, number = shop.take()
    settings.save(till, replace(settings.load(till), printer="the one in the corner"))
    with open_front(till) as front:
        front.online()
        told = strip(front)
        front.scan(code)
        front.hand_over()
        front.until(lambda: number in told.strip.text, what="it was not printed")
