"""The line goes, the programs die, two tills disagree: nothing is lost, nothing silently doubled."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import Qt

from posapp.domain.facts import CASE_SETTLED, Answer
from posapp.domain.orders import HANDED_OVER
from tests.crash.loop import children
from tests.kit.front import open_front
from tests.kit.shop import Shop, environment, journal
from ui.screens.attention import AttentionScreen
from ui.view import Tone


@contextmanager
def window(folder: Path, code: str, number: str) -> Iterator[subprocess.Popen[bytes]]:
    """A window of its own process, in which the order is handed over at once."""
    codes = folder.parent / "codes"
    codes.write_text(f"{code} {number}\n")
    command = [sys.executable, "-m", "tests.crash.driver", "--data", str(folder), "--codes", str(codes)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[bytes], word: str) -> list[str]:
    """The line that begins so."""
    assert process.stdout is not None
    while select.select([process.stdout], [], [], 30)[0]:
        words = process.stdout.readline().decode().split()
        if words[:1] == [word]:
            return words
    raise TimeoutError(word)


def test_a_hand_over_without_a_line_outlives_every_program_and_arrives_once(shop: Shop, till: Path) -> None:
    code, number = shop.take()
    with open_front(till) as front:
        front.online()
    shop.hub.stop()
    with window(till, code, number) as process:
        _, ref, _ = heard(process, "ack")
        for pid in (process.pid, *children(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
    with open_front(till) as front:
        front.scan(code)
        front.shows(number, Tone.RED)
        assert front.app.books.standing().waiting == 1
        front.until(lambda: front.line, what="says that the line is down")
        shop.hub.start()
        front.until(lambda: front.ticks(number, ref) == 3, 30, what="three ticks")
        front.until(lambda: not front.line, what="says nothing more of the line")
        front.shows(number, Tone.RED)
    assert shop.refs(number) == [ref]
    assert [(e.fact.kind, e.answer) for e in journal(till)] == [(HANDED_OVER, Answer.ACCEPTED)]


def test_two_tills_hand_the_same_order_over_and_a_person_settles_it(shop: Shop, tmp_path: Path) -> None:
    code, number = shop.take()
    one, other = shop.enrol(tmp_path / "one"), shop.enrol(tmp_path / "other")
    refs = {}
    for folder in (one, other):
        with open_front(folder) as front:
            front.online()
    shop.hub.stop()
    with open_front(one) as front:
        front.scan(code)
        front.shows(number, Tone.GREEN)
        refs[one] = front.hand_over()
    with open_front(other) as front:
        front.scan(code)
        # The first till of the store is its lead: without it and without the hub nobody grants.
        front.shows(number, Tone.AMBER)
        front.press(Qt.Key.Key_F12)
        assert journal(other) == []
        front.release("The customer is known here")
        front.shows(number, Tone.GREEN)
        refs[other] = front.hand_over()
    shop.hub.start()
    with open_front(one) as front:
        front.until(lambda: front.ticks(number, refs[one]) == 3, 30, what="the first is in the shop")
    with open_front(other) as front:
        front.until(front.app.desk.attention.cases, 30, what="a case")
        front.scan(code)
        front.until(lambda: front.card.code == number, what="the card")
        assert front.card.tone is Tone.RED
        front.window.go("attention")
        screen = front.window.front
        assert isinstance(screen, AttentionScreen)
        (case,) = front.app.desk.attention.cases()
        assert case.ref == refs[other]
        screen.choose(case.ref)
        screen.decide("same")
        assert front.app.desk.attention.cases() == []
        front.until(lambda: front.app.books.standing().waiting == 0, 30, what="the hub knows")
        front.scan(code)
        front.shows(number, Tone.RED)
    assert shop.refs(number) == [refs[one]]
    assert [(e.fact.kind, e.answer) for e in journal(other)] == [
        (HANDED_OVER, Answer.REJECTED),
        (CASE_SETTLED, Answer.ACCEPTED),
    ]
