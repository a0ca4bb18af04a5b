"""The bar notices a hub that tells strangers, that fails, and that answers outside its description."""

import re
from pathlib import Path

import pytest

from tests.prove.sync_b9 import MARK, run_on

SPOILT = f'''
from typing import Annotated
from fastapi import Depends, Response
from fastapi.security import HTTPBearer
from sync import wire
from sync.hub import service
inner = service.create

def create(*given, **named):
    app = inner(*given, **named)
    bearer = Annotated[object, Depends(HTTPBearer(auto_error=False))]

    @app.get("/v1/leaks")
    async def leaks(token: bearer) -> dict[str, str]:
        return {{"customer": "{MARK}"}}

    @app.get("/v1/open")
    async def unlocked() -> wire.Health:
        raise RuntimeError("planted")

    @app.get("/v1/odd", responses={{200: {{"model": wire.Health}}}})
    async def odd() -> Response:
        return Response('{{"status": 7}}', media_type="application/json")

    return app

service.create = create
'''


@pytest.mark.proof
def test_what_is_not_so_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds, figure = run_on("sqlite", tmp_path, 1, SPOILT, few=1)
    assert not holds
    assert " 0 wrong" not in figure
    said = capsys.readouterr().out
    for told in (
        r"open to anybody: \['GET /v1/odd', 'GET /v1/open'\]",
        "GET /v1/leaks: another store is told 200",
        "GET /v1/leaks: no token is told 200",
        "GET /v1/leaks: a superseded token is told 200",
        "GET /v1/open: ServerError: 500",
        "GET /v1/odd: JsonSchemaError: 200",
    ):
        assert re.search(f"^WRONG {told}", said, re.MULTILINE), said
