"""Whatever sync can tell of the line has words: every reason is found in its own source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posapp import texts
from posapp.domain.known import Standing
from posapp.storage.room import Room
from ui import line
from ui.bridge import LineState
from ui.pills import Link
from ui.told import reason_of
from ui.view import Tone

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
KINDS = {"StorageFault", "Trouble", "NotEnrolled", "Revoked", "Left", "GapTold", "ForkTold"}
NEVER_TOLD = {
    # at enrolment, told on the command line
    *("code-refused", "code-of-another-till", "enrolled-already", "ledger-gone", "key-exists", "pin-wrong"),
    "pin-unreadable",
    # by commands of the operator
    *("no-copy", "ledger-well", "mirror-damaged"),
    # upkeep ends early because sync does
    "copy-stopped",
    # between tills: then the hub is asked
    "lead-unreachable",
}
"""What sync's modules raise, but never into its threads, or only where it is caught."""


def modules() -> list[Path]:
    """The sources of everything that the sync process imports of ours."""
    program = "import sync.engine.process, sync.link, drivers.keys, sys\nfor m in sys.modules.values(): print(m.__name__, getattr(m, '__file__', None) or '')"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    ours = [
        row.split(" ", 1) for row in told.splitlines() if row.startswith(("posapp.", "sync.", "drivers.keys"))
    ]
    return [Path(path) for _, path in ours]


def literals(path: Path) -> Iterator[str]:
    """The reasons that a module names: of its errors, of the line's trouble, in what it tells."""
    for node in ast.walk(ast.parse(path.read_text())):
        found: ast.expr | None = None
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            refused = name == "Refused" and "sync" in path.parts[-3:]
            if node.args and (name in KINDS or refused):
                found = node.args[0]
            elif name in ("trouble", "_lost") and node.args:
                found = node.args[-1]
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in ("reason", "fatal"):
                    found = value
        if found is not None:
            yield from (
                one.value
                for one in ast.walk(found)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def reasons() -> set[str]:
    found = {reason for path in modules() for reason in literals(path)} | {room.value for room in Room}
    return found - NEVER_TOLD - {"", Room.ENOUGH.value}


def test_every_reason_has_words_or_is_kept_from_the_clerk_on_purpose() -> None:
    found = reasons()
    assert {"hub-certificate-wrong", "ledger-too-new", "room-tight", "sync-stopped", "defect"} <= found
    known = line.TROUBLES.keys() | line.SILENT | line.OFFLINE
    assert {reason_of(reason) for reason in found} <= known
    assert known <= {reason_of(reason) for reason in found}, "words for what nobody tells any more"


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_trouble_is_told_with_what_to_do_next(language: str) -> None:
    texts.use(language)
    for reason in line.TROUBLES:
        told = line.words(LineState(True, NOW, reason), Standing(NOW, 0, None), NOW)
        assert told.link is Link.TROUBLE
        assert told.pill
        asks = ("Please", "You can go on") if language == "en" else ("Bitte", "weiterarbeiten")
        assert any(word in told.bar for word in asks), told.bar


@pytest.mark.parametrize("reason", ["disk-full", "ledger-damaged", "a reason of tomorrow", "till-refused"])
def test_what_is_fatal_is_red_and_never_without_words(reason: str) -> None:
    texts.use("en")
    told = line.words(LineState(False, None, reason_of(reason), fatal=True), Standing(NOW, 2, None), NOW)
    assert (told.link, told.tone) == (Link.TROUBLE, Tone.RED)
    assert "Please" in told.bar
    assert "2 acts wait" in told.bar


def test_a_busy_hub_is_none_of_the_clerks_business() -> None:
    texts.use("en")
    told = line.words(LineState(True, NOW, "hub-busy"), Standing(NOW, 0, None), NOW)
    assert (told.link, told.bar) == (Link.ONLINE, "")
