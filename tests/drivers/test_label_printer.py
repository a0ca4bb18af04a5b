"""Label printers on the wire: what the bitmap says comes out on the label, faults are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.label_printer import open_label_printer
from posapp.domain.slips import LABEL_MM, Code, Columns, Outcome, Pair, Paper, Slip, Symbology, Text, Trouble
from posapp.ports import Printed
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.labels import BrotherPeer, ZebraPeer
from tests.peers.printer.picture import read_codes, render
from tests.peers.printer.wire import PtyCable, TcpCable

Peer = ZebraPeer | BrotherPeer
LABEL = Slip(
    Paper.BIN_LABEL,
    "Bin",
    (Columns(((Code("A-3 Größe"),), (Text("A-3 ÄÖÜ ß €", 2),))),),
    *LABEL_MM,
    margin_mm=2.0,
)
WIDE = Slip(
    Paper.PARCEL_LABEL,
    "Parcel",
    (Pair("Köln", "1/2"), Code("LBL-1001-1"), Code("LBL-1001-1", Symbology.CODE128, scale=2)),
    100.0,
    70.0,
)
BOTH = [("code128", "LBL-1001-1"), ("qr", "LBL-1001-1")]


def nothing() -> None:
    """Sending begins, and this test does not care."""


@pytest.fixture(params=["zpl", "brother"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def peer(kind: str) -> Peer:
    return ZebraPeer() if kind == "zpl" else BrotherPeer()


@pytest.fixture(params=["tcp", "serial"])
def cable(peer: Peer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TcpCable | PtyCable]:
    made: TcpCable | PtyCable
    made = TcpCable(peer) if request.param == "tcp" else PtyCable(peer, tmp_path / "labels")
    with made:
        yield made


def test_labels_come_out_and_their_codes_are_read(cable: TcpCable | PtyCable, peer: Peer, kind: str) -> None:
    printer = open_label_printer(f"{cable.url}?kind={kind}")
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.PRINTED)
    assert printer.print_slip(WIDE, nothing) == Printed(Outcome.PRINTED)
    codes = [read_codes(label.convert("L")) for label in peer.labels]
    # A Brother's roll is narrower than the parcel label, which is laid out anew for it.
    assert codes == [[("qr", "A-3 Größe")], BOTH]
    assert peer.unknown == []


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [("paper-out", Trouble.PAPER_OUT), ("cover-open", Trouble.COVER_OPEN), ("mute", Trouble.SILENT)],
)
def test_a_fault_before_refuses(
    cable: TcpCable | PtyCable, peer: Peer, kind: str, fault: str, trouble: Trouble
) -> None:
    printer = open_label_printer(f"{cable.url}?kind={kind}")
    peer.fault(fault)
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.REFUSED, trouble)
    assert printer.state().trouble is trouble
    peer.mend(fault)
    assert peer.labels == []
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.PRINTED)


def test_labels_that_end_in_the_middle_are_a_doubt_and_come_once(
    cable: TcpCable | PtyCable, peer: Peer, kind: str
) -> None:
    printer = open_label_printer(f"{cable.url}?kind={kind}")
    peer.paper_labels = 0
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.UNSURE, Trouble.PAPER_OUT)
    peer.mend("paper-out")
    assert printer.state().trouble is None
    assert len(peer.labels) == 1


def test_a_cable_pulled_in_the_middle_is_a_doubt(cable: TcpCable | PtyCable, peer: Peer, kind: str) -> None:
    printer = open_label_printer(f"{cable.url}?kind={kind}")
    cable.pull_after = 3000
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.UNSURE, Trouble.LOST)
    assert printer.state().trouble is Trouble.UNREACHABLE
    assert printer.print_slip(LABEL, nothing) == Printed(Outcome.REFUSED, Trouble.UNREACHABLE)
    cable.plug()
    assert printer.state().trouble is None


def test_a_receipt_printer_prints_labels_as_one_picture(tmp_path: Path) -> None:
    peer = EscPosPeer()
    with TcpCable(peer) as cable:
        printer = open_label_printer(cable.url + "?kind=escpos")
        assert printer.print_slip(LABEL, nothing) == Printed(Outcome.PRINTED)
        assert printer.print_slip(WIDE, nothing) == Printed(Outcome.PRINTED)
    assert [part.kind for receipt in peer.receipts for part in receipt.parts] == ["image", "image"]
    assert [read_codes(render(receipt)) for receipt in peer.receipts] == [[("qr", "A-3 Größe")], BOTH]
    assert peer.unknown == []


@pytest.mark.parametrize("kind", ["zpl", "brother", "escpos"])
def test_a_code_that_does_not_fit_is_refused(kind: str) -> None:
    slip = Slip(Paper.TEST, "", (Code("X" * 60, Symbology.CODE128),), 50.0, 30.0)
    printer = open_label_printer(f"tcp://127.0.0.1:1?kind={kind}")
    assert printer.print_slip(slip, nothing) == Printed(Outcome.REFUSED, Trouble.UNFIT)


def test_a_printer_that_never_answers_is_sent_to(peer: Peer, kind: str) -> None:
    peer.fault("mute")
    with TcpCable(peer) as cable:
        printer = open_label_printer(f"{cable.url}?kind={kind}&status=none")
        assert printer.print_slip(LABEL, nothing) == Printed(Outcome.SENT)


@pytest.mark.parametrize("url", ["tcp://x?kind=epl", "tcp://x?kind=brother&roll=99", "nothing"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"kind|roll|address"):
        open_label_printer(url)
