"""Receipt printers on a real socket and a real pseudo-terminal: bytes, states, faults, drawer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.receipt_bytes import encode, printable
from drivers.receipt_printer import EscPosPrinter
from drivers.transports import parse
from posapp.domain.slips import (
    Align,
    Code,
    Columns,
    Cut,
    Outcome,
    Pair,
    Paper,
    Rule,
    Slip,
    Symbology,
    Text,
    Trouble,
)
from posapp.ports import Printed
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.picture import read_codes, render
from tests.peers.printer.wire import PtyCable, TcpCable

CODE = "PK7KX29DRTH"
SLIP = Slip(
    Paper.TEST,
    "Test",
    (
        Text("Größe", 2, bold=True, align=Align.CENTER),
        Pair("Ärmel – „kurz“", "3 €"),
        Rule(),
        Code(CODE, caption="PK 7KX2 9DRT H"),
        Code("LBL-{1}", Symbology.CODE128),
    ),
    about="order:W-1001",
)


@pytest.fixture
def peer() -> EscPosPeer:
    return EscPosPeer()


@pytest.fixture(params=["tcp", "serial"])
def cable(peer: EscPosPeer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TcpCable | PtyCable]:
    made: TcpCable | PtyCable
    made = TcpCable(peer) if request.param == "tcp" else PtyCable(peer, tmp_path / "printer")
    with made:
        yield made


@pytest.fixture
def tcp(peer: EscPosPeer) -> Iterator[TcpCable]:
    with TcpCable(peer) as made:
        yield made


class Sending:
    """Counts that sending began."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


# --- bytes ---


def test_letters_have_the_codes_of_page_19_and_never_another_page() -> None:
    data = encode(Slip(Paper.TEST, "", (Text("ÄÖÜäöüß€§°ø"),)))
    assert data.startswith(b"\x1b@\x1da\x00\x1bt\x13")
    assert b"\x8e\x99\x9a\x84\x94\x81\xe1\xd5\xf5\xf8\x9b\n" in data
    assert data.count(b"\x1bt") == 1
    assert data.endswith(b"\x1bd\x06\x1dV\x00")


def test_codes_are_printed_by_the_printer_itself_at_level_h() -> None:
    data = encode(Slip(Paper.TEST, "", (Code(CODE), Code("a{b", Symbology.CODE128))))
    assert b"\x1d(k\x03\x001E3" in data
    assert b"\x1d(k\x0e\x001P0" + CODE.encode() in data
    assert b"\x1dkI\x06{Ba{{b" in data


@pytest.mark.parametrize("name", ["Łukasz Dvořák", "Ő“š", "Ирина", "naïve Ⅷ"])
def test_a_name_in_other_letters_is_a_picture(name: str) -> None:
    assert not printable(name)
    data = encode(Slip(Paper.TEST, "", (Text(name), Pair(name, "1 x"))))
    assert data.count(b"\x1dv0\x00\x48\x00\x1e\x00") == 2
    assert b"?" not in data.replace(b"\x1dv0", b"")[:20]


def test_control_characters_in_a_name_do_not_reach_the_printer() -> None:
    assert b"\x1bp" not in encode(Slip(Paper.TEST, "", (Text("Jo\x1bp\x0022hn"),)))


def test_a_code_too_wide_for_the_roll_is_refused_before_anything_is_sent(
    tcp: TcpCable, peer: EscPosPeer
) -> None:
    sending = Sending()
    wide = Slip(Paper.TEST, "", (Code("X" * 60, Symbology.CODE128),))
    assert EscPosPrinter(tcp.url).print_slip(wide, sending) == Printed(Outcome.REFUSED, Trouble.UNFIT)
    assert sending.times == 0
    assert peer.taken == b""


# --- a slip on paper ---


def test_a_slip_comes_out_with_its_letters_and_codes(cable: TcpCable | PtyCable, peer: EscPosPeer) -> None:
    sending = Sending()
    printed = EscPosPrinter(cable.url).print_slip(SLIP, sending)
    assert (printed, sending.times) == (Printed(Outcome.PRINTED), 1)
    (receipt,) = peer.receipts
    assert receipt.text.splitlines() == [
        "Größe",
        'Ärmel - "kurz"' + " " * 31 + "3 €",
        "-" * 48,
        "PK 7KX2 9DRT H",
    ]
    assert (receipt.parts[0].size, receipt.parts[0].bold, receipt.parts[0].align) == (2, True, 1)
    assert read_codes(render(receipt)) == [("code128", "LBL-{1}"), ("qr", CODE)]
    assert peer.unknown == []


def test_gs1_keeps_its_separators(tcp: TcpCable, peer: EscPosPeer) -> None:
    content = "10AB\x1d0104006381333931"
    slip = Slip(Paper.TEST, "", (Columns(((Code(content, Symbology.GS1_128),),)), Cut()))
    assert EscPosPrinter(tcp.url).print_slip(slip, Sending()).outcome is Outcome.PRINTED
    assert read_codes(render(peer.receipts[0])) == [("gs1-128", content)]


def test_a_narrow_roll_wraps_what_is_long(tcp: TcpCable, peer: EscPosPeer) -> None:
    slip = Slip(Paper.TEST, "", (Pair("Lederarmband mit Schließe und Etui", "1 x"), Pair("a", "b" * 25)))
    EscPosPrinter(tcp.url + "?columns=32").print_slip(slip, Sending())
    assert peer.receipts[0].text.splitlines() == [
        "Lederarmband mit Schließe    1 x",
        "und Etui",
        "a",
        "b" * 25,
    ]


# --- states and faults ---


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ("paper-out", Trouble.PAPER_OUT),
        ("cover-open", Trouble.COVER_OPEN),
        ("offline", Trouble.OFFLINE),
        ("mute", Trouble.SILENT),
    ],
)
def test_a_fault_before_the_slip_refuses_it_and_nothing_is_sent(
    cable: TcpCable | PtyCable, peer: EscPosPeer, fault: str, trouble: Trouble
) -> None:
    printer = EscPosPrinter(cable.url)
    sending = Sending()
    peer.fault(fault)
    assert printer.print_slip(SLIP, sending) == Printed(Outcome.REFUSED, trouble)
    assert sending.times == 0
    peer.mend(fault)
    assert peer.papers() == []
    assert printer.print_slip(SLIP, sending).outcome is Outcome.PRINTED
    assert len(peer.papers()) == 1


def test_paper_that_ends_in_the_middle_is_a_doubt_and_the_rest_comes_once(
    cable: TcpCable | PtyCable, peer: EscPosPeer
) -> None:
    printer = EscPosPrinter(cable.url)
    peer.paper_lines = 2
    assert printer.print_slip(SLIP, Sending()) == Printed(Outcome.UNSURE, Trouble.PAPER_OUT)
    peer.mend("paper-out")
    assert printer.state().trouble is None
    assert [read_codes(render(receipt)) for receipt in peer.papers()] == [
        [("code128", "LBL-{1}"), ("qr", CODE)]
    ]


def test_paper_that_ends_with_the_slip_is_a_doubt_too(cable: TcpCable | PtyCable, peer: EscPosPeer) -> None:
    peer.paper_lines = 6
    assert EscPosPrinter(cable.url).print_slip(SLIP, Sending()) == Printed(Outcome.UNSURE, Trouble.PAPER_OUT)


def test_a_roll_that_is_nearly_used_up_is_told(tcp: TcpCable, peer: EscPosPeer) -> None:
    peer.fault("near-end")
    assert EscPosPrinter(tcp.url).print_slip(SLIP, Sending()) == Printed(Outcome.PRINTED, paper_low=True)


@pytest.mark.parametrize("taken", [9 + 1, 9 + 60, 9 + 200])
def test_a_cable_pulled_in_the_middle_is_a_doubt(
    cable: TcpCable | PtyCable, peer: EscPosPeer, taken: int
) -> None:
    printer = EscPosPrinter(cable.url)
    cable.pull_after = taken  # nine bytes are the three questions before
    assert printer.print_slip(SLIP, Sending()) == Printed(Outcome.UNSURE, Trouble.LOST)
    assert printer.state().trouble is Trouble.UNREACHABLE
    cable.plug()
    assert printer.state().trouble is None


def test_a_printer_that_is_not_there_refuses(tmp_path: Path) -> None:
    for url in (f"serial:{tmp_path / 'none'}", "tcp://127.0.0.1:1", "system:no-such-queue?status=none"):
        printed = EscPosPrinter(url).print_slip(SLIP, Sending())
        assert printed == Printed(Outcome.REFUSED, Trouble.UNREACHABLE), url


def test_one_that_never_answers_is_sent_to_and_no_more_is_claimed(tcp: TcpCable, peer: EscPosPeer) -> None:
    peer.fault("mute")
    assert EscPosPrinter(tcp.url + "?status=none").print_slip(SLIP, Sending()) == Printed(Outcome.SENT)


def test_one_without_answers_in_turn_can_be_asked_at_once_only(tcp: TcpCable, peer: EscPosPeer) -> None:
    assert EscPosPrinter(tcp.url + "?status=now").print_slip(SLIP, Sending()) == Printed(Outcome.PRINTED)
    assert b"\x1dr\x01" not in peer.taken


# --- the drawer ---


@pytest.mark.parametrize("pin", [2, 5])
def test_the_drawer_opens_and_its_sensor_tells(tcp: TcpCable, peer: EscPosPeer, pin: int) -> None:
    printer = EscPosPrinter(f"{tcp.url}?drawer={pin}")
    assert printer.drawer_open() is False
    assert printer.kick() is None
    assert printer.drawer_open() is True
    assert peer.kicks == [pin]
    assert EscPosPrinter(f"{tcp.url}?open=0").drawer_open() is False


def test_the_drawer_never_opens_later_by_itself(tcp: TcpCable, peer: EscPosPeer) -> None:
    printer = EscPosPrinter(tcp.url)
    peer.fault("paper-out")
    assert printer.kick() is Trouble.PAPER_OUT
    peer.mend("paper-out")
    assert printer.state().trouble is None
    assert peer.kicks == []
    tcp.pull()
    assert (printer.kick(), printer.drawer_open()) == (Trouble.UNREACHABLE, None)


# --- addresses ---


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x", "tcp://", "usb:1", "usb:xy:z", "printer", "tcp://x?drawer=3", "tcp://x?status=maybe"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|USB|option"):
        EscPosPrinter(url)


def test_addresses_with_options() -> None:
    assert parse("COM3?baud=9600").place == "COM3"
    assert parse("/dev/usb/lp0").way == "serial"
    assert parse("usb:04b8:0e15?columns=42").number("columns", 48) == 42
    assert parse("socket://[::1]:9100").place == "[::1]:9100"
