"""A hub that never runs out of changes: ``python -m bench.feed ORDERS``, a process of its own.

It speaks the hub's part of ``/v1`` over real HTTP and takes as little as it can of the machine, since
in a store the hub has a machine of its own. The till's engine cannot tell it from a busy hub: each
page is full, and there is always another one, until it is told to rest. Then it is a hub with no news.

One word a line on standard input: ``go``, ``rest``; its end ends the process. Each ``rest`` is
answered by a line with the number of changes given since the ``go`` before.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench import orders
from bench.data import GENERATION, dumped
from posapp.domain.facts import GENESIS, timestamp

CHANGING = 4_000
"""So many orders change, over and over: most of them old, some that wait, some that are new."""
FAR = 1 << 40


class Feed:
    """The changes, and how many of them were given. Any thread."""

    def __init__(self, count: int) -> None:
        chosen = random.Random(7)
        waiting = [n for n in range(max(0, count - orders.OPEN), count) if n % 10 == 0]
        fresh = list(range(count, count + CHANGING // 20))
        old = [chosen.randrange(count) for _ in range(CHANGING - len(waiting) - len(fresh))]
        numbers = [*waiting, *fresh, *old]
        chosen.shuffle(numbers)
        self._texts = [
            (orders.number(n), dumped(orders.order(n, count).to_body())) for n in dict.fromkeys(numbers)
        ]
        self._first = count
        self._going = False
        self._head = count
        self._given = 0
        self._changed = threading.Condition()
        self.last_seq = 0
        self.last_hash = GENESIS.hex()

    def go(self) -> None:
        """Have changes from now on."""
        with self._changed:
            self._going = True
            self._given = 0
            self._changed.notify_all()

    def rest(self) -> int:
        """Have none; returns how many were given."""
        with self._changed:
            self._going = False
            return self._given

    def page(self, after: int, limit: int, wait: float) -> str:
        """The page after a cursor; held while there is none."""
        with self._changed:
            if after >= self._head and not self._going:
                self._changed.wait(wait)
            if self._going:
                self._head = max(self._head, after + limit)
                self._given += limit
            last = min(self._head, after + limit)
            head = last + FAR if self._going else self._head
        changes = ",".join(self._change(seq) for seq in range(after + 1, last + 1))
        return (
            f'{{"changes":[{changes}],"next":{last},"head":{head},"applied_through":{self.last_seq},'
            f'"generation":"{GENERATION}","clock":"{timestamp(datetime.now(UTC))}"}}'
        )

    def _change(self, seq: int) -> str:
        number, text = self._texts[seq % len(self._texts)]
        return f'{{"seq":{seq},"kind":"order","id":"{number}","rev":{seq},"body":{text}}}'

    def facts(self, request: dict[str, Any]) -> dict[str, Any]:
        """Everything is accepted."""
        facts = request["facts"]
        if facts:
            self.last_seq, self.last_hash = facts[-1]["seq"], facts[-1]["hash"]
        return {
            "answers": [{"seq": one["seq"], "id": one["id"], "answer": "accepted"} for one in facts],
            "last_seq": self.last_seq,
            "last_hash": self.last_hash,
        }


def handler(feed: Feed) -> type[BaseHTTPRequestHandler]:
    """What answers the calls."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path != "/v1/feed":
                return self._answer(404, '{"error":"unknown","message":"unknown"}')
            query = {name: int(values[0]) for name, values in parse_qs(address.query).items()}
            return self._answer(200, feed.page(query["after"], query["limit"], query["wait"]))

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if urlsplit(self.path).path != "/v1/facts":
                return self._answer(404, '{"error":"unknown","message":"unknown"}')
            return self._answer(200, json.dumps(feed.facts(request)))

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def main() -> int:
    """The command line."""
    # In a store the hub has a machine of its own: here it takes what the till's processes leave.
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    feed = Feed(int(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(feed))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="feed", daemon=True).start()
    print(f"feed ready http://127.0.0.1:{server.server_address[1]}", flush=True)
    for line in sys.stdin:
        if line.strip() == "go":
            feed.go()
        else:
            print(feed.rest(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
