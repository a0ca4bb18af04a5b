"""The service desk, from form to hand-back, through kills and with the line cut."""

from pathlib import Path

from tests.crash.service import walk


def test_a_ticket_outlives_its_till(tmp_path: Path) -> None:
    assert "once on the hub as handed_back" in walk(tmp_path)
