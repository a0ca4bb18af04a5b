"""Serial scanners on real pseudo-terminals: torn, unplugged, stolen and flooded lines."""

import gc
import os
import queue
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import open_scanner
from drivers.framing import IDLE_MS, MAX_FRAME, STALE_MS, Framer, scan_of
from drivers.serial_scanner import SerialScanner
from drivers.virtual import VirtualScanner
from posapp.domain.codes import Fault, Scan, Source
from posapp.ports import DeviceState, DownReason, Scanner, ScannerStatus

CODE = b"PK7KX29DRTH"
WAIT_S = 10


class Port:
    """A serial device: a pseudo-terminal whose far end a link with a stable name points at."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._ends: list[int] = []

    def plug(self) -> None:
        self._ends = list(os.openpty())
        for end in self._ends:
            tty.setraw(end)
        fresh = self._link.with_suffix(".new")
        fresh.symlink_to(os.ttyname(self._ends[1]))
        fresh.replace(self._link)

    def unplug(self) -> None:
        if self._ends:
            self._link.unlink()
        for end in self._ends:
            os.close(end)
        self._ends = []

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._ends[0], view) :]


class Ear:
    """What a scanner tells, to wait for. Waiting is on its queues, never on the clock."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.scans: queue.Queue[Scan] = queue.Queue()
        self.states: queue.Queue[ScannerStatus] = queue.Queue()

    def start(self) -> None:
        self.scanner.start(self.scans.put, self.states.put)

    def heard(self) -> str:
        return self.scans.get(timeout=WAIT_S).text

    def stands(self) -> tuple[DeviceState, DownReason | None]:
        status = self.states.get(timeout=WAIT_S)
        assert status.name == self.scanner.name
        return status.state, status.reason


UP = (DeviceState.UP, None)
LOST = (DeviceState.DOWN, DownReason.LOST)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    port = Port(tmp_path / "usb-scanner")
    yield port
    port.unplug()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[..., Ear]]:
    with ExitStack() as stack:

        def start(url: str = f"serial:{tmp_path / 'usb-scanner'}") -> Ear:
            ear = Ear(open_scanner(url))
            stack.callback(ear.scanner.stop)
            ear.start()
            return ear

        yield start


# --- the framer ---


def texts(framer: Framer, *pieces: tuple[int, bytes]) -> list[bytes]:
    return [frame.raw for at, data in pieces for frame in framer.feed(data, at)]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"\t", b"\x03"]), max_size=5), st.data())
def test_frames_do_not_depend_on_how_the_bytes_are_cut(ends: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(b"%d-%s" % (number, CODE) + end for number, end in enumerate(ends))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    wanted = [b"%d-%s" % (number, CODE) for number in range(len(ends))]
    assert texts(Framer(), *enumerate(pieces)) == wanted


def test_a_late_line_feed_is_no_frame() -> None:
    assert texts(Framer(), (0, CODE + b"\r"), (300, b"\n"), (400, CODE + b"\r\n")) == [CODE, CODE]


def test_stx_starts_afresh_and_group_separators_stay() -> None:
    framer = Framer()
    assert texts(framer, (0, b"junk\x0210A\x1d21B\x03\r")) == [b"10A\x1d21B"]
    assert framer.dropped == 4


def test_a_partial_frame_is_dropped_after_a_second_but_not_a_slow_one() -> None:
    framer = Framer()
    assert texts(framer, (1000, b"PK7"), (1900, b""), (1001 + STALE_MS, CODE + b"\r")) == [CODE]
    assert framer.dropped == 3
    slow = [(at * 900, bytes([byte])) for at, byte in enumerate(CODE + b"\r", start=5)]
    assert texts(framer, *slow) == [CODE]


def test_empty_reads_do_not_keep_a_partial_frame_alive() -> None:
    framer = Framer()
    framer.feed(b"PK7", 0)
    assert [framer.feed(b"", at) for at in range(50, 1100, 50)] == [[]] * 21
    assert texts(framer, (1100, CODE + b"\r")) == [CODE]


def test_a_scanner_without_suffix_ends_with_a_pause() -> None:
    framer = Framer(suffix=False)
    framer.feed(CODE[:5], 1000)
    assert framer.feed(CODE[5:], 1000 + IDLE_MS - 1) == []
    (frame,) = framer.tick(2000)
    assert (frame.raw, frame.first_ms, frame.last_ms, frame.at_ms) == (CODE, 1000, 1079, 2000)
    assert framer.tick(3000) == []


def test_too_long_a_frame_is_one_fault_and_the_next_is_right() -> None:
    framer = Framer()
    frames = framer.feed(b"x" * (1 << 20) + b"\r" + CODE + b"\r", 0)
    assert [frame.fault for frame in frames] == [Fault.TOO_LONG, None]
    assert (len(frames[0].raw), framer.dropped) == (MAX_FRAME, (1 << 20) - MAX_FRAME)
    framer.feed(b"x" * 9000, 1000)
    assert [frame.fault for frame in framer.feed(CODE + b"\r", 5000)] == [Fault.TOO_LONG, None]


@pytest.mark.parametrize(("raw", "text"), [("Öl".encode(), "Öl"), (b"\xd6l", "Öl"), (b"]C0PK", "PK")])
def test_bytes_are_utf_8_or_latin_1(raw: bytes, text: str) -> None:
    (frame,) = Framer().feed(raw + b"\r", 2**32 + 5)
    scan = scan_of("till", Source.SERIAL, frame)
    assert (scan.text, scan.raw, scan.at_ms) == (text, raw, 5)


# --- the reader ---


def test_frames_in_pieces_and_together(port: Port, listen: Callable[..., Ear]) -> None:
    port.plug()
    ear = listen()
    assert ear.stands() == UP
    for piece in (CODE[:4], CODE[4:], b"\r", b"\n" + CODE + b"\rxy\x11\x13z\r\n"):
        port.send(piece)
    assert [ear.heard() for _ in range(3)] == [CODE.decode(), CODE.decode(), "xy\x11\x13z"]
    assert ear.scanner.status == ScannerStatus(ear.scanner.name, DeviceState.UP)


def test_a_whole_qr_code_and_a_megabyte_of_garbage(port: Port, listen: Callable[..., Ear]) -> None:
    port.plug()
    ear = listen()
    assert ear.stands() == UP
    port.send(b"7" * 2953 + b"\r")
    assert ear.heard() == "7" * 2953
    port.send(os.urandom(1 << 20).translate(None, b"\r\n\t\x02\x03") + b"\r" + CODE + b"\r")
    assert ear.scans.get(timeout=WAIT_S).fault is Fault.TOO_LONG
    assert ear.heard() == CODE.decode()


def test_missing_then_plugged_then_lost_in_mid_frame_then_back(
    port: Port, listen: Callable[..., Ear]
) -> None:
    ear = listen()
    assert ear.stands() == (DeviceState.DOWN, DownReason.MISSING)
    port.plug()
    assert ear.stands() == UP
    port.send(CODE[:6])
    port.unplug()
    assert ear.stands() == LOST
    port.plug()
    assert ear.stands() == UP
    port.send(CODE + b"\r")
    assert ear.heard() == CODE.decode()
    assert ear.scans.empty()


def test_twenty_flaps_leave_no_thread_and_no_descriptor(port: Port, listen: Callable[..., Ear]) -> None:
    def use() -> tuple[int, int]:
        # What tests before this one left to the collector is none of it.
        gc.collect()
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    port.plug()
    ear = listen()
    assert ear.stands() == UP
    before = use()
    for number in range(20):
        port.send(CODE[:5])
        port.unplug()
        assert ear.stands() == LOST
        port.plug()
        assert ear.stands() == UP
        port.send(b"%d\r" % number)
        assert ear.heard() == str(number)
    assert all(now <= then for now, then in zip(use(), before, strict=True))


def test_a_second_program_on_the_port_is_told_busy(port: Port, listen: Callable[..., Ear]) -> None:
    port.plug()
    first = listen()
    assert first.stands() == UP
    second = listen()
    assert second.stands() == (DeviceState.DOWN, DownReason.BUSY)
    port.send(CODE + b"\r")
    assert first.heard() == CODE.decode()
    first.scanner.stop()
    assert second.stands() == UP


def test_a_file_that_is_no_port_fails(tmp_path: Path, listen: Callable[..., Ear]) -> None:
    (tmp_path / "usb-scanner").write_bytes(b"")
    assert listen().stands() == (DeviceState.DOWN, DownReason.FAILED)


def test_stop_is_quick_final_and_repeatable(port: Port, listen: Callable[..., Ear]) -> None:
    port.plug()
    ear = listen()
    assert ear.stands() == UP
    with pytest.raises(RuntimeError, match="already started"):
        ear.start()
    for _ in range(5):
        began = time.monotonic()
        ear.scanner.stop()
        assert time.monotonic() - began < 1
        ear.scanner.stop()
        assert ear.scanner.status.reason is DownReason.STOPPED
        port.send(CODE + b"\r")
        ear.start()
        assert ear.stands() == UP
    assert not [thread for thread in threading.enumerate() if "scanner" in thread.name][1:]


def test_a_listener_that_fails_does_not_make_the_scanner_deaf(
    port: Port, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: queue.Queue[str] = queue.Queue()

    def listener(scan: Scan) -> None:
        heard.put(scan.text)
        raise RuntimeError("a bad day")

    port.plug()
    scanner = SerialScanner(str(tmp_path / "usb-scanner"))
    scanner.start(listener, lambda status: port.send(b"one\rtwo\r") if status.reason is None else None)
    assert [heard.get(timeout=WAIT_S) for _ in range(2)] == ["one", "two"]
    scanner.stop()
    assert [record.message.endswith("not delivered") for record in caplog.records] == [True, True]


def test_a_scanner_behind_a_socket_comes_back_too(listen: Callable[..., Ear]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        ear = listen(f"socket://127.0.0.1:{server.getsockname()[1]}")
        for text in ("one", "two"):
            connection, _ = server.accept()
            with closing(connection):
                assert ear.stands() == UP
                connection.sendall(text.encode() + b"\r")
                assert ear.heard() == text
            assert ear.stands() == LOST
        ear.scanner.stop()
    assert listen(ear.scanner.name).stands() == (DeviceState.DOWN, DownReason.MISSING)


# --- addresses, and the scanner without hardware ---


def test_addresses() -> None:
    assert open_scanner("serial:/dev/serial/by-id/x").name == "/dev/serial/by-id/x"
    assert open_scanner("COM3").name == "COM3"
    assert isinstance(open_scanner("virtual:demo"), VirtualScanner)
    for wrong in ("", "scanner", "http://x", "rfc2217://x", "spy:///dev/tty"):
        with pytest.raises(ValueError, match="not a scanner's address"):
            open_scanner(wrong)


def test_the_doctor_is_given_all_that_the_scanner_sends(listen: Callable[..., Ear], port: Port) -> None:
    port.plug()
    ear = listen()
    assert ear.stands() == UP
    ear.scanner.learn(True)
    for sent, read in ((CODE, CODE), (CODE + b"\r\n", CODE), (b"\x02" + CODE + b"#\x03", CODE + b"#")):
        port.send(sent)
        scan = ear.scans.get(timeout=WAIT_S)
        assert (scan.raw, scan.text) == (sent, read.decode())
    ear.scanner.learn(False)
    port.send(CODE + b"\r" + CODE + b"\n")
    assert [ear.heard(), ear.heard()] == [CODE.decode()] * 2


def test_a_loop_is_up_and_silent(listen: Callable[..., Ear]) -> None:
    ear = listen("loop://")
    assert ear.stands() == UP
    ear.scanner.stop()
    assert ear.scans.empty()


def test_the_virtual_scanner_goes_the_same_way() -> None:
    scanner = VirtualScanner("virtual:demo")
    ear = Ear(scanner)
    ear.start()
    assert ear.stands() == UP
    scanner.scan(CODE.decode())
    scanner.send(b"half")
    scanner.unplug()
    scanner.scan("unheard")
    scanner.plug()
    scanner.send(b"who")
    scanner.send(b"le\r\n")
    scan = ear.scans.get(timeout=WAIT_S)
    assert (scan.device, scan.source, scan.text) == ("virtual:demo", Source.VIRTUAL, CODE.decode())
    assert ear.heard() == "whole"
    assert [ear.stands(), ear.stands()] == [LOST, UP]
    with pytest.raises(RuntimeError, match="already started"):
        ear.start()
    scanner.stop()
    scanner.stop()
    assert scanner.status.reason is DownReason.STOPPED
    ear.start()
    scanner.scan("again")
    assert ear.heard() == "again"
    scanner.stop()


def test_a_virtual_scanner_without_suffix_and_with_a_bad_listener(caplog: pytest.LogCaptureFixture) -> None:
    heard: queue.Queue[str] = queue.Queue()

    def listener(scan: Scan) -> None:
        heard.put(scan.text)
        raise RuntimeError("a bad day")

    scanner = VirtualScanner(suffix=False)
    scanner.start(listener, lambda status: None)
    for text in ("one", "two"):
        scanner.scan(text, end="")
        assert heard.get(timeout=WAIT_S) == text
    scanner.stop()
    assert "a bad day" in caplog.text
