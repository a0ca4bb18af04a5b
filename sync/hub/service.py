"""Serving: the HTTP interface, the writer and the poller in one process, started and stopped as one."""

from __future__ import annotations

import errno
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
from sync.hub import keys, migrations
from sync.hub.app import Hub, create, utc_now
from sync.hub.connections import Connection
from sync.hub.database import Database
from sync.hub.poller import Poller
from sync.hub.shop_writer import ShopWriter
from sync.hub.shops import Shop
from sync.hub.shops.sample import SampleShop

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.2
POLL_EVERY_S = 1.0
STOP_WITHIN_S = 10
BACKLOG = 2048


def serve(
    database_url: str,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    on_ready: Callable[[str], None] = lambda url: None,
    parent_pipe: bool = False,
    shop: Callable[[Database], Shop] = SampleShop,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order: held polls answered, threads joined.

    ``port`` 0 takes a free one; ``on_ready`` is told the address once requests are answered. With
    ``parent_pipe`` the hub also stops when its standard input ends, as it does when the process
    that started it is killed. Prints nothing. Raises Unavailable: port-in-use, address-unusable,
    database-unusable; StorageFault: hub-too-new, sqlite-too-old.
    """
    raise_file_limit()
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        database = Database(database_url)
        stack.callback(database.close)
        migrations.upgrade(database)
        keys.begin(database)
        adapter = shop(database)
        app = create(database, adapter)
        hub: Hub = app.state.hub
        server = _Server(
            configured(app),
            hub,
            lambda: on_ready(_address(listener)),
        )
        if parent_pipe:
            threading.Thread(target=_watch_parent, args=(server,), name="parent", daemon=True).start()
        hub.ledger.retry()
        background = Background(database, adapter, hub.told, hub.metrics.written)
        stack.callback(background.stop)
        background.start()
        server.run(sockets=[listener])
        log.info("stopped")


def configured(app: FastAPI, **more: Any) -> uvicorn.Config:
    """How uvicorn serves the hub."""
    return uvicorn.Config(
        app,
        http=Connection,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=75,
        ws="none",
        **more,
    )


class Background:
    """The writer and the poller, each in a thread of its own."""

    def __init__(
        self,
        database: Database,
        shop: Shop,
        told: Callable[[str, int], None],
        written: Callable[[str], None],
    ) -> None:
        self._stop = threading.Event()
        self._writer = ShopWriter(database, shop, utc_now, told, written=written)
        self._poller = Poller(database, shop, utc_now, told, self._stop.is_set)
        self._threads = (
            threading.Thread(target=self._loop, args=(self._writer.run_due, WRITE_EVERY_S), name="writer"),
            threading.Thread(target=self._loop, args=(self._poller.run, POLL_EVERY_S), name="poller"),
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

    def __init__(self, config: uvicorn.Config, hub: Hub, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

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


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
