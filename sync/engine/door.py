"""The lead till's door: where its neighbours ask for claims, and leave copies of what they did, over the
store's own network; and the way to it.

HTTP over TLS 1.3, one question a connection, messages as at the hub (``POST /v1/claims``). Who asks is
known by his certificate alone (`sync.engine.neighbours`). Nothing here decides: it only carries.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import socket
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from posapp.domain.errors import PosappError
from posapp.storage.claims import uptime_ms
from posapp.storage.journal import Journal
from sync import wire
from sync.engine.client import Trouble
from sync.engine.neighbours import Identity, Known

log = logging.getLogger(__name__)

CLAIMS, COPIES = "/v1/claims", "/v1/copies"
HEARD_S = 5.0
"""How long a connection may take, from its first packet to its answer."""
MOST, MOST_OF_ONE = 32, 4
"""Connections at a time, in all and from one address."""
HEAD_BYTES = 4 << 10
BODY_BYTES = 512 << 10
"""Of a question, and of an answer: the largest fact fits, sealed (`sync.wire.Box`)."""
ASK_S = 1.4
"""How long the lead is asked directly: with the way through the hub after it, still in the time that the
window waits for an answer."""
ONE_S = 0.5
ROUTES = ("192.0.2.1", "10.255.255.255", "172.31.255.255", "192.168.255.255", "2001:db8::1")
"""Nothing is sent there: the system is only asked from which of its addresses it would."""

Answer = Callable[[str, Any, int], wire.Message]
"""(till, what it asks, since when on `uptime_ms` this connection stands) to what it is told."""
Answers = Mapping[str, tuple[type[wire.Message], Answer]]
"""By path: the question as it must be, and who answers it. Any thread."""

_Answer = TypeVar("_Answer", bound=wire.Message)


class Door:
    """The listener. It is open while this till leads others; `tend` and `close` are for one thread.

    ``at`` is (host, port), with "" for all interfaces and 0 for a free port, which is kept over restarts
    where it can be; None for no door at all.
    """

    def __init__(self, journal: Journal, at: tuple[str, int] | None, answers: Answers) -> None:
        self._journal = journal
        self._at = at
        self._answers = answers
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self._known: Known | None = None
        self._context: ssl.SSLContext | None = None
        self._askers: dict[bytes, str] = {}
        self._open: dict[socket.socket, str] = {}
        self._threads: set[threading.Thread] = set()

    def tend(self, identity: Identity, known: Known) -> None:
        """Be open exactly while this till leads others, and let in whom the hub named last."""
        if self._at is None or not known.leading:
            self.close()
            return
        if known != self._known:
            context = identity.context(ssl.PROTOCOL_TLS_SERVER, known.certificates.values())
            # A session taken up again would pass by a certificate that is not trusted any more.
            context.num_tickets = 0
            names = [hashlib.sha256(der).digest() for der in known.certificates.values()]
            askers = dict(zip(names, known.certificates, strict=True))
            with self._lock:
                self._known, self._context, self._askers = known, context, askers
        if self._listener is None:
            self._begin(*self._at)

    def addresses(self) -> list[str]:
        """Where neighbours find it now; empty while it is closed."""
        listener = self._listener
        if listener is None:
            return []
        host, port, *_ = listener.getsockname()
        if host not in ("0.0.0.0", "::"):
            return [_door(host, port)]
        return [_door(host, port) for host in own_addresses(self._journal.meta("hub"))][:16]

    def close(self) -> None:
        """End it; questions in flight get no answer."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        with self._lock:
            running = list(self._threads)
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._thread, *running):
            if thread is not None:
                thread.join(2)
        log.info("door closed")

    def _begin(self, host: str, port: int) -> None:
        wanted = [port] if port else [int(self._journal.meta("door_port") or 0), 0]
        for one in wanted:
            try:
                listener = _listener(host, one)
                break
            except OSError as error:
                log.warning("door: port %s cannot be had: %s", one, error)
        else:
            return
        listener.settimeout(0.2)
        self._journal.set_meta(door_port=str(listener.getsockname()[1]))
        self._listener = listener
        self._thread = threading.Thread(target=self._accept, args=(listener,), name="door", daemon=True)
        self._thread.start()
        log.info("door open at %s", ", ".join(self.addresses()))

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, peer = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._listener is listener:
                    # Too many files open, as a rule: those of the connections that are ending.
                    log.warning("door: %s", error)
                    self._pause.wait(0.2)
                continue
            with self._lock:
                full = len(self._open) >= MOST or Counter(self._open.values())[peer[0]] >= MOST_OF_ONE
                if not full:
                    self._open[connection] = peer[0]
            if full:
                connection.close()
                continue
            thread = threading.Thread(
                target=self._hear, args=(connection, peer[0]), name="caller", daemon=True
            )
            with self._lock:
                self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError as error:
                # The system has no room for another thread now; the next caller may find some.
                log.warning("door: %s", error)
                with self._lock:
                    self._threads.discard(thread)
                    self._open.pop(connection, None)
                connection.close()

    def _hear(self, connection: socket.socket, peer: str) -> None:
        since, until = uptime_ms(), time.monotonic() + HEARD_S
        try:
            with self._lock:
                context, askers = self._context, self._askers
            if context is None:
                return
            connection.settimeout(HEARD_S)
            _at_once(connection)
            tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with tls:
                with self._lock:
                    self._open[tls] = self._open.pop(connection)
                try:
                    tls.do_handshake()
                    asker = askers.get(hashlib.sha256(tls.getpeercert(True) or b"").digest())
                    tls.sendall(self._answered(tls, asker, since, until))
                finally:
                    with self._lock:
                        self._open.pop(tls, None)
        except (OSError, ValueError) as error:
            log.info("door: %s: %s", peer, error)
        except PosappError as error:
            log.warning("door: %s: %s", peer, error)
        finally:
            with self._lock:
                self._open.pop(connection, None)
                self._threads.discard(threading.current_thread())
            connection.close()

    def _answered(self, tls: ssl.SSLSocket, asker: str | None, since: int, until: float) -> bytes:
        if asker is None:
            return _response("403 Forbidden", "till-unknown")
        raw = b""
        while b"\r\n\r\n" not in raw[:HEAD_BYTES]:
            if len(raw) >= HEAD_BYTES:
                return _response("431 Request Header Fields Too Large", "head-too-long")
            raw += _part(tls, until)
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, *_ = (*first.split(" "), "")
        if method != "POST" or target not in self._answers:
            return _response("404 Not Found", "not-here")
        kind, answer = self._answers[target]
        lengths = [
            v.strip() for k, _, v in (line.partition(":") for line in rest) if k.lower() == "content-length"
        ]
        if len(lengths) != 1 or not lengths[0].isdecimal():
            return _response("411 Length Required", "length-missing")
        if len(lengths[0]) > 9 or int(lengths[0]) > BODY_BYTES:
            return _response("413 Content Too Large", "too-long")
        while len(body) < int(lengths[0]):
            body += _part(tls, until)
        try:
            wanted = kind.model_validate_json(body[: int(lengths[0])])
        except ValueError:
            return _response("422 Unprocessable Content", "not-understood")
        return _response("200 OK", answer(asker, wanted, since))


class Lead:
    """The way to the lead over the store's own network. Use from one thread.

    ``ask`` lets the question be made once the connection stands, so that what it says of this till is true then.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._context: tuple[object, ssl.SSLContext] | None = None
        self._good = ""

    def ask(
        self,
        identity: Identity,
        known: Known,
        path: str,
        question: Callable[[], wire.Message],
        kind: type[_Answer],
    ) -> _Answer:
        """Ask it, for an answer of this kind. Raises Trouble("lead-unreachable") where no address of it leads to it now."""
        der = known.certificates.get(known.lead)
        if der is None or not known.doors or known.leading:
            raise Trouble("lead-unreachable", why="no way is known")
        if self._context is None or self._context[0] != (identity.der, der):
            self._context = ((identity.der, der), identity.context(ssl.PROTOCOL_TLS_CLIENT, [der]))
        until, why = time.monotonic() + ASK_S, ""
        for door in sorted(known.doors, key=lambda one: one != self._good):
            try:
                said = _asked(door, self._context[1], der, (path, question), until)
                answer = kind.model_validate_json(said)
            except (OSError, ValueError) as error:
                why = f"{door}: {error}"
                continue
            self._good = door
            return answer
        raise Trouble("lead-unreachable", why=why[:200])


def _asked(
    door: str,
    context: ssl.SSLContext,
    der: bytes,
    asks: tuple[str, Callable[[], wire.Message]],
    until: float,
) -> bytes:
    path, question = asks
    host, _, port = door.rpartition(":")
    to = (host.strip("[]"), int(port))
    # By number alone: a look-up of a name may take longer than all of it.
    ipaddress.ip_address(to[0])
    with socket.create_connection(to, min(ONE_S, _left(until))) as plain:
        plain.settimeout(_left(until))
        _at_once(plain)
        with context.wrap_socket(plain) as tls:
            if tls.getpeercert(True) != der:
                raise ValueError("not the lead")
            body = question().model_dump_json().encode()
            tls.settimeout(_left(until))
            tls.sendall(_head(f"POST {path} HTTP/1.1", len(body), f"Host: {door}\r\n") + body)
            raw = b""
            while len(raw) <= BODY_BYTES:
                tls.settimeout(_left(until))
                part = tls.recv(16 << 10)
                if not part:
                    break
                raw += part
    head, _, said = raw.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"200"]:
        raise ValueError(f"answer {head[:40]!r}")
    return said


def own_addresses(hub: str) -> list[str]:
    """This machine's addresses on its networks; loopback only where the hub too is on this machine."""
    host = urlsplit(hub).hostname or ""
    host = "127.0.0.1" if host == "localhost" else host
    found: list[str] = []
    for route in (host, *ROUTES):
        with suppress(OSError, ValueError):
            family = socket.AF_INET6 if ipaddress.ip_address(route).version == 6 else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((route, 9))
                found.append(probe.getsockname()[0])
    here = any(one == host or ipaddress.ip_address(one).is_loopback for one in found[:1])
    values = [ipaddress.ip_address(one) for one in (*found, *_of_interfaces())]
    return [
        str(one) for one in dict.fromkeys(values) if not one.is_link_local and (here or not one.is_loopback)
    ]


def _of_interfaces() -> list[str]:
    """The first address of each interface, where the system is Linux (netdevice(7), SIOCGIFADDR)."""
    if not sys.platform.startswith("linux"):
        return []
    import fcntl

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                asked = struct.pack("256s", name.encode()[:15])
                found.append(socket.inet_ntoa(fcntl.ioctl(any_socket.fileno(), 0x8915, asked)[20:24]))
    return found


def _listener(host: str, port: int) -> socket.socket:
    if host in ("", "::") and socket.has_dualstack_ipv6():
        with suppress(OSError):
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=MOST)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=MOST)


def _at_once(connection: socket.socket) -> None:
    """Small pieces to and fro: none may wait for the other side's acknowledgement, 40 ms each."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _door(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("took too long")
    return left


def _part(tls: ssl.SSLSocket, until: float) -> bytes:
    tls.settimeout(_left(until))
    part = tls.recv(16 << 10)
    if not part:
        raise ValueError("ended in the middle")
    return part


def _head(first: str, length: int, more: str = "") -> bytes:
    return (
        f"{first}\r\n{more}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def _response(status: str, said: str | wire.Message) -> bytes:
    message = wire.Problem(error=said, message=status) if isinstance(said, str) else said
    body = message.model_dump_json().encode()
    return _head(f"HTTP/1.1 {status}", len(body)) + body
