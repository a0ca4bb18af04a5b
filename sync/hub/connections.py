"""Connections that may not be slow: uvicorn's own, with a time for each thing a caller could drag out.

Uvicorn ends a connection that is idle *between* two requests, and nothing else: one that never says
anything, drips its header or does not read its answer would stay for ever, and cost an open file; and
a header may be as long as it likes. The time of a body is `sync.hub.limits.BodyLimit`'s.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
"""How long a request's line and headers may take, from their first byte; the first ones, from the connection."""
HEAD_BYTES = 64 << 10
"""How long they may be."""
READING_S = 60.0
"""How long a caller may leave its answer lying."""


class Connection(HttpToolsProtocol):
    """One caller's connection. What is too slow or too long is cut without a word."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # Uvicorn's own log of calls names paths, and a path may hold a pickup code. It writes wherever its
        # logger finds a handler, whatever it was configured to.
        self.access_log = False
        self._head: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._begun = False
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first header."""
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end_head()
        self._end_reading()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take it; a header that is not complete with it is counted."""
        super().data_received(data)
        if self._begun and self._head is None:
            # Only now: most headers come in one piece, and need no clock.
            self._begin_head()
        if self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._cut()

    def on_message_begin(self) -> None:
        """A header begins."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """It is complete."""
        self._begun = False
        self._end_head()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The caller does not read as fast as the answer is written."""
        super().pause_writing()
        self._reading = self.loop.call_later(READING_S, self._cut)

    def resume_writing(self) -> None:
        """It reads."""
        self._end_reading()
        super().resume_writing()

    def _begin_head(self) -> None:
        self._head_bytes = 0
        self._head = self.loop.call_later(HEAD_S, self._cut)

    def _end_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _cut(self) -> None:
        self.transport.abort()
