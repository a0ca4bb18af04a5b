"""The bar notices a hub that forgets one thing and does another twice, and a line that loses nothing."""

import re
from pathlib import Path

import pytest

from tests.prove.sync_b3 import Scale, each_once

SPOILT = """
from dataclasses import replace
from sync.hub import decide
fold = decide.fold
def spoilt(before, fact, till):
    if fact.kind == "TicketHandedBack":
        return before
    after = fold(before, fact, till)
    return replace(after, steps=(*after.steps, after.steps[-1])) if fact.kind == "TicketMoved" else after
decide.fold = spoilt
"""


@pytest.mark.proof
def test_what_is_not_so_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds, figure = each_once("sqlite", tmp_path, Scale(12, 1, mix={}, plant=SPOILT))
    assert not holds
    assert " 0 wrong" not in figure
    said = capsys.readouterr().out
    for told in (
        "TicketHandedBack .* 0 times in records",
        "TicketMoved .* 2 times in records",
        "only 0% of the answers were lost",
    ):
        assert re.search(f"^WRONG {told}", said, re.MULTILINE)
