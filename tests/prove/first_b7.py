"""A second kind of work on the same spine: the service ticket survives what the hand-over survives."""

import re
import subprocess
import tempfile
from pathlib import Path

from tests.crash.service import walk
from tests.prove.steps import ROOT

CLAIM = (
    "A ticket opened, moved and handed back with the line cut and a kill -9 between the steps is on the hub "
    "once, in the right state, and in its queue throughout; its facts needed only the files that "
    "docs/architecture.md names."
)

SUBJECT = "Take in repairs and battery changes, on the same journal"


def run(long: bool) -> tuple[bool, str]:
    """Walks a ticket through its kills (10 times in the long form), and reads the history."""
    try:
        for _round in range(10 if long else 1):
            with tempfile.TemporaryDirectory(prefix="posapp-b7-") as folder:
                evidence = walk(Path(folder))
                print(f"  {evidence}", flush=True)
    except (AssertionError, TimeoutError) as fault:
        return False, f"the ticket's way failed: {fault}"
    strangers = unnamed_files()
    if strangers:
        return False, f"the commit touched files that the page does not name: {', '.join(strangers)}"
    return True, f"{evidence}; the ticket's commit touched only files that the page names"


def unnamed_files() -> list[str]:
    """Files of the ticket's commit that the table in docs/architecture.md does not name."""
    found = _git("log", "--format=%H", "--fixed-strings", f"--grep={SUBJECT}").split()
    if not found:
        return ["(the commit is not in this history)"]
    touched = _git("show", "--name-only", "--format=", found[-1]).split()
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("## How a new kind of fact is added")[2]
    named = re.findall(r"`([\w./<> …-]+)`", table)
    patterns = [_pattern(name) for name in named if "/" in name or name.endswith(".md")]
    return [file for file in touched if not any(pattern.fullmatch(file) for pattern in patterns)]


def _pattern(name: str) -> re.Pattern[str]:
    """``posapp/domain/<subject>.py`` and ``tests/…`` as patterns of paths."""
    parts = re.split(r"(<[^>]+>|…)", name)
    made = "".join(
        "[a-z_]+" if part.startswith("<") else ".*" if part == "…" else re.escape(part) for part in parts
    )
    return re.compile(made)


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True
    ).stdout
