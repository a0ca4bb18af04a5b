"""What is drawn: each scene brings the window to a state a clerk can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from PySide6.QtWidgets import QApplication

from posapp.counter.scanning import Elsewhere
from posapp.domain.codes import Fault, Prefix, Scan, Source, make
from posapp.domain.facts import Answer
from posapp.domain.pickup import Verdict
from posapp.domain.slips import Outcome, Paper, PrinterState, PrintJob, Trouble
from tests.kit.counter import Counter
from tests.kit.things import NOW
from tests.screens.card import card_scenes
from tests.screens.cases import case_scenes
from tests.screens.claims import claim_scenes
from tests.screens.devices import device_scenes
from tests.screens.doctor import doctor_scenes
from tests.screens.samples import CASE, EVERYTHING, ORDERS, STORE_CARD, code_of, scan_for, token
from tests.screens.service import service_scenes
from ui.bridge import Bridge, DeviceState, Fetching, LineState, LookedUp
from ui.mishap import Mishap
from ui.pictures import Pictures
from ui.print_strip import PrintStrip
from ui.window import TillWindow

UNKNOWN = make(Prefix.PICKUP, "7KX29DRT")


@dataclass
class Stage:
    """The window with its till, ready to play scenes."""

    counter: Counter
    bridge: Bridge
    window: TillWindow
    times: int = 0

    def scan(self, text: str, *, fault: Fault | None = None, source: Source = Source.SERIAL) -> None:
        """Scan, long after the scan before."""
        self.times += 10_000
        scan = Scan.of("lane", source, [text], at_ms=self.times, fault=fault)
        self.bridge.code_scanned.emit(scan)

    def type(self, text: str) -> None:
        """Type into home's field and press Enter."""
        self.scan(text, source=Source.TYPED)

    def online(self, online: bool, reason: str = "") -> None:
        """The line came or went."""
        self.counter.desk.scanning.online = online
        since = NOW - timedelta(minutes=70)
        self.bridge.line_changed.emit(LineState(online, since, reason))


Scene = Callable[[Stage], None]


def prepare(stage: Stage) -> None:
    """A store on an ordinary day, with one case."""
    counter = stage.counter
    counter.records(("store", "B01", STORE_CARD))
    counter.tell(*EVERYTHING)
    ref = counter.hand_over(CASE.number).ref
    counter.answer(
        ref,
        Answer.REJECTED,
        reason="already-handed-over",
        detail={"at": "2026-11-20T11:30:00.000000Z", "clerk": "Miriam Yılmaz", "till": "B01-2"},
    )
    stage.online(True)
    Pictures(stage.window, lambda _load: None)
    stage.window.retranslate()
    stage.window.go("scan")


def scenes() -> Iterator[tuple[str, Scene]]:
    """All scenes in the order in which they build on each other."""
    yield "home", lambda s: s.window.go("scan")
    for verdict in ORDERS:
        yield verdict.value, lambda s, v=verdict: s.scan(scan_for(v))  # type: ignore[misc]  # bound now
    yield "ready_attention_read", _note_read
    yield "answer_given", _answer
    yield "by_name", lambda s: s.type("Jörg Weiß")
    yield "by_number", lambda s: s.type("W-1001")
    yield "found", lambda s: s.type("W-40")
    yield "ambiguous", lambda s: s.scan("DHL-TWIN")
    yield "case_open", lambda s: s.scan(code_of(CASE.number))
    yield "searching", lambda s: s.scan(UNKNOWN)
    yield "unknown", lambda s: s.bridge.looked_up.emit(LookedUp(UNKNOWN, "unknown"))
    yield "elsewhere", _elsewhere
    yield "unreadable_check", lambda s: s.scan("PK7KX29DRTG")
    yield "unreadable_torn", lambda s: s.scan("PK7KX29DR")
    yield "unreadable_long", lambda s: s.scan("X" * 300, fault=Fault.TOO_LONG)
    yield "unreadable_control", lambda s: s.scan("PK\x017KX", fault=Fault.CONTROL_CHARACTERS)
    yield "unreadable_character", lambda s: s.type("PK 7KX2 9DRA H")
    yield "unreadable_separators", lambda s: s.scan("010400638133393110AB-12321XYZ")
    yield "unreadable_address", lambda s: s.scan("https://shop.example/01/04006381333931")
    yield "parcel_unknown", lambda s: s.scan("00340123451234567895")
    yield "mat_foreign", lambda s: s.scan(make(Prefix.COMMAND, "7KX29DRT"))
    yield "product", lambda s: s.scan("4006381333931")
    yield "bin", lambda s: s.scan(make(Prefix.BIN, "7KX29DRT"))
    yield "badge", lambda s: s.scan(make(Prefix.BADGE, "7KX29DRT"))
    yield "refused", _refused
    yield "handed_over", _hand_over
    yield "home_busy", _leave
    yield "undone", lambda s: s.window.undo()
    yield "offline", _offline
    yield "stale", _stale
    yield "unknown_offline", lambda s: s.scan(UNKNOWN)
    yield "genuine", lambda s: s.scan(token("W-9999"))
    yield "token_expired", lambda s: s.scan(token("W-9999", -1))
    yield "forged", lambda s: s.scan(token("W-9999", key=bytes(32)))
    yield "revoked", lambda s: s.online(False, "revoked")
    yield "hub_strange", lambda s: s.online(False, "hub-strange")
    yield "certificate_wrong", lambda s: s.online(True, "hub-certificate-wrong")
    yield "key_wrong", lambda s: s.online(False, "key-wrong")
    yield "fetching", _fetch
    yield "fetched", lambda s: s.bridge.fetching.emit(None)
    yield "pickups", _pickups
    yield "pickups_search", _search
    yield "attention", lambda s: s.window.go("attention")
    yield "attention_case", _case
    yield "attention_decided", _decide
    yield from case_scenes()
    yield "guessing", _guess
    yield "attention_guessing", lambda s: s.window.go("attention")
    yield from service_scenes()
    yield from card_scenes()
    yield from claim_scenes()
    yield "mishap", _mishap
    yield "slip_refused", _slip_refused
    yield "settings", _settings
    yield "settings_scan", _try_scanner
    yield from device_scenes()
    yield from doctor_scenes()
    yield "help", _help


def _note_read(stage: Stage) -> None:
    stage.scan(scan_for(Verdict.READY_ATTENTION))
    stage.window.home.press_primary()


def _answer(stage: Stage) -> None:
    stage.scan(scan_for(Verdict.ANSWER_NEEDED))
    field = stage.window.home.tray.field
    assert field is not None
    field.setText("ja, Personalausweis")
    field.returnPressed.emit()


def _elsewhere(stage: Stage) -> None:
    stage.scan(UNKNOWN)
    store = Elsewhere("Uhren Berger, Karlsruhe", "Kaiserstraße 81, 76133 Karlsruhe", "Mo–Sa 9:30–19:00")
    stage.bridge.looked_up.emit(LookedUp(UNKNOWN, "elsewhere", store))


def _refused(stage: Stage) -> None:
    """The order was handed over meanwhile, before the screen has heard of it."""
    stage.scan(code_of("W-4007"))
    stage.counter.hand_over("W-4007")
    stage.window.home.press_primary()


def _hand_over(stage: Stage) -> None:
    stage.scan(code_of("W-4006"))
    stage.window.home.press_primary()


def _offline(stage: Stage) -> None:
    stage.online(False, "hub-unreachable")
    stage.scan(code_of("W-4005"))


def _stale(stage: Stage) -> None:
    stage.counter.clock.pass_by(300)
    stage.scan(scan_for(Verdict.READY_ATTENTION))


def _guess(stage: Stage) -> None:
    """Somebody makes codes up."""
    for number in range(6):
        stage.scan(code_of(f"guess-{number}"))
        reading = stage.window.home.card.view.code.replace(" ", "")
        stage.bridge.looked_up.emit(LookedUp(reading, "unknown"))


def _fetch(stage: Stage) -> None:
    """The line is back after days, with much to fetch and something to send."""
    stage.online(True)
    stage.bridge.fetching.emit(Fetching(3_200, 100_000))


def _pickups(stage: Stage) -> None:
    stage.online(True)
    stage.window.go("pickups")


def _leave(stage: Stage) -> None:
    stage.window.home.escape()


def _search(stage: Stage) -> None:
    from ui.screens.pickups import PickupsScreen

    stage.window.go("search")
    screen = stage.window.front
    assert isinstance(screen, PickupsScreen)
    screen.field.setText("Hub")
    screen.refresh()


def _case(stage: Stage) -> None:
    from ui.screens.attention import AttentionScreen

    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    screen.choose(stage.counter.desk.attention.cases()[0].ref)


def _decide(stage: Stage) -> None:
    from ui.screens.attention import AttentionScreen

    screen = stage.window.front
    assert isinstance(screen, AttentionScreen)
    screen.decide("same")


def _settings(stage: Stage) -> None:
    stage.online(True)
    strip = stage.window.status.printing
    assert strip is not None
    strip.on_state(PrinterState("tcp://printer"))
    strip.on_job(
        replace(strip.job or PrintJob("1", Paper.HAND_OVER, Outcome.SETTLED), outcome=Outcome.SETTLED)
    )
    stage.window.go("settings")


def _try_scanner(stage: Stage) -> None:
    stage.bridge.device_changed.emit(DeviceState("/dev/ttyACM0", "up"))
    stage.scan(code_of("W-1001"))


def _mishap(stage: Stage) -> None:
    """An error of the program itself."""
    mishap = stage.window.status.mishap = Mishap(stage.window)
    stage.window.go("scan")
    stage.bridge.mishap.emit()
    QApplication.sendPostedEvents(mishap)


def _slip_refused(stage: Stage) -> None:
    """The printer has no paper, and a slip waits, with the line down besides."""
    mishap = stage.window.status.mishap
    assert mishap is not None
    mishap._shown.stop()
    mishap.retranslate()
    stage.online(False, "hub-unreachable")
    strip = stage.window.status.printing = PrintStrip(stage.window.theme, stage.window)
    stage.window.strips.addWidget(strip)
    job = PrintJob("1", Paper.HAND_OVER, Outcome.REFUSED, Trouble.PAPER_OUT, about="order:W-4006")
    strip.on_state(PrinterState("tcp://printer", Trouble.PAPER_OUT))
    strip.on_job(job)


def _help(stage: Stage) -> None:
    stage.window.go("scan")
    stage.window.show_help()
