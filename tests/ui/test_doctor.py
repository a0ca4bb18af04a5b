"""The doctor's screen: keys go to it and to nobody else, its words, its sheet, and the profile kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QDesktopServices, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from posapp import texts
from posapp.devices import FILE, Profiles
from posapp.domain.codes import Scan, Source
from posapp.domain.diagnosis import Found
from posapp.domain.keyboards import US_LAYOUT
from posapp.domain.profiles import Suffix
from posapp.domain.samples import CODE, GS1, GS1_MATRIX, LETTERS, SHORT_LETTERS, Heard, Sample
from posapp.settings import Settings
from tests.kit.counter import open_counter
from tests.kit.typist import Typist
from ui.bridge import Bridge
from ui.doctor_paper import sheet
from ui.doctor_words import words
from ui.pictures import frame_of
from ui.screens.doctor import DoctorScreen
from ui.window import TillWindow

PRESS, RELEASE = QEvent.Type.KeyPress, QEvent.Type.KeyRelease
NONE = Qt.KeyboardModifier.NoModifier
_KEYS = {level: code for code, levels in reversed(US_LAYOUT.items()) for level in levels if level}


class Stage:
    """The window at the doctor, and a keyboard."""

    def __init__(self, window: TillWindow, bot: QtBot) -> None:
        self.window, self.bot = window, bot
        window.go("doctor")
        assert isinstance(window.front, DoctorScreen)
        self.doctor = window.front
        self.at = time.monotonic_ns() // 1_000_000 % (1 << 31)

    def type(self, text: str, pause: int, end: str = "\t") -> None:
        """Key by key, with the times of a scanner of that pace."""
        named = {"\t": (15, Qt.Key.Key_Tab), "\r": (28, Qt.Key.Key_Return)}
        for character in text + end:
            code, key = named.get(character) or (_KEYS[character], Qt.Key(ord(character.upper())))
            self.at += pause
            for kind in (PRESS, RELEASE):
                event = QKeyEvent(kind, key, NONE, code + 8, 0, 0, character)
                event.setTimestamp(self.at)
                QCoreApplication.sendEvent(self.window.windowHandle(), event)


@pytest.fixture
def stage(tmp_path: Path, qtbot: QtBot) -> Iterator[Stage]:
    texts.use("en")
    with open_counter(tmp_path) as counter:
        window = TillWindow(counter.desk, Bridge(), Settings(language="en"), lambda _settings: None)
        window.profiles = Profiles(tmp_path)
        qtbot.addWidget(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        yield Stage(window, qtbot)
        window.close()
    texts.use("en")


def test_a_slow_scanner_with_tab_is_heard_whole_and_moves_no_focus(stage: Stage) -> None:
    before = QApplication.focusWidget()
    with stage.bot.waitSignal(stage.doctor.keys.gathered, timeout=5000):
        stage.type(CODE.lower(), pause=60)
    found = {one.found for one in stage.doctor.diagnosis.findings}
    assert {Found.TAB_SUFFIX, Found.SLOW} <= found
    assert QApplication.focusWidget() is before
    assert stage.window.place == "doctor"


class _Seen(QObject):
    """The keys that reach a widget."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is PRESS and isinstance(event, QKeyEvent):
            self.keys.append(event.text())
        return False


def test_what_a_person_types_is_given_back(stage: Stage) -> None:
    seen = _Seen()
    focus = QApplication.focusWidget()
    assert focus is not None
    focus.installEventFilter(seen)
    stage.type("ab", pause=120, end="")
    assert seen.keys == []
    stage.bot.waitUntil(lambda: seen.keys == ["a", "b"], timeout=5000)
    stage.type("", pause=120, end="\t")
    assert seen.keys == ["a", "b", "\t"]
    assert stage.doctor.diagnosis.findings == ()


def test_escape_leads_back_to_the_settings(stage: Stage) -> None:
    assert stage.doctor.escape()
    assert stage.window.place == "settings"


def test_all_three_understood_are_kept(stage: Stage, tmp_path: Path) -> None:
    for text, shown in ((CODE, Sample.LETTERS), (LETTERS, Sample.GS1), (GS1, None)):
        stage.doctor.hear(Typist("us", "de").text(text).heard())
        assert stage.doctor.sample is shown
    assert stage.doctor.diagnosis.good
    kept = Profiles(tmp_path).find("wedge:")
    assert kept is not None
    assert kept.suffix is Suffix.NONE
    assert any("German" in sentence for sentence in stage.doctor.findings.sentences)
    texts.use("de")
    stage.doctor.retranslate()
    texts.use("en")
    assert any("deutsch" in sentence for sentence in stage.doctor.findings.sentences)


def test_one_code_is_kept_when_the_clerk_says_so(stage: Stage, tmp_path: Path) -> None:
    assert not stage.doctor.press_primary()
    stage.doctor.hear(Typist().text(CODE).heard(28))
    assert not (tmp_path / FILE).exists()
    assert stage.doctor.press_primary()
    assert (tmp_path / FILE).exists()


def test_a_serial_scan_is_taken_and_a_wrong_try_is_forgiven(stage: Stage) -> None:
    def scan(text: str) -> None:
        made = Scan.of("/dev/ttyACM0", Source.SERIAL, [text], raw=text.encode(), at_ms=stage.at)
        stage.window.take_scan(made)

    scan("4006381333931")
    assert Found.UNKNOWN in {one.found for one in stage.doctor.diagnosis.findings}
    scan(CODE)
    found = stage.doctor.diagnosis.findings
    assert [one.found for one in found] == [Found.LINE]
    assert stage.window.place == "doctor"


def test_another_device_starts_afresh(stage: Stage) -> None:
    stage.doctor.hear(Typist().text(CODE).heard(28))
    stage.doctor.hear(Heard("/dev/ttyACM0", Source.SERIAL, raw=LETTERS.encode()))
    assert stage.doctor.diagnosis.samples == {Sample.LETTERS}


def test_leaving_ends_the_listening(stage: Stage) -> None:
    stage.window.go("scan")
    heard: list[object] = []
    stage.doctor.keys.gathered.connect(heard.append)
    scans: list[Scan] = []
    stage.window.bridge.code_scanned.connect(scans.append)
    stage.type(CODE.lower(), pause=4, end="\r")
    stage.bot.waitUntil(lambda: bool(scans), timeout=5000)
    assert heard == []


def test_raw_data_are_shown_for_support(stage: Stage) -> None:
    stage.doctor.hear(Typist().text(CODE).heard(28))
    stage.doctor.show_raw()
    assert stage.doctor.raw.isVisible()
    assert "+25" in stage.doctor.raw.toPlainText()
    stage.doctor.show_raw()
    assert not stage.doctor.raw.isVisible()


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_finding_has_its_sentences(language: str) -> None:
    from posapp.domain.diagnosis import Finding

    texts.use(language)
    try:
        said = {words(Finding(found, "us", "de")) for found in Found}
    finally:
        texts.use("en")
    assert len(said) == len(Found)
    assert all(so and done and "{" not in so + done for so, done in said)


def test_the_sheet_reads_back(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zxing: Any = pytest.importorskip("zxingcpp", reason="the extra `camera` is not installed")
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    path = tmp_path / "sheet.pdf"
    sheet(path)
    page = pypdfium2.PdfDocument(path)[0]
    found = zxing.read_barcodes(page.render(scale=4).to_pil(), text_mode=zxing.TextMode.Plain)
    read = {(code.format.name, code.text) for code in found}
    assert {text for _format, text in read} == {CODE, LETTERS, SHORT_LETTERS, GS1}
    assert len(read) == 7
    (matrix,) = [code for code in found if code.format.name == "DataMatrix"]
    assert matrix.symbology_identifier == "]d2"


def test_the_data_matrix_on_the_screen_is_what_an_encoder_writes(stage: Stage) -> None:
    zxing: Any = pytest.importorskip("zxingcpp", reason="the extra `camera` is not installed")
    written = zxing.create_barcode(
        "(01)04006381333931(10)B7(21)X4", zxing.BarcodeFormat.DataMatrix, gs1=True, force_square=True
    )
    image = memoryview(written.to_image(scale=1, add_quiet_zones=False))
    assert image.shape is not None
    high, wide = image.shape[:2]
    cells = image.tobytes()[:: image.nbytes // (high * wide)]
    rows = ["".join("01"[value < 128] for value in cells[y * wide : (y + 1) * wide]) for y in range(high)]
    assert tuple(rows) == GS1_MATRIX
    for text in (CODE, LETTERS):
        stage.doctor.hear(Typist().text(text).heard(28))
    shown = stage.doctor.picture.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    found = zxing.read_barcodes(
        memoryview(frame_of(shown).pixels).cast("B", (shown.height(), shown.width())),
        text_mode=zxing.TextMode.Plain,
    )
    assert {"DataMatrix", "QRCode"} <= {code.format.name for code in found if code.text == GS1}
