"""Serving as a process: started, stopped, orphaned, in the way of another one; and the operator."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from posapp.domain.errors import StorageFault, Unavailable
from sync.hub import operator, service
from sync.hub.database import Database
from tests.waiting import until

PROGRAM = """
import sys
from sync.hub import service
service.serve(sys.argv[1], on_ready=lambda url: print(url, flush=True), parent_pipe=True)
print("ended", flush=True)
"""


@contextmanager
def process(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A hub in a process of its own, and its address."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stdin
    assert child.stderr
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stdin, child.stderr):
            pipe.close()


def enrol(url: str, address: str) -> dict[str, str]:
    body = {"code": operator.enrol_code(url, "B01")}
    token = requests.post(f"{address}/v1/enrolments", json=body, timeout=10).json()["token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.skipif(os.name != "posix", reason="not run: signals are POSIX")
def test_a_signal_ends_it_in_order_with_polls_answered(url: str) -> None:
    with process(url) as (child, address):
        headers = enrol(url, address)
        head = requests.get(f"{address}/v1/feed", headers=headers, timeout=10).json()["head"]
        poll = http.client.HTTPConnection(address.removeprefix("http://"), timeout=40)
        poll.request("GET", f"/v1/feed?after={head}&wait=25", headers=headers)
        # Answered on a later connection: the poll, sent before, is held by now.
        assert requests.get(f"{address}/v1/health", timeout=10).status_code == 200
        child.send_signal(signal.SIGTERM)
        answered = poll.getresponse()
        page = json.loads(answered.read())
        poll.close()
        out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, "ended\n", "")
    assert (answered.status, page["changes"], page["next"]) == (200, [], head)


def test_it_ends_with_whoever_started_it(url: str) -> None:
    with process(url) as (child, address):
        assert requests.get(f"{address}/v1/health", timeout=10).status_code == 200
        out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, "ended\n", "")


def test_the_whole_way_through_a_process(url: str) -> None:
    """With the writer and the poller of the service: accepted, held, in the shop, told to the till."""
    from tests.sync.hub.kit import Clock, Desk, Served, ready

    operator.prepare(url, undo_seconds=0)
    with process(url) as (_, address), requests.Session() as session:
        database = Database(url)
        try:
            hub = Served(address, database, Clock(), None, None, session)  # type: ignore[arg-type]
            desk: Desk = hub.desk()
            (order,) = ready(desk)
            fact = desk.hand_over(order)
            assert desk.one(fact)["answer"] == "accepted"
            until(lambda: desk.order(order["number"])["hand_overs"][0].get("in_shop"))
        finally:
            database.close()
        (found,) = [o for o in operator.orders(url) if o["number"] == order["number"]]
        assert found["state"] == "done"
        assert [(h["ref"], h["lines"]) for h in found["hand_overs"]] == [
            (fact["id"], {line["id"]: line["quantity"] for line in order["lines"]})
        ]
        codes = {c["number"]: c["state"] for c in operator.codes(url, "B01")}
        assert codes[order["number"]] == "already_handed_over"


def test_a_port_in_use_is_told(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable) as told:
            service.serve(url, port=port)
    assert (told.value.reason, told.value.details) == ("port-in-use", {"port": port})


def test_an_address_that_is_not_ours_is_told(url: str) -> None:
    with pytest.raises(Unavailable, match="address-unusable"):
        service.serve(url, host="192.0.2.1")


# -- the operator's functions ---------------------------------------------------------------------
def test_looking_makes_no_hub(tmp_path: Path) -> None:
    url = operator.url_for(tmp_path)
    for look in (operator.orders, operator.codes, operator.stores, operator.restored):
        with pytest.raises(StorageFault) as missing:
            look(url)
        assert (missing.value.reason, missing.value.details) == ("hub-missing", {"folder": str(tmp_path)})
    with pytest.raises(StorageFault, match="hub-missing"):
        operator.enrol_code(url, "B01")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_no_hub(empty_url: str) -> None:
    with pytest.raises(StorageFault, match="hub-missing"):
        operator.orders(empty_url)


def test_an_unreachable_server_is_no_hub() -> None:
    with pytest.raises(StorageFault, match="hub-missing"):
        operator.stores("postgresql://nobody@127.0.0.1:9/none")


def test_a_database_out_of_reach_is_told(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"no database at all, but long enough for a header" * 99)
    secret = "postgresql://nobody:secret@127.0.0.1:9/none"
    for url in (secret, operator.url_for(tmp_path), "sqlite:////nowhere/at/all/hub.db"):
        for act in (operator.prepare, service.serve):
            with pytest.raises(Unavailable, match="database-unusable") as told:
                act(url)
            assert "secret" not in str(told.value)


def test_preparing_twice_changes_nothing(url: str) -> None:
    before = operator.orders(url)
    operator.prepare(url, 500)
    assert operator.orders(url) == before
    operator.prepare(url, undo_seconds=5)
    assert {store["undo_seconds"] for store in operator.stores(url)} == {5}


def test_the_stores_have_their_cards(url: str) -> None:
    stores = operator.stores(url)
    assert [store["code"] for store in stores] == ["B01", "B02", "B03"]
    assert stores[0]["name"] == "Uhrenhaus Mitte"
    assert all(store["address"] and store["hours"] for store in stores)


def test_codes_as_seen_from_a_store(url: str) -> None:
    own = {c["code"]: c["state"] for c in operator.codes(url)}
    there = {c["code"]: c["state"] for c in operator.codes(url, "B02")}
    assert own.keys() == there.keys()
    assert "other_store" not in own.values()
    assert sum(state != "other_store" for state in there.values()) == 3
    assert len(operator.codes(url, limit=3)) == 3
    with pytest.raises(StorageFault, match="store-unknown"):
        operator.codes(url, "B09")


def test_a_restored_hub_is_told_to_the_tills(url: str) -> None:
    with process(url) as (_, address):
        before = requests.get(f"{address}/v1/health", timeout=10).json()["generation"]
        operator.restored(url)
        assert requests.get(f"{address}/v1/health", timeout=10).json()["generation"] != before


def test_a_revoked_till_is_turned_away(url: str) -> None:
    with process(url) as (_, address):
        headers = enrol(url, address)
        operator.revoke(url, "B01-1")
        assert requests.get(f"{address}/v1/feed", headers=headers, timeout=10).status_code == 403
