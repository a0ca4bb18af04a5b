"""Case 14: a card payment booked by the terminal, the line cut before the result; then kill -9; then restart.

No second order to pay; settled as booked from the terminal's last receipt; the sale closed once, in the
journal and at the hub. A real till process with its real files, killed; a terminal of bytes on a socket
that keeps its own record; a real hub.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths, settings
from posapp.domain.facts import Answer
from posapp.domain.sales import PAYMENT_BEGUN, PAYMENT_NOT_BOOKED, SALE_CLOSED
from posapp.storage.check import check_folder
from posapp.storage.journal import Journal
from sync.engine.client import Hub
from tests.kit.dues import DUE as AMOUNT
from tests.kit.dues import dues, open_dues
from tests.kit.shop import Shop, environment, journal
from tests.peers.terminal.terminal import Cut, TerminalPeer, terminal
from tests.waiting import until

pytestmark = pytest.mark.proof

WAIT_S = 60
PAID, DOUBT, DUE = "card green Ready to hand over", "card red Payment not clear", "card amber Still to pay"
"""What the card says: paid by card, not known, still to be paid."""


class Life:
    """One life of the till, until it is killed with its sync process."""

    def __init__(self, folder: Path, step: str, code: str, *more: str) -> None:
        command = [sys.executable, "-m", "tests.crash.pay_driver", "--data", str(folder), *more, step, code]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment()
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._sync = 0

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def until_said(self, wanted: str) -> None:
        """Until it says a line that begins so; everything before is passed over."""
        while not self._heed(self._lines.get(timeout=WAIT_S)).startswith(wanted):
            pass

    def _heed(self, line: str) -> str:
        if line.startswith("waits"):
            self._sync = int(line.split()[1])
        return line

    def kill(self) -> None:
        """kill -9, the window first; whatever it was about to write is lost. Harmless twice."""
        if self.process.returncode is not None:
            return
        self.process.kill()
        self.process.wait()
        self._reader.join()
        while not self._lines.empty():
            self._heed(self._lines.get())
        if self._sync:
            with suppress(ProcessLookupError):
                os.kill(self._sync, signal.SIGKILL)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def living(folder: Path, step: str, code: str, *more: str) -> Iterator[Life]:
    """A life that ends with the block, by kill -9."""
    life = Life(folder, step, code, *more)
    try:
        yield life
    finally:
        life.kill()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_dues(tmp_path / "hub", 2) as found:
        yield found


@pytest.fixture
def due(shop: Shop) -> Iterator[tuple[str, str]]:
    """The orders that are to be paid, one for each test."""
    return dues(shop)


@pytest.fixture
def peer() -> Iterator[TerminalPeer]:
    with terminal() as made:
        yield made
    assert made.faults == []


@pytest.fixture
def till(shop: Shop, peer: TerminalPeer, tmp_path: Path) -> Path:
    """The folder of a till with a card terminal, enrolled at the hub."""
    folder = shop.enrol(tmp_path / "till")
    settings.save(folder, replace(settings.load(folder), terminal=peer.url))
    return folder


def kinds(folder: Path) -> list[str]:
    return [entry.fact.kind for entry in journal(folder)]


def at_hub(folder: Path, number: str) -> dict[str, object]:
    """The sale as the hub has it, read from the feed with the till's own token."""
    opened = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    hub = Hub(opened.meta("hub"), opened.meta("token"))
    opened.close()
    try:
        page = hub.feed(0, 200, 0)
    finally:
        hub.close()
    (body,) = [c.body for c in page.changes if (c.kind, c.id) == ("sale", number)]
    assert body is not None
    return dict(body)


def pay_until_cut(till: Path, peer: TerminalPeer, code: str, cut: Cut) -> None:
    """The clerk takes the amount, the line is cut, and the till is killed with no more than that heard."""
    peer.cut = cut
    with living(till, "pay", code) as life:
        life.until_said("waits")
        until(lambda: not peer.plugged, WAIT_S)
        life.until_said(DOUBT)


def test_case_14_booked_cut_killed_restarted_is_settled_once(
    due: Iterator[tuple[str, str]], till: Path, peer: TerminalPeer
) -> None:
    code, number = next(due)
    pay_until_cut(till, peer, code, Cut.BOOKED)
    assert [booking.amount for booking in peer.record[1:]] == [AMOUNT]
    assert (kinds(till), peer.count("0601")) == ([PAYMENT_BEGUN], 1)
    # The line is still cut: the till says that it does not know, and asks for no money.
    with living(till, "look", code) as life:
        life.until_said(DOUBT)
    assert (kinds(till), peer.count("0601")) == ([PAYMENT_BEGUN], 1)
    peer.plug()
    with living(till, "look", code) as life:
        life.until_said(PAID)
        until(lambda: all(entry.answer is Answer.ACCEPTED for entry in journal(till)), WAIT_S)
    begun, closed = journal(till)
    assert (begun.fact.kind, closed.fact.kind) == (PAYMENT_BEGUN, SALE_CLOSED)
    booked = peer.record[-1]
    assert dict(closed.fact.payload) == {
        "payment": begun.fact.id,
        "how": "looked_up",
        "receipt": booked.receipt,
        "trace": booked.trace,
        "card": "girocard",
    }
    # Settled is settled: another life asks the terminal nothing and writes nothing.
    asked = len(peer.orders)
    with living(till, "look", code) as life:
        life.until_said(PAID)
    assert (len(peer.orders), kinds(till)) == (asked, [PAYMENT_BEGUN, SALE_CLOSED])
    assert (peer.count("0601"), len(peer.record)) == (1, 2)
    sale = at_hub(till, number)
    assert sale["closed"] is True
    assert isinstance(sale["payments"], list)
    assert [payment["end_ref"] for payment in sale["payments"]] == [closed.fact.id]
    check_folder(till, StoredKeys().load(till))


def test_case_14_killed_before_the_till_heard_of_the_cut(
    due: Iterator[tuple[str, str]], till: Path, peer: TerminalPeer
) -> None:
    code, _ = next(due)
    # It has asked for the card, and the customer still looks for it: killed there, the terminal goes on.
    peer.hold = True
    with living(till, "pay", code) as life:
        until(lambda: peer.waiting, WAIT_S)
        assert kinds(till) == [PAYMENT_BEGUN]
        life.kill()
    with living(till, "look", code) as life:
        # While it is busy with that payment the terminal answers nobody, so nothing is decided.
        life.until_said(DOUBT)
        peer.present()
        life.until_said(PAID)
    assert (kinds(till), peer.count("0601"), len(peer.record)) == ([PAYMENT_BEGUN, SALE_CLOSED], 1, 2)


def test_case_14_what_was_not_booked_is_settled_as_not_booked(
    due: Iterator[tuple[str, str]], till: Path, peer: TerminalPeer
) -> None:
    code, _ = next(due)
    pay_until_cut(till, peer, code, Cut.TAKEN)
    peer.plug()
    with living(till, "look", code) as life:
        life.until_said(DUE)
    assert (kinds(till), peer.count("0601")) == ([PAYMENT_BEGUN, PAYMENT_NOT_BOOKED], 1)
    assert [booking for booking in peer.record if booking.amount == AMOUNT] == []


def test_case_14_finds_a_till_that_sends_again(
    due: Iterator[tuple[str, str]], till: Path, peer: TerminalPeer
) -> None:
    code, _ = next(due)
    pay_until_cut(till, peer, code, Cut.BOOKED)
    peer.plug()
    with living(till, "look", code, "--plant"):
        until(lambda: peer.count("0601") == 2, WAIT_S)
        until(lambda: len(peer.record) == 3, WAIT_S)
