"""A small hub on loopback that keeps the wire's rules, until it is told to break them.

Real sockets and real HTTP. ``faults`` is a list for each path: the next request to it meets the
first one. With none left it is a good hub with one till, so what it ends up with can be compared.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from posapp.domain.facts import GENESIS
from sync import digest

TOKEN = "t" * 40
STORE_KEY = "5a" * 32
CODE = "GOOD-CODE"
STAMP = "2026-01-02T03:04:05.000000Z"

Work = Callable[[], tuple[int, Any]]
Fault = Callable[["Answering", Work], None]


class BadHub:
    """The hub's state; any thread, under `lock`. ``facts`` are (message, times applied) by number."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.facts: list[dict[str, Any]] = []
        self.applied: dict[str, int] = defaultdict(int)
        self.rejects: set[str] = set()
        self.poison: set[str] = set()
        self.news: list[dict[str, Any]] = []
        self.feed: list[dict[str, Any]] = []
        self.generation = "g1"
        self._told_generation = ""
        self.token = TOKEN
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.compares = True
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    # -- the server -------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen; on the same port as before."""
        handler = type("Handler", (Answering,), {"hub": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Stop listening and drop every call that is held."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            with self.lock:
                self.lock.notify_all()

    def listening(self) -> bool:
        return self._server is not None

    def calls(self, path: str) -> list[dict[str, Any]]:
        """What was sent to a path: query or body, in order."""
        with self.lock:
            return [sent for asked, sent in self.asked if asked == path]

    def wait_for_call(self, after: int) -> None:
        """Until there were more than ``after`` calls."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.asked) > after, 20):
                raise TimeoutError("nobody called")

    # -- what an operator does --------------------------------------------------------------------
    def publish(self, kind: str, ident: str, body: dict[str, Any] | None, rev: int = 0) -> None:
        """A change in the feed."""
        with self.lock:
            before = [c["rev"] for c in self.feed if (c["kind"], c["id"]) == (kind, ident)]
            self.feed.append(
                {
                    "seq": len(self.feed) + 1,
                    "kind": kind,
                    "id": ident,
                    "rev": rev or max(before, default=0) + 1,
                    "body": body,
                }
            )
            self.lock.notify_all()

    def restore(self, facts: int, changes: int, generation: str) -> None:
        """Back to an older state, as from a backup."""
        with self.lock:
            del self.facts[facts:]
            del self.feed[changes:]
            self.generation = generation
            self.lock.notify_all()

    def head(self) -> tuple[int, str]:
        return (self.facts[-1]["seq"], self.facts[-1]["hash"]) if self.facts else (0, GENESIS.hex())

    # -- the calls --------------------------------------------------------------------------------
    def answer(self, path: str, sent: dict[str, Any], alive: Callable[[], bool]) -> tuple[int, Any]:
        if path == "/v1/enrolments":
            if sent["code"] != CODE:
                return 403, {"error": "code-refused", "message": "no such code"}
            return 201, {
                "till": "t1",
                "token": self.token,
                "epoch": 1,
                "store": "s1",
                "store_key": STORE_KEY,
                "generation": self.generation,
            }
        if path == "/v1/facts":
            return self._push(sent)
        if path == "/v1/feed":
            return self._feed(sent, alive)
        if path == "/v1/feed/digest" and self.compares:
            return 200, self._digest()
        if path.startswith("/v1/orders/"):
            found = self.orders.get(unquote(path.removeprefix("/v1/orders/")))
            return (
                (200, found)
                if found is not None
                else (404, {"error": "order-unknown", "message": "no such order"})
            )
        return 404, {"error": "not-found", "message": path}

    def _push(self, sent: dict[str, Any]) -> tuple[int, Any]:
        last_seq, last_hash = self.head()
        prev = sent["prev_seq"]
        if prev > last_seq:
            return 409, {"error": "gap", "last_seq": last_seq, "last_hash": last_hash}
        known = self.facts[prev - 1]["hash"] if prev else GENESIS.hex()
        if known != sent["prev_hash"]:
            return 423, {"error": "fork", "last_seq": last_seq}
        answers = []
        for fact in sent["facts"]:
            replayed = fact["seq"] <= len(self.facts)
            if replayed and self.facts[fact["seq"] - 1]["hash"] != fact["hash"]:
                return 423, {"error": "fork", "last_seq": last_seq}
            withheld = fact["withheld"]
            if fact["id"] in self.poison and not withheld:
                return 500, {"error": "defect", "message": "a defect"}
            if not replayed:
                self.facts.append(fact)
                self.applied[fact["id"]] += 1
            rejected = fact["id"] in self.rejects
            answers.append(
                {
                    "seq": fact["seq"],
                    "id": fact["id"],
                    "answer": "parked" if withheld else "rejected" if rejected else "accepted",
                    "reason": "withheld" if withheld else "conflict" if rejected else "",
                    "detail": {"why": withheld} if withheld else {},
                    "replayed": replayed,
                }
            )
        last_seq, last_hash = self.head()
        self.lock.notify_all()
        answers += self.news[sent["heard"] :]
        return 200, {
            "answers": answers,
            "last_seq": last_seq,
            "last_hash": last_hash,
            "news": len(self.news),
        }

    def _feed(self, sent: dict[str, Any], alive: Callable[[], bool]) -> tuple[int, Any]:
        end = time.monotonic() + sent["wait"]
        seen = (len(self.facts), self._told_generation)
        while (
            len(self.feed) == sent["after"]
            and seen == (len(self.facts), self.generation)
            and self.listening()
            and time.monotonic() < end
            and alive()
        ):
            self.lock.wait(min(0.05, max(0.0, end - time.monotonic())))
        self._told_generation = self.generation
        changes = self.feed[sent["after"] : sent["after"] + sent["limit"]]
        return 200, {
            "changes": changes,
            "next": changes[-1]["seq"] if changes else min(sent["after"], len(self.feed)),
            "head": len(self.feed),
            "applied_through": len(self.facts),
            "generation": self.generation,
            "clock": STAMP,
            "news": len(self.news),
        }

    def _digest(self) -> dict[str, Any]:
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for change in self.feed:
            if change["rev"] > newest.get((change["kind"], change["id"]), {"rev": 0})["rev"]:
                newest[change["kind"], change["id"]] = change
        kinds = digest.of((c["kind"], c["id"], c["rev"]) for c in newest.values() if c["body"] is not None)
        told = {kind: one.model_dump() for kind, one in kinds.items()}
        return {"head": len(self.feed), "generation": self.generation, "kinds": told}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that was killed is no news."""


class Answering(BaseHTTPRequestHandler):
    """One connection."""

    hub: BadHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        query = {
            key: values[0] if key == "mine" else int(values[0])
            for key, values in parse_qs(urlsplit(self.path).query).items()
        }
        self._answer(query)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, sent: dict[str, Any]) -> None:
        path = urlsplit(self.path).path
        hub = self.hub

        def work() -> tuple[int, Any]:
            with hub.lock:
                if path != "/v1/enrolments" and self.headers.get("Authorization") != f"Bearer {hub.token}":
                    return 401, {"error": "token", "message": "who?"}
                return hub.answer(path, sent, lambda: not self.wfile.closed)

        with hub.lock:
            hub.asked.append((path, sent))
            hub.lock.notify_all()
            waiting = hub.faults[path]
            fault = waiting.pop(0) if waiting else None
            if not hub.listening():
                self.close_connection = True
                return
        if fault is not None:
            fault(self, work)
        else:
            status, body = work()
            if not hub.listening():
                self.close_connection = True
                return
            self.send(status, as_json(body))

    def send(self, status: int, raw: bytes, length: int | None = None, **headers: str) -> None:
        """An answer; ``length`` is what is promised, if not the truth."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()


# -- faults ---------------------------------------------------------------------------------------
def status(code: int, **headers: str) -> Fault:
    """Refuses without doing anything."""
    return lambda on, work: on.send(code, b'{"error": "x", "message": "x"}', None, **headers)


def raw(body: bytes, code: int = 200) -> Fault:
    """Says something else."""
    return lambda on, work: on.send(code, body)


def changed(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Does the work and tells it wrongly."""

    def fault(on: Answering, work: Work) -> None:
        code, body = work()
        body = json.loads(json.dumps(body))
        change(body)
        on.send(code, as_json(body))

    return fault


def half(on: Answering, work: Work) -> None:
    """Does the work and breaks off in the middle of the answer."""
    code, body = work()
    whole = as_json(body)
    on.send(code, whole[: len(whole) // 2], length=len(whole))
    on.close_connection = True


def drop(on: Answering, work: Work) -> None:
    """Does the work and hangs up without a word."""
    work()
    on.close_connection = True


def twice(on: Answering, work: Work) -> None:
    """Does the work twice, as behind a proxy that repeats, and tells the second outcome."""
    work()
    code, body = work()
    on.send(code, as_json(body))


def endless(on: Answering, work: Work) -> None:
    """An answer that never ends."""
    on.send(200, b"[", length=1 << 40)
    try:
        while True:
            on.wfile.write(b"0," * (1 << 19))
    except OSError:
        on.close_connection = True


def silent(release: threading.Event, seconds: float = 30) -> Fault:
    """Takes the request and says nothing until ``release``; then the work is done unseen."""

    def fault(on: Answering, work: Work) -> None:
        release.wait(seconds)
        work()
        on.close_connection = True

    return fault


@contextmanager
def running() -> Iterator[BadHub]:
    """A hub that is up for the block."""
    hub = BadHub()
    hub.up()
    try:
        yield hub
    finally:
        hub.down()
