"""The hub's published description, turned against it: fuzzed, and asked by those who may not read."""

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from schemathesis import GenerationMode
from sqlalchemy import select, update

from posapp.domain.facts import timestamp
from sync import wire
from sync.hub import operator, tills
from sync.hub.app import utc_now
from sync.hub.database import Database
from sync.hub.shops import tables as shop
from tests.faults import fuzz, hubs
from tests.faults.fuzz import Caller, Chain, Route
from tests.waiting import until

CLAIM = (
    "Schema-driven fuzzing of the published OpenAPI finds no 500 and no answer outside the schema; another "
    "store's token, an expired one, and none at all read nothing: every route, tested by enumeration."
)
OPEN = {"POST /v1/enrolments", "GET /v1/health"}
"""What anybody may call; whatever else a hub publishes must want a token."""
SEED = 4
SHORT, LONG = 25, 1500
PUSHES = 4
"""So many times as many well-formed pushes as requests of another kind: most code lies behind them."""
MARK = "Zyxwa Geheim"
MINE, OTHER = "B01", "B02"
UNLIMITED = """
from dataclasses import fields
from functools import partial
from sync.hub import limits, service
service.create = partial(
    service.create, rates=limits.Rates(**{one.name: (10**6, 1e6) for one in fields(limits.Rates)})
)
"""
"""Else most of what is tried would only meet the rate limit."""


@dataclass
class Till:
    """A till at the hub under test, spoken for by this module."""

    url: str
    name: str
    token: str
    chain: Chain

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def push(self, facts: list[Any]) -> requests.Response:
        """Send facts; whatever the hub took is in the chain from then on."""
        body, seq, digest = self.chain.request(facts)
        answer = requests.post(f"{self.url}/v1/facts", json=body, headers=self.headers(), timeout=60)
        if answer.status_code == 200:
            self.chain.took(seq, digest)
        return answer

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers(), timeout=60)


@dataclass
class Bench:
    """A hub with two stores, one of which has what the other may not see."""

    url: str
    database: str
    mine: Till
    other: Till
    handles: list[str]
    secrets: list[str]
    wrong: list[str] = field(default_factory=list)
    calls: int = 0


def enrol(url: str, database: str, store: str, again: str = "") -> Till:
    """A till of a store."""
    code = operator.enrol_code(database, store, again=again)
    told = requests.post(f"{url}/v1/enrolments", json={"code": code}, timeout=60).json()
    return Till(url, told["till"], told["token"], Chain(told["epoch"]))


def plant(database: str) -> None:
    """Give every customer of one store's orders a name that is found again."""
    opened = Database(database)
    mine = select(shop.order.c.customer).where(shop.order.c.store == MINE)
    with opened.write() as connection:
        connection.execute(
            update(shop.customer)
            .where(shop.customer.c.id.in_(mine))
            .values(name=MARK, email="geheim@x.example")
        )
        connection.execute(
            update(shop.order).where(shop.order.c.store == MINE).values(changed_at=timestamp(utc_now()))
        )
    opened.close()


def bench(url: str, database: str) -> Bench:
    """Tills, a ticket, and everything by which somebody could ask for another store's things."""
    plant(database)
    mine, other = enrol(url, database, MINE), enrol(url, database, OTHER)
    until(lambda: MARK in mine.get("/v1/feed").text, 60)
    payload = {
        "store": MINE,
        "job": "repair",
        "customer": MARK,
        "object": f"{MARK} watch",
        "bag": "BAGGEHEIM",
    }
    ticket = {
        "id": "01890000-0000-7000-8000-000000000001",
        "kind": "TicketOpened",
        "schema_v": 1,
        "subject": "ticket:TGEHEIM",
        "payload": json.dumps(payload, separators=(",", ":")),
        "clerk": "Ana",
        "at": fuzz.STAMP,
    }
    answer = mine.push([ticket])
    if answer.status_code != 200 or answer.json()["answers"][0]["answer"] != "accepted":
        raise AssertionError(f"the ticket was not taken: {answer.text}")
    opened = Database(database)
    with opened.read() as connection:
        first = select(shop.order.c.id, shop.order.c.number).where(shop.order.c.store == MINE)
        chosen = connection.execute(first.order_by(shop.order.c.id).limit(4))
        orders: dict[int, str] = {row.id: row.number for row in chosen}
        codes = (
            connection.execute(select(shop.code.c.code).where(shop.code.c.order_id.in_(orders)))
            .scalars()
            .all()
        )
        labels = (
            connection.execute(select(shop.parcel.c.label).where(shop.parcel.c.order_id.in_(orders)))
            .scalars()
            .all()
        )
    opened.close()
    handles = [*orders.values(), *codes[:4], *labels[:4], "TGEHEIM", "BAGGEHEIM", str(ticket["id"])]
    handles += [f"order:{next(iter(orders.values()))}", "ticket:TGEHEIM", mine.name, MINE]
    return Bench(url, database, mine, other, handles, [MARK, "geheim@x.example"])


# -- the first half: fuzzing ----------------------------------------------------------------------
def fuzzed(on: Bench, routes: list[Route], examples: int) -> None:
    """Every route by its schema, and pushes that get as far as the rules."""
    for route in routes:
        caller = Caller(on.mine.token if route.closed else None)
        for mode in fuzz.MODES:
            fuzz.each_case(route, mode, examples, SEED, caller.judge)
        on.wrong += caller.complaints.values()
        on.calls += caller.calls
        caller.close()
    subjects = [f"order:{on.handles[0]}", "ticket:TGEHEIM"]

    def push(facts: list[Any]) -> None:
        on.calls += 1
        answer = on.other.push(facts)
        try:
            if answer.status_code == 200:
                wire.FactsAnswer.model_validate(answer.json())
                if any(secret in answer.text for secret in on.secrets):
                    on.wrong.append(f"a push by another store is told {answer.text[:300]}")
            elif answer.status_code == 422:
                wire.Problem.model_validate(answer.json())
            else:
                raise ValueError(f"status {answer.status_code}")
        except ValueError as error:
            on.wrong.append(f"a well-formed push: {error}: {answer.text[:200]} to {json.dumps(facts)[:600]}")

    fuzz.each(fuzz.facts(subjects), PUSHES * examples, SEED, push)
    if on.other.get("/v1/feed").status_code != 200:
        on.wrong.append("the feed of a till is spoilt by what it has pushed")


# -- the second half: who may not read ------------------------------------------------------------
@dataclass(frozen=True)
class Stranger:
    """Somebody who has no token, or none any more. ``revoked``: he may still send what he has."""

    who: str
    token: str | None
    revoked: bool = False


def strangers(on: Bench) -> list[Stranger]:
    """All kinds of them; tokens that were good have been used while they were."""
    gone, old = enrol(on.url, on.database, MINE), enrol(on.url, on.database, MINE)
    for till in (gone, old):
        if MARK not in till.get("/v1/feed").text:
            on.wrong.append(f"{till.name} could not read while it might")
    operator.revoke(on.database, gone.name)
    enrol(on.url, on.database, MINE, again=old.name)
    return [
        Stranger("no token", None),
        Stranger("an empty token", ""),
        Stranger("a made-up token", "x" * 43),
        Stranger("a revoked token", gone.token, revoked=True),
        Stranger("a superseded token", old.token),
        Stranger("a token in other letters", on.mine.token.swapcase()),
        Stranger("the hash that the hub keeps", tills.token_hash(on.mine.token)),
    ]


def turned_away(on: Bench, route: Route, by: Stranger, examples: int) -> None:
    """A closed route must say no to a stranger, and not a word more."""
    caller = Caller(by.token)
    refusals = (401, 403) if by.revoked else (401,)

    def ask(case: fuzz.AnyCase) -> None:
        for one in fuzz.filled(case, on.handles, route.words):
            answer = caller.call(one)
            said = answer.text
            sends = by.revoked and route.name in ("POST /v1/facts", "POST /v1/copies")
            if any(secret in said for secret in on.secrets) or not (sends or answer.status_code in refusals):
                caller.complain(one, f"{by.who} is told {answer.status_code} {said[:200]}")
            elif not sends:
                wire.Problem.model_validate_json(said)

    fuzz.each_case(route, GenerationMode.POSITIVE, max(1, examples // 25), SEED, ask)
    on.wrong += caller.complaints.values()
    on.calls += caller.calls
    caller.close()


def hears_nothing(on: Bench, route: Route, examples: int) -> bool:
    """Another store's till must not hear of a customer; whether the store's own till does."""
    heard: dict[str, bool] = {}
    for who, till in (("mine", on.mine), ("other", on.other)):
        caller = Caller(till.token)

        def ask(case: fuzz.AnyCase, caller: Caller = caller, who: str = who) -> None:
            for one in fuzz.filled(case, on.handles, route.words):
                answer = caller.call(one)
                if any(secret in answer.text for secret in on.secrets):
                    heard[who] = True
                    if who == "other":
                        caller.complain(
                            one, f"another store is told {answer.status_code} {answer.text[:200]}"
                        )

        fuzz.each_case(route, GenerationMode.POSITIVE, max(1, examples // 10), SEED, ask)
        on.wrong += caller.complaints.values()
        on.calls += caller.calls
        caller.close()
    return heard.get("mine", False)


def run_on(
    kind: str, folder: Path, examples: int, spoilt: str = "", few: int | None = None
) -> tuple[bool, str]:
    """The whole claim on one kind of database, at a ``few`` handles or all of them.

    ``spoilt`` plants a defect for the bar to find.
    """
    with ExitStack() as stack:
        database = stack.enter_context(hubs.database(kind, folder))
        url = stack.enter_context(hubs.serving(database, undo_s=60, plant=UNLIMITED + spoilt))
        on = bench(url, database)
        on.handles = on.handles[:few]
        routes = fuzz.routes(url)
        closed = [route for route in routes if route.closed]
        unlocked = {route.name for route in routes if not route.closed}
        if unlocked != OPEN:
            on.wrong.append(f"open to anybody: {sorted(unlocked ^ OPEN)}")
        who = strangers(on)
        telling = [route.name for route in closed if hears_nothing(on, route, examples)]
        for route in closed:
            for by in who:
                turned_away(on, route, by, examples)
        # The controls: the store's own till does hear of its customers.
        if not {"GET /v1/feed", "GET /v1/orders/{code}"} <= set(telling):
            on.wrong.append(f"the store's own till heard of its customers only at {telling}")
        fuzzed(on, routes, examples)
    for line in on.wrong[:20]:
        print(f"WRONG {line}", flush=True)
    figure = (
        f"{kind}: {len(routes)} routes ({len(closed)} closed) in {on.calls} requests, {len(who)} kinds of "
        f"stranger and another store at {len(on.handles)} handles, {len(on.wrong)} wrong"
    )
    return not on.wrong, figure


def run(long: bool) -> tuple[bool, str]:
    """Bounded and long differ in the number of requests."""
    results: list[tuple[bool, str]] = []
    with tempfile.TemporaryDirectory(prefix="posapp-sync-b9-") as name:
        for kind in hubs.KINDS:
            results.append(run_on(kind, Path(name), LONG if long else SHORT))
    return all(holds for holds, _ in results), "; ".join(figure for _, figure in results)
