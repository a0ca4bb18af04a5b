"""The hub's HTTP interface: ``/v1``, described at ``/openapi.json``. Every error is a `Problem`.

Handlers stay on the event loop; what touches the database runs in two small pools of threads, one
for reading and one for writing, so that ten thousand held polls need six connections.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Path, Query
from fastapi.responses import Response

import posapp
from posapp.domain.facts import timestamp
from sync import wire
from sync.hub import copies, custody, digests, feed, keys, lookup, own_facts, records, shop_writer, tills
from sync.hub.access import Access
from sync.hub.callers import Caller, host
from sync.hub.database import READERS, WRITERS, Database
from sync.hub.errors import add_errors
from sync.hub.gather import Gather
from sync.hub.ledger import Ledger
from sync.hub.limits import MAX_CALLERS, RATES, BodyLimit, Buckets, Rates
from sync.hub.metrics import Metrics
from sync.hub.quick import Quick, Route
from sync.hub.relay import Relay
from sync.hub.shops import Shop
from sync.hub.together import Ask
from sync.hub.tokens import Token, TokenRoute
from sync.hub.versions import refuse_too_old

Result = TypeVar("Result")

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": wire.Problem} for status in (400, 401, 403, 408, 413, 415, 422, 426, 429, 503)
}


MOST_TOGETHER = 128
"""So many pushes are taken in one transaction at most, so that none waits long for the others."""
CROWD = 10
CROWDS_APART_S = 0.06
"""Where so many pushes come together, the next transaction of them begins so long after: it takes as many."""
CLOCK_APART = timedelta(milliseconds=50)
"""The time that tills are told is written anew after so long."""


def utc_now() -> datetime:
    """The hub's clock."""
    return datetime.now(UTC)


class Hub:
    """What the handlers share. Made by `create`; `start` and `stop` are called on the event loop."""

    def __init__(self, database: Database, shop: Shop, now: Callable[[], datetime], rates: Rates) -> None:
        self.database = database
        self.shop = shop
        self.now = now
        self.ledger = Ledger(database, now, self.told)
        self.pushes = Buckets(*rates.pushes, time.monotonic)
        self.feeds = Buckets(*rates.feeds, time.monotonic)
        self.lookups = Buckets(*rates.lookups, time.monotonic)
        self.claims = Buckets(*rates.claims, time.monotonic)
        self.enrolments = Buckets(*rates.enrolments, time.monotonic)
        self.strangers = Buckets(*rates.strangers, time.monotonic)
        self.monitors = Buckets(*rates.monitors, time.monotonic)
        self._readers = ThreadPoolExecutor(READERS, "hub-read")
        self._writers = ThreadPoolExecutor(WRITERS, "hub-write")
        self._relay: Relay | None = None
        self.metrics = Metrics(database, lambda: self._relay.waiting if self._relay else 0)
        self.pages = Gather[feed.Ask, feed.Page](lambda asks: self.reading(feed.pages, database, asks))
        self._facts = Gather[Ask, wire.FactsAnswer](
            lambda asks: self.writing(self.ledger.push_all, asks),
            MOST_TOGETHER,
            lanes=1,
            crowd=CROWD,
            apart_s=CROWDS_APART_S,
        )
        # A till never changes its store, so who calls need not be looked up each time; whether he
        # still may is decided with each page and each fact.
        self._callers: dict[str, Caller] = {}
        self._clock = (datetime.min.replace(tzinfo=UTC), "")

    @property
    def relay(self) -> Relay:
        """The relay of the running loop."""
        if self._relay is None:
            raise RuntimeError("the hub is not started")
        return self._relay

    def told(self, store: str, head: int, by: feed.Moved | None = None) -> None:
        """A store's feed moved; from any thread."""
        if self._relay:
            self._relay.told(store, head, by)

    def clock(self) -> str:
        """The time as tills are told it, at most `CLOCK_APART` ago: to write it for each page costs more than the page."""
        now, (written, text) = self.now(), self._clock
        if not timedelta(0) <= now - written < CLOCK_APART:
            text = timestamp(now)
            self._clock = (now, text)
        return text

    def start(self) -> None:
        """Begin to watch the heads."""
        self._relay = Relay(self._heads)

    def release(self) -> None:
        """Answer every held poll now."""
        if self._relay:
            self._relay.close()

    def stop(self) -> None:
        """Release, and end the threads."""
        self.release()
        self._readers.shutdown()
        self._writers.shutdown()

    async def reading(self, job: Callable[..., Result], *args: Any) -> Result:
        """Run a job that reads."""
        return await _in(self._readers, job, *args)

    async def writing(self, job: Callable[..., Result], *args: Any) -> Result:
        """Run a job that writes."""
        return await _in(self._writers, job, *args)

    async def caller(self, token: str, buckets: Buckets) -> Caller:
        """The till with this token, its call counted. Raises Refusal 401, 429."""
        found = self._callers.get(token)
        if found is None:
            self.strangers.check(host())
            till = await self.reading(self.sender, token)
            found = Caller(till.id, till.store)
            if len(self._callers) >= MAX_CALLERS:
                self._callers.clear()
            self._callers[token] = found
        buckets.take(found.till)
        return found

    async def admit(self, token: str, sending: bool) -> None:
        """Who made a call that is malformed; it counts like a push. Raises Refusal 401, 403, 429."""
        await self.caller(token, self.pushes)
        await self.reading(self.sender if sending else self.till, token)

    def stranger(self, token: str) -> None:
        """A token was refused as unknown, perhaps one that was good before: whoever calls so is counted by address."""
        self._callers.pop(token, None)
        self.strangers.charge(host())

    async def feed(self, token: str, after: int, limit: int, wait: float) -> bytes:
        """A page of the feed as its bytes, held up to ``wait`` seconds for one. Raises Refusal."""
        until = time.monotonic() + wait
        caller = await self.caller(token, self.feeds)
        store = caller.store
        woken: float | None = None
        if wait and not self.relay.closed:
            # Most tills come again with what they were just told: nobody looks for them until something moves.
            ticket = self.relay.ticket(store)
            if self.relay.stands_at(store, after):
                await self.relay.wait(ticket, wait)
                woken = ticket.moved
                known = caller.page(ticket.by, after, limit)
                if known is not None:
                    if woken is not None:
                        self.metrics.woken(woken)
                    return known.as_json(self.clock())
        while True:
            ticket = self.relay.ticket(store)
            page = await self.pages.ask(feed.Ask(token, after, limit))
            caller.told = page.told
            self.relay.seen(store, page.head)
            left = until - time.monotonic()
            if page.head > after or left <= 0 or self.relay.closed:
                break
            await self.relay.wait(ticket, left)
            woken = ticket.moved
        if woken is not None and page.head > after:
            self.metrics.woken(woken)
        return page.as_json(self.clock())

    async def push(self, token: str, request: wire.FactsRequest) -> wire.FactsAnswer:
        """Take facts. Raises Refusal."""
        began = time.monotonic()
        await self.caller(token, self.pushes)
        if len(request.facts) == 1:
            answer = await self._facts.ask(Ask(token, request, copy_context()))
        else:
            answer = await self.writing(self.ledger.push, token, request)
        self.metrics.pushed(request, answer, time.monotonic() - began)
        return answer

    def till(self, token: str) -> tills.Till:
        """Whose token this is. Raises Refusal 401, 403 where it was revoked."""
        with self.database.read() as connection:
            return tills.known_by(connection, token)

    def sender(self, token: str) -> tills.Till:
        """Whose token this is, also where it was revoked: of such a one facts are taken. Raises Refusal 401."""
        with self.database.read() as connection:
            return tills.sender(connection, token)

    def _heads(self) -> dict[str, int]:
        with self.database.read() as connection:
            return records.heads(connection)


async def _in(pool: ThreadPoolExecutor, job: Callable[..., Result], *args: Any) -> Result:
    # In the request's context: what the job logs has the request's id.
    work = partial(copy_context().run, job, *args)
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def create(
    database: Database, shop: Shop, now: Callable[[], datetime] = utc_now, rates: Rates = RATES
) -> FastAPI:
    """The application; its `Hub` is ``app.state.hub``. The database must be migrated."""
    hub = Hub(database, shop, now, rates)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.start()
        try:
            yield
        finally:
            hub.stop()

    app = Quick(
        title="posapp hub",
        version=posapp.__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=PROBLEMS,
        dependencies=[Depends(refuse_too_old)],
    )
    app.state.hub = hub
    app.state.admit = hub.admit
    app.router.route_class = TokenRoute
    app.add_middleware(BodyLimit)
    app.add_middleware(Access, metrics=hub.metrics)
    add_errors(app, hub.stranger)
    _add_quick_routes(app, hub)
    _add_routes(app, hub)
    app.answer(hub.feed, hub.push, hub.metrics)
    return app


Cursor = Annotated[int, Query(ge=0, le=wire.MAX_NUMBER)]


def _add_quick_routes(app: FastAPI, hub: Hub) -> None:
    """First of all: the router looks through them in this order."""

    async def read_feed(
        token: Token,
        after: Cursor = 0,
        limit: Annotated[int, Query(ge=1, le=wire.MAX_PAGE)] = wire.MAX_PAGE,
        wait: Annotated[float, Query(ge=0, le=wire.MAX_WAIT_S)] = 0,
    ) -> Response:
        """What changed in the till's store; with ``wait``, held until something does."""
        return Response(await hub.feed(token, after, limit, wait), media_type="application/json")

    async def push(token: Token, request: wire.FactsRequest) -> wire.FactsAnswer:
        """Take facts of the till's journal; sending them again changes nothing."""
        return await hub.push(token, request)

    app.router.add_api_route(
        "/v1/feed",
        read_feed,
        methods=["GET"],
        responses={200: {"model": wire.FeedPage}, 410: {"model": wire.Problem}},
        route_class_override=Route,
    )
    app.router.add_api_route(
        "/v1/facts",
        push,
        methods=["POST"],
        responses={409: {"model": wire.Gap}, 423: {"model": wire.Fork}},
        route_class_override=Route,
    )


def _add_routes(app: FastAPI, hub: Hub) -> None:
    @app.post("/v1/enrolments", responses={403: {"model": wire.Problem}})
    async def enrol(wanted: wire.EnrolRequest) -> wire.Enrolled:
        """Turn a one-time code into a till."""
        hub.enrolments.take(host())
        return await hub.writing(tills.enrol, hub.database, wanted.code, wanted.name, hub.now())

    @app.get("/v1/facts")
    async def read_facts(
        token: Token,
        after: Cursor = 0,
        limit: Annotated[int, Query(ge=1, le=wire.MAX_FACTS)] = wire.MAX_FACTS,
    ) -> wire.KnownFacts:
        """The till's own facts, for one that was restored from a copy of its journal."""
        await hub.caller(token, hub.feeds)
        return await hub.reading(own_facts.page, hub.database, token, after, limit)

    @app.get("/v1/feed/digest")
    async def compare(
        token: Token, after: Cursor = 0, mine: Annotated[str, Query(pattern=r"^([0-9a-f]{64})?$")] = ""
    ) -> wire.FeedDigest:
        """What a till's mirror should hold; ``mine`` names what it does hold, having read up to ``after``."""
        await hub.caller(token, hub.feeds)
        till = await hub.reading(hub.till, token)
        found, state = await hub.reading(digests.compared, hub.database, till, after, mine)
        hub.metrics.compared(state)
        return found

    @app.get("/v1/orders/{code}", responses={404: {"model": wire.Problem}})
    async def look_up(token: Token, code: Annotated[str, Path(max_length=200)]) -> wire.Lookup:
        """One order now, by its number, a parcel's label or a pickup code."""
        await hub.caller(token, hub.lookups)
        till = await hub.reading(hub.till, token)
        return await hub.writing(lookup.look_up, hub.database, hub.shop, till, code)

    @app.post("/v1/leases")
    async def lease(token: Token, said: wire.LeaseRequest) -> wire.Leased:
        """How custody stands in the till's store; the lead's lease is renewed."""
        await hub.caller(token, hub.claims)
        till = await hub.reading(hub.till, token)
        return await hub.writing(custody.renew, hub.database, till, hub.now(), said)

    @app.post("/v1/claims", responses={404: {"model": wire.Problem}})
    async def claim(token: Token, wanted: wire.ClaimRequest) -> wire.ClaimAnswer:
        """May this till hand the order over? Held while the lead, to whom it is lent, is asked."""
        await hub.caller(token, hub.claims)
        till = await hub.reading(hub.till, token)
        until = time.monotonic() + custody.ANSWER_S
        asked = await hub.writing(custody.ask, hub.database, till, wanted)
        if isinstance(asked, wire.ClaimAnswer):
            return asked
        hub.told(till.store, asked.head)
        while True:
            ticket = hub.relay.ticket(till.store)
            found = await hub.reading(custody.answered, hub.database, asked)
            left = until - time.monotonic()
            if found is not None or left <= 0 or hub.relay.closed:
                return found or wire.ClaimAnswer(state="silent")
            await hub.relay.wait(ticket, left)

    @app.post(
        "/v1/claims/answers",
        status_code=204,
        responses={403: {"model": wire.Problem}, 404: {"model": wire.Problem}},
    )
    async def answer(token: Token, said: wire.QuestionAnswer) -> None:
        """The lead's answer to a question of a till that cannot reach it directly."""
        await hub.caller(token, hub.claims)
        till = await hub.reading(hub.till, token)
        hub.told(till.store, await hub.writing(custody.answer, hub.database, till, said))

    @app.post("/v1/copies")
    async def bring(token: Token, brought: wire.CopiesRequest) -> wire.CopiesAnswer:
        """Take facts that the till kept, sealed, for others of its store; of a revoked one its own."""
        await hub.caller(token, hub.claims)
        till = await hub.reading(hub.sender, token)
        return await hub.writing(copies.take, hub.database, hub.ledger, till, brought)

    @app.get("/v1/health")
    async def health() -> wire.Health:
        """For monitors."""
        hub.monitors.take(host())
        return await hub.reading(_health, hub.database)


def _health(database: Database) -> wire.Health:
    with database.read() as connection:
        return wire.Health(
            version=posapp.__version__,
            generation=keys.get(connection, keys.GENERATION),
            waiting_for_shop=shop_writer.waiting(connection),
            protocol=wire.VERSION,
            oldest_till=wire.OLDEST_TILL,
        )
