"""A hub on loopback, and tills at it that keep a real chain."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import requests
import uvicorn

from posapp.domain.facts import GENESIS, Fact, canonical, chain_hash, timestamp
from posapp.domain.ids import FactId, new_fact_id
from posapp.domain.orders import HAND_OVER_UNDONE, HANDED_OVER
from sync.hub import tills
from sync.hub.app import Hub, create
from sync.hub.database import Database
from sync.hub.limits import RATES, Rates
from sync.hub.service import configured
from sync.hub.shop_writer import ShopWriter
from sync.hub.shops.sample import SampleShop
from tests.waiting import until

Json = dict[str, Any]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def move(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Served:
    """A running hub: its address, and what lies behind it. The writer is run by the test."""

    url: str
    database: Database
    clock: Clock
    shop: SampleShop
    hub: Hub
    session: requests.Session

    @cached_property
    def guest(self) -> "Desk":
        """A till for those who only want a token."""
        return self.desk()

    def desk(self, store: str = "B01", again: "Desk | None" = None) -> "Desk":
        """A till enrolled at a store."""
        code = tills.offer(self.database, store, self.clock(), again.till if again else "")
        answer = self.session.post(f"{self.url}/v1/enrolments", json={"code": code, "name": "Kasse"})
        assert answer.status_code == 200, answer.text
        return Desk(self, **answer.json())

    def writer(self, step: Any = lambda _: None) -> ShopWriter:
        """The writer to the shop."""
        return ShopWriter(self.database, self.shop, self.clock, self.hub.told, step)


@dataclass
class Desk:
    """A till as the hub sees it; ``chain`` are the facts it made."""

    served: Served
    till: str
    token: str
    epoch: int
    store: str
    store_key: str
    generation: str
    pins: list[str] = field(default_factory=list)
    chain: list[Json] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.served.session.get(self.served.url + path, headers=self.headers, params=query)

    # -- the feed ---------------------------------------------------------------------------------
    def page(self, after: int = 0, **query: Any) -> Json:
        answer = self.get("/v1/feed", after=after, **query)
        assert answer.status_code == 200, answer.text
        page: Json = answer.json()
        return page

    def records(self) -> dict[str, Json]:
        """All records of the store, by id."""
        after = 0
        found: dict[str, Json] = {}
        while True:
            page = self.page(after)
            found |= {change["id"]: change["body"] for change in page["changes"]}
            if page["next"] == page["head"]:
                return found
            after = page["next"]

    def order(self, number: str) -> Json:
        record: Json = self.records()[number]
        return record

    # -- facts ------------------------------------------------------------------------------------
    def fact(self, kind: str, subject: str, payload: Json, ident: str = "") -> Json:
        """Append a fact to this till's chain."""
        seq = len(self.chain) + 1
        prev = bytes.fromhex(self.chain[-1]["hash"]) if self.chain else GENESIS
        made = Fact(
            FactId(ident) or new_fact_id(), kind, subject, payload, "Ana", self.served.clock(), schema_v=1
        )
        raw = canonical(payload)
        message = {
            "seq": seq,
            "id": made.id,
            "kind": kind,
            "schema_v": 1,
            "subject": subject,
            "payload": raw.decode(),
            "clerk": "Ana",
            "at": timestamp(made.at),
            "hash": chain_hash(prev, seq, made, raw).hex(),
        }
        self.chain.append(message)
        return message

    def hand_over(self, order: Json, lines: dict[str, int] | None = None, **said: Any) -> Json:
        """The fact that an order's goods left."""
        taken = lines or {line["id"]: line["quantity"] for line in order["lines"]}
        return self.fact(HANDED_OVER, f"order:{order['number']}", {"lines": taken, **said})

    def undo(self, hand_over: Json) -> Json:
        """The fact that a hand-over was taken back."""
        return self.fact(HAND_OVER_UNDONE, hand_over["subject"], {"hand_over": hand_over["id"]})

    def settle(self, fact: Json, choice: str = "left") -> Json:
        """The fact that a case was settled."""
        return self.fact("CaseSettled", fact["subject"], {"fact": fact["id"], "choice": choice})

    def request(self, *facts: Json, **changed: Any) -> Json:
        """A push of these facts, which follow each other in the chain."""
        before = facts[0]["seq"] - 1 if facts else 0
        prev = self.chain[before - 1]["hash"] if before else GENESIS.hex()
        return {
            "epoch": self.epoch,
            "prev_seq": before,
            "prev_hash": prev,
            "facts": list(facts),
        } | changed

    def send(self, body: Json) -> requests.Response:
        return self.served.session.post(self.served.url + "/v1/facts", headers=self.headers, json=body)

    def push(self, *facts: Json, **changed: Any) -> list[Json]:
        """Push, and the answers."""
        answer = self.send(self.request(*facts, **changed))
        assert answer.status_code == 200, answer.text
        answers: list[Json] = answer.json()["answers"]
        return answers

    def one(self, fact: Json) -> Json:
        """Push one fact, and its answer."""
        return self.push(fact)[0]


def ready(desk: Desk, count: int = 1) -> list[Json]:
    """Ready orders of the till's store."""
    found = [
        body
        for body in desk.records().values()
        if "lines" in body
        and body["paid"] == "paid"
        and not any(body.get(key) for key in ("blocked", "cancelled_at", "returned_at"))
        and all(done.get("undone") for done in body.get("hand_overs", ()))
    ]
    return found[:count]


UNLIMITED = Rates(**{one.name: (10**6, 1e6) for one in fields(Rates)})
"""For tests of everything but the limits."""


class _Server(uvicorn.Server):
    """Ends at once. Uvicorn itself looks every 100 ms whether it is to end, and then waits as long for its
    connections: nothing to a hub, and a third of all the time of a thousand tests.
    """

    async def main_loop(self) -> None:
        """Serve until `end`."""
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        self.serving = True
        await self._ended.wait()

    serving = False

    def end(self) -> None:
        """From another thread."""
        self.should_exit = True
        if self.serving:
            self._loop.call_soon_threadsafe(self._ended.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, but for the waiting."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        under_way = set(self.server_state.tasks)
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=20)
            for task in late:
                task.cancel()
        await self.lifespan.shutdown()


@contextmanager
def served(database: Database, rates: Rates = RATES, **options: Any) -> Iterator[Served]:
    """A hub on a free port, in a thread of this process; ``options`` are uvicorn's."""
    clock = Clock()
    shop = SampleShop(database, clock)
    scheme = "https" if options.get("certificate") else "http"
    app = create(database, shop, clock, rates)
    server = _Server(configured(app, port=0, **options))
    thread = threading.Thread(target=server.run, name="hub")
    thread.start()
    try:
        until(lambda: server.serving or not thread.is_alive())
        port = server.servers[0].sockets[0].getsockname()[1]
        hub: Hub = app.state.hub
        with requests.Session() as session:
            session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
            yield Served(f"{scheme}://127.0.0.1:{port}", database, clock, shop, hub, session)
    finally:
        app.state.hub.release()
        server.end()
        thread.join(20)
