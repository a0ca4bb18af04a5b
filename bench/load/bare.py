"""What PostgreSQL alone does with the work of a push: ``python -m bench.load.bare URL FILE --orders N``.

The rows that the hub writes for the same facts, by the plainest statements in one transaction a fact
(durable when answered, idempotent, the store's head last), straight from the driver: no HTTP, no
check of a chain, no rule of the counter. Takes ``{"workers", "seconds"}`` on standard input, answers
with figures, as the client does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg

from bench.load import work
from bench.load.site import TILLS_PER_STORE, UNDO_S
from posapp.domain.orders import HANDED_OVER
from posapp.domain.tickets import TICKET_OPENED

TILL = "SELECT last_seq, last_hash FROM till WHERE id = %s AND NOT revoked FOR UPDATE"
ADVANCE = "UPDATE till SET last_seq = %s, last_hash = %s WHERE id = %s"
RECORD = "SELECT rev, body FROM record WHERE kind = %s AND id = %s AND store = %s FOR UPDATE"
FACT = (
    "INSERT INTO fact(till, epoch, seq, id, hash, store, kind, schema_v, subject, payload, clerk, at, arrived_ms,"
    " answer, reason, detail, feed_seq, settled) VALUES (%s, 1, %s, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s,"
    " 'accepted', '', '{}', 0, false) ON CONFLICT DO NOTHING"
)
INTENT = (
    "INSERT INTO intent(id, write, store, order_id, ref, lines, state, due_ms, owner, until_ms, tries, why)"
    " VALUES (%s, 'hand_over', %s, %s, %s, %s, 'held', %s, '', 0, 0, '')"
)
HANDLE = "INSERT INTO handle(token, kind, id) VALUES (%s, 'ticket', %s), (%s, 'ticket', %s)"
HEAD = "UPDATE store_head SET head = head + 1 WHERE store = %s RETURNING head"
CHANGE = "UPDATE record SET rev = rev + 1, seq = %s, body = %s WHERE kind = %s AND id = %s AND store = %s"
CREATE = "INSERT INTO record(kind, id, store, rev, seq, source, body) VALUES (%s, %s, %s, 1, %s, '', %s)"
PLACE = "UPDATE fact SET feed_seq = %s WHERE subject = %s"

Made = tuple[str, str, dict[str, Any]]
"""Till, store, and the fact as it would be sent."""


def facts(enrolled: Sequence[dict[str, str]], orders: int) -> list[Iterator[Made]]:
    """Of each store's first till, what it does."""

    def of(till: dict[str, str]) -> Iterator[Made]:
        chain = work.Chain(1)
        store = int(till["store"])
        for _ in work.acts(store, 0, orders, chain):
            (made,) = chain.request(1)["facts"]
            chain.took(1)
            yield till["till"], work.store_code(store), made

    return [of(till) for till in enrolled[::TILLS_PER_STORE]]


def take(connection: psycopg.Connection[Any], till: str, store: str, made: dict[str, Any]) -> None:
    """One fact, in one transaction."""
    kind, _, ident = made["subject"].partition(":")
    now_ms = int(time.time() * 1000)
    with connection.cursor() as cursor:
        cursor.execute(TILL, (till,))
        cursor.execute(ADVANCE, (made["seq"], made["hash"], till))
        found = cursor.execute(RECORD, (kind, ident, store)).fetchone()
        common = (store, made["kind"], made["subject"], made["payload"], made["clerk"], made["at"], now_ms)
        cursor.execute(FACT, (till, made["seq"], made["id"], made["hash"], *common))
        if made["kind"] == HANDED_OVER:
            due = now_ms + UNDO_S * 1000
            cursor.execute(INTENT, (made["id"], store, ident, made["id"], made["payload"], due))
        if made["kind"] == TICKET_OPENED:
            cursor.execute(HANDLE, (ident, ident, json.loads(made["payload"])["bag"], ident))
        (head,) = cursor.execute(HEAD, (store,)).fetchone() or (0,)
        if found is None:
            cursor.execute(CREATE, (kind, ident, store, head, made["payload"] * 4))
        else:
            cursor.execute(CHANGE, (head, found[1], kind, ident, store))
        cursor.execute(PLACE, (head, made["subject"]))
    connection.commit()


class Bare:
    """Workers, each with a connection and with stores of its own."""

    def __init__(self, url: str, enrolled: Sequence[dict[str, str]], orders: int) -> None:
        self._url = url
        self._facts = facts(enrolled, orders)

    def run(self, workers: int, seconds: float) -> dict[str, float]:
        """So many facts as there is time for.

        Raises:
            RuntimeError: the orders ran out before the time; a rate told then would be too low.
        """
        begun = time.perf_counter()

        def one(n: int) -> int:
            mine, done = cycle(self._facts[n::workers]), 0
            with psycopg.connect(self._url) as connection:
                while time.perf_counter() < begun + seconds:
                    fact = next(next(mine), None)
                    if fact is None:
                        raise RuntimeError("too few orders for so many facts")
                    take(connection, *fact)
                    done += 1
            return done

        with ThreadPoolExecutor(workers) as pool:
            taken = sum(pool.map(one, range(workers)))
        took = time.perf_counter() - begun
        return {"facts": taken, "rate": taken / took, "seconds": took, "cpu": time.process_time()}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.load.bare")
    parser.add_argument("url")
    parser.add_argument("tills", type=Path)
    parser.add_argument("--orders", type=int, required=True)
    chosen = parser.parse_args()
    bare = Bare(chosen.url, json.loads(chosen.tills.read_text("utf-8")), chosen.orders)
    print(json.dumps({"cpu": time.process_time()}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(bare.run(order["workers"], order["seconds"])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
