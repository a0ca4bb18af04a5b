"""The hub's commands: ``posapp hub serve``, ``enrol``, ``orders``, ``stores`` and what operators need else."""

from __future__ import annotations

import argparse
import json
import sys

from posapp import paths, texts
from posapp.options import count
from sync.hub import operator, service


def options(hub: argparse.ArgumentParser) -> None:
    """Fill the parser of ``posapp hub``; each command's ``run`` takes the arguments, gives an exit code."""
    hubs = hub.add_subparsers(
        required=True,
        metavar="serve|enrol|orders|stores|revoke|restored|token|rotate-keys|badge|domains",
    )
    serve = hubs.add_parser("serve", help="run the hub")
    serve.add_argument("--port", type=int, default=8321)
    serve.add_argument("--orders", type=count, default=36, help="orders of a new sample shop")
    serve.add_argument(
        "--undo", type=int, metavar="SECONDS", help="how long every store may take an act back"
    )
    serve.add_argument("--attached", action="store_true", help=argparse.SUPPRESS)
    serve.set_defaults(run=_serve)
    code = hubs.add_parser("enrol", help="a one-time code for one new till")
    code.add_argument("--store", required=True, metavar="CODE")
    code.add_argument("--again", default="", metavar="TILL", help="for a till that is known already")
    code.set_defaults(run=_enrol)
    orders = hubs.add_parser("orders", help="what the shop holds of each order")
    orders.add_argument("--json", action="store_true")
    orders.set_defaults(run=_orders)
    stores = hubs.add_parser("stores", help="the stores")
    stores.set_defaults(run=_stores)
    revoke = hubs.add_parser("revoke", help="end a till's access at once")
    revoke.add_argument("--till", required=True, metavar="TILL")
    revoke.set_defaults(run=_revoke)
    restored = hubs.add_parser("restored", help="before serving a database that came from a backup")
    restored.set_defaults(run=_restored)
    token = hubs.add_parser("token", help="a signed pickup code of one order")
    token.add_argument("--order", required=True, metavar="NUMBER")
    token.set_defaults(run=_token)
    rotate = hubs.add_parser("rotate-keys", help="sign with the next key from now on")
    rotate.set_defaults(run=_rotate)
    badge = hubs.add_parser("badge", help="a badge for a store's manager")
    badge.add_argument("--store", required=True, metavar="CODE")
    badge.set_defaults(run=_badge)
    domains = hubs.add_parser("domains", help="whose GS1 web addresses tills may take apart")
    domains.add_argument("domain", nargs="*")
    domains.set_defaults(run=_domains)
    for command in (serve, code, orders, stores, revoke, restored, token, rotate, badge, domains):
        command.add_argument("--data", metavar="DIR", default=None, help="the data folder")
        command.add_argument("--database", metavar="URL", help="instead of --data: a database URL")


def _database(arguments: argparse.Namespace) -> str:
    if arguments.database:
        return str(arguments.database)
    return operator.url_for(paths.data_folder(arguments.data))


def _serve(arguments: argparse.Namespace) -> int:
    url = _database(arguments)
    operator.prepare(url, arguments.orders, undo_seconds=arguments.undo)
    service.serve(
        url,
        port=arguments.port,
        on_ready=lambda address: print(f"posapp hub ready {address}", flush=True),
        parent_pipe=arguments.attached,
    )
    return 0


def _enrol(arguments: argparse.Namespace) -> int:
    print(operator.enrol_code(_database(arguments), arguments.store, again=arguments.again))
    print(
        texts._("Valid for 15 minutes, for one till. At the till: posapp till enrol --hub URL --code CODE"),
        file=sys.stderr,
    )
    return 0


def _orders(arguments: argparse.Namespace) -> int:
    orders = operator.orders(_database(arguments))
    if arguments.json:
        print(json.dumps(orders, ensure_ascii=False))
        return 0
    for order in orders:
        done = ", ".join(f"{h['ref']} {h['at']}" for h in order["hand_overs"])
        print(f"{order['number']:<10} {order['store']:<4} {order['state']:<12} {done}".rstrip())
    return 0


def _token(arguments: argparse.Namespace) -> int:
    print(operator.token(_database(arguments), arguments.order))
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    operator.rotate_keys(_database(arguments))
    return 0


def _badge(arguments: argparse.Namespace) -> int:
    print(operator.manager_badge(_database(arguments), arguments.store))
    return 0


def _domains(arguments: argparse.Namespace) -> int:
    operator.link_domains(_database(arguments), arguments.domain)
    return 0


def _stores(arguments: argparse.Namespace) -> int:
    for store in operator.stores(_database(arguments)):
        print(f"{store['code']:<6} {store['name']}")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    operator.revoke(_database(arguments), arguments.till)
    return 0


def _restored(arguments: argparse.Namespace) -> int:
    operator.restored(_database(arguments))
    return 0
