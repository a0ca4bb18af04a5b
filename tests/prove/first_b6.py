"""Import contracts, file lengths and screens without clipped text."""

import sys
from pathlib import Path

from tests.prove import steps
from tools.rules import LINES, python_files

CLAIM = (
    "The import contracts hold, no file has over 400 lines, and no screen clips a text, "
    "in German and English, light and dark, at 1024x768 and 1920x1080."
)


def contracts() -> tuple[bool, str]:
    """The contracts of pyproject.toml, on the tree as it lies here."""
    outcome = steps.run([str(Path(sys.executable).with_name("lint-imports"))])
    said = next((line for line in outcome.lines if line.startswith("Contracts:")), outcome.last)
    return outcome.code == 0, said.replace("Contracts:", "import contracts:").rstrip(".")


def lengths() -> tuple[bool, str]:
    """Every source file, the tests too."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(steps.ROOT)}
    longest = max(lines, key=lambda path: lines[path])
    return lines[longest] <= LINES, f"longest of {len(lines)} files: {lines[longest]} lines ({longest.name})"


def screens() -> tuple[bool, str]:
    """Each screen drawn and measured; that program's last line is the figure."""
    outcome = steps.run([sys.executable, "-m", "tests.screens"])
    return outcome.code == 0, outcome.last


def run(long: bool) -> tuple[bool, str]:
    """All three, also where the first does not hold; bounded and long are one and the same."""
    results = [contracts(), lengths(), screens()]
    return all(holds for holds, _ in results), "; ".join(figure for _, figure in results)
