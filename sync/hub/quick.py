"""The two calls that tills make all day, without the framework's ceremony: a fifth of its work a call.

A route is declared, published and checked like any other. Where a call comes in the plain form in which
our engine makes it, it is read here; any other form goes the framework's way, which says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from sync import wire

_QUERY = re.compile(rb"after=(\d{1,18})&limit=(\d{1,3})(?:&wait=(\d{1,2}))?")
_TOKEN = re.compile(rb"[Bb]earer ([\x21-\x7e]+)")

Feed = Callable[[str, int, int, float], Awaitable[bytes]]
Push = Callable[[str, wire.FactsRequest], Awaitable[wire.FactsAnswer]]


def feed_route(answer: Feed) -> type[APIRoute]:
    """The class of a route whose GET is answered by ``answer(token, after, limit, wait)``."""

    class Route(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            query = _QUERY.fullmatch(scope["query_string"])
            token = _token(scope)
            if query and token and scope["method"] == "GET":
                after, limit, wait = (int(number or 0) for number in query.groups())
                if 1 <= limit <= wire.MAX_PAGE and wait <= wire.MAX_WAIT_S:
                    await _send(send, await answer(token, after, limit, wait))
                    return
            await super().handle(scope, receive, send)

    return Route


def push_route(answer: Push) -> type[APIRoute]:
    """The class of a route whose POST is answered by ``answer(token, request)``."""

    class Route(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            token = _token(scope)
            message: Message | None = None
            if (
                token
                and scope["method"] == "POST"
                and (b"content-type", b"application/json") in scope["headers"]
            ):
                # The whole body: `sync.hub.limits.BodyLimit` has read it.
                message = await receive()
                try:
                    request = wire.FactsRequest.model_validate_json(message.get("body", b""))
                except ValidationError:
                    pass
                else:
                    told = await answer(token, request)
                    await _send(send, told.model_dump_json().encode())
                    return

            async def again() -> Any:
                nonlocal message
                if message is None:
                    return await receive()
                found, message = message, None
                return found

            await super().handle(scope, again, send)

    return Route


def _token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            found = _TOKEN.fullmatch(value)
            return found[1].decode() if found else ""
    return ""


async def _send(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
