"""Which protocol a till speaks (`sync.wire.VERSION`): told with each call, counted, and turned away where it is too old.

Whatever its version, a till may send what was done at it, and read back its own: nothing of that is ever lost to
an update that came late.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from sync import wire
from sync.hub.refusals import Refusal

ALWAYS = frozenset({"POST /v1/facts", "GET /v1/facts", "POST /v1/copies", "GET /v1/health"})
"""Calls that are taken from a till of any version."""
NAME = wire.PROTOCOL.lower().encode()
_OURS = str(wire.VERSION).encode()
SAID = (NAME, b"%d; oldest=%d" % (wire.VERSION, wire.OLDEST_TILL))
"""The header in which the hub says its own version, and the oldest till that it takes."""


def of(value: bytes) -> int:
    """The version that a header's value names."""
    return wire.VERSION if value == _OURS else wire.spoken(value.decode("latin-1"))


async def refuse_too_old(
    request: Request,
    protocol: Annotated[
        str, Header(alias=wire.PROTOCOL, description="The version that the till speaks; none is 1.")
    ] = "",
) -> None:
    """Of every route: raises Refusal 426 where the till is too old for this hub."""
    call = f"{request.method} {request.scope['route'].path}"
    if call not in ALWAYS and wire.spoken(protocol) < wire.OLDEST_TILL:
        said = f"This hub speaks with tills from protocol {wire.OLDEST_TILL} on. Facts are taken."
        raise Refusal(426, "too-old", said)
