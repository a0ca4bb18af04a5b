"""Serving: the HTTP interface, the writer and the poller in one process, started and stopped as one."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI

from posapp.domain.errors import Unavailable
from sync.hub import backups, keys, migrations
from sync.hub.app import Hub, create
from sync.hub.certificate import Certificate
from sync.hub.clock import EVERY_S, SharedClock
from sync.hub.connections import Connection
from sync.hub.database import Database
from sync.hub.metrics import published
from sync.hub.poller import Poller
from sync.hub.shop_writer import ShopWriter
from sync.hub.shops import Shop
from sync.hub.shops.sample import SampleShop

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.2
POLL_EVERY_S = 1.0
STOP_WITHIN_S = 10
BACKLOG = 2048
GARBAGE = 20_000
"""So many objects are made before rings that became garbage are looked for: the interpreter's own 700 are a few calls,
and to look among ten thousand held polls took a third of all time."""


def serve(
    database_url: str,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    on_ready: Callable[[str], None] = lambda url: None,
    parent_pipe: bool = False,
    shop: Callable[[Database], Shop] = SampleShop,
    certificate: Certificate | None = None,
    proxies: str = "",
    metrics: tuple[str, int] | None = None,
    on_metrics: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order: held polls answered, threads joined.

    ``port`` 0 takes a free one; ``on_ready`` is told the address once requests are answered. With
    ``parent_pipe`` the hub also stops when its standard input ends, as it does when the process
    that started it is killed. With a ``certificate`` it speaks TLS, and on SIGHUP shows what lies in
    the certificate's files then. ``proxies`` are the addresses of front ends (comma between) whose
    word is taken for who calls. ``metrics`` is the address and port for monitors (port 0: a free one,
    told to ``on_metrics``).

    Prints nothing. Raises Unavailable: port-in-use, address-unusable, database-unusable,
    key-not-pinned; StorageFault: hub-too-new, sqlite-too-old, postgresql-too-old.
    """
    raise_file_limit()
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        database = Database(database_url)
        stack.callback(database.close)
        migrations.upgrade(database)
        keys.begin(database)
        backups.recognised(database)
        if certificate is not None:
            _pin(database, certificate)
        adapter = shop(database)
        clock = SharedClock(database)
        app = create(database, adapter, clock)
        hub: Hub = app.state.hub
        server = _Server(
            configured(app, certificate=certificate, proxies=proxies),
            hub,
            lambda: on_ready(_address(listener, "https" if certificate else "http")),
            lambda: _renew(database, certificate),
        )
        if metrics is not None:
            on_metrics(stack.enter_context(published(hub.metrics, *metrics)))
        if parent_pipe:
            threading.Thread(target=_watch_parent, args=(server,), name="parent", daemon=True).start()
        hub.ledger.retry()
        _settle_in()
        background = Background(database, adapter, hub.told, hub.metrics.written, clock)
        stack.callback(background.stop)
        background.start()
        server.run(sockets=[listener])
        log.info("stopped")


def _settle_in() -> None:
    """What is loaded stays, and held polls too: they need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)


def configured(
    app: FastAPI, *, certificate: Certificate | None = None, proxies: str = "", **more: Any
) -> uvicorn.Config:
    """How uvicorn serves the hub."""
    if certificate is not None:
        context = certificate.context
        more["ssl_context_factory"] = lambda *_: context
    return uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        # Not even a front end on this machine is believed who calls, unless it was named.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        lifespan="on",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=75,
        ws="none",
        **more,
    )


class Background:
    """The writer, the poller and the shared clock, each in a thread of its own."""

    def __init__(
        self,
        database: Database,
        shop: Shop,
        told: Callable[[str, int], None],
        written: Callable[[str], None],
        clock: SharedClock,
    ) -> None:
        self._stop = threading.Event()
        self._writer = ShopWriter(database, shop, clock, told, written=written)
        self._poller = Poller(database, shop, clock, told, self._stop.is_set)
        self._threads = (
            threading.Thread(target=self._loop, args=(self._writer.run_due, WRITE_EVERY_S), name="writer"),
            threading.Thread(target=self._loop, args=(self._poller.run, POLL_EVERY_S), name="poller"),
            threading.Thread(target=self._loop, args=(clock.look, EVERY_S), name="clock"),
        )

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the work in hand, and give the poller's lease back."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        with suppress(Exception):
            self._poller.release()

    def _loop(self, work: Callable[[], int], period_s: float) -> None:
        pause = period_s
        while not self._stop.wait(pause):
            try:
                work()
                pause = period_s
            except Unavailable as error:
                log.warning("%s: %s", threading.current_thread().name, error)
                pause = min(60.0, 2 * pause)
            except Exception:
                log.exception("%s failed", threading.current_thread().name)
                pause = min(60.0, 2 * pause)


class _Server(uvicorn.Server):
    """Uvicorn that tells when it answers, lets held polls go first, and ends without raising."""

    def __init__(
        self,
        config: uvicorn.Config,
        hub: Hub,
        ready: Callable[[], None],
        renew: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._hub = hub
        self._ready = ready
        self._renew = renew

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and _HANG_UP and threading.current_thread() is threading.main_thread():
            # In a thread: it reads files and the database.
            asyncio.get_running_loop().add_signal_handler(_HANG_UP, self._begin_renewal)
        if self.started:
            self._ready()

    def _begin_renewal(self) -> None:
        threading.Thread(target=self._renew, name="renew", daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.release()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises a caught signal again after its stop, which would end us without ours."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HANG_UP = getattr(signal, "SIGHUP", None)
"""Windows has none: there the hub is started again with a new certificate."""


def _pin(database: Database, certificate: Certificate) -> None:
    """Serve with a key that the tills know; the first key ever served with is the one they are told of.

    Raises Unavailable("key-not-pinned").
    """
    with database.write_alone() as connection:
        known = keys.pins(connection)
        if not known:
            keys.set_pins(connection, [certificate.pin])
        elif certificate.pin not in known:
            raise Unavailable("key-not-pinned", file=certificate.file)


def _renew(database: Database, certificate: Certificate | None) -> None:
    """Take the certificate's files as they are now, unless the tills would turn away what lies there."""
    if certificate is None:
        return
    try:
        with database.read() as connection:
            known = keys.pins(connection)
        if certificate.renewed_pin() not in known:
            raise Unavailable("key-not-pinned", file=certificate.file)
        certificate.renew()
        log.info("the certificate was read again")
    except Exception as error:
        log.error("the certificate was not read again: %s", error)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio turns Nagle's delay of 40 ms off for the connections.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Unavailable("port-in-use", port=port) from error
            raise Unavailable("address-unusable", host=host, port=port) from error
        yield listener


def _address(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _watch_parent(server: uvicorn.Server) -> None:
    # Read by number: at exit the interpreter would want the lock of sys.stdin from us.
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    server.should_exit = True


def raise_file_limit() -> None:
    """Each held poll is an open file."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
