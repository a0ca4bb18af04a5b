"""Customer displays on a pseudo-terminal: what the customer reads."""

from pathlib import Path

import pytest

from drivers.display import DIALECTS, LineDisplay
from tests.peers.printer.display import DisplayPeer
from tests.peers.printer.wire import PtyCable
from tests.waiting import until


@pytest.mark.parametrize("through", ["", "&via=printer"])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_two_lines_are_shown_and_replaced(tmp_path: Path, dialect: str, through: str) -> None:
    peer = DisplayPeer(behind_printer=bool(through))
    with PtyCable(peer, tmp_path / "display") as cable:
        display = LineDisplay(f"{cable.url}?dialect={dialect}{through}")
        assert display.show("Größe 20 – Lederarmband", "39,90 €")
        until(lambda: peer.lines == ["Größe 20 - Lederarmb", "39,90 €"])
        assert display.show("Danke")
        until(lambda: peer.lines == ["Danke", ""])
    assert peer.unknown == []


def test_a_display_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert not LineDisplay(f"serial:{tmp_path / 'none'}").show("Danke")


@pytest.mark.parametrize("url", ["serial:/dev/x?dialect=vfd", "serial:/dev/x?via=air", "x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"display|address"):
        LineDisplay(url)
