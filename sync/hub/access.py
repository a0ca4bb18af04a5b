"""Around every request: its id, the hub's version, its line in the log, its place in the metrics."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posapp.logs import REQUEST
from sync.hub import versions
from sync.hub.metrics import Metrics

log = logging.getLogger(__name__)

GIVEN = re.compile(rb"[A-Za-z0-9._-]{8,64}")
"""An id that the front end, or the till, has given already."""
QUIET = frozenset({"GET /v1/feed", "GET /v1/health", "POST /v1/facts"})
"""Calls of which only the failed are told: ten thousand tills make hundreds of them a second. Each fact is told."""


class Access:
    """ASGI: names a request, and tells its call by route and never by path, which holds codes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        ident = given.decode() if GIVEN.fullmatch(given) else secrets.token_hex(8)
        REQUEST.set(ident)
        status = 500
        began = time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = [(b"x-request-id", ident.encode()), versions.SAID]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            route = scope.get("route")
            call = "unknown"
            if route is not None and scope["method"] in route.methods:
                call = f"{scope['method']} {route.path}"
            self._metrics.answered(call, status)
            headers = dict(scope["headers"])
            if b"authorization" in headers:
                # Who has no token is no till: a monitor, or a stranger.
                self._metrics.spoke(versions.of(headers.get(versions.NAME, b"")))
            if call not in QUIET or status >= 400:
                took = round(1000 * (time.monotonic() - began), 1)
                fields = {"call": call, "status": status, "ms": took}
                log.info("request call=%s status=%d ms=%s", call, status, took, extra={"fields": fields})
