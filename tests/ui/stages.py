"""The shown window of a till with things to do, for tests that act at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytestqt.qtbot import QtBot

from posapp import texts
from posapp.domain.orders import Order
from posapp.settings import Settings
from tests.kit.counter import open_counter
from tests.screens.samples import STORE_CARD
from tests.screens.scenes import Stage
from ui.bridge import Bridge
from ui.window import TillWindow


@contextmanager
def on_stage(
    folder: Path,
    qtbot: QtBot,
    *orders: Order,
    language: str = "de",
    online: bool = True,
    save: Callable[[Settings], None] = lambda _settings: None,
) -> Iterator[Stage]:
    """A store with these orders; nobody has told the window of its line unless it is ``online``."""
    texts.use(language)
    with open_counter(folder) as counter:
        bridge = Bridge()
        window = TillWindow(counter.desk, bridge, Settings(language=language), save)
        qtbot.addWidget(window)
        counter.records(("store", "B01", STORE_CARD))
        counter.tell(*orders)
        window.resize(1280, 800)
        window.show()
        qtbot.waitExposed(window)
        made = Stage(counter, bridge, window)
        if online:
            made.online(True)
        yield made
        window.close()
    texts.use("en")
