"""The table, the file with every figure, and what the run was measured with."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.measure import Row


def load() -> str:
    """The machine's load now."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def machine() -> str:
    """What the figures belong to."""
    from sqlcipher3 import dbapi2

    found = dbapi2.connect(":memory:")
    (cipher,) = found.execute("PRAGMA cipher_version").fetchone()
    found.close()
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"PySide6-Essentials {version('PySide6-Essentials')}, sqlcipher3 {version('sqlcipher3')} "
        f"(SQLite {dbapi2.sqlite_version}, SQLCipher {cipher.split()[0]})"
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| measured | p50 / p95 / p99 / max | against its bound |", "|---|---|---|"]
    for row in rows:
        mark = "" if not row.bound else ("**holds** " if row.holds else "**BROKEN** ")
        lines.append(f"| {row.what} | {row.figures} | {mark}{row.verdict} |")
    return "\n".join(lines)


def keep(path: Path, rows: Sequence[Row], figures: dict[str, object]) -> None:
    """Write every single figure beside the table's."""
    kept = {
        "rows": [
            {"what": r.what, "figures": r.figures, "value": r.value, "bound": r.bound, "holds": r.holds}
            for r in rows
        ],
        **figures,
    }
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


def summary(rows: Sequence[Row]) -> str:
    """The bounded figures in one line."""
    return "; ".join(f"{row.what.partition(',')[0]}: {row.verdict}" for row in rows if row.bound)
