"""What a caller may use up: requests by a token bucket, bytes and time by a limit on the body.

All of it is counted in memory, by each hub process for itself: several behind one address allow
several times as much. They are there against a till gone wild, not as a quota.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync.hub.refusals import Refusal
from sync.wire import MAX_BODY_BYTES, Problem

MAX_CALLERS = 50_000
BODY_S = 20.0
"""How long a whole body may take: 1 MiB at 420 kbit/s."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How many at once, and how many a second after that: for a till; enrolments, calls with an unknown token (strangers)
    and questions for the hub's health (monitors) for an address."""

    pushes: tuple[int, float] = (240, 20.0)
    feeds: tuple[int, float] = (600, 60.0)
    lookups: tuple[int, float] = (30, 0.5)
    claims: tuple[int, float] = (60, 5.0)
    enrolments: tuple[int, float] = (60, 1.0)
    strangers: tuple[int, float] = (240, 2.0)
    monitors: tuple[int, float] = (240, 20.0)


RATES = Rates()
"""Those of a real hub."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """One token bucket a caller: ``burst`` requests at once, then ``per_second``.

    In memory, for one process, for at most `MAX_CALLERS`: beyond that whoever was silent longest is
    forgotten. ``monotonic`` is the clock, in seconds.
    """

    def __init__(self, burst: int, per_second: float, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._rate = per_second
        self._clock = monotonic
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, caller: str) -> int:
        """Take one token: 0, or the seconds after which there is one again."""
        with self._lock:
            bucket = self._filled(caller)
            if bucket.left >= 1:
                bucket.left -= 1
                return 0
            return self._until_one(bucket)

    def take(self, caller: str) -> None:
        """Take one token. Raises Refusal 429, with the seconds to wait."""
        seconds = self.wait(caller)
        if seconds:
            raise Refusal(429, "too-many", "Too many requests.", retry_after=seconds)

    def check(self, caller: str) -> None:
        """Raises Refusal 429 where there is no token left; takes none."""
        with self._lock:
            bucket = self._filled(caller) if caller in self._buckets else None
            seconds = self._until_one(bucket) if bucket is not None and bucket.left < 1 else 0
        if seconds:
            raise Refusal(429, "too-many", "Too many requests.", retry_after=seconds)

    def charge(self, caller: str) -> None:
        """Take one token, also where none is left: many at once were let in by `check` and are paid for later."""
        with self._lock:
            bucket = self._filled(caller)
            bucket.left = max(-float(self._burst), bucket.left - 1)

    def _filled(self, caller: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= MAX_CALLERS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[caller] = _Bucket(float(self._burst), now)
        self._buckets.move_to_end(caller)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket

    def _until_one(self, bucket: _Bucket) -> int:
        return int((1 - bucket.left) / self._rate) + 1


class BodyLimit:
    """ASGI: reads the whole body before anybody else does.

    Answers 413 to one over `MAX_BODY_BYTES`, told or counted, 408 to one that takes longer than
    `BODY_S`, and 415 to a compressed one, which could be a thousand times what it seems; and reads
    no further.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told) > MAX_BODY_BYTES:
            await _refuse(send, 413, "too-large", f"At most {MAX_BODY_BYTES} bytes.")
            return
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            await _refuse(send, 415, "encoding-unknown", "Please send the body uncompressed.")
            return
        try:
            async with asyncio.timeout(BODY_S):
                body = await _whole(receive)
        except TimeoutError:
            await too_slow(send)
            return
        if body is None:
            return
        if len(body) > MAX_BODY_BYTES:
            await _refuse(send, 413, "too-large", f"At most {MAX_BODY_BYTES} bytes.")
            return
        whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        await self._app(scope, replay, send)


async def too_slow(send: Send) -> None:
    """Tell whose body does not come, and hang up."""
    await _refuse(send, 408, "too-slow", f"At most {BODY_S:g} seconds.")


async def _whole(receive: Receive) -> bytes | None:
    """The body, or its beginning where it is too long; None where the caller has hung up."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES or not message.get("more_body", False):
            return bytes(body)


async def _refuse(send: Send, status: int, error: str, said: str) -> None:
    body = Problem(error=error, message=said).model_dump_json().encode()
    await answer(send, status, body, (b"connection", b"close"))


async def answer(send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
    """Send JSON, past the framework; ``more`` are headers beside those that it needs."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
