"""The connections below `requests`: known one by one, so that a held call can be cut, and pinned.

The hub's key is looked at when the connection is made, before a byte of any request is written to it:
behind a wrong key nobody sees a token. With pins no authority is asked and no clock: a till whose clock
stands wrong, or whose hub signed its own certificate, still knows its hub.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

from sync import pins
from sync.pins import Pins


class KeyWrong(Exception):
    """The hub showed a key that is not pinned; nothing was sent to it."""


class Sockets(HTTPAdapter):
    """An adapter that knows the sockets it opened. ``shown`` is the pin of the key seen last, "" without TLS."""

    def __init__(self, known: Pins) -> None:
        self.shown = ""
        self._open: list[socket.socket] = []
        self._classes = _pools(self._open, known, self._seen)
        super().__init__(pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Make the connections ours."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """Make those through a store's web proxy ours as well: the key behind it is the hub's."""
        manager = super().proxy_manager_for(proxy, **more)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def hang_up(self) -> None:
        """End every connection; whoever reads from it sees it close."""
        for opened in list(self._open):
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _seen(self, pin: str) -> None:
        self.shown = pin


def _pools(opened: list[socket.socket], known: Pins, seen: Callable[[str], None]) -> dict[str, Any]:
    """urllib3's pools, with connections that enter their socket in ``opened`` and look at the key."""

    def remember(one: socket.socket | None) -> None:
        opened[:] = [old for old in opened if old.fileno() >= 0]
        if one is not None:
            opened.append(one)

    class Plain(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            remember(self.sock)

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sock: Any = self.sock
            pin = pins.of_certificate(sock.getpeercert(binary_form=True))
            if known:
                if pin not in known:
                    self.close()
                    raise KeyWrong(pin)
                # By its key, which urllib3 knows nothing of and would warn about.
                self.is_verified = True
            seen(pin)
            remember(sock)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
