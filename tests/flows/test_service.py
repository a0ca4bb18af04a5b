"""The service desk, from form to hand-back, through kills and with the line cut."""

from pathlib import Path

from tests.crash.service import walk
from tests.prove.first_b7 import unnamed_files


def test_a_ticket_outlives_its_till(tmp_path: Path) -> None:
    assert "once on the hub as handed_back" in walk(tmp_path)


def test_a_new_kind_needs_only_the_files_the_page_names() -> None:
    assert unnamed_files() == []
