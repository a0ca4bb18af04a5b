"""Every way a request can go wrong, as a `sync.wire.Problem`: nothing else ever leaves the hub."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from sync import wire
from sync.hub.database import out_of_reach, worth_retrying
from sync.hub.refusals import Refusal

log = logging.getLogger(__name__)


def add_errors(app: FastAPI, stranger: Callable[[str], None]) -> None:
    """Answer refusals, malformed requests, an unreachable database and defects of our own.

    ``stranger`` hears of each token that was refused as unknown.
    """

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if error.status == 401:
            _, _, token = request.headers.get("authorization", "").partition(" ")
            if token:
                stranger(token)
            headers["WWW-Authenticate"] = "Bearer"
        if error.status == 426:
            headers["Upgrade"] = f"posapp/{wire.OLDEST_TILL}"
        return _problem(error.status, error.body, headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {}
        place = ".".join(str(part) for part in first.get("loc", ()))[:80]
        said = f"{place}: {first.get('type', '')}"[:200]
        return _problem(422, wire.Problem(error="malformed", message=said))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        said = wire.Problem(error=f"http-{error.status_code}", message=str(error.detail)[:200])
        return _problem(error.status_code, said, dict(error.headers or {}))

    @app.exception_handler(InterfaceError)
    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    async def busy(_: Request, error: Exception) -> Response:
        log.warning("the database does not answer: %s", error)
        said = wire.Problem(error="database-unavailable", message="Please try again later.")
        return _problem(503, said, {"Retry-After": "2"})

    @app.exception_handler(DBAPIError)
    async def ended(request: Request, error: DBAPIError) -> Response:
        if out_of_reach(error) or worth_retrying(error):
            return await busy(request, error)
        return await broken(request, error)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        log.error("a request failed", exc_info=error)
        return _problem(500, wire.Problem(error="internal", message="The hub failed; see its log."))


def _problem(status: int, body: wire.Message, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body.model_dump(mode="json"), status, headers)
