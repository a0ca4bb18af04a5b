"""Every route: who may call it, what garbage it takes, and that nothing is an error of ours."""

import socket
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from posapp.domain.facts import GENESIS
from sync.wire import MAX_BODY_BYTES, Health, Problem
from tests.sync.hub.kit import Served

CLOSED = [
    ("GET", "/v1/feed"),
    ("POST", "/v1/facts"),
    ("GET", "/v1/facts"),
    ("GET", "/v1/orders/B24001"),
    ("GET", "/v1/feed/digest"),
]
EMPTY = {"epoch": 1, "prev_seq": 0, "prev_hash": GENESIS.hex(), "facts": []}


@pytest.fixture
def hub(standing: Served) -> Served:
    """Nothing here leaves a trace: one hub serves all."""
    return standing


def call(hub: Served, method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(method, hub.url + path, timeout=30, **more)


def test_every_published_route_is_known_here(hub: Served) -> None:
    """A new route must be put under the tests of this file."""
    paths = call(hub, "GET", "/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, of in paths.items() for method in of} == {
        ("POST", "/v1/enrolments"),
        ("GET", "/v1/feed"),
        ("GET", "/v1/feed/digest"),
        ("POST", "/v1/facts"),
        ("GET", "/v1/facts"),
        ("GET", "/v1/orders/{code}"),
        ("POST", "/v1/leases"),
        ("POST", "/v1/claims"),
        ("POST", "/v1/claims/answers"),
        ("POST", "/v1/copies"),
        ("GET", "/v1/health"),
    }


def test_the_description_names_the_messages(hub: Served) -> None:
    told = call(hub, "GET", "/openapi.json").json()
    names = set(told["components"]["schemas"])
    assert {"FeedPage", "FactsRequest", "FactsAnswer", "Gap", "Fork", "Lookup", "Problem"} <= names
    for path, of in told["paths"].items():
        for route in of.values():
            secured = "security" in route
            assert secured == (path not in ("/v1/enrolments", "/v1/health"))


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        {"Authorization": "Bearer caf\xe9"},
    ],
)
def test_without_a_tills_token_nothing_is_told(
    hub: Served, method: str, path: str, headers: dict[str, str]
) -> None:
    body = EMPTY if method == "POST" else None
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = call(hub, method, path, headers=encoded, json=body)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Problem.model_validate(answer.json()).error.startswith("token-")


def test_the_token_itself_is_not_kept(hub: Served) -> None:
    from sqlalchemy import select

    from sync.hub.tables import till

    with hub.database.read() as connection:
        assert hub.guest.token not in str(connection.execute(select(till)).all())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/else", 404), ("DELETE", "/v1/feed", 405), ("GET", "/docs", 404)],
)
def test_what_there_is_not(hub: Served, method: str, path: str, status: int) -> None:
    answer = call(hub, method, path)
    assert answer.status_code == status
    Problem.model_validate(answer.json())


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=99999999999999999999999",
        "after=1e3",
        "limit=0",
        "limit=501",
        "wait=-1",
        "wait=26",
        "wait=nan",
        "after=%00",
    ],
)
def test_an_impossible_question_to_the_feed(hub: Served, query: str) -> None:
    answer = call(hub, "GET", f"/v1/feed?{query}", headers=hub.guest.headers)
    assert answer.status_code == 422
    assert Problem.model_validate(answer.json()).error == "malformed"


def good_fact(**changed: Any) -> dict[str, Any]:
    return {
        "seq": 1,
        "id": "a",
        "kind": "HandedOver",
        "schema_v": 1,
        "subject": "order:B24001",
        "payload": "{}",
        "clerk": "Ana",
        "at": "2026-01-02T03:04:05.000000Z",
        "hash": "0" * 64,
    } | changed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"epoch": 1}',
        EMPTY | {"epoch": 0},
        EMPTY | {"epoch": "\ud800"},
        EMPTY | {"prev_hash": "zz"},
        EMPTY | {"facts": [{}]},
        EMPTY | {"facts": [good_fact()] * 501},
        EMPTY | {"facts": [good_fact(seq=2)]},
        EMPTY | {"facts": [good_fact(seq=1 << 70)]},
        EMPTY | {"facts": [good_fact(schema_v=1 << 40)]},
        EMPTY | {"facts": [good_fact(id="a\0b")]},
        EMPTY | {"facts": [good_fact(subject="\ud800")]},
        EMPTY | {"facts": [good_fact(payload="\ud800")]},
        EMPTY | {"facts": [good_fact(at="2026-13-02T03:04:05.000000Z")]},
        EMPTY | {"facts": [good_fact(at="٢٠٢٦-01-02T03:04:05.000000Z")]},
        EMPTY | {"facts": [good_fact(at="0000-01-02T03:04:05.000000Z")]},
        EMPTY | {"facts": [good_fact(payload="x" * 65_537)]},
        EMPTY | {"facts": [good_fact(hash="0" * 63)]},
    ],
    ids=range(24),
)
def test_garbage_instead_of_facts(hub: Served, body: Any) -> None:
    headers = hub.guest.headers | {"Content-Type": "application/json"}
    if isinstance(body, bytes):
        answer = call(hub, "POST", "/v1/facts", headers=headers, data=body)
    else:
        answer = call(hub, "POST", "/v1/facts", headers=headers, json=body)
    assert answer.status_code in (400, 422)
    Problem.model_validate(answer.json())


def test_a_body_that_is_too_long_is_not_read(hub: Served) -> None:
    headers = hub.guest.headers
    long = b"x" * (MAX_BODY_BYTES + 1)
    told = call(hub, "POST", "/v1/facts", headers=headers, data=long)
    assert (told.status_code, told.json()["error"]) == (413, "too-large")
    # Without a length told: in pieces.
    pieces = call(hub, "POST", "/v1/facts", headers=headers, data=iter([long[:600_000]] * 2))
    assert pieces.status_code == 413
    assert call(hub, "POST", "/v1/enrolments", data=long).status_code == 413
    assert call(hub, "GET", "/v1/health").status_code == 200


def test_a_caller_that_hangs_up_in_the_middle_of_its_body(hub: Served) -> None:
    port = int(hub.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /v1/facts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert call(hub, "GET", "/v1/health").status_code == 200


@pytest.mark.parametrize(
    "code",
    [
        "%00",
        "B24001%00",
        "%ff%fe",
        "%ed%a0%80",
        "x" * 150,
        "x" * 300,
        "%20",
        "..%2f..%2fetc%2fpasswd",
        "'%20OR%201=1--",
        "PK%20",
        "%F0%9F%98%80",
        "%25",
        "_",
        "ſ",
    ],
)
def test_garbage_instead_of_a_code(hub: Served, code: str) -> None:
    answer = call(hub, "GET", f"/v1/orders/{code}", headers=hub.guest.headers)
    assert answer.status_code in (404, 422)
    Problem.model_validate(answer.json())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/v1/facts", "/v1/enrolments"]), body=st.binary(max_size=200))
@example(path="/v1/facts", body=b'{"epoch":1e999}')
@example(path="/v1/enrolments", body=b'{"code":"\\ud800"}')
@example(path="/v1/enrolments", body=b'{"code":"\\u0000","name":"\\u0000"}')
def test_no_bytes_are_an_error_of_ours(hub: Served, path: str, body: bytes) -> None:
    headers = hub.guest.headers | {"Content-Type": "application/json"}
    answer = hub.session.post(hub.url + path, headers=headers, data=body)
    assert 400 <= answer.status_code < 500
    Problem.model_validate(answer.json())


def test_health_needs_no_token_and_tells_nothing_of_anybody(hub: Served) -> None:
    answer = call(hub, "GET", "/v1/health")
    assert Health.model_validate(answer.json()).waiting_for_shop == 0
    assert set(answer.json()) == {
        "status",
        "version",
        "generation",
        "waiting_for_shop",
        "protocol",
        "oldest_till",
    }
