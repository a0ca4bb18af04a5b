"""The card terminal over a real socket: what it says is taken for what it is, and nothing is asked twice."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from drivers.terminal import ZvtTerminal
from drivers.terminal_lane import TerminalLane, open_terminal
from posapp.domain.cards import AnswerTold, CardNews, Ended, ReceiptTold, Step, StepTold
from posapp.domain.errors import Unavailable
from posapp.domain.money import Money
from tests.peers.terminal.terminal import TERMINAL, Cut, TerminalPeer, terminal
from tests.waiting import until

PRICE = Money(1999)
WAIT_S = 20


@pytest.fixture
def peer() -> Iterator[TerminalPeer]:
    with terminal() as made:
        yield made
    assert made.faults == []


def at(peer: TerminalPeer, **limits: float) -> ZvtTerminal:
    return ZvtTerminal(peer.url, **limits)


def test_a_payment_is_booked_and_its_steps_are_told(peer: TerminalPeer) -> None:
    steps: list[Step] = []
    answer = at(peer).pay(PRICE, steps.append)
    assert (answer.ended, answer.why) == (Ended.BOOKED, "")
    receipt = answer.receipt
    assert receipt is not None
    assert (receipt.number, receipt.trace, receipt.amount, receipt.terminal) == (43, 124, PRICE, TERMINAL)
    assert (receipt.good, receipt.card) == (True, "girocard")
    assert receipt.at is not None
    assert abs(receipt.at - datetime.now().astimezone()) < timedelta(minutes=1)
    assert steps == [Step.CARD, Step.PIN, Step.WAIT]
    assert [order.hex() for order in peer.orders] == [
        "0600060000003809" + "78",
        "06010a04000000001999490978",
    ]


@pytest.mark.parametrize("chunk", [1, 7])
def test_a_payment_comes_through_however_the_line_tears_it(chunk: int) -> None:
    with terminal(chunk=chunk, extra=b"\x3c\xf6\xf0\xf0" + bytes(600)) as peer:
        answer = at(peer).pay(PRICE, lambda step: None)
        assert answer.ended is Ended.BOOKED
        assert peer.faults == []


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"code": 0x05}, "card-declined"),
        ({"code": 0x6C}, "card-cancelled"),
        ({"code": 0x64}, "card-failed"),
        ({"result": 0x6F}, "card-declined"),
    ],
)
def test_what_the_terminal_turns_down_is_not_booked(how: dict[str, object], why: str) -> None:
    with terminal(**how) as peer:
        answer = at(peer).pay(PRICE, lambda step: None)
        assert (answer.ended, answer.why) == (Ended.NOT_BOOKED, why)
        assert [one.amount for one in peer.record if one.good] == [1250]


@pytest.mark.parametrize("cut", Cut)
def test_a_line_cut_in_a_payment_is_unknown_and_asked_for_money_once(cut: Cut) -> None:
    with terminal(cut=cut) as peer:
        device = at(peer)
        before = device.last_receipt()
        assert before is not None
        assert device.pay(PRICE, lambda step: None).ended is Ended.UNKNOWN
        with pytest.raises(Unavailable, match="terminal-unreachable"):
            device.last_receipt()
        peer.plug()
        after = device.last_receipt()
        assert after is not None
        assert (after == before) is (cut in (Cut.ORDER, Cut.TAKEN))
        assert peer.count("0601") == 1


def test_silence_is_unknown(peer: TerminalPeer) -> None:
    peer.mute = "0601"
    answer = at(peer, ack_s=0.1).pay(PRICE, lambda step: None)
    assert (answer.ended, peer.count("0601")) == (Ended.UNKNOWN, 1)


def test_silence_after_the_yes_is_unknown(peer: TerminalPeer) -> None:
    peer.hold = True
    answer = at(peer, answer_s=0.2).pay(PRICE, lambda step: None)
    assert (answer.ended, peer.count("0601")) == (Ended.UNKNOWN, 1)


def test_the_time_to_answer_begins_anew_with_each_message() -> None:
    with terminal(steps=(0x0A,) * 60, chunk=1) as peer:
        assert at(peer, answer_s=0.5).pay(PRICE, lambda step: None).ended is Ended.BOOKED


def test_another_amount_than_asked_for_is_unknown() -> None:
    with terminal(approves=1500) as peer:
        assert at(peer).pay(PRICE, lambda step: None).ended is Ended.UNKNOWN


def test_a_terminal_out_of_reach_was_not_asked_for_money(peer: TerminalPeer) -> None:
    peer.pull()
    answer = at(peer).pay(PRICE, lambda step: None)
    assert (answer.ended, answer.why) == (Ended.NOT_BOOKED, "terminal-unreachable")


def test_a_terminal_that_refuses_to_register_was_not_asked_for_money(peer: TerminalPeer) -> None:
    peer.busy = True
    answer = at(peer).pay(PRICE, lambda step: None)
    assert (answer.ended, peer.count("0601")) == (Ended.NOT_BOOKED, 0)
    with pytest.raises(Unavailable, match="terminal-busy"):
        at(peer).last_receipt()


def test_another_currency_never_leaves_the_till(peer: TerminalPeer) -> None:
    answer = at(peer).pay(Money(1999, "CHF"), lambda step: None)
    assert (answer.ended, peer.orders) == (Ended.NOT_BOOKED, [])


def test_a_payment_is_given_up_by_the_terminal_itself(peer: TerminalPeer) -> None:
    peer.hold = True
    device = at(peer, answer_s=WAIT_S)
    answer = device.pay(PRICE, lambda step: device.cancel())
    assert (answer.ended, answer.why) == (Ended.NOT_BOOKED, "card-cancelled")
    assert (peer.count("06b0"), len(peer.record)) == (1, 1)
    # The next one is not cancelled by that.
    peer.hold = False
    assert device.pay(PRICE, lambda step: None).ended is Ended.BOOKED


@pytest.mark.parametrize("how", [{"tells_last": False}, {"record": []}])
def test_a_terminal_without_a_usable_receipt_tells_none(how: dict[str, object]) -> None:
    with TerminalPeer(**how) as peer:  # type: ignore[arg-type]  # the fields by name
        if "record" not in how:
            peer.book(1250)
        assert at(peer).last_receipt() is None


def test_whatever_a_terminal_says_a_payment_ends_with_an_answer() -> None:
    """Rubbish of many lengths behind the yes to the registration and to the order."""
    registered = bytes.fromhex("800000060f00")
    for rubbish in (
        b"",
        b"\x80\0\0",
        b"\x80\0\0\x04\x0f\x02\x87\0",
        b"\xff" * 700,
        b"\x84\x1e\x01\x7d",
        b"\x06\x0f\0",
    ):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve(server: socket.socket = server, rubbish: bytes = rubbish) -> None:
                line, _ = server.accept()
                with line:
                    line.recv(100)
                    line.sendall(registered)
                    line.recv(3)
                    line.recv(100)
                    line.sendall(rubbish)

            thread = threading.Thread(target=serve)
            thread.start()
            device = ZvtTerminal(f"tcp://127.0.0.1:{server.getsockname()[1]}", ack_s=1, answer_s=1)
            assert device.pay(PRICE, lambda step: None).ended is Ended.UNKNOWN
            thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "the one in the corner",
        "serial:/dev/ttyS0",
        "tcp://x?currency=XXX",
        "tcp://x?config=zz",
        "tcp://x?password=1234567",
    ],
)
def test_an_address_that_is_none_opens_no_terminal(url: str) -> None:
    assert open_terminal(url, lambda news: None) is None


# -- the thread ---------------------------------------------------------------------------------------
class Heard:
    """A lane to the peer, and what it told."""

    def __init__(self, peer: TerminalPeer) -> None:
        self.news: queue.Queue[CardNews] = queue.Queue()
        self.lane = TerminalLane(at(peer), self.news.put, look_again_s=0.02)
        self.lane.start()

    def next(self) -> CardNews:
        return self.news.get(timeout=WAIT_S)


@pytest.fixture
def heard(peer: TerminalPeer) -> Iterator[Heard]:
    made = Heard(peer)
    yield made
    made.lane.stop()


def test_the_lane_asks_pays_and_tells(peer: TerminalPeer, heard: Heard) -> None:
    heard.lane.ask("W-1")
    told = heard.next()
    assert isinstance(told, ReceiptTold)
    assert (told.sale, told.trouble) == ("W-1", "")
    heard.lane.pay("W-1", PRICE)
    assert [heard.next() for _ in range(3)] == [StepTold("W-1", s) for s in (Step.CARD, Step.PIN, Step.WAIT)]
    told = heard.next()
    assert isinstance(told, AnswerTold)
    assert told.answer.ended is Ended.BOOKED


def test_a_look_up_asks_until_the_terminal_answers(peer: TerminalPeer, heard: Heard) -> None:
    peer.pull()
    heard.lane.look_up("W-1")
    for _ in range(3):
        assert heard.next() == ReceiptTold("W-1", trouble="terminal-unreachable")
    peer.plug()
    while (told := heard.next()) == ReceiptTold("W-1", trouble="terminal-unreachable"):
        pass
    assert isinstance(told, ReceiptTold)
    assert told.receipt is not None
    # Answered: it asks no more, also not in a while.
    heard.lane.ask("W-2")
    told = heard.next()
    assert isinstance(told, ReceiptTold)
    assert told.sale == "W-2"


def test_a_look_up_can_be_left(peer: TerminalPeer, heard: Heard) -> None:
    peer.pull()
    heard.lane.look_up("W-1")
    heard.next()
    heard.lane.leave("W-1")
    heard.lane.ask("W-2")
    while (told := heard.next()).sale != "W-2":
        pass
    assert heard.lane._due == {}
    assert told == ReceiptTold("W-2", trouble="terminal-unreachable")


def test_the_lane_stops_in_the_middle_of_a_payment_and_tells_nothing_more(peer: TerminalPeer) -> None:
    peer.hold = True
    heard = Heard(peer)
    heard.lane.pay("W-1", PRICE)
    for _ in range(3):
        heard.next()
    thread = heard.lane._thread
    assert thread is not None
    heard.lane.stop()
    until(lambda: not thread.is_alive())
    assert heard.news.empty()
    assert len(peer.record) == 1
