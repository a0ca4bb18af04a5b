"""The one lane to printers, drawer and display: a thread that takes one job after the other.

What a clerk did is done before anything comes here; whatever a device does here undoes and delays
nothing of it. Results are told through callables, which the window makes into signals.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from posapp.domain.devices import Check, Device
from posapp.domain.slips import LABELS, OPEN, Outcome, Paper, PrinterState, PrintJob, Slip, Trouble
from posapp.ports import DrawerOpened

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.spool import Spool
    from posapp.ports import CustomerDisplay, Drawer, Printer

log = logging.getLogger(__name__)

DRAIN_S = 2.0
LOOK_AGAIN_S = 3.0
"""How often a printer in trouble is asked how it stands; one without trouble is never asked by timer."""

Step = Callable[[], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outfit:
    """The devices at the end of the lane; None where there is none. ``wanted``: a printer was named, usable
    or not.
    """

    receipts: Printer | None = None
    labels: Printer | None = None
    drawer: Drawer | None = None
    display: CustomerDisplay | None = None
    wanted: bool = False

    def printers(self) -> tuple[Printer, ...]:
        """Each printer once."""
        return tuple({id(one): one for one in (self.receipts, self.labels) if one}.values())

    def printer_of(self, paper: Paper) -> Printer | None:
        """Where a paper comes out: a label at the label printer where there is one."""
        return (self.labels if paper in LABELS else None) or self.receipts or self.labels


class Lane:
    """Promises: jobs run in order; each slip is sent at most once and never again by itself; `jobs` holds
    every slip that is waiting, refused or in doubt until a clerk settles it, also over a restart where
    a spool is given; `stop` waits at most `DRAIN_S` for what was begun and asked for.

    Calls: ``on_job`` with each change of a `PrintJob`, ``on_state`` with a `PrinterState` when it changes,
    ``on_drawer`` with a `DrawerOpened`; all from the lane's thread but ``on_job`` for *waiting* and
    *settled*, which comes from the caller's.
    """

    def __init__(
        self,
        *,
        receipts: Printer | None = None,
        labels: Printer | None = None,
        drawer: Drawer | None = None,
        display: CustomerDisplay | None = None,
        spool: Spool | None = None,
        on_job: Callable[[PrintJob], object] = lambda job: None,
        on_state: Callable[[PrinterState], object] = lambda state: None,
        on_drawer: Callable[[DrawerOpened], object] = lambda opened: None,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._outfit = self._promised = Outfit(receipts, labels, drawer, display)
        self._spool = spool
        self._on_job, self._on_state, self._on_drawer = on_job, on_state, on_drawer
        self._look_again_s = look_again_s
        self._steps: queue.SimpleQueue[Step | None] = queue.SimpleQueue()
        self._open: dict[str, PrintJob] = {job.id: job for job in spool.left} if spool else {}
        self._lock = threading.Lock()
        self._states: dict[str, PrinterState] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- what the counter asks for; returns at once ---------------------------------------------------
    @property
    def jobs(self) -> tuple[PrintJob, ...]:
        """What a clerk has still to look at, the oldest first."""
        with self._lock:
            return tuple(self._open.values())

    def print_slip(self, slip: Slip, *, copy: bool = False) -> str:
        """Print a slip: a label by the label printer where there is one. The job's id."""
        job = PrintJob(uuid4().hex, slip.paper, Outcome.WAITING, about=slip.about, ref=slip.ref, copy=copy)
        self._note(job)
        self._steps.put(lambda: self._print(job, slip))
        return job.id

    def settle(self, job: str) -> None:
        """A clerk looked and says that it is all right. Unknown jobs are passed over."""
        with self._lock:
            known = self._open.get(job)
        if known is not None and known.outcome is not Outcome.WAITING:
            self._note(replace(known, outcome=Outcome.SETTLED))

    def open_drawer(self, clerk: str, reason: str) -> None:
        """Open the drawer; who and why is told on with the result."""
        self._steps.put(lambda: self._kick(clerk, reason))

    def show(self, upper: str, lower: str = "") -> None:
        """Show two lines to the customer."""
        self._steps.put(lambda: self._show(upper, lower))

    @property
    def prints(self) -> bool:
        """Whether there is a printer at all, or was to be one: then what does not come out is told."""
        return self._promised.wanted or bool(self._promised.printers())

    def use(self, outfit: Outfit) -> None:
        """Go on with other devices, after what was asked for before; what is open stays open."""
        self._promised = outfit
        self._steps.put(lambda: self._change(outfit))

    def check(self, device: Device, slip: Slip, tell: Callable[[Check, str], object]) -> None:
        """Try a device out: a printer prints the slip, the display shows its first words. ``tell`` is
        called from the lane's thread, with the key of a sentence where it failed. Nothing of it is kept.
        """
        self._steps.put(lambda: self._check(device, slip, tell))

    # -- its life -------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to work. Raises RuntimeError when already started."""
        if self._thread is not None:
            raise RuntimeError("the lane is already started")
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after what was asked for, within `DRAIN_S`. Later nothing is told any more."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._steps.put(None)
        thread.join(DRAIN_S)
        self._stopping.set()
        if thread.is_alive():
            # What is still being sent stays in the spool as a doubt and is told at the next start.
            log.warning("the devices did not finish within %g s; %d slips are open", DRAIN_S, len(self.jobs))
        elif self._spool is not None:
            self._spool.close()

    def _run(self) -> None:
        self._tell_all()
        while not self._stopping.is_set():
            troubled = any(state.trouble is not None for state in self._states.values())
            try:
                step = self._steps.get(timeout=self._look_again_s if troubled else None)
            except queue.Empty:
                step = self._ask_all
            if step is None:
                return
            try:
                step()
            except Exception:
                # One job that breaks must not make every later one wait for ever.
                log.exception("a job of the devices broke off")

    # -- on the lane's thread -------------------------------------------------------------------------
    def _print(self, job: PrintJob, slip: Slip) -> None:
        printer = self._outfit.printer_of(slip.paper)
        if printer is None:
            self._note(replace(job, outcome=Outcome.REFUSED, trouble=Trouble.UNREACHABLE), sure=True)
            return

        def sending() -> None:
            if self._spool is not None:
                self._spool.keep(job, sending=True, sure=True)

        begun = time.monotonic()
        outcome, trouble, low = Outcome.UNSURE, Trouble.FAULT, False
        try:
            printed = printer.print_slip(slip, sending)
            outcome, low = printed.outcome, printed.paper_low
            trouble = printed.trouble or Trouble.FAULT
        finally:
            # Also where the driver broke off: the slip may be out, and somebody must be told.
            done = replace(job, outcome=outcome, trouble=trouble if outcome in OPEN else None)
            self._note(done, sure=True)
        log.info("%s %s: %s in %.2f s", job.paper, job.id, outcome, time.monotonic() - begun)
        wrong = trouble if outcome in OPEN and trouble is not Trouble.UNFIT else None
        self._stand(PrinterState(printer.name, wrong, low))

    def _kick(self, clerk: str, reason: str) -> None:
        drawer = self._outfit.drawer
        trouble = drawer.kick() if drawer else Trouble.UNREACHABLE
        self._tell(self._on_drawer, DrawerOpened(clerk, reason, trouble))

    def _show(self, upper: str, lower: str) -> None:
        display = self._outfit.display
        if display is not None and not display.show(upper, lower):
            log.warning("the customer display did not take its lines")

    def _change(self, outfit: Outfit) -> None:
        self._outfit = outfit
        troubled = any(state.trouble is not None or state.paper_low for state in self._states.values())
        self._states = {}
        if troubled:
            # What was said of the old ones is not true of these.
            self._tell(self._on_state, PrinterState(""))
            self._ask_all()

    def _check(self, device: Device, slip: Slip, tell: Callable[[Check, str], object]) -> None:
        check, reason = Check.FAILED, "device-failed"
        try:
            if device is Device.DISPLAY:
                upper, lower, *_ = (*slip.words(), "", "")
                display = self._outfit.display
                shown = display is not None and display.show(upper, lower)
                check, reason = (Check.SENT, "") if shown else (Check.FAILED, "display-unreachable")
            else:
                check, reason = self._try_printer(device, slip)
        finally:
            self._tell(lambda found: tell(*found), (check, reason))

    def _try_printer(self, device: Device, slip: Slip) -> tuple[Check, str]:
        printer = self._outfit.labels if device is Device.LABELS else self._outfit.receipts
        if printer is None:
            return Check.FAILED, Trouble.UNREACHABLE
        printed = printer.print_slip(slip, lambda: None)
        wrong = printed.trouble if printed.outcome in OPEN else None
        self._stand(
            PrinterState(printer.name, wrong if wrong is not Trouble.UNFIT else None, printed.paper_low)
        )
        if printed.outcome in OPEN:
            return Check.FAILED, printed.trouble or Trouble.FAULT
        return (Check.WORKS if printed.outcome is Outcome.PRINTED else Check.SENT), ""

    def _ask_all(self) -> None:
        for printer in self._outfit.printers():
            self._stand(printer.state())

    def _stand(self, state: PrinterState) -> None:
        if self._states.get(state.name) != state:
            self._states[state.name] = state
            self._tell(self._on_state, state)

    def _note(self, job: PrintJob, *, sure: bool = False) -> None:
        with self._lock:
            if job.outcome in OPEN:
                self._open[job.id] = job
            else:
                self._open.pop(job.id, None)
        # Not under the lock: the window must never wait for a disk that syncs for the lane.
        if self._spool is not None:
            self._spool.keep(job, sure=sure)
        self._tell(self._on_job, job)

    def _tell_all(self) -> None:
        for job in self.jobs:
            if job.outcome is not Outcome.WAITING:
                self._tell(self._on_job, job)

    def _tell(self, listener: Callable[[_T], object], value: _T) -> None:
        if self._stopping.is_set():
            return
        try:
            listener(value)
        except Exception:
            log.exception("not delivered: %s", value)


def outfit(printer: str = "", labels: str = "", display: str = "") -> Outfit:
    """The devices at these addresses; nothing is connected.

    An address that is none is logged and its device left out: a typing error must not stop a till.
    """
    from drivers.display import LineDisplay
    from drivers.label_printer import open_label_printer
    from drivers.receipt_printer import EscPosPrinter

    receipts = _opened(EscPosPrinter, printer)
    return Outfit(
        receipts,
        _opened(open_label_printer, labels),
        receipts,
        _opened(LineDisplay, display),
        wanted=bool(printer or labels),
    )


def open_lane(
    folder: Path,
    devices: Outfit,
    *,
    on_job: Callable[[PrintJob], object],
    on_state: Callable[[PrinterState], object],
) -> Lane:
    """The lane to these devices, not yet started; its spool lies in ``folder``."""
    from drivers.spool import NAME, Spool

    lane = Lane(spool=Spool(folder / NAME), on_job=on_job, on_state=on_state)
    lane.use(devices)
    return lane


def _opened(make: Callable[[str], _T], url: str) -> _T | None:
    if not url:
        return None
    try:
        return make(url)
    except ValueError as error:
        log.warning("%s cannot be used: %s", url, error)
        return None
