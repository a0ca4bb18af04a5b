"""HTTP/1.1 with as little as can be between the socket and the till: ten thousand run in one process.

What it reads is what our hub writes: a status line, headers, a body with its length. Anything else
is a broken line.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

LOOPBACKS = 8
"""So many source addresses: one has 28,000 ports towards a hub."""


class Lost(Exception):
    """The line broke, or could not be had."""


class Connection(asyncio.Protocol):
    """One connection that is kept open, for one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._read = b""
        self._body_at = 0
        self._whole = 0
        self._status = 0

    @classmethod
    async def opened(cls, host: str, port: int, number: int) -> Connection:
        """A connection to the hub, from one of our addresses. Raises Lost."""
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                cls, host, port, local_addr=(f"127.0.0.{2 + number % LOOPBACKS}", 0)
            )
        except OSError as error:
            raise Lost(str(error)) from error
        return protocol

    @property
    def closed(self) -> bool:
        """Whether the hub has hung up, as it does where nothing was asked for a while."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Raises Lost."""
        if self._transport is None or self._transport.is_closing():
            raise Lost("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    # -- the protocol's side ----------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost("hung up"))

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        if not self._whole:
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._read[:end].lower()
            self._status = int(head[9:12])
            _, _, length = head.partition(b"\r\ncontent-length:")
            self._body_at = end + 4
            self._whole = self._body_at + int(length.partition(b"\r\n")[0])
        if len(self._read) < self._whole:
            return
        body = self._read[self._body_at : self._whole]
        self._read, self._whole = self._read[self._whole :], 0
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._status, body))


def get(path: str, token: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, token: str, body: dict[str, Any]) -> bytes:
    """The bytes of a POST of JSON."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw
