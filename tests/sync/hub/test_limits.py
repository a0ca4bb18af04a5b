"""Token buckets, by a clock of the test's own; and what a hub does with callers that want too much."""

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from sync.hub import connections, limits, tills
from sync.hub.database import Database
from sync.hub.limits import Buckets, Rates
from sync.hub.refusals import Refusal
from sync.wire import Problem
from tests.sync.hub.kit import Desk, Served, served


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_as_many_as_the_rate_gives() -> None:
    clock = Ticks()
    buckets = Buckets(3, 0.5, clock)
    assert [buckets.wait("a") for _ in range(4)] == [0, 0, 0, 3]
    assert buckets.wait("b") == 0
    clock.now = 1.9
    assert buckets.wait("a") == 1
    clock.now = 2.0
    assert (buckets.wait("a"), buckets.wait("a")) == (0, 3)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = Ticks()
    buckets = Buckets(5, 0.5, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += buckets.wait("a") == 0
    assert taken <= 5 + clock.now * 0.5 + 1e-6


def test_after_the_told_seconds_there_is_a_token() -> None:
    clock = Ticks()
    buckets = Buckets(1, 0.3, clock)
    buckets.wait("a")
    clock.now = buckets.wait("a")
    assert buckets.wait("a") == 0


def test_whoever_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CALLERS", 3)
    buckets = Buckets(1, 0.1, Ticks())
    assert [buckets.wait(who) for who in ("a", "b", "c", "a", "d")] == [0, 0, 0, 11, 0]
    assert len(buckets) == 3
    # "a" was heard of after "b", so "b" went; it comes back as somebody new.
    assert [buckets.wait(who) for who in ("a", "b")] == [11, 0]
    assert len(buckets) == 3


# -- at the hub -----------------------------------------------------------------------------------
NONE_AT_ONCE = (1, 1e-6)
"""One, and the next in eleven days, however slow this machine is."""


@pytest.fixture
def strict(database: Database) -> Iterator[Served]:
    rates = Rates(pushes=NONE_AT_ONCE, feeds=NONE_AT_ONCE, lookups=NONE_AT_ONCE, enrolments=(2, 1e-6))
    with served(database, rates) as hub:
        yield hub


def test_each_till_has_its_own_measure_of_each_call(strict: Served) -> None:
    one, other = strict.desk("B01"), strict.desk("B02")
    calls: list[Callable[[Desk], requests.Response]] = [
        lambda desk: desk.get("/v1/feed"),
        lambda desk: desk.get("/v1/orders/B24001"),
        lambda desk: desk.send(desk.request()),
    ]
    for call in calls:
        assert call(one).status_code == 200
        told = call(one)
        assert (told.status_code, told.json()["error"]) == (429, "too-many")
        assert int(told.headers["Retry-After"]) > 900_000
        assert call(other).status_code == 200
    body = {"code": "EN000000000"}
    told = strict.session.post(f"{strict.url}/v1/enrolments", json=body)
    assert (told.status_code, int(told.headers["Retry-After"]) > 900_000) == (429, True)


def looked_up(hub: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tokens that were looked for in the database, from now on."""
    seen: list[str] = []
    real = tills.sender

    def sender(connection: Connection, token: str) -> tills.Till:
        seen.append(token)
        return real(connection, token)

    monkeypatch.setattr(tills, "sender", sender)
    return seen


def ask(hub: Served, token: str, path: str = "/v1/feed?after=0&limit=100", address: str = "10.0.0.1") -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    return hub.session.get(hub.url + path, headers=headers).status_code


def test_unknown_tokens_are_looked_up_only_so_often_for_an_address(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(database, Rates(strangers=(3, 1e-6)), proxies="127.0.0.1") as hub:
        desk, late = hub.desk(), hub.desk()
        assert ask(hub, desk.token) == 200
        seen = looked_up(hub, monkeypatch)
        paths = ("/v1/feed?after=0&limit=100", "/v1/feed", "/v1/orders/B24001", "/v1/feed/digest")
        statuses = [ask(hub, f"wrong-{n}", paths[n % 4]) for n in range(20)]
        assert statuses == [401] * 3 + [429] * 17
        assert len(seen) == 3
        # Who is known goes on, and another address is not hurt.
        assert ask(hub, desk.token) == 200
        assert ask(hub, late.token, address="10.0.0.2") == 200
        assert ask(hub, late.token) == 200


def test_a_token_that_was_good_before_is_a_strangers(database: Database) -> None:
    with served(database, Rates(strangers=(3, 1e-6), feeds=(5, 1e-6)), proxies="127.0.0.1") as hub:
        desk = hub.desk()
        assert ask(hub, desk.token) == 200
        anew = hub.desk(again=desk)
        assert [ask(hub, desk.token) for _ in range(8)] == [401] * 3 + [429] * 5
        # It uses up nothing of the till's own.
        assert ask(hub, anew.token) == 429
        assert ask(hub, anew.token, address="10.0.0.2") == 200


def test_a_revoked_till_uses_up_its_own_measure(database: Database) -> None:
    with served(database, Rates(lookups=(2, 1e-6))) as hub:
        desk = hub.desk()
        tills.revoke(database, desk.till, hub.clock())
        statuses = [desk.get("/v1/orders/B24001").status_code for _ in range(4)]
        assert statuses == [403, 403, 429, 429]


def test_the_hubs_health_is_told_only_so_often_to_an_address(database: Database) -> None:
    with served(database, Rates(monitors=(2, 1e-6)), proxies="127.0.0.1") as hub:
        assert [ask(hub, "", "/v1/health") for _ in range(3)] == [200, 200, 429]
        assert ask(hub, "", "/v1/health", "10.0.0.2") == 200


def test_what_was_let_in_at_once_is_paid_for_later() -> None:
    now = [0.0]
    buckets = Buckets(2, 1.0, lambda: now[0])
    for _ in range(4):
        buckets.check("a")
    for _ in range(6):
        buckets.charge("a")
    now[0] = 2.5
    with pytest.raises(Refusal) as told:
        buckets.check("a")
    assert told.value.retry_after == 1
    now[0] = 3.0
    buckets.check("a")
    buckets.check("nobody yet")
    assert len(buckets) == 1


@pytest.mark.parametrize(("proxies", "second"), [("", 429), ("127.0.0.1", 403)], ids=["unnamed", "named"])
def test_a_front_end_is_believed_who_calls_only_where_it_was_named(
    database: Database, proxies: str, second: int
) -> None:
    with served(database, Rates(enrolments=NONE_AT_ONCE), proxies=proxies) as hub:
        found = [
            hub.session.post(
                f"{hub.url}/v1/enrolments",
                json={"code": "EN000000000"},
                headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"},
            ).status_code
            for address in ("10.0.0.1", "10.0.0.2")
        ]
    assert found == [403, second]


def test_a_compressed_body_is_not_unpacked(standing: Served) -> None:
    bomb = gzip.compress(b"0" * (8 << 20))
    headers = standing.guest.headers | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    told = standing.session.post(f"{standing.url}/v1/facts", headers=headers, data=bomb)
    assert (told.status_code, Problem.model_validate(told.json()).error) == (415, "encoding-unknown")


@pytest.mark.parametrize("plain", [False, True], ids=["strange", "as the engine calls"])
@pytest.mark.parametrize("begun", [b"", b"{"], ids=["silent", "dripping"])
def test_a_body_that_does_not_end_is_cut(
    standing: Served, monkeypatch: pytest.MonkeyPatch, plain: bool, begun: bytes
) -> None:
    monkeypatch.setattr(limits, "BODY_S", 0.1)
    told = (
        f"Authorization: Bearer {standing.guest.token}\r\nContent-Type: application/json\r\n" if plain else ""
    )
    with line(standing) as caller:
        caller.sendall(b"POST /v1/facts HTTP/1.1\r\nHost: x\r\n" + told.encode())
        caller.sendall(b"Content-Length: 1000\r\n\r\n" + begun)
        assert everything(caller).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "said", [b"", b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["silent", "dripping"]
)
def test_a_first_header_that_does_not_end_is_cut(
    standing: Served, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    with line(standing) as caller:
        caller.sendall(said)
        assert everything(caller) == b""


def test_a_later_header_that_does_not_end_is_cut(standing: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with line(standing) as caller:
        caller.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.recv(65_536).startswith(b"HTTP/1.1 200 ")
        monkeypatch.setattr(connections, "HEAD_S", 0.1)
        caller.sendall(b"GET /v1")
        assert b"HTTP/1.1" not in everything(caller)


def test_a_poll_is_held_for_longer_than_a_header_may_take(
    standing: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = standing.guest.page()["head"]
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    assert standing.guest.page(after=head, wait=0.3)["changes"] == []


def test_an_answer_that_nobody_reads_is_cut(standing: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READING_S", 0.1)
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with line(standing) as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(20)
        with pytest.raises(OSError, match=r"(?i)reset|broken"):
            caller.sendall(asked * 1_000_000)


@contextmanager
def line(hub: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2])), timeout=20) as caller:
        yield caller


def everything(caller: socket.socket) -> bytes:
    """What the hub says until it hangs up."""
    heard = b""
    while True:
        try:
            part = caller.recv(65_536)
        except ConnectionResetError:
            return heard
        if not part:
            return heard
        heard += part
