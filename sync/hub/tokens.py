"""Calls that want a till's token: who has none is told nothing else, not even what is wrong with his call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from sync.hub.refusals import Refusal

SENDING = frozenset({"POST /v1/facts", "POST /v1/copies"})
"""Calls that are taken from a revoked till as well: what was done at it is not lost."""

Admit = Callable[[str, bool], Awaitable[None]]

_bearer = HTTPBearer(auto_error=False, description="The till's own token.")


def _token(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str:
    if credentials is None:
        raise Refusal(401, "token-missing", "This call needs a till's token.")
    return credentials.credentials


Token = Annotated[str, Depends(_token)]


class TokenRoute(APIRoute):
    """A route that, where it wants a `Token`, tells only a known till what is wrong with its call.

    The framework looks at a body's form before anybody is asked who sends it. Whose token it is costs a look into the
    database: good calls take it together with their work, so here only the malformed ones do. ``app.state.admit(token,
    sending)`` raises Refusal 401, 403 or 429.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's hook."""
        handle = super().get_route_handler()
        if not any(one.call is _token for one in self.dependant.dependencies):
            return handle

        async def told_to_tills(request: Request) -> Response:
            try:
                return await handle(request)
            except (RequestValidationError, HTTPException):
                admit: Admit = request.app.state.admit
                await admit(_token(await _bearer(request)), f"{request.method} {self.path_format}" in SENDING)
                raise

        return told_to_tills
