"""What a monitor may know of the hub, in Prometheus' form: numbers only, nothing of any person.

Served on a port of its own, so that no till's token, and no way through the front end, opens it. What
comes from the database (`posapp_hub_backlog…`, `posapp_hub_tills`) is the same at every hub process on
it: take the maximum, not the sum. Everything else is this process's own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from posapp.domain.errors import Unavailable
from sync.hub import backlog
from sync.hub.database import Database
from sync.hub.tables import till
from sync.wire import VERSION, FactsAnswer, FactsRequest

log = logging.getLogger(__name__)

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The numbers of one hub process, in a registry of its own. Use from any thread.

    ``held`` says how many polls are held at present.
    """

    def __init__(self, database: Database, held: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "posapp_hub_requests", "Requests answered.", ["call", "status"], registry=self.registry
        )
        self._answered: dict[tuple[str, int], Counter] = {}
        self._spoken = _Spoken()
        self.registry.register(self._spoken)
        facts = Counter("posapp_hub_facts", "Facts answered.", ["answer"], registry=self.registry)
        self._facts = {
            answer: facts.labels(answer) for answer in ("accepted", "rejected", "parked", "replayed")
        }
        self._pushes = Histogram(
            "posapp_hub_push_seconds",
            "From a push's arrival to its answer.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._wakes = Histogram(
            "posapp_hub_wake_seconds",
            "From a change in a store's feed to the answer of a poll held for it; at most, where another "
            "process made the change.",
            buckets=SECONDS,
            registry=self.registry,
        )
        Gauge("posapp_hub_polls_held", "Polls held now.", registry=self.registry).set_function(held)
        self._digests = Counter(
            "posapp_hub_digests",
            "Mirrors compared with the hub's records.",
            ["state"],
            registry=self.registry,
        )
        self._writes = Counter(
            "posapp_hub_shop_writes", "Writes to the shop, by outcome.", ["outcome"], registry=self.registry
        )
        self.registry.register(_FromDatabase(database))

    def answered(self, call: str, status: int) -> None:
        """A request was answered; ``call`` is its method and route, never its path."""
        counter = self._answered.get((call, status))
        if counter is None:
            # Looked up by its labels once: that costs more than to count.
            counter = self._answered[call, status] = self._requests.labels(call, str(status))
        counter.inc()

    def spoke(self, version: int) -> None:
        """A till called that speaks this version; those over this hub's own count as one. Event loop only."""
        self._spoken.calls[min(version, VERSION + 1)] += 1

    def pushed(self, request: FactsRequest, answer: FactsAnswer, seconds: float) -> None:
        """A push was taken."""
        self._pushes.observe(seconds)
        sent = {fact.id for fact in request.facts}
        for one in answer.answers:
            if one.id in sent:
                self._facts["replayed" if one.replayed else one.answer].inc()

    def woken(self, moved: float) -> None:
        """A held poll is answered with a change that came at ``moved`` (`time.monotonic`)."""
        self._wakes.observe(time.monotonic() - moved)

    def compared(self, state: str) -> None:
        """A till compared its mirror: ``equal``, ``unequal``, or ``other`` where it was of another place in the feed."""
        self._digests.labels(state).inc()

    def written(self, outcome: str) -> None:
        """A write to the shop came to its end."""
        self._writes.labels(outcome).inc()


@contextmanager
def published(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Serve ``/metrics`` on an address of its own (port 0: a free one); yields the port.

    Raises Unavailable("address-unusable").
    """
    try:
        server, thread = start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise Unavailable("address-unusable", host=host, port=port) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Spoken(Collector):
    """Counts by a plain number: with a lock and labels it would cost more than the look at the header."""

    def __init__(self) -> None:
        self.calls = [0] * (VERSION + 2)

    def describe(self) -> list[Metric]:
        """Nothing that anybody else could tell too."""
        return []

    def collect(self) -> Iterator[Metric]:
        """From protocol 1 to this hub's own, and all that are newer."""
        told = CounterMetricFamily(
            "posapp_hub_spoken",
            "Requests of tills answered, by the protocol that they speak.",
            labels=["protocol"],
        )
        for version in range(1, VERSION + 2):
            told.add_metric([str(version) if version <= VERSION else "newer"], self.calls[version])
        yield told


class _FromDatabase(Collector):
    """What is counted when it is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[Metric]:
        """Nothing: a registry that gets none asks the database at once."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The backlog now; of a database out of reach only that it is."""
        up = GaugeMetricFamily("posapp_hub_database_up", "1 where the database answers.")
        try:
            with self._database.read() as connection:
                found = backlog.read(connection)
                query = select(till.c.revoked, func.count()).group_by(till.c.revoked)
                tills = {bool(revoked): int(count) for revoked, count in connection.execute(query)}
        except Exception as error:
            log.warning("the backlog cannot be read: %s", error)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _heaps("intents", "Writes that the shop has not taken", "state", found.intents)
        yield from _heaps("cases", "Cases that nobody has settled", "answer", found.cases)
        enrolled = GaugeMetricFamily("posapp_hub_tills", "Tills.", labels=["state"])
        enrolled.add_metric(["enrolled"], tills.get(False, 0))
        enrolled.add_metric(["revoked"], tills.get(True, 0))
        yield enrolled


def _heaps(what: str, said: str, label: str, heaps: dict[str, backlog.Heap]) -> Iterator[Metric]:
    counts = GaugeMetricFamily(f"posapp_hub_backlog_{what}", f"{said}.", labels=[label])
    ages = GaugeMetricFamily(
        f"posapp_hub_backlog_{what}_oldest_seconds", f"{said}: age of the oldest.", labels=[label]
    )
    now = time.time()
    for name, heap in heaps.items():
        counts.add_metric([name], heap.count)
        ages.add_metric([name], max(0.0, now - heap.oldest_ms / 1000) if heap.count else 0)
    yield counts
    yield ages
