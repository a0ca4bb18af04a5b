"""The two calls that tills make all day, without the framework's ceremony: a tenth of its work a call.

Their routes are declared, published and checked like any other. Where a call comes in the plain form in which
our engine makes it, it is answered here, before the framework sees it; any other form goes the framework's way, which says
what is wrong. What goes wrong here goes that way too, to be told like everything else.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from posapp.logs import REQUEST
from sync import wire
from sync.hub import limits, versions
from sync.hub.access import GIVEN
from sync.hub.callers import ADDRESS
from sync.hub.metrics import Metrics
from sync.hub.tokens import TokenRoute

_QUERY = re.compile(rb"after=(\d{1,18})&limit=(\d{1,3})(?:&wait=(\d{1,2}))?")
_TOKEN = re.compile(rb"[Bb]earer ([\x21-\x7e]+)")
_WRONG = "posapp.wrong"
_MINE, _CALLS = secrets.token_hex(4).encode(), itertools.count()
"""A call that nobody has named gets this process's name and a number: to draw one would cost as much as all else."""

Feed = Callable[[str, int, int, float], Awaitable[bytes]]
Push = Callable[[str, wire.FactsRequest], Awaitable[wire.FactsAnswer]]


class Route(TokenRoute):
    """A route whose plain calls were tried before: what went wrong then is raised where the framework tells of it."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The framework's way."""
        wrong: Exception | None = scope.pop(_WRONG, None)
        if wrong is not None:
            raise wrong
        await super().handle(scope, receive, send)


class Quick(FastAPI):
    """The application; `answer` tells it what to do with plain calls of routes of the class `Route`."""

    _read: Feed
    _push: Push
    _metrics: Metrics
    _plain: Mapping[str, str] = MappingProxyType({})

    def answer(self, read: Feed, push: Push, metrics: Metrics) -> None:
        """Answer a plain GET by ``read(token, after, limit, wait)``, a plain POST by ``push(token, request)``."""
        self._read, self._push, self._metrics = read, push, metrics
        self._plain = {
            f"{method} {route.path}": method
            for route in self.router.routes
            if isinstance(route, Route)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        ADDRESS.set(scope.get("client"))
        call = f"{scope['method']} {scope['path']}" if scope["type"] == "http" else ""
        token, ident, plain, speaks = _known(scope) if call in self._plain else ("", b"", False, 1)
        if not token or (speaks < wire.OLDEST_TILL and call not in versions.ALWAYS):
            await super().__call__(scope, receive, send)
            return
        REQUEST.set(ident.decode())
        body: bytes | None = None
        try:
            if self._plain[call] == "GET":
                body = await self._page(token, scope["query_string"])
            elif plain:
                message = await _in_time(receive)
                if message is None:
                    self._metrics.answered(call, 408)
                    await limits.too_slow(send)
                    return
                receive = _again(message, receive)
                if not message.get("more_body", False):
                    body = await self._taken(token, message.get("body", b""))
        except Exception as error:
            scope[_WRONG] = error
        if body is None:
            if not any(name == b"x-request-id" for name, _ in scope["headers"]):
                scope["headers"] = [*scope["headers"], (b"x-request-id", ident)]
            await super().__call__(scope, receive, send)
            return
        self._metrics.answered(call, 200)
        self._metrics.spoke(speaks)
        await limits.answer(send, 200, body, (b"x-request-id", ident), versions.SAID)

    async def _page(self, token: str, query: bytes) -> bytes | None:
        plain = _QUERY.fullmatch(query)
        if plain is None:
            return None
        after, limit, wait = (int(number or 0) for number in plain.groups())
        if not 1 <= limit <= wire.MAX_PAGE or wait > wire.MAX_WAIT_S:
            return None
        return await self._read(token, after, limit, wait)

    async def _taken(self, token: str, body: bytes) -> bytes | None:
        try:
            request = wire.FactsRequest.model_validate_json(body)
        except ValidationError:
            return None
        return (await self._push(token, request)).model_dump_json().encode()


async def _in_time(receive: Receive) -> Message | None:
    """The body's first part; None where it takes too long."""
    try:
        async with asyncio.timeout(limits.BODY_S):
            return await receive()
    except TimeoutError:
        return None


def _known(scope: Scope) -> tuple[str, bytes, bool, int]:
    """The token of a call, its id, whether its body is plain: JSON, told to be no longer than it may be; and what
    the till speaks."""
    token, ident, kind, length, speaks = "", b"", False, False, 1
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = _TOKEN.fullmatch(value)
            token = found[1].decode() if found else ""
        elif name == b"content-type":
            kind = value == b"application/json"
        elif name == b"content-length":
            length = value.isdigit() and int(value) <= wire.MAX_BODY_BYTES
        elif name == b"x-request-id" and GIVEN.fullmatch(value):
            ident = value
        elif name in (b"content-encoding", b"transfer-encoding"):
            return "", b"", False, 1
        elif name == versions.NAME:
            speaks = versions.of(value)
    return token, ident or b"%s%08x" % (_MINE, next(_CALLS) & 0xFFFFFFFF), kind and length, speaks


def _again(message: Message, receive: Receive) -> Receive:
    """``receive``, but ``message`` once more before."""
    kept: Message | None = message

    async def again() -> Message:
        nonlocal kept
        if kept is None:
            return await receive()
        found, kept = kept, None
        return found

    return again
