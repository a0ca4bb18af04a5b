"""The page of the devices at a real till: addresses that hold at once, tests that say what is wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from posapp import paths, settings
from posapp.domain.devices import Device
from posapp.domain.diagnosis import Finding, Found
from posapp.domain.samples import CODE, Sample
from tests.kit.counter import KEY, make_files
from tests.kit.front import Front, open_front
from tests.kit.scanner import CableScanner
from tests.peers.printer.display import DisplayPeer
from tests.peers.printer.escpos import EscPosPeer
from tests.peers.printer.labels import ZebraPeer
from tests.peers.printer.wire import PtyCable, TcpCable
from tests.peers.terminal.terminal import terminal as terminal_peer
from ui.device_row import DeviceRow
from ui.screens.devices import DevicesScreen
from ui.screens.doctor import DoctorScreen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A till that was enrolled once; its hub is not needed here."""
    make_files(tmp_path)
    (tmp_path / paths.KEY).write_text(KEY.hex())
    (tmp_path / paths.KEY).chmod(0o600)
    return tmp_path


@pytest.fixture
def front(folder: Path) -> Iterator[Front]:
    with open_front(folder) as made:
        made.until(made.window.isActiveWindow, what="the window is in front")
        made.window.go("devices")
        yield made


def row(front: Front, device: Device) -> DeviceRow:
    screen = front.window.front
    assert isinstance(screen, DevicesScreen)
    return screen.rows[device]


def enter(front: Front, device: Device, address: str) -> DeviceRow:
    """Type an address over what is there, by keys alone, and go on."""
    found = row(front, device)
    found.field.setFocus()
    found.field.selectAll()
    QTest.keyClick(found.field, Qt.Key.Key_Delete)
    QTest.keyClicks(found.field, address)
    QTest.keyClick(found.field, Qt.Key.Key_Tab)
    return found


def test_a_receipt_printer_is_set_up_tested_and_used_without_a_restart(front: Front, folder: Path) -> None:
    peer = EscPosPeer()
    with TcpCable(peer) as cable:
        printer = enter(front, Device.PRINTER, cable.url)
        assert QApplication.focusWidget() is not printer.field
        front.until(lambda: printer.strip.text == "In use from now on.", what="taken over")
        assert settings.load(folder).printer == cable.url
        printer.button.setFocus()
        QTest.keyClick(printer.button, Qt.Key.Key_Space)
        front.until(lambda: printer.strip.text == "The test slip was printed.", what="printed")
        (paper,) = peer.papers()
        assert "Ä Ö Ü ä ö ü ß € § °" in paper.text
        assert front.window.status.printing is not None
        peer.fault("paper-out")
        printer.button.click()
        front.until(lambda: "out of paper" in printer.strip.text, what="why not")
        # A test is no slip of a customer: nothing waits to be printed.
        assert front.window.status.printing.job is None
        peer.mend("paper-out")
        # A wrong address is told, and what was in use stays.
        enter(front, Device.PRINTER, "192.168.1.40")
        front.until(lambda: "That is no address of a printer" in printer.strip.text, what="the sentence")
        assert (printer.address, settings.load(folder).printer) == ("192.168.1.40", cable.url)
        front.window.go("scan")
        front.window.go("devices")
        assert printer.address == "192.168.1.40"
        enter(front, Device.PRINTER, cable.url)
        front.until(printer.strip.isHidden, what="said no more")
        printer.button.click()
        front.until(lambda: printer.strip.text == "The test slip was printed.", what="printed again")


def test_typed_and_tested_in_one_go(front: Front, folder: Path, tmp_path: Path) -> None:
    labels, display = ZebraPeer(), DisplayPeer()
    with TcpCable(labels) as cable, PtyCable(display, tmp_path / "display") as line:
        one = row(front, Device.LABELS)
        one.field.setText(f"{cable.url}?kind=zpl")
        one.retranslate()
        one.tested.emit()
        front.until(lambda: one.strip.text == "The test label was printed.", what="the label")
        two = row(front, Device.DISPLAY)
        two.field.setText(line.url)
        two.tested.emit()
        front.until(lambda: "look at the display" in two.strip.text, what="the display")
        front.until(lambda: any(text.strip() for text in display.lines), what="two lines")
        line.pull()
        two.tested.emit()
        front.until(lambda: "display cannot be reached" in two.strip.text, what="why not")
    with terminal_peer() as peer:
        terminal = enter(front, Device.TERMINAL, peer.url)
        front.until(lambda: terminal.strip.text == "In use from now on.", what="taken over")
        terminal.tested.emit()
        front.until(lambda: terminal.strip.text == "The terminal answers.", what="it answers")
        assert peer.count("0601") == 0
        assert front.window.status.paying is not None
    enter(front, Device.TERMINAL, "tcp://127.0.0.1:9")
    front.until(lambda: terminal.strip.text == "In use from now on.", what="taken over")
    terminal.tested.emit()
    front.until(lambda: "card terminal cannot be reached" in terminal.strip.text, what="why not")
    # What cannot be saved holds until the end, and is told.
    (folder / "posapp.new").mkdir()
    enter(front, Device.TERMINAL, "tcp://127.0.0.1:10")
    front.until(lambda: "could not be saved" in terminal.strip.text, what="the sentence")
    assert front.window.settings.terminal == "tcp://127.0.0.1:10"


def test_a_scanner_is_plugged_in_chosen_and_read_without_a_restart(front: Front, folder: Path) -> None:
    with CableScanner() as scanner:
        scanners = enter(front, Device.SCANNERS, scanner.device)
        front.until(lambda: scanners.strip.text == "In use from now on.", what="taken over")
        front.listening()
        scanner.send("PK7KX29DRTH")
        front.until(lambda: "PK7KX29DRTH" in scanners.strip.text, what="read")
        assert f"{scanner.device}: ready" in scanners._states.text()
        # It sends nothing behind a code: the doctor finds it out, and from then on it is read so.
        front.window.go("doctor")
        doctor = front.window.front
        assert isinstance(doctor, DoctorScreen)
        scanner.send(CODE, end=b"")
        front.until(lambda: doctor.diagnosis.samples == {Sample.CODE}, what="heard")
        assert Finding(Found.LINE_NO_END) in doctor.diagnosis.findings
        assert doctor.press_primary()
        front.listening()
        front.window.go("scan")
        scanner.send("4006381333931", end=b"")
        front.until(lambda: front.card.headline == "Product", what="read without an end")
        front.window.go("devices")
        enter(front, Device.SCANNERS, "")
        front.until(lambda: settings.load(folder).scanners == (), what="left")
        assert front.app.scanners == []
        # It was let go: another program may have it.
        os.close(os.open(scanner.device, os.O_RDWR | os.O_NOCTTY))


def test_scanners_named_at_the_start_stay_for_this_time(folder: Path) -> None:
    with open_front(folder, scanners=("virtual:given",)) as front:
        front.until(front.window.isActiveWindow, what="the window is in front")
        front.window.go("devices")
        scanners = enter(front, Device.SCANNERS, "virtual:other")
        front.until(lambda: "named at the start" in scanners.strip.text, what="later")
        assert settings.load(folder).scanners == ("virtual:other",)
        assert [one.name for one in front.app.scanners] == ["virtual:given"]


def test_in_the_middle_of_a_payment_the_terminal_stays(
    front: Front, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front.app.desk.checkout, "open", lambda: [object()])
    terminal = enter(front, Device.TERMINAL, "tcp://127.0.0.1:9")
    front.until(lambda: "from the next start" in terminal.strip.text, what="later")
    assert settings.load(folder).terminal == "tcp://127.0.0.1:9"
    assert front.window.status.paying is None
    terminal.tested.emit()
    front.until(lambda: "card terminal is busy" in terminal.strip.text, what="not now")
    monkeypatch.undo()
