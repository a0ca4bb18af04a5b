"""Before the till is there: nothing scanned or typed is lost."""

from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from posapp import texts
from posapp.domain.codes import Scan, Source
from posapp.domain.pickup import Verdict
from posapp.settings import Settings
from tests.kit.counter import open_counter
from tests.kit.things import CODE, order
from ui.bridge import Bridge
from ui.foyer import Foyer
from ui.verdicts import LOOKS
from ui.window import TillWindow


def test_what_came_before_the_till_is_there_afterwards(qtbot: QtBot, tmp_path: Path) -> None:
    texts.use("en")
    foyer = Foyer("Scan or type a code", dark=False)
    qtbot.addWidget(foyer)
    live: list[bool] = []
    foyer.when_live(lambda: live.append(True))
    foyer.show()
    qtbot.waitUntil(lambda: bool(live))
    assert foyer.field is not None
    foyer.field.setText("Jö")
    foyer._on_scan(Scan.of("lane", Source.WEDGE, [CODE], at_ms=1))
    with open_counter(tmp_path) as counter:
        counter.tell(order())
        bridge = Bridge()
        till = TillWindow(counter.desk, bridge, Settings(), lambda _settings: None, wedge=foyer.wedge)
        foyer.give_way(till)
        qtbot.waitUntil(till.isVisible)
        assert till.home.card.view.headline == LOOKS[Verdict.READY].headline
        assert till.home.field.text() == "Jö"
        assert till.size() == foyer.size()
        foyer._on_scan(Scan.of("lane", Source.WEDGE, ["PK222222222"], at_ms=9000))
        assert till.home.card.view.headline == LOOKS[Verdict.UNKNOWN].headline
        bridge.blockSignals(True)
        till.close()
        for part in (till, bridge):
            part.deleteLater()
            QApplication.sendPostedEvents(part, QEvent.Type.DeferredDelete)
