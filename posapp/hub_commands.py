"""The hub's commands: ``posapp hub serve``, ``enrol``, ``tills``, ``backlog`` and what operators need else.

Each says its result to people, or with ``--json`` to scripts: one JSON value on standard output, whose
fields are only ever added to.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from posapp import logs, paths, texts
from posapp.domain.errors import Refused
from posapp.options import count
from sync.hub import operator, service
from sync.hub.certificate import Certificate

LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}
LOOPBACK = "127.0.0.1,::1"


def options(hub: argparse.ArgumentParser) -> None:
    """Fill the parser of ``posapp hub``; each command's ``run`` takes the arguments, gives an exit code."""
    hubs = hub.add_subparsers(
        required=True,
        metavar="serve|enrol|re-enrol|revoke|lead|tills|store|stores|backlog|cases|orders|pins|backup|backups|restored|"
        "token|rotate-keys|badge|domains",
    )

    def command(name: str, run: Callable[[argparse.Namespace], int], said: str) -> argparse.ArgumentParser:
        made = hubs.add_parser(name, help=said)
        made.set_defaults(run=run)
        made.add_argument("--data", metavar="DIR", default=None, help="the data folder")
        made.add_argument("--database", metavar="URL", help="instead of --data: a database URL")
        if name != "serve":
            made.add_argument("--json", action="store_true", help="for scripts")
        return made

    _serve_options(command("serve", _serve, "run the hub"))
    code = command("enrol", _enrol, "a one-time code for one new till")
    code.add_argument("--store", required=True, metavar="CODE")
    code.add_argument("--again", default="", metavar="TILL", help="for a till that is known already")
    again = command("re-enrol", _re_enrol, "a one-time code for a till that is known already")
    again.add_argument("--till", required=True, metavar="TILL")
    command("lead", _lead, "make a till the one that grants in its store").add_argument(
        "--till", required=True, metavar="TILL"
    )
    command("revoke", _revoke, "end a till's access at once").add_argument(
        "--till", required=True, metavar="TILL"
    )
    command("stores", _stores, "the stores")
    store = command("store", _store, "take a store in, or change what is given of it")
    store.add_argument("code", metavar="CODE", help="capital letters and digits, like B07")
    store.add_argument("--name", help="as customers know it")
    store.add_argument("--address", help="told to who comes to the wrong store")
    store.add_argument("--hours", help="when it is open")
    store.add_argument(
        "--undo-seconds", type=int, metavar="SECONDS", help="how long an act may be taken back (60)"
    )
    for name, run, said in (
        ("tills", _tills, "the tills, and how far the hub has their journals"),
        ("cases", _cases, "what was not taken, or not granted, and nobody has settled"),
    ):
        command(name, run, said).add_argument("--store", metavar="CODE", help="of one store only")
    command("backlog", _backlog, "what waits: writes to the shop, and cases")
    command("orders", _orders, "what the shop holds of each order")
    pins = command("pins", _pins, "the keys by which tills know this hub")
    pins.add_argument(
        "--add", metavar="FILE|PIN", action="append", default=[], help="a certificate, a key, or a pin"
    )
    pins.add_argument("--remove", metavar="PIN", action="append", default=[])
    backup = command("backup", _backup, "copy the database while it serves")
    backup.add_argument("--to", metavar="FILE", help="the copy (SQLite)")
    backup.add_argument("command", nargs="*", help="after --: a command of your own that makes the copy")
    command("backups", _backups, "the backups that were made")
    command("restored", _restored, "before serving a database that came from a backup")
    command("token", _token, "a signed pickup code of one order").add_argument(
        "--order", required=True, metavar="NUMBER"
    )
    command("rotate-keys", _rotate, "sign with the next key from now on")
    command("badge", _badge, "a badge for a store's manager").add_argument(
        "--store", required=True, metavar="CODE"
    )
    command("domains", _domains, "whose GS1 web addresses tills may take apart").add_argument(
        "domain", nargs="*"
    )


def _serve_options(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    serve.add_argument("--port", type=int, default=8321)
    serve.add_argument(
        "--certificate", metavar="FILE", type=Path, help="speak TLS with this certificate (PEM)"
    )
    serve.add_argument("--key", metavar="FILE", type=Path, help="the certificate's key (PEM, no password)")
    serve.add_argument(
        "--behind-proxy",
        nargs="?",
        const=LOOPBACK,
        default="",
        metavar="ADDRESSES",
        help="believe these front ends who calls (default: those on this machine)",
    )
    serve.add_argument("--metrics-port", type=int, metavar="PORT", help="serve /metrics there")
    serve.add_argument("--metrics-host", default="127.0.0.1", metavar="HOST", help="and on this address")
    serve.add_argument("--log", choices=("text", "json"), default="text", help="the form of the log")
    serve.add_argument("--log-level", choices=LEVELS, default=None, help="the least that is told")
    serve.add_argument(
        "--empty", action="store_true", help="a new hub gets no sample stores and no sample orders"
    )
    serve.add_argument("--orders", type=count, default=36, help="orders of a new sample shop")
    serve.add_argument(
        "--undo", type=int, metavar="SECONDS", help="how long every store may take an act back"
    )
    serve.add_argument("--attached", action="store_true", help=argparse.SUPPRESS)


def _database(arguments: argparse.Namespace) -> str:
    if arguments.database:
        return str(arguments.database)
    return operator.url_for(paths.data_folder(arguments.data))


def _say(arguments: argparse.Namespace, value: Any, lines: Iterable[str]) -> int:
    """The result, in one of its two forms."""
    if arguments.json:
        print(json.dumps(value, ensure_ascii=False))
        return 0
    for line in lines:
        print(line.rstrip())
    return 0


# -- serving --------------------------------------------------------------------------------------
def _serve(arguments: argparse.Namespace) -> int:
    if (arguments.certificate is None) != (arguments.key is None):
        raise Refused("certificate-half")
    # The demo's hub shares its terminal: there only trouble is told.
    level = arguments.log_level or ("warning" if arguments.attached else "info")
    logs.stream(as_json=arguments.log == "json", level=LEVELS[level])
    certificate = Certificate(arguments.certificate, arguments.key) if arguments.certificate else None
    url = _database(arguments)
    operator.prepare(url, arguments.orders, undo_seconds=arguments.undo, empty=arguments.empty)
    metrics: list[int] = []

    def ready(address: str) -> None:
        print(f"posapp hub ready {address}", flush=True)
        for port in metrics:
            print(f"posapp hub metrics http://{arguments.metrics_host}:{port}/metrics", flush=True)

    service.serve(
        url,
        host=arguments.host,
        port=arguments.port,
        on_ready=ready,
        parent_pipe=arguments.attached,
        certificate=certificate,
        proxies=arguments.behind_proxy,
        metrics=None if arguments.metrics_port is None else (arguments.metrics_host, arguments.metrics_port),
        on_metrics=metrics.append,
    )
    return 0


# -- tills ----------------------------------------------------------------------------------------
def _enrol(arguments: argparse.Namespace) -> int:
    return _offered(arguments, operator.offer(_database(arguments), arguments.store, again=arguments.again))


def _re_enrol(arguments: argparse.Namespace) -> int:
    return _offered(arguments, operator.offer_again(_database(arguments), arguments.till))


def _offered(arguments: argparse.Namespace, offer: dict[str, Any]) -> int:
    _say(arguments, offer, [offer["code"]])
    again = " --again" if offer["till"] else ""
    pins = "".join(f" --pin {pin}" for pin in offer["pins"])
    said = f"posapp till enrol{again} --hub URL --code {offer['code']}{pins}"
    print(
        texts._("Valid for 15 minutes, for one till. At the till: {command}").format(command=said),
        file=sys.stderr,
    )
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    done = operator.revoke(_database(arguments), arguments.till)
    said = [texts._("{till} was revoked.").format(**done)]
    if done["lead_moved"] and done["lead"]:
        told = texts._(
            "It led its store. From now on {lead} does, as soon as it has reached the hub. "
            "Should another till lead: posapp hub lead --till TILL"
        )
        said.append(told.format(**done))
    elif done["lead_moved"]:
        told = texts._("{store} has no lead now: the next till that is enrolled there becomes it.")
        said.append(told.format(**done))
    return _say(arguments, done, said)


def _lead(arguments: argparse.Namespace) -> int:
    epoch = operator.lead(_database(arguments), arguments.till)
    return _say(arguments, {"till": arguments.till, "store_epoch": epoch}, ())


def _tills(arguments: argparse.Namespace) -> int:
    tills = operator.tills_of(_database(arguments), arguments.store)
    return _say(
        arguments,
        tills,
        (
            f"{till['id']:<10} {till['store']:<6} {till['name'] or '-':<16} epoch {till['epoch']:<3} "
            f"contact {till['heard_at'] or '-':<27} fact {till['last_seq']:<8} {till['last_fact_at'] or '-':<27} "
            f"{_standing(till)}"
            for till in tills
        ),
    )


def _standing(till: dict[str, Any]) -> str:
    if till["lead"]:
        return f"lead until {till['lease_until']}"
    if till["left_at"]:
        return f"revoked, left {till['left_at']}"
    return "revoked" if till["revoked"] else ""


# -- looking --------------------------------------------------------------------------------------
def _stores(arguments: argparse.Namespace) -> int:
    stores = operator.stores(_database(arguments))
    return _say(arguments, stores, (f"{store['code']:<6} {store['name']}" for store in stores))


def _store(arguments: argparse.Namespace) -> int:
    store = operator.put_store(
        _database(arguments),
        arguments.code,
        name=arguments.name,
        address=arguments.address,
        hours=arguments.hours,
        undo_seconds=arguments.undo_seconds,
    )
    undo = texts._("To undo: {seconds} s").format(seconds=store["undo_seconds"])
    more = (part for part in (store["address"], store["hours"], undo) if part)
    return _say(arguments, store, (f"{store['code']:<6} {store['name']}", *(f"       {one}" for one in more)))


def _orders(arguments: argparse.Namespace) -> int:
    orders = operator.orders(_database(arguments))
    return _say(
        arguments,
        orders,
        (
            f"{order['number']:<10} {order['store']:<4} {order['state']:<12} "
            + ", ".join(f"{done['ref']} {done['at']}" for done in order["hand_overs"])
            for order in orders
        ),
    )


def _backlog(arguments: argparse.Namespace) -> int:
    waiting = operator.waiting(_database(arguments))
    return _say(
        arguments,
        waiting,
        (
            f"{what:<8} {name:<9} {heap['count']:>6}  {heap['oldest_at'] or '-'}"
            for what, heaps in waiting.items()
            for name, heap in heaps.items()
        ),
    )


def _cases(arguments: argparse.Namespace) -> int:
    cases = operator.cases(_database(arguments), arguments.store)
    return _say(
        arguments,
        cases,
        (
            f"{case['arrived_at']}  {texts.age(case['age_seconds']):>8}  {case['till']:<8} {case['clerk'] or '-':<16} "
            f"{case['answer'] or '-':<9} {case['kind'] or '-':<16} {case['subject']:<18} {case['reason']:<20} "
            f"{case['fact']}"
            for case in cases
        ),
    )


def _pins(arguments: argparse.Namespace) -> int:
    pins = operator.pins(_database(arguments), add=arguments.add, remove=arguments.remove)
    return _say(arguments, pins, pins)


# -- backups --------------------------------------------------------------------------------------
def _backup(arguments: argparse.Namespace) -> int:
    made = operator.backup(_database(arguments), to=arguments.to, command=arguments.command)
    return _say(arguments, made, [f"{made['ended']}  {made['to']}"])


def _backups(arguments: argparse.Namespace) -> int:
    made = operator.backups_made(_database(arguments))
    return _say(arguments, made, (f"{one['ended']}  {one['generation']}  {one['to']}" for one in made))


def _restored(arguments: argparse.Namespace) -> int:
    return _say(arguments, {"generation": operator.restored(_database(arguments))}, ())


# -- codes and keys -------------------------------------------------------------------------------
def _token(arguments: argparse.Namespace) -> int:
    code = operator.token(_database(arguments), arguments.order)
    return _say(arguments, {"order": arguments.order, "code": code}, [code])


def _rotate(arguments: argparse.Namespace) -> int:
    operator.rotate_keys(_database(arguments))
    return _say(arguments, {"rotated": True}, ())


def _badge(arguments: argparse.Namespace) -> int:
    badge = operator.manager_badge(_database(arguments), arguments.store)
    return _say(arguments, {"store": arguments.store, "badge": badge}, [badge])


def _domains(arguments: argparse.Namespace) -> int:
    operator.link_domains(_database(arguments), arguments.domain)
    return _say(arguments, {"domains": sorted(set(arguments.domain))}, ())
