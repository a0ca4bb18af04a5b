"""A hub under load: PostgreSQL that syncs to the disk, stores, orders and enrolled tills, hub processes.

Everything is put in by the hub's own code. The stores' undo time is an hour, so that no write to the
sample shop falls due within a run: how fast a shop takes them is the shop's figure.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import psycopg

from bench.load import work
from sync.hub import keys, operator, tills
from sync.hub.database import Database
from sync.hub.take_in import take_in
from tests import postgres

UNDO_S = 3600
TILLS_PER_STORE = 3
SLICE = 500
EXTRA_FROM = 500_000
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
"""As a real server has it: a commit is on the disk before it is answered."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Size:
    """How many stores and tills, how many orders each store works on, and what the first has besides."""

    tills: int
    orders: int
    extra: int = 0

    @property
    def stores(self) -> int:
        """Three tills a store; the last one may have fewer."""
        return -(-self.tills // TILLS_PER_STORE)


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """A PostgreSQL that syncs; its URL without a database, and the process id of its parent process."""
    with postgres.server(DURABLE) as url:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        yield url, int(Path(folder, "postmaster.pid").read_text().splitlines()[0])


def fill(server_url: str, name: str, size: Size) -> list[dict[str, str]]:
    """Make a database with stores, orders and tills; the tills, each with its token."""
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = f"{server_url}/{name}"
    operator.prepare(url, 1)
    database = Database(url)
    try:
        _stores(database, size)
        enrolled = _tills(database, size)
    finally:
        database.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return enrolled


def _stores(database: Database, size: Size) -> None:
    now = datetime.now(UTC)
    for first in range(0, size.stores, SLICE):
        with database.write() as connection:
            for store in range(first, min(first + SLICE, size.stores)):
                code = work.store_code(store)
                keys.put_store(
                    connection, code, name=f"Uhren {code}", address="", hours="", undo_seconds=UNDO_S
                )
    wanted = chain(
        ((store, n) for n in range(size.orders) for store in range(size.stores)),
        ((0, EXTRA_FROM + n) for n in range(size.extra)),
    )
    while batch := [work.shop_order(store, n, now) for store, n in islice(wanted, 1000)]:
        with database.write() as connection:
            take_in(connection, batch)


def _tills(database: Database, size: Size) -> list[dict[str, str]]:
    found = []
    for n in range(size.tills):
        store = n // TILLS_PER_STORE
        code = tills.offer(database, work.store_code(store), datetime.now(UTC))
        made = tills.enrol(database, code, f"Kasse {n % TILLS_PER_STORE + 1}", datetime.now(UTC))
        found.append({"store": str(store), "till": made.till, "token": made.token})
    return found


# -- processes ------------------------------------------------------------------------------------
def cpu_s(pid: int) -> float:
    """Seconds of work that a process has done."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def stolen_s() -> float:
    """Seconds for which the host of this machine kept a processor that had work to do (proc(5), steal)."""
    return int(Path("/proc/stat").read_text().splitlines()[0].split()[8]) / TICKS


def tree_cpu_s(pid: int) -> float:
    """That of a process, of its children, and of those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    total = sum(int(field) for field in fields[11:15]) / TICKS
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += cpu_s(int(child))
        except OSError:
            continue
    return total


def memory(pid: int) -> int:
    """Bytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise ValueError(f"no memory of process {pid}")


class Hub:
    """A hub process on a port of its own, which it keeps when it is started again."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "posapp", "hub", "serve", "--attached", "--orders", "1"]
        command += ["--database", self._database_url, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.startswith("posapp hub ready "):
            raise RuntimeError(f"the hub said {line!r}")
        self.port = int(line.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def kill(self) -> None:
        """As a power cut ends it."""
        self._process.send_signal(signal.SIGKILL)
        self._ended()

    def stop(self) -> None:
        """End it in order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._ended()

    def _ended(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass(slots=True)
class Site:
    """A running hub with its database, the same for the bare statements, and the files that tell of their tills."""

    size: Size
    bare: Size
    server_url: str
    postmaster: int
    hubs: list[Hub]
    tills_file: Path
    bare_file: Path

    def cpu_s(self) -> dict[str, float]:
        """Seconds of work done so far by the hubs and by PostgreSQL."""
        return {
            "hub": sum(cpu_s(hub.pid) for hub in self.hubs),
            "postgres": tree_cpu_s(self.postmaster),
        }

    def memory(self) -> int:
        """Bytes that the hubs hold."""
        return sum(memory(hub.pid) for hub in self.hubs)


@contextmanager
def site(size: Size, bare: Size, hubs: int, folder: Path) -> Iterator[Site]:
    """Set everything up, the bare statements' database with ``bare``, and take it down at the end."""
    with ExitStack() as stack:
        url, postmaster = stack.enter_context(server())
        begun = time.monotonic()
        enrolled = fill(url, "hub", size)
        print(
            f"{size.stores:,} stores, {size.stores * size.orders:,} orders, {size.tills:,} tills enrolled "
            f"in {time.monotonic() - begun:.0f} s",
            flush=True,
        )
        tills_file = folder / "tills.json"
        tills_file.write_text(json.dumps(enrolled), "utf-8")
        bare_file = folder / "bare.json"
        bare_file.write_text(json.dumps(fill(url, "bare", bare)), "utf-8")
        running = []
        for _ in range(hubs):
            hub = Hub(f"{url}/hub")
            stack.callback(hub.stop)
            running.append(hub)
        yield Site(size, bare, url, postmaster, running, tills_file, bare_file)
