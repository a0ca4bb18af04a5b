"""What a monitor sees, and what the log says of a request."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from prometheus_client import CollectorRegistry

from posapp import logs
from posapp.domain.errors import Unavailable
from sync.hub.database import Database
from sync.hub.metrics import Metrics, published
from tests.sync.hub.kit import Served, ready
from tests.waiting import until

Value = Callable[..., float | None]


@pytest.fixture
def value(hub: Served) -> Value:
    registry: CollectorRegistry = hub.hub.metrics.registry
    return lambda name, **labels: registry.get_sample_value(f"posapp_hub_{name}", labels)


def test_facts_and_pushes_are_counted_by_their_answers(hub: Served, value: Value) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    first = desk.hand_over(order)
    second = desk.hand_over(order)
    odd = desk.fact("SomethingNew", "thing:1", {})
    answers = desk.push(first, second, odd)
    assert [answer["answer"] for answer in answers] == ["accepted", "rejected", "parked"]
    desk.push(first)
    counted = {a: value("facts_total", answer=a) for a in ("accepted", "rejected", "parked", "replayed")}
    assert counted == {"accepted": 1, "rejected": 1, "parked": 1, "replayed": 1}
    assert value("push_seconds_count") == 2
    until(lambda: value("requests_total", call="POST /v1/facts", status="200") == 2)


def test_a_call_is_named_by_its_route_and_never_by_its_path(hub: Served, value: Value) -> None:
    desk = hub.desk()
    desk.get("/v1/orders/B24001")
    assert hub.session.request("PATCH", hub.url + "/v1/feed").status_code == 405
    assert desk.get("/v1/secret").status_code == 404
    until(lambda: value("requests_total", call="unknown", status="404") == 1)
    assert value("requests_total", call="GET /v1/orders/{code}", status="200") == 1
    assert value("requests_total", call="unknown", status="405") == 1


def test_held_polls_and_how_fast_they_are_woken(hub: Served, value: Value) -> None:
    desk, other = hub.desk(), hub.desk()
    (order,) = ready(desk)
    assert value("polls_held") == 0
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(other.page, desk.page()["head"], wait=20)
        until(lambda: value("polls_held") == 1)
        desk.one(desk.hand_over(order))
        assert poll.result(20)["changes"]
    assert value("polls_held") == 0
    assert value("wake_seconds_count") == 1
    assert value("wake_seconds_bucket", le="5.0") == 1


def test_the_backlog_falls_when_the_shop_has_taken_it(hub: Served, value: Value) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    desk.push(desk.hand_over(order), desk.hand_over(order))
    assert value("backlog_intents", state="held") == 1
    assert value("backlog_cases", answer="rejected") == 1
    assert 0 <= (value("backlog_intents_oldest_seconds", state="held") or 0) < 60
    assert value("tills", state="enrolled") == 1
    hub.clock.move(62)
    hub.writer().run_due()
    assert value("backlog_intents", state="held") == value("backlog_intents", state="writing") == 0
    assert value("database_up") == 1


def test_metrics_have_a_port_of_their_own(hub: Served) -> None:
    """Without a token there, and with no token here."""
    desk = hub.desk()
    assert desk.get("/metrics").status_code == 404
    with published(hub.hub.metrics, "127.0.0.1", 0) as port:
        told = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert told.status_code == 200
        assert "posapp_hub_polls_held 0.0" in told.text
        assert desk.token not in told.text
        with (
            pytest.raises(Unavailable, match="address-unusable"),
            published(hub.hub.metrics, "127.0.0.1", port),
        ):
            pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_database_out_of_reach_is_a_number_too() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    registry = Metrics(database, lambda: 0).registry
    assert registry.get_sample_value("posapp_hub_database_up") == 0
    assert registry.get_sample_value("posapp_hub_backlog_intents", {"state": "held"}) is None
    database.close()


# -- the log --------------------------------------------------------------------------------------
@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Everything that is logged, as JSON."""
    caplog.handler.setFormatter(logs.JsonLines())
    caplog.set_level(logging.INFO)
    yield lambda: [json.loads(line) for line in caplog.handler.stream.getvalue().splitlines()]
    caplog.handler.setFormatter(logging.Formatter())


def test_every_line_of_a_request_has_its_id(
    hub: Served, lines: Callable[[], list[dict[str, object]]]
) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    fact = desk.hand_over(order)
    answer = hub.session.post(
        f"{hub.url}/v1/facts",
        headers=desk.headers | {"X-Request-Id": "from-the-proxy-1"},
        json=desk.request(fact),
    )
    assert answer.headers["X-Request-Id"] == "from-the-proxy-1"
    hub.session.get(f"{hub.url}/v1/facts", headers=desk.headers | {"X-Request-Id": "from-the-proxy-2"})
    until(lambda: any(line.get("call") == "GET /v1/facts" for line in lines()))
    # A push is told by its facts, any other call by a line of its own.
    (told,) = [line for line in lines() if line.get("request") == "from-the-proxy-1"]
    assert fact["id"] in str(told["message"])
    (access,) = [line for line in lines() if line.get("request") == "from-the-proxy-2"]
    assert (access["call"], access["status"], access["level"]) == ("GET /v1/facts", 200, "info")


def test_a_push_that_is_refused_is_told(hub: Served, lines: Callable[[], list[dict[str, object]]]) -> None:
    hub.session.post(f"{hub.url}/v1/facts", headers=hub.desk().headers, json={"epoch": 1})
    until(lambda: any(line.get("call") == "POST /v1/facts" for line in lines()))
    (access,) = [line for line in lines() if line.get("call") == "POST /v1/facts"]
    assert access["status"] == 422


def test_an_id_that_could_be_anything_is_not_taken(hub: Served) -> None:
    given = 'x"y z' * 4
    answer = hub.session.get(f"{hub.url}/v1/health", headers={"X-Request-Id": given})
    assert len(answer.headers["X-Request-Id"]) == 16
    other = hub.session.get(f"{hub.url}/v1/health")
    assert other.headers["X-Request-Id"] != answer.headers["X-Request-Id"]


def test_a_look_up_leaves_no_code_in_the_log(
    hub: Served, lines: Callable[[], list[dict[str, object]]]
) -> None:
    hub.desk().get("/v1/orders/PK-SECRET-1")
    until(lambda: any(line.get("call") == "GET /v1/orders/{code}" for line in lines()))
    assert "SECRET" not in json.dumps(lines())
