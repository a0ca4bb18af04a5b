"""A scanner on a cable: a pseudo-terminal, and what a scanner sends down it."""

from __future__ import annotations

import os
import tty
from types import TracebackType
from typing import Self


class CableScanner:
    """Open for its block; ``device`` is what a till is given as its scanner."""

    def __enter__(self) -> Self:
        self._far, self._near = os.openpty()
        for end in (self._far, self._near):
            tty.setraw(end)
        self.device = os.ttyname(self._near)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._far)
        os.close(self._near)

    def send(self, code: str | bytes, end: bytes = b"\r") -> None:
        """One scan, with the carriage return that scanners put behind it."""
        data = memoryview((code if isinstance(code, bytes) else code.encode()) + end)
        while data:
            data = data[os.write(self._far, data) :]
