"""A malformed call: what is wrong with it is told to a known till, and to nobody else. Every published route."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sync.hub import operator
from sync.hub.limits import Rates
from sync.hub.tokens import SENDING
from sync.wire import Problem
from tests.sync.hub.kit import Desk, Served, served

BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"epoch": "x", "facts": 1, "doors": 1}',
)
QUERY = "after=x&limit=0&wait=nan&mine=zz"


def closed(hub: Served) -> list[str]:
    """Each published route that wants a token, by its call."""
    paths = hub.session.get(f"{hub.url}/openapi.json").json()["paths"]
    return [
        f"{method.upper()} {path}"
        for path, of in paths.items()
        for method, told in of.items()
        if told.get("security")
    ]


def malformed(hub: Served, call: str, token: str | None) -> list[requests.Response]:
    """The answers to a call in every form in which it cannot be understood."""
    method, path = call.split(" ")
    url = f"{hub.url}{path.replace('{code}', 'x' * 300)}?{QUERY}"
    headers = {"Content-Type": "application/json"} | (
        {} if token is None else {"Authorization": f"Bearer {token}"}
    )
    bodies = BODIES if method == "POST" else (None,)
    return [hub.session.request(method, url, headers=headers, data=body, timeout=30) for body in bodies]


def superseded(hub: Served) -> str:
    """The token that a till had before it was enrolled anew."""
    desk = hub.desk()
    desk.page()
    hub.desk(again=desk)
    return desk.token


@pytest.mark.parametrize("token", [None, "", "wrong", superseded])
def test_a_stranger_is_told_only_that_he_is_one(
    hub: Served, token: str | Callable[[Served], str] | None
) -> None:
    calls = closed(hub)
    assert len(calls) == 9
    bearer = token(hub) if callable(token) else token
    for call in calls:
        for answer in malformed(hub, call, bearer):
            assert answer.status_code == 401, (call, answer.request.body, answer.text)
            assert Problem.model_validate(answer.json()).error.startswith("token-")


def test_a_revoked_till_may_still_send_and_is_told_nothing_else(hub: Served, url: str) -> None:
    desk = hub.desk()
    desk.page()
    operator.revoke(url, desk.till)
    for call in closed(hub):
        statuses = {answer.status_code for answer in malformed(hub, call, desk.token)}
        assert statuses <= ({400, 422} if call in SENDING else {403}), call


def test_a_till_is_told_what_is_wrong(hub: Served) -> None:
    desk: Desk = hub.desk()
    for call in closed(hub):
        for answer in malformed(hub, call, desk.token):
            assert answer.status_code in (400, 422), (call, answer.request.body, answer.text)
            Problem.model_validate(answer.json())


def test_malformed_calls_are_counted(hub: Served) -> None:
    few: dict[str, Any] = {"pushes": (3, 0.01)}
    with served(hub.database, rates=Rates(**few)) as strict:
        desk = strict.desk()
        statuses = [answer.status_code for answer in malformed(strict, "POST /v1/claims", desk.token)]
    assert 429 in statuses
    assert 422 in statuses
