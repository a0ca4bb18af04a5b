"""The devices of one till: opened as the settings say, changed while the window runs, and tried out.

A part of `posapp.app`, which puts the till together: it knows the window and the drivers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from posapp.domain.devices import Check, Checked, Device
from posapp.domain.errors import Unavailable
from posapp.ports import DeviceState, DownReason, ScannerStatus

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.camera import CameraScanner
    from drivers.lane import Lane
    from drivers.terminal_lane import TerminalLane
    from posapp.domain.profiles import DeviceProfile
    from posapp.ports import Scanner
    from posapp.settings import Settings
    from ui.pictures import Load
    from ui.window import TillWindow

log = logging.getLogger(__name__)

WEDGE, CAMERA = "wedge:", "camera:"
"""The addresses of all scanners that type, and of the camera."""
_PRINTED = ("printer", "labels", "display")
_ASIDE_S = 2.0
_TERMINAL_S = 10.0


class Hardware:
    """Promises: what the settings name works a moment after they were changed, and what is on its way
    comes out first; nothing that may take long runs on the window's thread; what `look`, `examine` and
    `test` find out comes by the bridge.

    ``scanners`` are those named on the command line, which count instead of the settings'.
    """

    def __init__(self, folder: Path, window: TillWindow, scanners: Sequence[str] = ()) -> None:
        self._folder = folder
        self._window = window
        self._bridge = window.bridge
        self._given = tuple(scanners)
        self._stack = ExitStack()
        self._settings = window.settings
        self._lane: Lane | None = None
        self._terminal: TerminalLane | None = None
        self._cameras: dict[str, Callable[[], object]] = {}
        self._aside: list[threading.Thread] = []
        self._closing = threading.Event()
        self._end_test: Callable[[], object] = lambda: None
        self._learning = False
        self.scanners: list[Scanner] = []

    def open(self, chosen: Settings) -> None:
        """Begin with these settings."""
        self._settings = chosen
        for device in self._given or chosen.scanners:
            self._open_scanner(device)
        self._open_pictures()
        self._dress(chosen)
        self._connect_terminal(chosen.terminal)

    def close(self) -> None:
        """Let everything go."""
        self._closing.set()
        self._end_test()
        if self._terminal is not None:
            self._terminal.stop()
        for scanner in reversed(self.scanners):
            self._stop(scanner)
        self._stack.close()
        until = time.monotonic() + _ASIDE_S
        for thread in self._aside:
            thread.join(max(0.0, until - time.monotonic()))

    def adopt(self, chosen: Settings) -> None:
        """The settings were changed: open, leave or exchange what that is about."""
        before, self._settings = self._settings, chosen
        if any(getattr(before, name) != getattr(chosen, name) for name in _PRINTED):
            self._dress(chosen)
        if before.terminal != chosen.terminal:
            self._change_terminal(chosen.terminal)
        if before.scanners != chosen.scanners and not self._given:
            for scanner in [one for one in self.scanners if one.name not in chosen.scanners]:
                self.scanners.remove(scanner)
                self._stop(scanner)
                down = ScannerStatus(scanner.name, DeviceState.DOWN, DownReason.STOPPED)
                self._bridge.device_changed.emit(down)
            for device in chosen.scanners:
                if device not in before.scanners:
                    self._open_scanner(device)

    def on_profile(self, profile: DeviceProfile) -> None:
        """A scanner was learned anew: open it again, to be read so from now on."""
        for scanner in [one for one in self.scanners if one.name == profile.device]:
            self.scanners.remove(scanner)
            self._stop(scanner)
            self._open_scanner(scanner.name)

    # -- what the page of the devices asks -------------------------------------------------------------
    def look(self) -> None:
        """What is plugged in: told as `Bridge.devices_found`."""

        def work() -> None:
            from drivers.plugged_in import choices

            self._tell(self._bridge.devices_found, choices())

        self._go_aside(work)

    def examine(self, device: Device, address: str) -> None:
        """Whether that is an address of such a device: told as `Bridge.device_checked`."""

        def work() -> None:
            from drivers.plugged_in import fits

            check = Check.FITS if fits(device, address) else Check.WRONG
            later = "scanners-given" if device is Device.SCANNERS and self._given else ""
            self._tell(self._bridge.device_checked, Checked(device, address, check, later))

        self._go_aside(work)

    def test(self, device: Device) -> None:
        """Try out a device of the settings: told as `Bridge.device_checked`."""
        from posapp import papers

        address = str(getattr(self._settings, device))

        def tell(check: Check, reason: str = "") -> None:
            self._tell(self._bridge.device_checked, Checked(device, address, check, reason))

        if device is Device.TERMINAL and self._window.desk.checkout.open():
            # A second connection would come into the middle of a payment.
            tell(Check.FAILED, "terminal-busy")
        elif device is Device.TERMINAL:
            self._go_aside(lambda: self._test_terminal(address, tell))
        elif self._lane is not None:
            till = self._window.desk.till
            paper = papers.trial_label if device is Device.LABELS else papers.trial
            self._lane.check(device, paper(till.store_name), tell)

    def learn(self, on: bool) -> None:
        """The scanner doctor has come or gone: whether scanners give their readings whole."""
        self._learning = on
        for scanner in self.scanners:
            scanner.learn(on)

    def _test_terminal(self, address: str, tell: Callable[[Check, str], object]) -> None:
        from drivers.terminal import ZvtTerminal

        terminal = ZvtTerminal(address, answer_s=_TERMINAL_S)
        self._end_test = terminal.stop
        try:
            terminal.last_receipt()
        except Unavailable as error:
            tell(Check.FAILED, error.reason)
        else:
            tell(Check.WORKS, "")

    def _go_aside(self, work: Callable[[], None]) -> None:
        self._aside = [one for one in self._aside if one.is_alive()]
        thread = threading.Thread(target=work, name="devices, aside", daemon=True)
        self._aside.append(thread)
        thread.start()

    def _tell(self, signal: Any, value: object) -> None:
        if not self._closing.is_set():
            signal.emit(value)

    # -- opening ----------------------------------------------------------------------------------------
    def _open_scanner(self, device: str) -> None:
        from drivers import open_scanner

        try:
            profile = self._window.profiles.find(device) if self._window.profiles else None
            scanner = open_scanner(device, profile=profile)
        except ValueError as error:
            log.warning("scanner %s cannot be used: %s", device, error)
            return
        scanner.learn(self._learning)
        scanner.start(self._bridge.code_scanned.emit, self._bridge.device_changed.emit)
        self.scanners.append(scanner)
        if device == CAMERA:
            self._open_camera(cast("CameraScanner", scanner))

    def _stop(self, scanner: Scanner) -> None:
        self._cameras.pop(scanner.name, lambda: None)()
        scanner.stop()

    def _open_camera(self, scanner: CameraScanner) -> None:
        """Frames for the camera's scanner, where Qt's multimedia part is installed."""
        from ui.camera import open_camera

        camera = open_camera(
            scanner.offer,
            lambda: scanner.free,
            lambda: scanner.lost(DownReason.MISSING),
            self._window,
        )
        if camera is None:
            scanner.lost(DownReason.LIBRARY)
        else:
            self._cameras[scanner.name] = camera.close

    def _open_pictures(self) -> None:
        """Home's way to read a picture; the thread that does is started by the first one."""
        from ui.pictures import Pictures

        reader: CameraScanner | None = None

        def read(load: Load) -> None:
            nonlocal reader
            if reader is None:
                from drivers.camera import CameraScanner

                reader = CameraScanner("picture:")
                self._stack.callback(reader.stop)
                reader.start(self._bridge.code_scanned.emit, lambda status: None)
            reader.read(load, self._bridge.picture_read.emit)

        Pictures(self._window, read)

    def _dress(self, chosen: Settings) -> None:
        """Printers, drawer and display as the settings name them; the lane to them once any is named."""
        if self._lane is None and not (chosen.printer or chosen.labels or chosen.display):
            return
        from drivers.lane import open_lane, outfit

        devices = outfit(chosen.printer, chosen.labels, chosen.display)
        if self._lane is not None:
            self._lane.use(devices)
            return
        from posapp.counter.printing import Printing
        from ui.print_strip import PrintDesk

        lane = self._lane = open_lane(
            self._folder,
            devices,
            on_job=self._bridge.print_job.emit,
            on_state=self._bridge.printer_changed.emit,
        )
        PrintDesk(self._window, Printing(self._window.desk.till, lane))
        self._stack.callback(lane.stop)
        lane.start()

    def _change_terminal(self, address: str) -> None:
        """Another card terminal, but never in the middle of a payment: only the one that has the money asked
        for can tell what became of it.
        """
        if self._window.desk.checkout.open():
            later = Checked(Device.TERMINAL, address, Check.FITS, "terminal-later")
            self._bridge.device_checked.emit(later)
        else:
            self._connect_terminal(address)

    def _connect_terminal(self, address: str) -> None:
        from drivers.terminal_lane import open_terminal
        from ui.pay_strip import open_pay_desk

        if self._terminal is not None:
            self._terminal.stop()
        self._terminal = open_terminal(address, self._bridge.terminal_told.emit)
        open_pay_desk(self._window, self._terminal)
        if self._terminal is not None:
            self._terminal.start()
