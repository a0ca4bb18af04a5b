"""Case 13: paper out before, in the middle of and after a slip; power cut; roll changed.

The hand-over stands; exactly one slip or a named doubt; never two by themselves. On real files, a real
lane in a process that is killed, and a printer that takes bytes from a socket.
"""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.lane import Lane
from drivers.receipt_printer import EscPosPrinter
from drivers.spool import NAME, Spool
from posapp import texts
from posapp.counter.printing import Printing
from posapp.domain.orders import HANDED_OVER
from posapp.domain.slips import Outcome, PrinterState, PrintJob, Trouble
from tests.kit.counter import Counter, open_counter
from tests.kit.things import order
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.wire import TcpCable
from tests.waiting import until

WAIT_S = 20
LINES = 13
"""Parts of the slip of a hand-over that use up paper, its code among them."""


class Till:
    """A counter with a lane to one printer; may be ended and begun again on the same files."""

    def __init__(self, counter: Counter, cable: TcpCable, folder: Path) -> None:
        self.counter, self._cable, self._folder = counter, cable, folder
        self.begin()

    def begin(self) -> None:
        self.jobs: queue.Queue[PrintJob] = queue.Queue()
        self.states: queue.Queue[PrinterState] = queue.Queue()
        self.lane = Lane(
            receipts=EscPosPrinter(self._cable.url),
            spool=Spool(self._folder / NAME),
            on_job=self.jobs.put,
            on_state=self.states.put,
            look_again_s=0.02,
        )
        self.printing = Printing(self.counter.till, self.lane)
        self.lane.start()

    def told(self) -> PrintJob:
        """The next job that does not just wait."""
        while True:
            job = self.jobs.get(timeout=WAIT_S)
            if job.outcome not in (Outcome.WAITING, Outcome.SETTLED):
                self.printing.heard(job)
                return job

    def ready_again(self) -> None:
        """Until the printer was heard to be well."""
        while self.states.get(timeout=WAIT_S).trouble is not None:
            pass


@pytest.fixture
def peer() -> EscPosPeer:
    return EscPosPeer()


@pytest.fixture
def till(tmp_path: Path, peer: EscPosPeer) -> Iterator[Till]:
    texts.use("en")
    with TcpCable(peer) as cable, open_counter(tmp_path) as counter:
        counter.tell(order())
        made = Till(counter, cable, tmp_path)
        yield made
        made.lane.stop()
    texts.use("de")


def slips(peer: EscPosPeer) -> list[bool]:
    """Whether each slip that came out is a copy; pieces without our order's number are none."""
    return ["*** COPY ***" in paper.text for paper in peer.papers() if "W-1001" in paper.text]


def stands(till: Till) -> bool:
    """Whether exactly one hand-over is in the journal."""
    return [kind for kind, _ in till.counter.facts()] == [HANDED_OVER]


def test_paper_out_before_the_slip_prints_nothing_and_says_why(till: Till, peer: EscPosPeer) -> None:
    peer.fault("paper-out")
    till.printing.hand_over(till.counter.hand_over())
    job = till.told()
    assert (job.outcome, job.trouble, stands(till)) == (Outcome.REFUSED, Trouble.PAPER_OUT, True)
    peer.mend("paper-out")
    till.ready_again()
    # The new roll alone prints nothing; the clerk does, and it is no copy.
    assert slips(peer) == []
    till.printing.again()
    assert till.told().outcome is Outcome.PRINTED
    assert (slips(peer), till.lane.jobs, stands(till)) == ([False], (), True)


@pytest.mark.parametrize("lines", [1, 6, LINES - 1, LINES])
def test_paper_out_in_the_middle_is_one_slip_and_a_named_doubt(
    till: Till, peer: EscPosPeer, lines: int
) -> None:
    peer.paper_lines = lines
    till.printing.hand_over(till.counter.hand_over())
    job = till.told()
    assert (job.outcome, job.trouble, job.about) == (Outcome.UNSURE, Trouble.PAPER_OUT, "order:W-1001")
    peer.mend("paper-out")
    till.ready_again()
    # The printer itself finished what it held: that is the one slip. posapp added nothing.
    assert (slips(peer), stands(till)) == ([False], True)
    till.printing.settle(job.id)
    assert till.lane.jobs == ()


def test_whoever_prints_in_doubt_gets_a_marked_copy(till: Till, peer: EscPosPeer) -> None:
    peer.paper_lines = 3
    till.printing.hand_over(till.counter.hand_over())
    till.told()
    peer.mend("paper-out")
    till.ready_again()
    till.printing.again()
    assert till.told().outcome is Outcome.PRINTED
    assert (slips(peer), till.lane.jobs) == ([False, True], ())


def test_paper_out_after_the_slip_leaves_it_printed_once(till: Till, peer: EscPosPeer) -> None:
    till.printing.hand_over(till.counter.hand_over())
    assert till.told().outcome is Outcome.PRINTED
    peer.fault("paper-out")
    peer.mend("paper-out")
    assert (slips(peer), till.lane.jobs, stands(till)) == ([False], (), True)


_CHILD = """
import sys
from pathlib import Path
from drivers.lane import Lane
from drivers.receipt_printer import EscPosPrinter
from drivers.spool import NAME, Spool
from posapp.counter.printing import Printing
from tests.kit.counter import open_counter
folder, url = Path(sys.argv[1]), sys.argv[2]
with open_counter(folder) as counter:
    lane = Lane(receipts=EscPosPrinter(url), spool=Spool(folder / NAME))
    lane.start()
    Printing(counter.till, lane).hand_over(counter.hand_over())
    sys.stdin.read()
"""


@pytest.mark.parametrize("fault", ["", "paper"])
def test_a_power_cut_in_the_middle_leaves_a_doubt_with_the_orders_number(
    tmp_path: Path, peer: EscPosPeer, fault: str
) -> None:
    texts.use("en")
    with TcpCable(peer) as cable:
        with open_counter(tmp_path) as counter:
            counter.tell(order())
        # It takes the slip and does not say that it is done; with ``paper`` its roll ends in it as well.
        peer.ignore_turn = True
        peer.paper_lines = 4 if fault else None
        command = [sys.executable, "-c", _CHILD, str(tmp_path), cable.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
            until(lambda: b"\x1dr\x01" in peer.taken, WAIT_S)
            os.kill(child.pid, signal.SIGKILL)
        peer.ignore_turn = False
        peer.mend("paper-out")
        with open_counter(tmp_path) as counter:
            till = Till(counter, cable, tmp_path)
            job = till.told()
            assert (job.outcome, job.about) == (Outcome.UNSURE, "order:W-1001")
            assert job.trouble in (Trouble.RESTARTED, Trouble.PAPER_OUT)
            assert (slips(peer), stands(till)) == ([False], True)
            till.printing.again()
            assert till.told().outcome is Outcome.PRINTED
            assert slips(peer) == [False, True]
            till.lane.stop()
            # Settled once, it does not come back.
            till.begin()
            till.lane.stop()
            assert till.lane.jobs == ()
    texts.use("de")


def test_the_clerk_goes_on_while_the_printer_hangs(till: Till, peer: EscPosPeer) -> None:
    peer.fault("mute")
    done = till.counter.hand_over()
    job = till.printing.hand_over(done)
    # Before anything is heard of the printer the hand-over is done, durable and can be taken back.
    assert job
    assert stands(till)
    till.counter.desk.pickup.undo("W-1001", done.ref)
    assert till.told().trouble is Trouble.SILENT
    assert slips(peer) == []
