"""Case 9: ibus between the keyboard and Qt, on a private bus and with Qt's own ibus plugin."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.till import Till
from tests.waiting import until
from tests.x11 import end, missing_programs

_MISSING = missing_programs() + [name for name in ("ibus-daemon", "dbus-daemon") if not shutil.which(name)]
pytestmark = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}")

EVERYTHING = "PK1-ZyXw/2:3&4?5=6+7_8#9@Y\"'([]\\`~^*)<>|;"


class IbusTill(Till):
    """The window, with Qt's keys going through ibus."""

    def __init__(self, home: Path) -> None:
        super().__init__("de")
        self._home = home
        self._services = ExitStack()

    @property
    def env(self) -> dict[str, str]:
        """A home and a message bus of its own; the window is started with it once ibus is there."""
        folders = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
        own = dict.fromkeys(folders, str(self._home))
        return super().env | own | {"GTK_A11Y": "none", "NO_AT_BRIDGE": "1"} | self._extra

    def set_layout(self, layout: str) -> None:
        """The screen is there: now ibus, and then the layout, which ibus may have changed."""
        if not self._extra:
            self._start_ibus()
        super().set_layout(layout)

    def _start_ibus(self) -> None:
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._services.callback(end, bus)
        assert bus.stdout is not None
        self._services.callback(bus.stdout.close)
        self._extra = {"DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().decode().strip()}
        ibus = subprocess.Popen(
            ["ibus-daemon", "--panel", "disable"], env=self.env, stderr=subprocess.DEVNULL
        )
        self._services.callback(end, ibus)
        # It writes its address here when it is ready; Qt looks for it in the same place.
        until(lambda: list(self._home.glob("ibus/bus/*-unix-*")))
        self._extra["QT_IM_MODULE"] = "ibus"

    def close_services(self) -> None:
        """End ibus and the bus, after the window."""
        self._services.close()


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IbusTill]:
    till = IbusTill(tmp_path_factory.mktemp("home"))
    try:
        with till:
            yield till
    finally:
        till.close_services()


def test_case_09_qt_speaks_to_ibus_here(till: IbusTill) -> None:
    loaded = Path(f"/proc/{till.process.pid}/maps").read_text()
    assert "libibusplatforminputcontextplugin" in loaded
    till.focus("field")
    # The keys of a US y and [ on this host; accents need an engine, which ibus has none of without a desktop.
    till.type_code("hallo y[", delay_ms=60, end="")
    until(lambda: till.state()["text"] == "hallo zü")


@pytest.mark.parametrize("focus", ["field", "button", "dialog"])
@pytest.mark.parametrize("delay_ms", [0, 5])
def test_case_09_a_scan_is_exact_and_leaves_nothing(till: IbusTill, delay_ms: int, focus: str) -> None:
    till.focus(focus)
    till.type_code(EVERYTHING, delay_ms=delay_ms)
    state = till.state()
    assert (state["scans"], state["text"], state["acts"]) == ([EVERYTHING], "", [])
