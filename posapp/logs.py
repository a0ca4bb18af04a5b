"""Logs: one rotating file in the data folder and standard error; the hub's on standard error alone.

Never names, addresses, tokens or codes: facts are named by their id.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being served; every line that is logged meanwhile has it."""


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


def stream(*, as_json: bool, level: int) -> None:
    """Log to standard error alone, as a service does whose lines somebody else collects."""
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(JsonLines() if as_json else _Lines(FORMAT))
    logging.basicConfig(level=level, handlers=[screen], force=True)
    logging.captureWarnings(True)


class JsonLines(logging.Formatter):
    """One JSON object a line: at (UTC), level, logger, message; request, error, and a line's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := REQUEST.get():
            line["request"] = request
        line |= {name: value for name, value in getattr(record, "fields", {}).items() if name not in line}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _Lines(logging.Formatter):
    """Lines for people, with the request's id at their end."""

    def format(self, record: logging.LogRecord) -> str:
        request = REQUEST.get()
        return super().format(record) + (f" request={request}" if request else "")
