"""Several hub processes on one database: started at once, waking each other's polls, taking each other's work."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import requests

from sync.hub import keys, migrations, operator
from sync.hub.database import Database
from tests.sync.hub.kit import Clock, Served, ready
from tests.waiting import until

COUNT = 4


@contextmanager
def hub(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`posapp hub serve` as an operator starts it, and its address ("" where it did not come up)."""
    command = [sys.executable, "-m", "posapp", "hub", "serve", "--attached", "--port", "0", "--undo", "0"]
    child = subprocess.Popen(
        [*command, "--database", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    try:
        yield child, child.stdout.readline().rpartition(" ")[2].strip()
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            pipe.close()


@pytest.mark.proof
def test_four_start_at_once_on_an_empty_database_and_are_one_hub(empty_url: str) -> None:
    with ExitStack() as stack:
        with ThreadPoolExecutor(COUNT) as pool:
            starting = [pool.submit(stack.enter_context, hub(empty_url)) for _ in range(COUNT)]
            running = [started.result() for started in starting]
        children, urls = [child for child, _ in running], [url for _, url in running]
        assert all(urls), [child.communicate() for child, url in running if not url]
        database = Database(empty_url)
        stack.callback(database.close)
        with database.read() as connection:
            assert migrations.found(connection) == migrations.HEAD
            generation = keys.get(connection, keys.GENERATION)
        told = {requests.get(f"{url}/v1/health", timeout=40).json()["generation"] for url in urls}
        assert told == {generation}
        assert [store["code"] for store in operator.stores(empty_url)] == ["B01", "B02", "B03"]

        # Enrolled at one, pushed through another, heard of at a third; written to the shop by any.
        session = stack.enter_context(requests.Session())
        served = [Served(url, database, Clock(), None, None, session) for url in urls]  # type: ignore[arg-type]
        desk = served[0].desk()
        (order,) = until(lambda: ready(desk), 40)
        line = http.client.HTTPConnection(urls[2].removeprefix("http://"), timeout=60)
        stack.callback(line.close)
        head = desk.page()["head"]
        while True:  # until the poller has no more news of its own
            line.request("GET", f"/v1/feed?after={head}&wait=25", headers=desk.headers)
            assert requests.get(f"{urls[2]}/v1/health", timeout=40).status_code == 200
            if (now := desk.page()["head"]) == head:
                break
            line.getresponse().read()
            head = now
        fact = desk.hand_over(order)
        desk.served = served[1]
        assert desk.one(fact)["answer"] == "accepted"
        woken = json.loads(line.getresponse().read())
        assert [change["id"] for change in woken["changes"]] == [order["number"]]
        desk.served = served[3]
        until(lambda: desk.order(order["number"])["hand_overs"][0].get("in_shop"), 40)
        (found,) = [o for o in operator.orders(empty_url) if o["number"] == order["number"]]
        assert [done["ref"] for done in found["hand_overs"]] == [fact["id"]]
        for child in children:
            assert child.stdin
            child.stdin.close()
        assert [child.wait(40) for child in children] == [0] * COUNT
        assert [child.stderr.read() for child in children if child.stderr] == [""] * COUNT
