"""Till and hub say which protocol they speak; one that is too old is told so, and what was done at it is taken."""

from typing import Any

import pytest
import requests

from sync import wire
from sync.hub import versions
from sync.wire import Health, Problem
from tests.sync.hub.kit import Desk, Served, ready
from tests.waiting import until

CLOSED = [
    ("GET", "/v1/feed?after=0&limit=10"),
    ("GET", "/v1/feed?limit=10&after=0"),
    ("GET", "/v1/feed?after=0&limit=10&wait=20"),
    ("GET", "/v1/feed/digest"),
    ("GET", "/v1/orders/B24001"),
    ("POST", "/v1/leases"),
    ("POST", "/v1/claims"),
    ("POST", "/v1/claims/answers"),
    ("POST", "/v1/enrolments"),
]
"""What a till that is too old is not given; the feed by the quick way and by the framework's."""
BODIES: dict[str, Any] = {
    "/v1/leases": {},
    "/v1/claims": {"order": "W-1"},
    "/v1/claims/answers": {"question": "q", "order": "W-1", "answer": {"state": "silent"}},
    "/v1/enrolments": {"code": "x"},
}


@pytest.fixture
def demanding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub of tomorrow, which takes tills from protocol 2 on."""
    monkeypatch.setattr(wire, "OLDEST_TILL", 2)


def call(desk: Desk, method: str, path: str, speaks: str | bytes = "") -> requests.Response:
    headers: dict[str, str | bytes] = {**desk.headers, **({wire.PROTOCOL: speaks} if speaks else {})}
    body = BODIES.get(path)
    return desk.served.session.request(method, desk.served.url + path, headers=headers, json=body)


@pytest.mark.parametrize("speaks", ["", "1", "nonsense", "0", "-2", "²"])
@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_till_that_is_too_old_is_told_so(
    standing: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str, speaks: str
) -> None:
    desk = standing.guest
    monkeypatch.setattr(wire, "OLDEST_TILL", 2)
    answer = call(desk, method, path, speaks.encode("latin-1"))
    assert answer.status_code == 426
    assert answer.headers["Upgrade"] == "posapp/2"
    assert Problem.model_validate(answer.json()).error == "too-old"


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_one_that_is_new_enough_is_answered(
    standing: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    desk = standing.guest
    monkeypatch.setattr(wire, "OLDEST_TILL", 2)
    assert call(desk, method, path, "2").status_code != 426
    assert call(desk, method, path, "3; whatever=1").status_code != 426


@pytest.mark.usefixtures("demanding")
def test_what_was_done_at_a_till_that_is_too_old_is_taken(
    hub: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(wire, "OLDEST_TILL", 1)
        desk = hub.desk()
        first, second, third = ready(desk, 3)
    assert desk.one(desk.hand_over(first))["answer"] == "accepted"
    several = [desk.hand_over(second), desk.hand_over(third)]
    assert [one["answer"] for one in desk.push(*several)] == ["accepted", "accepted"]
    assert len(desk.get("/v1/facts").json()["facts"]) == 3
    copies = hub.session.post(f"{hub.url}/v1/copies", headers=desk.headers, json={"facts": []})
    assert copies.status_code == 200


def test_the_hub_says_what_it_speaks_with_every_answer(standing: Served) -> None:
    desk = standing.guest
    told = Health.model_validate(standing.session.get(f"{standing.url}/v1/health").json())
    assert (told.protocol, told.oldest_till) == (wire.VERSION, wire.OLDEST_TILL)
    said = f"{wire.VERSION}; oldest={wire.OLDEST_TILL}"
    for method, path in [*CLOSED, ("GET", "/v1/health"), ("GET", "/nowhere")]:
        answer = call(desk, method, path.partition("&wait")[0])
        assert answer.headers[wire.PROTOCOL] == said, path
        assert wire.spoken(answer.headers[wire.PROTOCOL]) == wire.VERSION


def test_it_is_counted_which_versions_call(hub: Served) -> None:
    desk = hub.desk()

    def counted(protocol: str) -> float:
        found = hub.hub.metrics.registry.get_sample_value("posapp_hub_spoken_total", {"protocol": protocol})
        assert found is not None
        return found

    before = counted("1")
    for speaks in ("", "1", "99", "100000"):
        for path in ("/v1/feed?after=0&limit=10", "/v1/orders/B24001"):
            call(desk, "GET", path, speaks)
    hub.session.get(f"{hub.url}/v1/health")
    until(lambda: counted("newer") == 4)
    assert counted("1") == before + 4


def test_every_call_that_is_always_taken_is_one_that_there_is(standing: Served) -> None:
    paths = standing.session.get(f"{standing.url}/openapi.json").json()["paths"]
    there = {f"{method.upper()} {path}" for path, of in paths.items() for method in of}
    assert there >= versions.ALWAYS
    for of in paths.values():
        for route in of.values():
            assert wire.PROTOCOL in {one["name"] for one in route["parameters"]}
            assert "426" in route["responses"]
