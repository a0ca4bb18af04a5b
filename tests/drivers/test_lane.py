"""The lane of printers, drawer and display: in order, once, never in anybody's way, nothing forgotten."""

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers import lane as lane_module
from drivers.display import LineDisplay
from drivers.label_printer import open_label_printer
from drivers.lane import Lane, outfit
from drivers.receipt_printer import EscPosPrinter
from drivers.spool import Spool
from posapp.domain.devices import Check, Device
from posapp.domain.slips import Outcome, Paper, PrinterState, PrintJob, Slip, Text, Trouble
from posapp.ports import DrawerOpened
from tests.peers.printer.display import DisplayPeer
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.labels import ZebraPeer
from tests.peers.printer.wire import PtyCable, TcpCable
from tests.waiting import until

WAIT_S = 20


def slip(words: str, paper: Paper = Paper.TEST) -> Slip:
    return Slip(paper, words, (Text(words),), about=f"order:{words}", ref=f"ref-{words}")


class Ear:
    """What the lane tells, to wait for."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[PrintJob] = queue.Queue()
        self.states: queue.Queue[PrinterState] = queue.Queue()
        self.opened: queue.Queue[DrawerOpened] = queue.Queue()

    def job(self) -> tuple[str, Outcome, Trouble | None]:
        """The next job that is no longer waiting."""
        while True:
            job = self.jobs.get(timeout=WAIT_S)
            if job.outcome is not Outcome.WAITING:
                return job.about.removeprefix("order:"), job.outcome, job.trouble

    def trouble(self) -> Trouble | None:
        return self.states.get(timeout=WAIT_S).trouble


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def peer() -> EscPosPeer:
    return EscPosPeer()


@pytest.fixture
def cable(peer: EscPosPeer) -> Iterator[TcpCable]:
    with TcpCable(peer) as made:
        yield made


class Lanes:
    """Makes lanes on one printer and ends them with the test."""

    def __init__(self, url: str, ear: Ear, folder: Path) -> None:
        self.url, self.ear, self.path = url, ear, folder / "slips.jsonl"
        self.made: list[Lane] = []

    def start(self, **other: Any) -> Lane:
        printer = EscPosPrinter(self.url)
        parts: dict[str, Any] = {"receipts": printer, "drawer": printer, "spool": Spool(self.path)}
        made = Lane(
            **(parts | other),
            on_job=self.ear.jobs.put,
            on_state=self.ear.states.put,
            on_drawer=self.ear.opened.put,
            look_again_s=0.02,
        )
        self.made.append(made)
        made.start()
        return made


@pytest.fixture
def lanes(cable: TcpCable, ear: Ear, tmp_path: Path) -> Iterator[Lanes]:
    made = Lanes(cable.url, ear, tmp_path)
    yield made
    for lane in made.made:
        lane.stop()


def test_jobs_come_out_in_order_and_nothing_stays_open(lanes: Lanes, ear: Ear, peer: EscPosPeer) -> None:
    lane = lanes.start()
    for number in range(20):
        lane.print_slip(slip(f"W-{number}"))
    told = [ear.job() for _ in range(20)]
    assert told == [(f"W-{number}", Outcome.PRINTED, None) for number in range(20)]
    assert [receipt.text for receipt in peer.receipts] == [f"W-{number}" for number in range(20)]
    assert lane.jobs == ()


def test_asking_for_a_slip_waits_for_no_printer(lanes: Lanes, ear: Ear, peer: EscPosPeer) -> None:
    peer.fault("mute")
    lane = lanes.start()
    begun = time.monotonic()
    for number in range(50):
        lane.print_slip(slip(f"W-{number}"))
    assert time.monotonic() - begun < 1.0  # one silent question takes two seconds
    assert ear.job() == ("W-0", Outcome.REFUSED, Trouble.SILENT)
    peer.mend("mute")


def test_a_refused_slip_stays_until_somebody_prints_or_settles_it(
    lanes: Lanes, ear: Ear, peer: EscPosPeer
) -> None:
    lane = lanes.start()
    peer.fault("paper-out")
    lane.print_slip(slip("W-1"))
    assert ear.job() == ("W-1", Outcome.REFUSED, Trouble.PAPER_OUT)
    assert ear.trouble() is Trouble.PAPER_OUT
    peer.mend("paper-out")
    # The printer is asked until it is well; that prints nothing.
    assert ear.trouble() is None
    assert peer.papers() == []
    (job,) = lane.jobs
    lane.settle(job.id)
    assert ear.job()[:2] == ("W-1", Outcome.SETTLED)
    assert lane.jobs == ()


def test_a_doubt_is_never_sent_again_by_itself(lanes: Lanes, ear: Ear, peer: EscPosPeer) -> None:
    lane = lanes.start()
    peer.paper_lines = 1
    lane.print_slip(slip("W-1"))
    assert ear.job() == ("W-1", Outcome.UNSURE, Trouble.PAPER_OUT)
    assert ear.trouble() is Trouble.PAPER_OUT
    peer.mend("paper-out")
    assert ear.trouble() is None
    lane.print_slip(slip("W-2"))
    assert ear.job() == ("W-2", Outcome.PRINTED, None)
    assert [receipt.text for receipt in peer.papers()] == ["W-1", "W-2"]
    assert [job.about for job in lane.jobs] == ["order:W-1"]


def test_what_was_open_is_told_after_a_restart(lanes: Lanes, ear: Ear, peer: EscPosPeer) -> None:
    lane = lanes.start()
    peer.paper_lines = 1
    lane.print_slip(slip("W-1"))
    lane.print_slip(slip("W-2"))
    assert [ear.job(), ear.job()] == [
        ("W-1", Outcome.UNSURE, Trouble.PAPER_OUT),
        ("W-2", Outcome.REFUSED, Trouble.PAPER_OUT),
    ]
    lane.stop()
    lanes.start()
    assert [ear.job(), ear.job()] == [
        ("W-1", Outcome.UNSURE, Trouble.PAPER_OUT),
        ("W-2", Outcome.REFUSED, Trouble.PAPER_OUT),
    ]
    text = lanes.path.read_text()
    assert "W-1" in text
    assert text.count("\n") == 2


_CHILD = """
import sys
from pathlib import Path
from drivers.lane import Lane, outfit
from drivers.receipt_printer import EscPosPrinter
from drivers.spool import Spool
from posapp.domain.slips import Paper, Slip, Text
lane = Lane(receipts=EscPosPrinter(sys.argv[1]), spool=Spool(Path(sys.argv[2])))
lane.start()
for name in ("W-1", "W-2"):
    lane.print_slip(Slip(Paper.TEST, name, (Text(name),), about="order:" + name))
sys.stdin.read()
"""


def test_a_kill_in_the_middle_of_a_slip_leaves_a_named_doubt(
    lanes: Lanes, ear: Ear, peer: EscPosPeer, cable: TcpCable
) -> None:
    command = [sys.executable, "-c", _CHILD, cable.url, str(lanes.path)]
    # Everything is answered but that the slip was worked off.
    peer.ignore_turn = True
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        until(lambda: b"W-1" in peer.taken and b"\x1dr\x01" in peer.taken)
        os.kill(child.pid, signal.SIGKILL)
    peer.ignore_turn = False
    lane = lanes.start()
    assert [ear.job(), ear.job()] == [
        ("W-1", Outcome.UNSURE, Trouble.RESTARTED),
        ("W-2", Outcome.REFUSED, Trouble.RESTARTED),
    ]
    assert [receipt.text for receipt in peer.papers()] == ["W-1"]
    assert len(lane.jobs) == 2


def test_labels_go_to_the_label_printer_and_the_rest_does_not(
    lanes: Lanes, ear: Ear, peer: EscPosPeer
) -> None:
    zebra = ZebraPeer()
    label = replace(slip("A-3", Paper.BIN_LABEL), height_mm=30.0)
    with TcpCable(zebra) as cable:
        lane = lanes.start(labels=open_label_printer(cable.url))
        lane.print_slip(label)
        lane.print_slip(slip("W-1"))
        assert [ear.job()[1], ear.job()[1]] == [Outcome.PRINTED, Outcome.PRINTED]
    assert (len(zebra.labels), len(peer.receipts)) == (1, 1)


def test_without_any_printer_a_slip_is_refused_in_words(lanes: Lanes, ear: Ear) -> None:
    lane = lanes.start(receipts=None, drawer=None, spool=None)
    lane.print_slip(slip("W-1"))
    assert ear.job() == ("W-1", Outcome.REFUSED, Trouble.UNREACHABLE)
    lane.open_drawer("Ana", "change")
    assert ear.opened.get(timeout=WAIT_S) == DrawerOpened("Ana", "change", Trouble.UNREACHABLE)


def test_the_drawer_opens_with_a_name_and_a_reason(lanes: Lanes, ear: Ear, peer: EscPosPeer) -> None:
    lane = lanes.start()
    lane.open_drawer("Ana", "change")
    assert ear.opened.get(timeout=WAIT_S) == DrawerOpened("Ana", "change", None)
    until(lambda: peer.kicks == [2])
    peer.fault("cover-open")
    lane.open_drawer("Ben", "count")
    assert ear.opened.get(timeout=WAIT_S) == DrawerOpened("Ben", "count", Trouble.COVER_OPEN)
    assert peer.kicks == [2]


def test_the_customer_reads_what_is_shown(lanes: Lanes, tmp_path: Path) -> None:
    screen = DisplayPeer()
    with PtyCable(screen, tmp_path / "display") as cable:
        lane = lanes.start(display=LineDisplay(cable.url))
        lane.show("Füller", "12,50 €")
        until(lambda: screen.lines == ["Füller", "12,50 €"])
    lane.show("nobody is there")


class Broken:
    """A driver with a bug, once."""

    name = "broken"

    def __init__(self, printer: EscPosPrinter) -> None:
        self._printer = printer
        self.times = 0

    def state(self) -> PrinterState:
        return PrinterState(self.name)

    def print_slip(self, slip: Slip, sending: Any) -> Any:
        self.times += 1
        if self.times == 1:
            raise RuntimeError("a bug")
        return self._printer.print_slip(slip, sending)


def test_a_job_that_breaks_is_a_doubt_and_the_next_one_runs(lanes: Lanes, ear: Ear) -> None:
    lane = lanes.start(receipts=Broken(EscPosPrinter(lanes.url)))
    lane.print_slip(slip("W-1"))
    lane.print_slip(slip("W-2"))
    assert [ear.job(), ear.job()] == [
        ("W-1", Outcome.UNSURE, Trouble.FAULT),
        ("W-2", Outcome.PRINTED, None),
    ]


def test_stopping_finishes_what_was_asked_for(lanes: Lanes, peer: EscPosPeer) -> None:
    lane = lanes.start()
    for number in range(5):
        lane.print_slip(slip(f"W-{number}"))
    lane.stop()
    assert len(peer.receipts) == 5
    lane.stop()


def test_stopping_waits_no_longer_than_promised(
    lanes: Lanes, ear: Ear, peer: EscPosPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "DRAIN_S", 0.2)
    peer.fault("mute")
    lane = lanes.start()
    lane.print_slip(slip("W-1"))
    begun = time.monotonic()
    lane.stop()
    assert time.monotonic() - begun < 1.5
    peer.mend("mute")
    lanes.start()
    assert ear.job() == ("W-1", Outcome.REFUSED, Trouble.RESTARTED)


def test_a_lane_starts_once(lanes: Lanes) -> None:
    with pytest.raises(RuntimeError):
        lanes.start().start()


def test_a_torn_line_in_the_spool_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "slips.jsonl"
    first = Spool(path)
    first.keep(PrintJob("1", Paper.TEST, Outcome.WAITING, about="order:W-1"))
    first.keep(PrintJob("2", Paper.TEST, Outcome.PRINTED), sure=True)
    first.close()
    with path.open("ab") as file:
        file.write(b'{"id": "3", "paper"')
    (left,) = Spool(path).left
    assert (left.about, left.outcome, left.trouble) == ("order:W-1", Outcome.REFUSED, Trouble.RESTARTED)
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_a_disk_that_cannot_be_written_stops_no_slip(
    lanes: Lanes, ear: Ear, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lane = lanes.start(spool=Spool(tmp_path / "none" / "slips.jsonl"))
    lane.print_slip(slip("W-1"))
    assert ear.job() == ("W-1", Outcome.PRINTED, None)
    assert "cannot be written" in caplog.text


# --- set up while it runs ---


def test_the_lane_goes_on_with_other_devices_and_forgets_nothing(tmp_path: Path, ear: Ear) -> None:
    first, second = EscPosPeer(), EscPosPeer()
    first.fault("paper-out")
    with TcpCable(first) as old, TcpCable(second) as new:
        lane = Lane(
            receipts=EscPosPrinter(old.url),
            spool=Spool(tmp_path / "slips.jsonl"),
            on_job=ear.jobs.put,
            on_state=ear.states.put,
        )
        lane.start()
        try:
            lane.print_slip(slip("one"))
            assert ear.job() == ("one", Outcome.REFUSED, Trouble.PAPER_OUT)
            assert ear.trouble() is Trouble.PAPER_OUT
            lane.use(outfit(printer=new.url))
            lane.print_slip(slip("two"))
            assert ear.job()[:2] == ("two", Outcome.PRINTED)
            # The old printer's trouble is no news of the new one, and its slip is still open.
            assert ear.trouble() is None
            assert [job.about for job in lane.jobs] == ["order:one"]
            lane.use(outfit())
            assert not lane.prints
        finally:
            lane.stop()
    assert [paper.text.strip() for paper in second.papers()] == ["two"]
    assert first.papers() == []


def test_devices_are_tried_out_and_nothing_of_it_is_kept(tmp_path: Path, ear: Ear) -> None:
    receipts, labels, display = EscPosPeer(), ZebraPeer(), DisplayPeer()
    found: queue.Queue[tuple[Check, str]] = queue.Queue()

    def tried(lane: Lane, device: Device) -> tuple[Check, str]:
        lane.check(device, slip("Hello"), lambda check, reason: found.put((check, reason)))
        return found.get(timeout=WAIT_S)

    with TcpCable(receipts) as one, TcpCable(labels) as two, PtyCable(display, tmp_path / "display") as three:
        lane = Lane(spool=Spool(tmp_path / "slips.jsonl"), on_job=ear.jobs.put, on_state=ear.states.put)
        lane.use(outfit(one.url, f"{two.url}?kind=zpl", three.url))
        lane.start()
        try:
            assert tried(lane, Device.PRINTER) == (Check.WORKS, "")
            assert tried(lane, Device.LABELS) == (Check.WORKS, "")
            assert tried(lane, Device.DISPLAY) == (Check.SENT, "")
            until(lambda: display.lines[0].startswith("Hello"))
            receipts.fault("cover-open")
            assert tried(lane, Device.PRINTER) == (Check.FAILED, Trouble.COVER_OPEN)
            three.pull()
            assert tried(lane, Device.DISPLAY) == (Check.FAILED, "display-unreachable")
            lane.use(outfit())
            assert tried(lane, Device.LABELS) == (Check.FAILED, Trouble.UNREACHABLE)
            assert lane.jobs == ()
        finally:
            lane.stop()
    assert ear.jobs.empty()
    assert len(receipts.papers()) == 1
