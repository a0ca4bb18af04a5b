"""The house rules that no off-the-shelf linter knows: ``python -m tools.rules``.

No file of more than 400 lines: a longer one hides two things. And no dialogs in ``ui``: a scanner
ends each code with Enter, and a dialog in front takes that Enter for "OK" before anybody has read it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("posapp", "ui", "drivers", "sync", "resources", "tests", "tools", "bench")
LINES = 400
# QFileDialog and the like are dialogs too, but the system's own: the settings may open one.
BANNED_IN_UI = re.compile(r"\b(?:QMessageBox|QInputDialog|QDialog)\b|\.exec\(")


def python_files(root: Path) -> Iterator[Path]:
    """All our sources, sorted, so that two runs report alike."""
    for folder in FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def too_long(root: Path) -> Iterator[str]:
    """Files with more lines than a reader keeps in mind."""
    for path in python_files(root):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > LINES:
            yield f"{path.relative_to(root)}: {count} lines, {LINES} are the limit"


def dialogs(root: Path) -> Iterator[str]:
    """Places in ui that open, or could open, a dialog."""
    for path in sorted((root / "ui").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            found = BANNED_IN_UI.search(line)
            if found:
                yield f"{path.relative_to(root)}:{number}: {found.group()} is not used in ui"


def main() -> int:
    """The command line."""
    root = Path(__file__).resolve().parent.parent
    found = [*too_long(root), *dialogs(root)]
    for line in found:
        print(line)
    print(f"house rules: {len(found)} broken" if found else "house rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
