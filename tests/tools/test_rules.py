"""The house rules find what they are there to find."""

from pathlib import Path

import pytest

from tools import rules


@pytest.mark.parametrize(
    "line", ["from PySide6.QtWidgets import QMessageBox", "class Ask(QDialog):", "    menu.exec(position)"]
)
def test_a_dialog_in_ui_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "window.py").write_text(f"import sys\n{line}\n", encoding="utf-8")
    assert [found.split(" ")[0] for found in rules.dialogs(tmp_path)] == ["ui/window.py:2:"]


def test_a_file_may_have_400_lines(tmp_path: Path) -> None:
    (tmp_path / "sync").mkdir()
    (tmp_path / "sync" / "fits.py").write_text("\n" * 400, encoding="utf-8")
    (tmp_path / "sync" / "long.py").write_text("\n" * 401, encoding="utf-8")
    assert list(rules.too_long(tmp_path)) == ["sync/long.py: 401 lines, 400 are the limit"]
