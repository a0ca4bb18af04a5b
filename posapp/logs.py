"""Logs: one rotating file in the data folder and standard error.

Never names, addresses, tokens or codes: facts are named by their id.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start(folder: Path, name: str, *, level: int = logging.INFO) -> None:
    """Log to ``folder/logs/<name>.log`` (5 files of 1 MiB) and warnings to standard error."""
    from logging.handlers import RotatingFileHandler

    logs = folder / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    file = RotatingFileHandler(
        logs / f"{name}.log", maxBytes=1 << 20, backupCount=4, encoding="utf-8", delay=True
    )
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.WARNING)
    for handler in (file, screen):
        handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=level, handlers=[file, screen], force=True)
    logging.captureWarnings(True)
