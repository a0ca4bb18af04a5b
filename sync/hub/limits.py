"""What a caller may use up: requests by a token bucket, bytes by a limit on the body."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync.wire import MAX_BODY_BYTES, Problem

MAX_CALLERS = 50_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """One token bucket a caller: ``burst`` requests at once, then ``per_second``.

    In memory, for one process. ``monotonic`` is the clock, in seconds.
    """

    def __init__(self, burst: int, per_second: float, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, caller: str) -> int:
        """Take one token: 0, or the seconds after which there is one again."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.get(caller)
            if bucket is None:
                if len(self._buckets) >= MAX_CALLERS:
                    self._forget(now)
                bucket = self._buckets[caller] = _Bucket(float(self._burst), now)
            bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
            bucket.at = now
            if bucket.left >= 1:
                bucket.left -= 1
                return 0
            return int((1 - bucket.left) / self._rate) + 1

    def _forget(self, now: float) -> None:
        full = self._burst / self._rate
        self._buckets = {who: b for who, b in self._buckets.items() if now - b.at < full}


class BodyLimit:
    """ASGI: answers 413 to a body over `MAX_BODY_BYTES`, told or counted, and reads no further."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if told.isdigit() and int(told) > MAX_BODY_BYTES:
            await _refuse(send)
            return
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                await _refuse(send)
                return
            more = message.get("more_body", False)
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        await self._app(scope, replay, send)


async def _refuse(send: Send) -> None:
    body = Problem(error="too-large", message=f"At most {MAX_BODY_BYTES} bytes.").model_dump_json().encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
